"""Create or find, in the hands of a platform that gives its launch data once; and how a share is stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider.live_sessions.core.contract import Found, Unprovable
from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.launching import Forgetful, LaunchPolicy, OnExisting, create_or_find
from airflow_provider.live_sessions.core.models import Participant, People, SessionRef
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.platforms.screenleap.judging import PRESENTER_ID
from tests.core.cipher import FernetCipher
from tests.platforms.screenleap.studio import (
    PRESENTER,
    SHOW,
    START,
    VIEWER,
    Studio,
    key_of,
    plan,
)

PLAN = plan()
KEY = key_of(PLAN)


def tried(studio: Studio, **policy: Any) -> Any:
    now = studio.sandbox.clock.now()
    return create_or_find(studio.platform, PLAN, KEY, now=now, policy=LaunchPolicy(**policy))


def standing(studio: Studio) -> list[str]:
    """Return the codes that somebody could start or is presenting, as far as Screenleap knows."""
    return [one["share"] for one in studio.shares if one["ended_at"] is None]


def test_a_launch_carries_its_key_and_gives_one_link_a_person(studio: Studio) -> None:
    launched = tried(studio)
    assert launched.links is not None
    assert [link.participant for link in launched.links] == list(PLAN.participants)
    assert [link.user_id for link in launched.links] == [PRESENTER_ID, "v-1", "v-2"]
    assert studio.shares[0]["external_id"] == f"|als1:{KEY.digest}"
    assert studio.shares[0]["title"] == PLAN.title
    assert SessionRef.from_json(launched.ref.to_json()) == launched.ref
    details = {name: launched.ref.detail(name) for name in ("window_start", "window_end", "planned_start")}
    assert details == {
        "window_start": format_time(SHOW - timedelta(minutes=30)),
        "window_end": format_time(SHOW + timedelta(hours=2)),
        "planned_start": format_time(SHOW),
    }


def test_a_share_without_people_has_a_presenter_and_a_viewer(studio: Studio) -> None:
    launched = studio.launch(plan(people=()))
    assert launched.links is not None
    assert [link.participant.id for link in launched.links] == ["presenter", "viewer"]
    alone = studio.launch(plan("Alone", people=(PRESENTER,)))
    assert alone.links is not None
    assert [link.participant.id for link in alone.links] == ["p-1", "viewer"]


def test_a_share_without_a_presenter_was_launched_without_a_word(studio: Studio) -> None:
    assert studio.launch(plan()).warnings == ()
    (warning,) = studio.launch(plan("Alone", people=(replace(PRESENTER, leader=False),))).warnings
    assert warning.startswith("Nobody leads: ")
    assert studio.launch(plan("Anybody", people=())).warnings == (), "nobody was to present it"


def test_a_lost_answer_leaves_at_most_one_open_share_and_the_retry_its_launch_data() -> None:
    with Studio.open(stop_unstarted="ended") as studio:
        studio.sandbox.faults.add("reset_after", method="POST", path="/screen-shares$", count=1)
        with pytest.raises(OutcomeUnknown):
            tried(studio)
        launched = tried(studio)
        assert launched.created
        assert launched.links is not None
        assert len(standing(studio)) == 1
        assert "given up" in launched.warnings[-1]


def test_an_orphan_is_stopped_only_after_the_new_share_was_made() -> None:
    with Studio.open(stop_unstarted="ended") as studio:
        tried(studio)
        studio.sandbox.faults.add("status", method="POST", path="/screen-shares$", count=1)
        with pytest.raises(OutcomeUnknown):  # a 503 without a promise: it may have happened
            tried(studio)
        assert len(standing(studio)) == 1
        assert tried(studio).links is not None
        assert len(standing(studio)) == 1


def test_an_orphan_that_was_stopped_before_its_start_keeps_nobody_from_launching() -> None:
    with Studio.open(stop_unstarted="ended") as studio:
        studio.platform.cancel(tried(studio).ref)
        assert isinstance(studio.platform.find(KEY, PLAN), Unprovable)
        assert tried(studio).created


def test_a_running_share_is_adopted_by_a_late_retry_and_never_stopped(studio: Studio) -> None:
    first = tried(studio)
    studio.present(first.ref)
    studio.sandbox.clock.set(SHOW + timedelta(minutes=5))
    late = tried(studio)
    assert (late.created, late.links, late.ref.session_id) == (False, None, first.ref.session_id)
    assert late.status is not None
    assert late.status.state is State.LIVE
    assert studio.log(path="/stop") == []


def test_a_share_that_is_over_is_adopted_as_ended_from_either_list(studio: Studio) -> None:
    first = tried(studio)
    studio.hold(first.ref, 600)
    studio.wait(300)
    assert tried(studio).status.state is State.ENDED
    studio.wait(600)
    again = tried(studio)
    assert (again.status.state, again.links, again.ref.session_id) == (State.ENDED, None, first.ref.session_id)
    assert len(studio.shares) == 1
    mark = {"externalId": f"|als1:{KEY.digest}"}
    assert mark in studio.asked("/screen-shares$")


def test_an_orphan_found_after_its_planned_end_is_not_replaced(studio: Studio) -> None:
    first = tried(studio)
    studio.sandbox.clock.set(SHOW + timedelta(minutes=61))
    studio.people._store.shares[studio.code(first.ref)].created_at = studio.sandbox.clock.now()
    found = studio.platform.find(KEY, PLAN)
    assert isinstance(found, Found)
    assert found.status.state is State.SCHEDULED
    assert studio.platform.adopt(found, PLAN, KEY).links is None
    assert len(studio.shares) == 1


def test_of_doubles_the_one_that_runs_is_found_then_the_newest(studio: Studio) -> None:
    older = studio.launch().ref
    code = studio.code(older)
    studio.wait(5)
    studio.sandbox.faults.add("reset_before", path="/recent", count=3)  # so that both stand
    newer = studio.launch().ref
    assert len(standing(studio)) == 2
    found = studio.platform.find(KEY, PLAN)
    assert isinstance(found, Found)
    assert found.ref.session_id == newer.session_id
    studio.people.present(code)
    found = studio.platform.find(KEY, PLAN)
    assert isinstance(found, Found)
    assert found.ref.session_id == older.session_id


def another(studio: Studio, *, started: bool, later: float) -> str:
    """Let another try of the same launch make a share while ours waits for its answer."""
    made: list[str] = []

    def meanwhile(request: Any, response: Any) -> Any:
        if request.method == "POST" and request.path.endswith("/screen-shares") and not made:
            store = studio.people._store
            at = studio.sandbox.clock.now() + timedelta(seconds=later)
            share = store.create(at, external_id=f"|als1:{KEY.digest}")
            made.append(share.code)
            if started:
                store.present(share, at)
        return response

    studio.tap.answer = meanwhile
    return made  # type: ignore[return-value]  # filled when it happens


def test_a_double_that_came_later_is_kept_and_ours_given_up() -> None:
    with Studio.open(stop_unstarted="ended") as studio:
        made = another(studio, started=False, later=1.0)
        launched = studio.launch()
        assert (launched.created, launched.links) == (False, None)
        assert studio.code(launched.ref) == made[0]
        assert len(standing(studio)) == 1
        assert "same time" in launched.warnings[0]


def test_a_double_that_came_earlier_is_given_up_and_ours_kept() -> None:
    with Studio.open(stop_unstarted="ended") as studio:
        made = another(studio, started=False, later=-1.0)
        launched = studio.launch()
        assert launched.created
        assert studio.code(launched.ref) != made[0]
        assert len(standing(studio)) == 1


def test_a_double_that_runs_is_kept_and_ours_given_up() -> None:
    with Studio.open(stop_unstarted="ended") as studio:
        made = another(studio, started=True, later=-60.0)
        launched = studio.launch()
        assert (launched.created, studio.code(launched.ref)) == (False, made[0])
        assert launched.status is not None
        assert launched.status.state is State.LIVE
        assert len(standing(studio)) == 1


def test_an_orphan_that_is_started_while_it_is_replaced_is_kept() -> None:
    with Studio.open(stop_unstarted="ended") as studio:
        first = tried(studio)

        def starts(request: Any, response: Any) -> Any:
            if request.method == "POST" and request.path.endswith("/screen-shares"):
                studio.people.present(studio.code(first.ref))
            return response

        studio.tap.answer = starts
        again = tried(studio)
        assert (again.created, again.links, again.ref.session_id) == (False, None, first.ref.session_id)
        assert len(standing(studio)) == 1


class Fenced(Forgetful):
    """The memory of a try that Airflow took for dead: it may not record a session any more."""

    def record(self, value: dict[str, Any]) -> None:
        if "ref" in value:
            raise RuntimeError("Task instance not found")


def test_a_try_that_was_taken_for_dead_takes_nothing_from_its_retry() -> None:
    with Studio.open(stop_unstarted="ended") as studio:
        of_the_retry = another(studio, started=False, later=-1.0)
        with pytest.raises(RuntimeError):
            create_or_find(studio.platform, PLAN, KEY, now=studio.sandbox.clock.now(), memory=Fenced())
        studio.people.present(of_the_retry[0])  # still good: nobody gave it up


def test_a_look_after_the_create_that_fails_costs_no_launch_data(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    studio.sandbox.faults.add("reset_before", path="/recent")
    launched = studio.launch()
    assert launched.created
    assert launched.links is not None
    assert "cannot be told" in caplog.text


def test_a_list_that_lags_gives_up_nobodys_share(studio: Studio) -> None:
    def lagging(request: Any, response: Any) -> Any:
        return replace(response, body=b"[]") if "recent" in request.path else response

    studio.tap.answer = lagging
    assert studio.launch().created
    assert studio.log(path="/stop") == []


def test_an_orphan_that_cannot_be_given_up_does_not_fail_the_launch(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    tried(studio)
    studio.sandbox.faults.add("status", path="/stop$", status=400, body='{"errorMessage": "No."}')
    assert tried(studio).links is not None
    assert "could not be given up" in caplog.text


def test_a_replacement_stops_the_first_and_carries_another_key() -> None:
    with Studio.open(stop_unstarted="ended") as studio:
        first = tried(studio)
        second = tried(studio, on_existing=OnExisting.REPLACE)
        assert second.created
        assert second.ref.key != first.ref.key
        assert len(standing(studio)) == 1


def test_a_unique_external_id_goes_out_verbatim_and_is_what_a_retry_looks_for(studio: Studio) -> None:
    the_plan = plan(externalId="case-7", external_id_unique=True)
    launched = studio.launch(the_plan)
    assert studio.shares[0]["external_id"] == "case-7"
    studio.present(launched.ref)
    found = studio.platform.find(key_of(the_plan), the_plan)
    assert isinstance(found, Found)
    assert found.ref.session_id == launched.ref.session_id


def test_a_code_that_cannot_be_sealed_is_never_made(studio: Studio) -> None:
    def no_key() -> FernetCipher:
        raise ConfigurationError("Airflow has no Fernet key.")

    studio.platform._cipher = no_key
    with pytest.raises(ConfigurationError):
        studio.launch()
    assert studio.log() == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"screenSharingMode": "WINDOW"}, "screenSharingMode"),
        ({"presenterCountryCode": "Germany"}, "presenterCountryCode"),
        ({"externalid": "x"}, "externalid"),
        ({"externalId": "x" * 151}, "150 fit"),
        ({"externalId": "x" * 193, "external_id_unique": True}, "192 fit"),
        ({"external_id_unique": True}, "needs an externalId"),
        ({"parameters": {"videoMode": "FULL"}}, "videoMode"),
        ({"parameters": {"authToken": "x"}}, "credentials"),
        ({"viewer": {"zoom": 2}}, "zoom"),
        ({"lead": -1}, "lead"),
    ],
)
def test_an_option_that_does_not_fit_is_named_before_anything_is_sent(
    studio: Studio, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        studio.launch(plan(**options))
    assert studio.log() == []


def test_two_presenters_and_options_of_a_person_are_refused(studio: Studio) -> None:
    second = Participant("p-2", "Di", leader=True)
    with pytest.raises(ConfigurationError, match="one presenter"):
        studio.launch(plan(people=(PRESENTER, second)))
    with pytest.raises(ConfigurationError, match="options of their own: v-1"):
        studio.launch(plan(people=(PRESENTER, replace(VIEWER, options={"ghost": True}))))


# ---- stop


def test_a_scheduled_share_is_stopped_as_far_as_can_be_told(studio: Studio) -> None:
    ref = studio.launch().ref
    outcome = studio.platform.cancel(ref, force=True)
    assert (outcome.state_before, outcome.confirmed, outcome.links_open_ended) == (State.SCHEDULED, False, True)
    assert "not documented" in outcome.not_done[0]
    assert "enforce" in outcome.next
    assert studio.platform.cancel(ref, handed_over=False).confirmed


@pytest.mark.parametrize(("how", "confirmed"), [("ended", True), ("ignored", False), ("404", False)])
def test_a_stop_before_the_start_is_confirmed_only_by_what_is_seen(how: str, confirmed: bool) -> None:
    with Studio.open(stop_unstarted=how) as studio:
        outcome = studio.platform.cancel(studio.launch().ref)
        assert (outcome.state_before, outcome.confirmed) == (State.SCHEDULED, confirmed)


def test_a_share_that_left_the_list_unstarted_is_done(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.wait(3601)
    outcome = studio.platform.cancel(ref)
    assert (outcome.state_before, outcome.confirmed) == (State.NEVER_HELD, True)


def test_a_share_started_in_the_very_moment_of_the_stop_is_told() -> None:
    with Studio.open(stop_unstarted="ignored") as studio:
        ref = studio.launch().ref
        code = studio.code(ref)

        def starts(request: Any, response: Any) -> Any:
            if request.path.endswith("/stop"):
                studio.people.present(code)
            return response

        studio.tap.answer = starts
        outcome = studio.platform.cancel(ref)
        assert (outcome.confirmed, outcome.people_inside) == (False, People.YES)


def test_a_live_share_whose_end_is_not_seen_in_time_is_not_called_ended() -> None:
    with Studio.open(stop_after=60.0) as studio:
        ref = studio.launch().ref
        studio.present(ref)
        outcome = studio.platform.cancel(ref)
        assert (outcome.state_before, outcome.confirmed, outcome.people_inside) == (
            State.LIVE,
            False,
            People.YES,
        )
        assert sum(studio.slept) == 15.0
        assert "15 s" in outcome.not_done[0]


def test_a_share_of_the_widget_may_not_be_stopped(studio: Studio) -> None:
    code = studio.people.widget("elsewhere")["code"]
    ref = studio.launch().ref
    sealed = studio.platform._ref(PLAN, KEY, _options(), _secret(code), studio.cipher)
    with pytest.raises(Refused) as caught:
        studio.platform.cancel(replace(ref, details=sealed.details))
    assert caught.value.status == 403


def test_a_404_is_the_end_for_a_code_that_this_account_made() -> None:
    with Studio.open(readable_for=1.0) as studio:
        ref = studio.launch().ref
        studio.hold(ref)
        studio.wait(302)
        outcome = studio.platform.cancel(ref)
        assert (outcome.state_before, outcome.confirmed, outcome.people_inside) == (State.ENDED, True, People.NO)
        assert [one.status for one in studio.log(path="/stop$")] == [404]


def test_a_stop_that_is_accepted_for_a_share_that_nothing_shows_is_not_confirmed() -> None:
    with Studio.open(readable_for=1.0, unstarted_for=1.0, stop_unstarted="ignored") as studio:
        ref = studio.launch().ref
        studio.wait(10)
        outcome = studio.platform.cancel(ref)
        assert (outcome.confirmed, outcome.people_inside) == (False, People.UNKNOWN)


def test_a_stop_the_platform_knows_nothing_of_is_not_called_sent(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.present(ref)
    studio.sandbox.faults.add("status", path="/stop$", status=404, body='{"errorMessage": "Gone."}')
    outcome = studio.platform.stop(studio.platform.code_of(ref), patience=0.0)
    assert (outcome.confirmed, studio.slept) == (False, [])
    assert "nothing to stop" in outcome.done[0]


def test_a_ref_sealed_with_another_key_says_so(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.cipher = FernetCipher()
    with pytest.raises(ConfigurationError, match="Fernet key"):
        studio.platform.cancel(ref)


def test_a_failed_look_up_raises_and_nothing_is_made(studio: Studio) -> None:
    studio.sandbox.faults.add("status", path="/recent", status=500)
    with pytest.raises(Unavailable):
        tried(studio)
    assert studio.shares == []
    assert studio.sandbox.clock.now() == START


def _options() -> Any:
    from airflow_provider.live_sessions.platforms.screenleap.launching import ScreenleapOptions

    return ScreenleapOptions.of(PLAN)


def _secret(text: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(text)
