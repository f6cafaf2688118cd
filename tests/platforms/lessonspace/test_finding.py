"""A retry finds its own class, whatever became of it, and never makes a second one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.contract import Found, Unprovable
from airflow_provider.live_sessions.core.errors import ConfigurationError, OutcomeUnknown, Refused, Unavailable
from airflow_provider.live_sessions.core.keys import LaunchKey, fingerprint
from airflow_provider.live_sessions.core.launching import LaunchPolicy, create_or_find
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform
from tests.platforms.kit import altered
from tests.platforms.lessonspace.academy import CLASS, ORG, Academy, key_of, plan

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import Launched, Plan
    from airflow_provider.live_sessions.sandbox.wire import Request, Response

END = CLASS + timedelta(hours=1)


def find(academy: Academy, the_plan: Plan) -> Found:
    found = academy.platform.find(key_of(the_plan), the_plan)
    assert isinstance(found, Found)
    return found


def relaunch(academy: Academy, the_plan: Plan, **policy: Any) -> Launched:
    now = academy.sandbox.clock.now()
    return create_or_find(academy.platform, the_plan, key_of(the_plan), now=now, policy=LaunchPolicy(**policy))


def test_what_was_never_launched_is_unprovable_not_absent(academy: Academy) -> None:
    lookup = academy.platform.find(key_of(plan()), plan())
    assert isinstance(lookup, Unprovable)
    assert "no session and no space" in lookup.why


def test_a_class_that_nobody_entered_is_found_by_its_spaces_tag(academy: Academy) -> None:
    launched = academy.launch()
    found = find(academy, plan())
    assert found.status.state is State.SCHEDULED
    assert found.fingerprint == fingerprint(plan())
    assert found.ref.session_id == ""
    hints = {"room_settings": ""}
    assert replace(found.ref, session_id=launched.ref.session_id).with_details(**hints) == (
        launched.ref.with_details(**hints)
    )


def test_the_look_up_asks_for_launch_id_tag_and_single_user_sessions(academy: Academy) -> None:
    academy.platform.find(key_of(plan()), plan())
    digest = key_of(plan()).digest
    assert academy.queries(f"/organisations/{ORG}/sessions/$") == [
        {
            "launch_id": [f"als-{digest}"],
            "tags": [f'{{"als_key":"{digest}"}}'],
            "include_single_user": ["true"],
        }
    ]
    assert academy.queries("/spaces/$") == [{"tag_key": ["als_key"], "tag_value": [digest]}]


def test_a_class_that_runs_is_found_live_and_adopted_with_fresh_links(academy: Academy) -> None:
    first = academy.launch()
    academy.go_to(CLASS + timedelta(minutes=5))
    session = academy.join(first.ref, "t-1")
    adopted = relaunch(academy, plan())
    assert adopted.status is not None
    assert adopted.status.state is State.LIVE
    assert not adopted.created
    assert adopted.links is not None
    assert adopted.ref.session_id == session
    assert len(academy.spaces) == len(academy.sessions) == 1


def test_a_late_retry_adopts_the_session_that_is_over_instead_of_reserving_a_new_one(academy: Academy) -> None:
    academy.launch()
    academy.go_to(CLASS)
    session = academy.hold(find(academy, plan()).ref, 3600)
    launches = academy.spaces[0]["launches"]
    adopted = relaunch(academy, plan())
    assert adopted.status is not None
    assert (adopted.status.state, adopted.status.session_ids) == (State.ENDED, (session,))
    assert (adopted.links, adopted.created) == (None, False)
    assert academy.spaces[0]["launches"] == launches
    assert academy.spaces[0]["session_id"] == session


def test_a_new_session_id_after_the_end_belongs_to_the_same_class(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    first = academy.hold(ref, 600)
    again = relaunch(academy, plan())  # during the settle it may still be a break
    assert again.status is not None
    assert again.status.state is State.LIVE
    assert again.ref.session_id not in ("", first)
    second = academy.hold(ref, 2400)
    assert second == again.ref.session_id
    academy.wait(1000)
    assert find(academy, plan()).status.session_ids == (first, second)


def test_a_lost_answer_and_its_retry_make_one_space(academy: Academy) -> None:
    academy.sandbox.faults.add("reset_after", path="/launch/", nth=2)  # the student's
    with pytest.raises(OutcomeUnknown):
        relaunch(academy, plan())
    launched = relaunch(academy, plan())
    assert launched.links is not None
    assert len(launched.links) == 2
    assert len(academy.spaces) == 1
    assert not launched.created


def test_a_failed_look_up_raises_and_launches_nothing(academy: Academy) -> None:
    academy.sandbox.faults.add("status", status=503, path="/spaces/$")
    with pytest.raises(Unavailable):
        relaunch(academy, plan())
    assert academy.spaces == []


def test_a_look_up_whose_filters_the_server_ignores_takes_nobody_elses_class(academy: Academy) -> None:
    other = academy.launch(plan("Other", lead=7200))
    academy.join(other.ref, "t-1", "s-1")
    academy.tap.rewrite = lambda request: replace(request, query="include_single_user=true")
    assert isinstance(academy.platform.find(key_of(plan()), plan()), Unprovable)
    academy.launch()
    assert find(academy, plan()).ref.detail("space") != other.ref.detail("space")


def test_a_row_that_does_not_carry_the_key_itself_proves_nothing(academy: Academy) -> None:
    other = academy.launch(plan("Other", lead=7200))
    academy.join(other.ref, "t-1", "s-1")

    def untagged(request: Request, response: Response) -> Response:
        if not request.path.endswith("/sessions/"):
            return response
        return altered(response, lambda body: [{**row, "tags": {}} for row in body["results"]])

    academy.tap.rewrite = lambda request: replace(request, query="include_single_user=true")
    academy.tap.answer = untagged
    assert isinstance(academy.platform.find(key_of(plan()), plan()), Unprovable)


def test_a_room_is_remembered_by_its_slug_as_the_launch_names_it(academy: Academy) -> None:
    ref = academy.launch().ref

    def numbered(request: Request, response: Response) -> Response:
        if not request.path.endswith("/spaces/"):
            return response
        return altered(response, lambda body: [{**row, "id": 77} for row in body["results"]])

    academy.tap.answer = numbered
    assert find(academy, plan()).ref.detail("space") == ref.detail("space")


def test_a_class_in_a_room_over_weeks_is_found_by_its_session_alone(academy: Academy) -> None:
    weekly = plan(space="persistent", space_id="room-1")
    launched = academy.launch(weekly)
    assert isinstance(academy.platform.find(key_of(weekly), weekly), Unprovable)
    academy.go_to(CLASS)
    session = academy.join(launched.ref, "t-1")
    found = find(academy, weekly)
    assert (found.ref.session_id, found.ref.detail("space")) == (session, launched.ref.detail("space"))


def test_a_session_outside_the_window_is_no_part_of_the_class(academy: Academy) -> None:
    ref = academy.launch(plan(lead=7200)).ref
    academy.hold(ref, 300)
    found = find(academy, plan(lead=60))
    assert (found.status.state, found.status.session_ids) == (State.SCHEDULED, ())


def test_a_row_that_does_not_tell_its_space_still_does_not_hide_the_room(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    session = academy.join(ref, "t-1")

    def bare(request: Request, response: Response) -> Response:
        if not request.path.endswith("/sessions/"):
            return response
        return altered(response, lambda body: [{**row, "space": None} for row in body["results"]])

    academy.tap.answer = bare
    found = find(academy, plan())
    assert (found.ref.detail("space"), found.ref.session_id) == (ref.detail("space"), session)
    assert found.status.state is State.LIVE


def test_adopting_brings_the_name_up_to_date(academy: Academy) -> None:
    academy.launch()
    renamed = replace(plan(), title="Algebra 1")
    (before,) = academy.spaces
    found = find(academy, renamed)
    changed = plan(space_tags={"room": "red"})
    adopted = academy.platform.adopt(found, changed, key_of(changed))
    (after,) = academy.spaces
    assert (before["id"], after["id"]) == (after["id"], adopted.ref.detail("space"))
    assert after["tags"]["room"] == "red"


def test_a_cancelled_class_is_found_cancelled_and_stays_so_unless_it_is_revived(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.platform.cancel(ref)
    found = find(academy, plan())
    assert found.status.state is State.CANCELLED
    kept = relaunch(academy, plan())
    assert kept.links is None
    assert academy.status(ref).state is State.CANCELLED


def test_a_class_that_is_launched_again_after_its_cancel_is_scheduled_again(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.platform.cancel(ref)
    revived = relaunch(academy, plan(), revive=True)
    assert revived.links is not None
    assert revived.status is None or revived.status.state is State.SCHEDULED
    assert academy.status(ref).state is State.SCHEDULED
    assert academy.spaces[0]["tags"]["als_cancelled"] == "no"


def test_a_create_in_the_past_is_refused_but_a_late_retry_finds_its_own(academy: Academy) -> None:
    academy.go_to(CLASS + timedelta(minutes=5))
    with pytest.raises(ConfigurationError, match="has passed"):
        relaunch(academy, plan())
    assert academy.spaces == []
    relaunch(academy, plan(), create_in_past=True)
    assert relaunch(academy, plan()).links is not None


def test_another_key_is_another_room(academy: Academy) -> None:
    one = LaunchKey.for_task(conn_id="c", dag_id="d", run_id="r", task_id="t", map_index=-1)
    academy.platform.launch(plan(), one)
    academy.platform.launch(plan(), one.successor(1))
    assert len(academy.spaces) == 2


def test_closing_the_platform_gives_back_its_connections(academy: Academy) -> None:
    platform = LessonspacePlatform(academy.new_client())
    platform.find(key_of(plan()), plan())
    platform.close()


def test_a_renamed_class_keeps_its_room(academy: Academy) -> None:
    first = academy.launch(plan("Maths"))
    found = academy.platform.find(key_of(plan("Maths")), plan("Mathematics"))
    assert isinstance(found, Found)
    renamed = academy.platform.adopt(found, plan("Mathematics"), key_of(plan("Maths")))
    assert renamed.ref.detail("space") == first.ref.detail("space")
    assert [space["name"] for space in academy.spaces] == ["Mathematics"]


def test_an_adoption_that_leads_to_another_room_is_refused(academy: Academy) -> None:
    the_plan = plan()
    academy.launch(the_plan)
    found = academy.platform.find(key_of(the_plan), the_plan)
    assert isinstance(found, Found)
    elsewhere = replace(found, ref=found.ref.with_details(space="another-room"))
    with pytest.raises(Refused, match="another room"):
        academy.platform.adopt(elsewhere, the_plan, key_of(the_plan))
