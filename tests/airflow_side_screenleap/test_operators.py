"""Screenleap's operators against a real server."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse
from structlog.testing import capture_logs

from airflow_provider.live_sessions.core.errors import ConfigurationError, OutcomeUnknown, Unavailable
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.hooks.screenleap import reveal_launch_data
from airflow_provider.live_sessions.hooks.sealing import reveal, seal
from airflow_provider.live_sessions.hooks.storage import open_storage
from airflow_provider.live_sessions.operators.screenleap import (
    ScreenleapRetrieveAttendanceOperator,
    ScreenleapRetrieveUsageOperator,
    ScreenleapStopSessionOperator,
)
from airflow_provider.live_sessions.operators.screenleap_account import (
    ScreenleapExportUsageOperator,
    ScreenleapReapSessionsOperator,
)
from airflow_provider.live_sessions.schedules.claims import ClaimBook, Ticket
from airflow_provider.live_sessions.schedules.model import Occurrence
from airflow_provider.live_sessions.triggers.session import LaunchTrigger, SessionTrigger
from tests.airflow_side.stage import meanwhile
from tests.airflow_side_screenleap.stage import Studio, TaskInstance, context, deferral, resume
from tests.schedules.test_claims import CLAIM

if TYPE_CHECKING:
    from collections.abc import Mapping


def stop(studio: Studio, **arguments: Any) -> dict[str, Any]:
    given = {"conn_id": studio.conn_id, "timeout": 0.05, **arguments}
    return ScreenleapStopSessionOperator(task_id="stop", **given).execute(context())


# ---- launch


def test_a_launch_gives_sealed_launch_data_sealed_links_and_a_digest(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    result = studio.launch(external_id="case-7")
    told = json.dumps(result) + "".join(f"{line.getMessage()}{line.args}" for line in caplog.records)
    assert not [secret for secret in studio.secrets if secret in told]
    record = SessionRecord.from_json(result)
    assert record.created
    assert record.ref.session_id.startswith("share-")
    presenter, *viewers = result["links"]
    data = reveal_launch_data(presenter["url"])
    assert data["screenShareCode"] == studio.code(result)
    assert data["token"] in studio.secrets
    assert [reveal(link["url"], mask=False).rpartition("=")[2] for link in viewers] == ["v-1", "v-2"]
    assert studio.shares[0]["external_id"] == f"case-7|als1:{record.ref.key}"
    with pytest.raises(ConfigurationError, match="no launch data"):
        reveal_launch_data(viewers[0]["url"])


def test_the_launch_data_s_values_are_masked_in_the_log(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    result = studio.launch()
    masked: list[str] = []
    monkeypatch.setattr("airflow_provider.live_sessions.hooks.screenleap.mask_secret", masked.append)
    data = reveal_launch_data(result["links"][0]["url"])
    assert {data["token"], data["presenterParams"], data["viewerUrl"], studio.code(result)} <= set(masked)
    masked.clear()
    reveal_launch_data(result["links"][0]["url"], mask=False)
    assert masked == []


def test_a_lost_launch_is_unknown_and_the_retry_has_launch_data(monkeypatch: pytest.MonkeyPatch) -> None:
    with Studio.open(monkeypatch, stop_unstarted="ended") as studio:
        launcher, the_context = studio.launcher(), context()
        studio.sandbox.faults.add("reset_after", method="POST", path="/screen-shares$", count=1)
        with pytest.raises(OutcomeUnknown):
            launcher.execute(the_context)
        result = launcher.execute(the_context)
        assert result["links"]
        assert len([one for one in studio.shares if not one["ended_at"]]) == 1


def test_options_that_do_not_fit_fail_without_a_retry(studio: Studio) -> None:
    with pytest.raises(AirflowFailException, match="videoMode"):
        studio.launch(options={"videoMode": "HUGE"})
    in_a_room = lesson(studio, space="room 1")
    with pytest.raises(AirflowFailException, match="lasting rooms"):
        studio.launch(session=in_a_room, title="", start=None, end=None, participants=())


def lesson(studio: Studio, **more: Any) -> dict[str, Any]:
    start = datetime.fromtimestamp(int(datetime.now(UTC).timestamp()) + 600, UTC)
    return Occurrence(uid="demo", title="Demo", start=start, end=start + timedelta(hours=1), **more).to_json()


def test_a_launch_that_waits_defers_with_its_record_and_returns_it(studio: Studio) -> None:
    ti = TaskInstance()
    operator = studio.launcher(ahead=30, wait_for_completion=True, deferrable=True, poll_interval=0.05)
    deferred = deferral(operator, context(ti))
    assert isinstance(deferred.trigger, LaunchTrigger)
    assert deferred.trigger.serialize()[1]["seen"]["settle"] == 300.0
    row = json.dumps(deferred.trigger.serialize())
    assert not [secret for secret in studio.secrets if secret in row]
    record = ti.xcoms["return_value"]
    studio.present(record, "v-1")
    studio.wait(60)
    studio.end(record)
    studio.wait(301)
    assert resume(operator, context(ti), deferred) == record


# ---- stop


def test_a_stop_asks_and_waits_for_the_end(studio: Studio) -> None:
    record = studio.launch()
    studio.present(record, "v-1")
    outcome = stop(studio, session=record)
    assert (outcome["state_before"], outcome["confirmed"], outcome["people_inside"]) == ("live", True, "no")
    assert stop(studio, session=record)["state_before"] == "ended"


def test_a_share_that_somebody_has_begun_is_left_alone_where_that_is_asked_for(studio: Studio) -> None:
    record = studio.launch()
    studio.present(record, "Bo")
    with pytest.raises(AirflowFailException, match="is live and was not ended: Somebody shares their screen"):
        stop(studio, session=record, if_live="fail")
    outcome = stop(studio, session=record, if_live="report")
    assert (outcome["confirmed"], outcome["people_inside"]) == (False, "yes")
    assert studio.log(path="/stop$") == []
    assert stop(studio, session=record)["confirmed"]
    with pytest.raises(ValueError, match="if_live is one of fail, report, end"):
        stop(studio, session=record, if_live="never")


@pytest.mark.parametrize(("if_live", "then"), [("fail", "was not ended"), ("end", "")])
def test_a_share_that_was_started_while_it_was_being_stopped_counted_as_stopped(
    studio: Studio, if_live: str, then: str
) -> None:
    record = studio.launch()
    held = studio.sandbox.faults.add("hold_after", method="POST", path="/stop$", count=1)

    def somebody_starts_it() -> None:
        studio.present(record)
        studio.sandbox.faults.release(held)

    with (
        meanwhile(lambda: studio.sandbox.faults.wait_held(held), somebody_starts_it),
        pytest.raises(Unavailable, match="was started while it was being stopped"),
    ):
        stop(studio, session=record, if_live=if_live)
    if then:
        with pytest.raises(AirflowFailException, match=then):
            stop(studio, session=record, if_live=if_live)
    else:
        assert stop(studio, session=record, if_live=if_live)["confirmed"]


def test_a_share_that_nobody_has_begun_is_stopped_whatever_is_asked_of_live_ones(studio: Studio) -> None:
    record = studio.launch(hand_over_before=60)
    assert stop(studio, session=record, if_live="fail")["confirmed"]
    assert len(studio.log(path="/stop$")) == 1


def test_a_lane_stopped_the_share_of_the_run_that_had_taken_it_over(studio: Studio, tmp_path: Path) -> None:
    record = {**studio.launch(), "claim": Ticket(str(tmp_path), "shares", CLAIM).to_json()}
    studio.present(record, "Bo")
    book = ClaimBook(open_storage(str(tmp_path)), "shares")
    book.write(replace(CLAIM, run_id="ten"))
    with pytest.raises(AirflowSkipException, match="taken over by run 'ten'"):
        stop(studio, session=record)
    assert studio.log(path="/stop$") == []
    book.write(CLAIM)
    assert stop(studio, session=record)["confirmed"]


def test_an_end_that_is_not_seen_is_tried_again_or_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with Studio.open(monkeypatch, stop_after=60.0) as studio:
        record = studio.launch()
        studio.present(record)
        with pytest.raises(Unavailable, match="end was not seen"):
            stop(studio, session=record)
        outcome = stop(studio, session=record, wait_for_end=False)
        assert (outcome["confirmed"], outcome["done"]) == (
            False,
            ["The stop message was sent to the presenter's app."],
        )


def test_a_404_counts_as_stopped_only_for_a_code_that_the_run_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    with Studio.open(monkeypatch, readable_for=1.0) as studio:
        record = studio.launch()
        studio.present(record)
        studio.end(record)
        studio.wait(302)
        assert stop(studio, session=record)["confirmed"]
        typed = seal(SecretStr("000000000"))
        with pytest.raises(AirflowFailException, match="No share of this account has the code"):
            stop(studio, code=typed)
        assert [one.status for one in studio.log(path="/stop$")] == [404]


def test_a_share_made_elsewhere_is_stopped_by_its_sealed_code(studio: Studio) -> None:
    code = studio.code(studio.launch())
    studio.people.present(code)
    assert stop(studio, code=seal(SecretStr(code)))["confirmed"]
    with pytest.raises(AirflowFailException, match="not sealed"):
        stop(studio, code=code)
    with pytest.raises(AirflowFailException, match="either"):
        stop(studio)


def test_a_share_of_the_widget_fails_without_a_retry(studio: Studio) -> None:
    code = studio.people.widget()["code"]
    with pytest.raises(AirflowFailException, match="not created through"):
        stop(studio, code=seal(SecretStr(code)))


def test_a_class_of_a_timetable_is_looked_up_by_its_identity(studio: Studio) -> None:
    session = lesson(studio)
    assert stop(studio, session=session)["state_before"] == "unknown"
    record = studio.launch(session=session, title="", start=None, end=None, participants=())
    studio.present(record)
    assert stop(studio, session=session)["state_before"] == "live"


def test_an_unstarted_share_is_stopped_without_a_claim(studio: Studio) -> None:
    record = studio.launch()
    outcome = stop(studio, session=record)
    assert (outcome["state_before"], outcome["confirmed"]) == ("scheduled", False)
    kept = studio.launch(hand_over_before=300)
    assert stop(studio, session=kept)["confirmed"]


def enforcer(studio: Studio, record: Mapping[str, Any], **arguments: Any) -> ScreenleapStopSessionOperator:
    given = {"session": record, "enforce": True, "timeout": 0.05, "poll_interval": 0.05, **arguments}
    return ScreenleapStopSessionOperator(task_id="stop", conn_id=studio.conn_id, **given)


def test_an_enforced_stop_watches_and_stops_the_share_when_it_is_started(studio: Studio) -> None:
    record = studio.launch()
    operator = enforcer(studio, record, deferrable=True)
    deferred = deferral(operator, context())
    assert isinstance(deferred.trigger, SessionTrigger)
    studio.present(record)
    outcome = resume(operator, context(), deferred)
    assert (outcome["state_before"], outcome["confirmed"]) == ("live", True)
    assert [one["ended_at"] is None for one in studio.shares] == [False]


def test_an_enforced_stop_ends_with_the_share_s_window(studio: Studio) -> None:
    record = studio.launch()
    studio.go_to(record["end"])
    studio.wait(3600)
    outcome = enforcer(studio, record).execute(context())
    assert outcome["confirmed"]
    again = studio.launch()
    operator = enforcer(studio, again, deferrable=False)
    studio.people._store.shares[studio.code(again)].created_at = studio.sandbox.clock.now() + timedelta(hours=5)
    studio.go_to(again["ref"]["details"]["window_end"])
    outcome = operator.execute(context())
    assert (outcome["state_before"], outcome["confirmed"]) == ("scheduled", True)
    assert "Nobody started it" in outcome["done"][0]


def test_a_timetable_s_share_that_vanished_while_it_was_watched_is_told(studio: Studio) -> None:
    session = lesson(studio)
    record = studio.launch(session=session, title="", start=None, end=None, participants=())
    operator = enforcer(studio, session, deferrable=True)
    deferred = deferral(operator, context())
    studio.present(record)
    studio.sandbox.faults.add("status", path="/(recent-)?screen-shares$", status=200, body="[]", nth=2)
    studio.sandbox.faults.add("status", path="/(recent-)?screen-shares$", status=200, body="[]", nth=3)
    assert resume(operator, context(), deferred)["state_before"] == "unknown"


# ---- what comes home


def test_usage_and_attendance_of_a_share_come_home(studio: Studio, tmp_path: Path) -> None:
    record = studio.launch(external_id="case-7")
    studio.present(record, "v-1")
    studio.wait(600)
    studio.end(record)
    given: dict[str, Any] = {"session": record, "destination": str(tmp_path), "timezone": "Europe/Berlin"}
    usage = ScreenleapRetrieveUsageOperator(task_id="usage", **given).execute(context())
    assert (usage["status"], usage["extra"]["totals"]["user_minutes"]) == ("complete", 20)
    attendance = ScreenleapRetrieveAttendanceOperator(task_id="attendance", **given).execute(context())
    assert attendance["status"] == "complete"
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == [
        "attendance.csv",
        "attendance.json",
        "attendance.manifest.json",
        "participants.csv",
        "participants.json",
        "usage.csv",
        "usage.json",
        "usage.manifest.json",
    ]
    home = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert not [secret for secret in studio.secrets if secret in home + json.dumps([usage, attendance])]


def test_the_usage_of_a_day_comes_home_whole(studio: Studio, tmp_path: Path) -> None:
    since = studio.sandbox.clock.now()
    for _ in range(2):
        record = studio.launch()
        studio.present(record, "v-1")
        studio.wait(60)
        studio.end(record)
    until = studio.sandbox.clock.now() + timedelta(seconds=1)
    studio.wait(1000)
    export = ScreenleapExportUsageOperator(
        task_id="export",
        conn_id=studio.conn_id,
        since=since,
        until=until.isoformat(),
        destination=str(tmp_path),
        wait="false",
    )
    manifest = export.execute(context())
    assert (manifest["status"], manifest["extra"]["totals"]["shares"]) == ("complete", 2)
    assert export.execute(context()) == manifest
    assert all(Path(one["url"].removeprefix("file://")).is_file() for one in manifest["files"])


def test_an_export_waits_until_the_history_has_caught_up_and_says_until_when(
    studio: Studio, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    export = ScreenleapExportUsageOperator(
        task_id="export",
        conn_id=studio.conn_id,
        since=now - timedelta(days=1),
        until=now,
        destination=str(tmp_path),
        deferrable=True,
    )
    with capture_logs() as told:
        deferred = deferral(export, context())
    # A wait of a quarter of an hour without a word was taken for a hang.
    until = (now + timedelta(minutes=15)).isoformat(timespec="seconds")
    assert any("Waiting until" in line["event"] and until in str(line) for line in told)
    assert deferred.method_name == "execute_export"
    assert deferred.trigger.serialize()[1]["moment"] == parse_time((now + timedelta(minutes=15)).isoformat())
    assert export.execute_export(context(), None)["status"] == "partial"
    export.until = now - timedelta(days=2)
    with pytest.raises(AirflowFailException, match="`since` has to lie before"):
        export.execute(context())


def reaper(studio: Studio, **arguments: Any) -> ScreenleapReapSessionsOperator:
    given = {"older_than": timedelta(hours=1), "timeout": 0.05, **arguments}
    return ScreenleapReapSessionsOperator(task_id="reap", conn_id=studio.conn_id, **given)


def test_the_reaper_says_first_and_stops_then(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    record = studio.launch(external_id="case-7")
    studio.present(record)
    studio.wait(3700)
    dry = reaper(studio, older_than="3600", report_only="True").execute(context())
    assert (dry["dry_run"], [one["action"] for one in dry["shares"]]) == (True, ["would_stop"])
    wet = reaper(studio).execute(context())
    assert (wet["dry_run"], [one["action"] for one in wet["shares"]]) == (False, ["stopped"])
    assert wet["shares"][0]["external_id"] == "case-7"
    told = json.dumps([dry, wet]) + caplog.text
    assert not [secret for secret in studio.secrets if secret in told]


def test_a_reaper_that_could_not_stop_all_is_tried_again(studio: Studio) -> None:
    record = studio.launch()
    studio.present(record)
    studio.wait(3700)
    studio.connect(extra={"requests_per_second": 1000, "timeout": 1})
    studio.sandbox.faults.add("throttle", path="/stop$", retry_after=3000)
    with pytest.raises(Unavailable, match="1 of 1 shares"):
        reaper(studio).execute(context())
    with pytest.raises(AirflowFailException, match="older_than"):
        reaper(studio, older_than=0).execute(context())


def test_the_people_of_an_adopted_share_are_known_without_its_links(studio: Studio, tmp_path: Path) -> None:
    record = studio.launch()
    studio.present(record, "v-1", "v-2")
    studio.wait(600)
    studio.end(record)
    studio.wait(301)

    def table(one: dict[str, Any], folder: Path) -> bytes:
        arguments: dict[str, Any] = {"session": one, "destination": folder.as_uri()}
        ScreenleapRetrieveAttendanceOperator(task_id="attendance", **arguments).execute(context())
        (found,) = folder.rglob("attendance.json")
        return found.read_bytes()

    # A second run about the same share wrote everybody down as not seen, over the first run's table.
    assert table({**record, "links": None}, tmp_path / "adopted") == table(record, tmp_path / "launched")
