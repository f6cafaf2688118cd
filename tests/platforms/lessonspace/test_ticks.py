"""One tick for all who wait: which requests it costs, in which order, and what it makes of failures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.contract import SessionPlatform, Watch
from airflow_provider.live_sessions.core.errors import AuthenticationFailed, RateLimited, Unavailable
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform
from tests.platforms.kit import altered, said, watch
from tests.platforms.lessonspace.academy import (
    CLASS,
    LISTS,
    ORG,
    START,
    TEACHER,
    Academy,
    empty,
    nowhere,
    plan,
    weekly,
)

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.wire import Request, Response

END = CLASS + timedelta(hours=1)
RUNNING = {"in_progress_only": ["true"], "include_single_user": ["true"]}


# ---- the requests of a tick


def test_a_tick_asks_for_what_runs_then_for_what_ended_then_for_marks(academy: Academy) -> None:
    ref = academy.launch().ref
    since = academy.mark()
    academy.status(ref)
    asked = academy.log(since=since)
    assert [one.path.removeprefix(f"/lessonspace/v2/organisations/{ORG}") for one in asked] == [
        "/sessions/",
        "/sessions/",
        "/spaces/",
    ]
    running, ended, marks = academy.queries("", since=since)
    assert running == RUNNING
    assert ended == {"include_single_user": ["true"], "end_time_after": [ref.detail("window_start")]}
    assert marks == {"tag_key": ["als_cancelled"], "tag_value": ["2026-09-01"]}


def test_the_first_tick_reaches_back_to_the_oldest_window(academy: Academy) -> None:
    late, early = nowhere("Late", start=CLASS + timedelta(hours=3)), nowhere("Early", lead=7200)
    academy.tick(watch(late), watch(early))
    assert academy.queries(LISTS)[1]["end_time_after"] == [early.detail("window_start")]


def test_the_cursor_follows_with_an_overlap(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.status(ref)
    academy.go_to(CLASS)
    academy.status(ref)
    academy.wait(60)
    academy.status(ref)
    first, second, third = [
        datetime.fromisoformat(one["end_time_after"][0]) for one in academy.queries(LISTS)[1::2]
    ]
    near = timedelta(seconds=2)
    assert first == CLASS - timedelta(minutes=30)
    assert abs(second - (START - timedelta(seconds=600))) < near
    assert abs(third - (CLASS - timedelta(seconds=600))) < near


def test_the_cursor_goes_by_the_platforms_clock_from_the_first_tick_on() -> None:
    behind = datetime(2020, 1, 1, 8, tzinfo=UTC)  # the local clock is years ahead
    with Academy.open(start=behind) as academy:
        ref = academy.launch(plan(start=behind + timedelta(minutes=30))).ref
        with academy.new_client() as unaware:  # it has had no answer yet
            academy.platform = LessonspacePlatform(unaware)
            academy.status(ref)
            academy.wait(1800)
            session = academy.hold(ref, 3600)  # begun and over between two ticks
            status = academy.status(ref)
        assert (status.state, status.session_ids) == (State.ENDED, (session,))


def test_a_new_wait_makes_the_next_tick_reach_back_to_its_window(academy: Academy) -> None:
    one, two = academy.launch(plan("One")).ref, academy.launch(plan("Two", lead=7200)).ref
    academy.status(one)
    session = academy.hold(two, 1200)
    academy.wait(3600)
    academy.status(one)
    known, new = academy.tick(watch(one), watch(two))
    assert known is not None
    assert new is not None
    assert (known.state, new.session_ids) == (State.SCHEDULED, (session,))
    assert academy.queries(LISTS)[-1]["end_time_after"] == [two.detail("window_start")]


def test_the_number_of_requests_does_not_grow_with_the_number_of_waits(academy: Academy) -> None:
    held = academy.launch(plan("Held")).ref
    others = [nowhere(f"Class {number}") for number in range(199)]
    academy.go_to(CLASS)
    academy.join(held, "t-1")
    since = academy.mark()
    (alone,) = academy.tick(watch(held))
    cost_of_one = len(academy.log(since=since))
    since = academy.mark()
    statuses = academy.tick(watch(held), *(watch(one) for one in others))
    assert len(academy.log(since=since)) == cost_of_one == 3
    assert alone is not None
    assert alone.state is State.LIVE
    assert [one.state for one in statuses if one is not None] == [State.LIVE] + [State.SCHEDULED] * 199


def test_marks_are_asked_for_once_a_day_that_somebody_waits_for_and_not_once_there_is_company(
    academy: Academy,
) -> None:
    today, tomorrow = academy.launch().ref, nowhere("Tomorrow", start=CLASS + timedelta(days=1))
    weekly_ref = academy.launch(weekly("Weekly", CLASS)).ref
    academy.tick(watch(today), watch(today), watch(tomorrow), watch(weekly_ref))
    assert [one["tag_value"] for one in academy.queries("/spaces/$")] == [["2026-09-01"], ["2026-09-02"]]
    academy.go_to(CLASS)
    academy.join(today, "t-1", "s-1")
    since = academy.mark()
    academy.tick(watch(today), watch(weekly_ref))
    assert academy.queries("/spaces/$", since=since) == []


def test_nobody_who_waits_costs_nothing(academy: Academy) -> None:
    assert academy.tick() == []
    assert academy.log() == []


def test_all_pages_of_a_tick_are_read() -> None:
    with Academy.open(page_size=2) as academy:
        refs = [academy.launch(plan(f"Class {number}", people=(TEACHER,), lead=7200)).ref for number in range(5)]
        for ref in refs:
            academy.join(ref, "t-1")
        statuses = academy.tick(*(watch(ref) for ref in refs))
        assert {one.state for one in statuses if one is not None} == {State.LIVE}
        assert len([one for one in academy.queries(LISTS) if "in_progress_only" in one]) == 3


# ---- moments in between


def test_a_session_that_ends_between_the_two_lists_is_in_the_second(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1", "s-1")
    academy.status(ref)
    academy.go_to(END)
    academy.leave(ref, "t-1", "s-1")

    def time_passes(request: Request, response: Response) -> Response:
        if "in_progress_only" in request.query:
            academy.wait(45)
        return response

    academy.tap.answer = time_passes
    since = academy.mark()
    assert academy.status(ref).state is State.ENDED
    assert len(academy.log(path=LISTS, since=since)) == 2
    assert academy.log(path="/sessions/[^/]+/$", since=since) == []


def test_a_session_that_begins_between_the_two_lists_is_seen_in_the_next_tick(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)

    def people_come(request: Request, response: Response) -> Response:
        if "in_progress_only" in request.query and not academy.sessions:
            academy.join(ref, "t-1")
        return response

    academy.tap.answer = people_come
    assert academy.status(ref).state is State.SCHEDULED
    assert academy.status(ref).state is State.LIVE


def test_a_session_that_left_the_lists_is_read_directly(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    session = academy.join(ref, "t-1", "s-1")
    academy.status(ref)
    academy.go_to(END)
    academy.leave(ref, "t-1", "s-1")
    academy.wait(31)
    academy.tap.answer = empty
    since = academy.mark()
    assert academy.status(ref).state is State.ENDED
    (read,) = academy.log(path="/sessions/[^/]+/$", since=since)
    assert read.path.endswith(f"/organisations/{ORG}/sessions/{session}/")
    since = academy.mark()
    assert academy.status(ref).state is State.ENDED
    assert academy.log(path="/sessions/[^/]+/$", since=since) == []


def test_a_session_that_is_still_running_though_no_list_shows_it_stays_live(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1", "s-1")
    academy.status(ref)
    academy.tap.answer = empty
    assert academy.status(ref).state is State.LIVE


@pytest.mark.parametrize("begun", [True, False])
def test_a_session_that_the_platform_no_longer_knows_is_forgotten(academy: Academy, begun: bool) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    session = academy.join(ref, "t-1", "s-1")
    academy.status(ref)

    def gone(request: Request, response: Response) -> Response:
        if request.path.endswith(f"/{session}/"):
            return said(404, {"detail": "Not found."}) if begun else said(200, {"uuid": session})
        return empty(request, response)

    academy.tap.answer = gone
    status = academy.status(ref)
    assert (status.state, status.session_ids) == (State.SCHEDULED, ())


def test_departures_are_read_directly_20_a_tick_and_the_rest_wait(academy: Academy) -> None:
    refs = [academy.launch(plan(f"Class {number}", people=(TEACHER,), lead=7200)).ref for number in range(25)]
    for ref in refs:
        academy.join(ref, "t-1")
    watches = [watch(ref) for ref in refs]
    academy.tick(*watches)
    for ref in refs:
        academy.leave(ref, "t-1")
    academy.wait(31)
    academy.tap.answer = empty

    def tick() -> tuple[int, int]:
        since = academy.mark()
        live = sum(one is not None and one.state is State.LIVE for one in academy.tick(*watches))
        return len(academy.log(path="/sessions/[^/]+/$", since=since)), live

    assert [tick(), tick(), tick()] == [(20, 5), (5, 0), (0, 0)]


@pytest.mark.parametrize(("status", "raises"), [(403, False), (401, True)])
def test_a_session_that_may_not_be_read_takes_no_other_wait_with_it(
    academy: Academy, status: int, raises: bool
) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1", "s-1")
    academy.status(ref)
    academy.tap.answer = empty
    academy.sandbox.faults.add("status", path=r"/sessions/[^/]+/$", status=status, body='{"detail": "no"}')
    if raises:
        with pytest.raises(AuthenticationFailed):
            academy.status(ref)
    else:
        assert academy.status(ref).state is State.LIVE


# ---- ticks that fail


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_failed_tick_is_as_if_it_never_was(academy: Academy, nth: int) -> None:
    ref = academy.launch().ref
    academy.status(ref)
    academy.go_to(CLASS)
    session = academy.hold(ref, 3600, "t-1")  # begun and over between two good ticks
    path = LISTS if nth < 3 else "/spaces/$"
    query = {1: "in_progress_only", 2: "end_time_after", 3: ""}[nth]
    academy.sandbox.faults.add("status", status=503, path=path, query=query, count=3)
    with pytest.raises(Unavailable):
        academy.tick(watch(ref))
    academy.wait(1800)
    assert academy.status(ref).session_ids == (session,)


@pytest.mark.parametrize(
    ("fault", "error"),
    [({"kind": "expired"}, AuthenticationFailed), ({"kind": "throttle", "retry_after": 9}, RateLimited)],
)
def test_a_tick_says_what_went_wrong(academy: Academy, fault: dict[str, Any], error: type[Exception]) -> None:
    ref = academy.launch().ref
    academy.sandbox.faults.add(**fault)
    with pytest.raises(error):
        academy.tick(watch(ref))


def test_rows_of_other_spaces_and_rows_without_one_are_left_aside(academy: Academy) -> None:
    ref, other = academy.launch().ref, academy.launch(plan("Other")).ref
    academy.go_to(CLASS)
    academy.join(other, "t-1", "s-1")
    assert academy.status(ref).session_ids == ()
    academy.tap.answer = lambda request, response: (
        altered(
            response,
            lambda body: {**body, "results": [{**row, "space": None} for row in body["results"]]},
        )
        if "/sessions/" in request.path
        else response
    )
    assert academy.status(ref).session_ids == ()


def test_a_room_is_known_by_its_id_as_well_as_by_its_slug(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1")

    def numbered(request: Request, response: Response) -> Response:
        if "/sessions/" not in request.path:
            return response
        return altered(
            response,
            lambda body: {
                **body,
                "results": [{**row, "space": {**row["space"], "slug": "nice-name"}} for row in body["results"]],
            },
        )

    academy.tap.answer = numbered
    assert academy.status(ref).state is State.LIVE


def test_lessonspace_meets_the_contract(academy: Academy) -> None:
    assert isinstance(academy.platform, SessionPlatform)
    assert academy.platform.name == "lessonspace"
    one = watch(academy.launch().ref)
    assert isinstance(one, Watch)
    assert replace(one).ref.detail("window_start") == format_time(CLASS - timedelta(minutes=30))
