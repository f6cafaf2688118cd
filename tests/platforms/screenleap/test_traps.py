"""The ten facts that are easily got wrong (``apis/screenleap.md`` section 10), each over the wire."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.artifacts.export_run import window_key
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.contract import DEFAULT_RULES, Ability, Found, Unprovable
from airflow_provider.live_sessions.core.errors import ConfigurationError, OutcomeUnknown, Unsupported
from airflow_provider.live_sessions.core.status import Held, State
from airflow_provider.live_sessions.platforms.screenleap.bringing_home import export_usage
from airflow_provider.live_sessions.platforms.screenleap.filters import ShareFilters
from airflow_provider.live_sessions.platforms.screenleap.models import Share
from tests.artifacts.memory import MemoryStorage
from tests.platforms.screenleap.studio import SHOW, START, TOKEN, Studio, key_of, plan

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.artifacts.manifest import Manifest


def test_trap_1_a_create_starts_nothing_until_a_person_presents(studio: Studio) -> None:
    launched = studio.launch()
    assert (launched.created, launched.status) == (True, None)
    assert studio.status(launched.ref).state is State.SCHEDULED
    studio.wait(600)
    assert studio.status(launched.ref).state is State.SCHEDULED
    studio.present(launched.ref)
    assert studio.status(launched.ref).state is State.LIVE


def test_trap_2_is_active_is_no_status_neither_before_a_viewer_nor_after_the_end(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.present(ref)
    (row,) = studio.client.recent()
    assert (row.active, studio.status(ref).state) == (False, State.LIVE)
    studio.people.view(studio.code(ref), "v-1")
    studio.wait(600)
    studio.end(ref)
    studio.wait(170)
    (row,) = studio.client.recent()
    assert row.active is True
    assert studio.status(ref, settle=60.0).state is State.ENDED


def test_trap_3_a_stop_is_a_message_and_the_end_is_waited_for(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.present(ref, "v-1")
    outcome = studio.platform.cancel(ref)
    assert (outcome.state_before, outcome.confirmed) == (State.LIVE, True)
    assert studio.slept == [2.0]
    assert [one.status for one in studio.log(path="/stop$")] == [200]
    again = studio.platform.cancel(ref)
    assert (again.state_before, again.confirmed) == (State.ENDED, True)


def test_trap_4_an_end_can_be_undone_so_it_counts_only_when_it_stood(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.present(ref, "v-1")
    studio.wait(600)
    studio.people.crash(studio.code(ref))
    studio.wait(290)
    assert studio.status(ref).state is State.LIVE
    studio.people.present(studio.code(ref))
    studio.wait(1200)
    status = studio.status(ref)
    assert (status.state, status.ended_at) == (State.LIVE, None)
    studio.end(ref)
    studio.wait(299)
    assert studio.status(ref).state is State.LIVE
    studio.wait(1)
    assert studio.status(ref).state is State.ENDED


def exported(studio: Studio, since: datetime, until: datetime) -> Manifest:
    writer = Writer(MemoryStorage(), "x", kind="usage", session_key=window_key("c", since, until))
    return export_usage(studio.client, writer, since, until, conn_id="c")


def test_trap_5_the_export_merges_both_lists_and_says_when_a_share_may_be_in_neither(studio: Studio) -> None:
    first = studio.launch().ref
    studio.hold(first)
    ended = studio.sandbox.clock.now()
    studio.wait(700)
    second = studio.launch(plan("Second")).ref
    studio.hold(second)
    since, until = START, studio.sandbox.clock.now() + timedelta(seconds=1)
    assert [one.code for one in studio.client.shares(ShareFilters())] == [SecretStr(studio.code(first))]
    both = exported(studio, since, until)
    assert both.session_ids == (first.session_id, second.session_id)
    assert (both.status, "15 minutes" in both.why) == ("partial", True)
    studio.wait(400)  # the second has left the one list and is not yet in the other
    assert exported(studio, since, until).session_ids == (first.session_id,)
    studio.wait(600)
    whole = exported(studio, since, until)
    assert (whole.status, whole.session_ids) == ("complete", both.session_ids)
    assert exported(studio, since, ended).session_ids == ()
    assert exported(studio, ended, until).session_ids == both.session_ids


def test_trap_6_a_history_without_pages_is_walked_in_milliseconds_until_nothing_new_comes() -> None:
    with Studio.open(history_cap=3) as studio:
        refs = []
        for number in range(8):
            ref = studio.launch(plan(f"Number {number}")).ref
            studio.present(ref, "v-1")
            refs.append(ref)
            if number % 2:  # pairs share a start
                studio.wait(60)
        for ref in refs:
            studio.end(ref)
        studio.wait(601)
        filters = ShareFilters(started_after=START - timedelta(milliseconds=1))
        found = [studio.client.digest(one.code) for one in studio.client.shares(filters) if one.code]
        assert sorted(found) == sorted(ref.session_id for ref in refs)
        marks = [int(one["startedAfter"]) for one in studio.asked("/screen-shares$")]
        assert marks[0] == int(START.timestamp() * 1000) - 1
        assert marks == sorted(marks)
        assert len(marks) > 3


def test_trap_7_each_create_is_another_share_so_a_lost_one_is_never_repeated_by_itself(studio: Studio) -> None:
    the_plan = plan()
    studio.sandbox.faults.add("reset_after", method="POST", path="/screen-shares$", count=1)
    with pytest.raises(OutcomeUnknown):
        studio.launch(the_plan)
    assert len(studio.log(method="POST")) == 1
    found = studio.platform.find(key_of(the_plan), the_plan)
    assert isinstance(found, Found)
    launched = studio.platform.adopt(found, the_plan, key_of(the_plan))
    assert launched.created
    assert launched.links is not None
    assert launched.ref.session_id != found.ref.session_id


def test_trap_7_a_found_share_that_runs_cannot_give_its_launch_data_back(studio: Studio) -> None:
    the_plan = plan()
    first = studio.launch(the_plan)
    studio.present(first.ref)
    found = studio.platform.find(key_of(the_plan), the_plan)
    assert isinstance(found, Found)
    adopted = studio.platform.adopt(found, the_plan, key_of(the_plan))
    assert (adopted.created, adopted.links, adopted.ref.session_id) == (False, None, first.ref.session_id)
    assert len(studio.log(method="POST")) == 1
    assert "once" in adopted.warnings[0]


def test_trap_8_parameters_go_into_the_query_and_the_token_into_a_header(studio: Studio) -> None:
    studio.launch(plan(showScreenleapBranding=True))
    (request,) = [one for one in studio.tap.requests if one.method == "POST"]
    assert (request.body, request.header("content-length")) == (b"", "0")
    assert (request.header("accountid"), request.header("authtoken")) == ("studio", TOKEN)
    assert dict(request.pairs())["showScreenleapBranding"] == "true"
    assert TOKEN not in request.query
    assert "authorization" not in request.headers


@pytest.mark.parametrize("field", ["sessionId", "screenShareCode"])
def test_trap_9_both_names_of_the_code_are_read_and_it_stays_text(field: str) -> None:
    with Studio.open(code_field=field) as studio:
        ref = studio.launch().ref
        (row,) = studio.client.recent()
        assert row.code == SecretStr(studio.code(ref))
    leading = Share.model_validate({field: "012345678"})
    assert leading.code == SecretStr("012345678")
    assert Share.model_validate({field: 12345678}).code == leading.code


def test_trap_10_recordings_are_unsupported_and_the_reason_names_the_webhook(studio: Studio) -> None:
    ref = studio.launch().ref
    bounds = DEFAULT_RULES.after(SHOW)
    with pytest.raises(Unsupported, match="RECORDING_COMPLETE"):
        studio.platform.readiness(Ability.RECORDING, ref, ref.session_id, bounds)
    with pytest.raises(Unsupported, match="no transcripts"):
        studio.platform.readiness(Ability.TRANSCRIPT, ref, ref.session_id, bounds)
    with pytest.raises(Unsupported, match="attendance"):
        studio.platform.readiness(Ability.UPDATE, ref, ref.session_id, bounds)
    assert studio.log(path="/stop") == []


def test_trap_10_what_opens_a_door_is_in_no_ref_and_no_repr(studio: Studio) -> None:
    launched = studio.launch()
    shown = json.dumps(launched.ref.to_json()) + repr(launched) + repr(studio.client.recent())
    for secret in studio.secrets:
        assert secret not in shown
    assert launched.ref.detail("code").startswith("sealed:v1:")


@pytest.mark.parametrize("address", ["10.0.0.7", "127.0.0.1", "192.168.1.4", "no address"])
def test_trap_10_an_inner_address_is_never_taken_for_the_presenters(studio: Studio, address: str) -> None:
    with pytest.raises(ConfigurationError, match="presenterIpAddress"):
        studio.launch(plan(presenterIpAddress=address))
    assert studio.log() == []


def test_trap_10_no_address_is_made_up_and_the_log_says_what_that_means(studio: Studio) -> None:
    launched = studio.launch(plan(presenterCountryCode=None))
    (query,) = studio.asked("/screen-shares$", "POST")
    assert not {"presenterIpAddress", "presenterCountryCode"} & set(query)
    assert "far from its presenter" in launched.warnings[0]


def test_silence_of_every_list_proves_nothing(studio: Studio) -> None:
    assert isinstance(studio.platform.find(key_of(plan()), plan()), Unprovable)


def test_a_share_nobody_watched_has_ended_and_was_not_held(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.present(ref)
    studio.wait(600)
    studio.end(ref)
    studio.wait(300)
    status = studio.status(ref)
    assert (status.state, status.held) == (State.ENDED, Held.NO)
