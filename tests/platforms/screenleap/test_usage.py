"""What comes home of a share, and of an account; and the reaper of shares left open."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider.live_sessions.artifacts.export_run import window_key
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.platforms.screenleap.bringing_home import (
    bring_attendance,
    bring_usage,
    export_usage,
)
from airflow_provider.live_sessions.platforms.screenleap.cancelling import Pace
from airflow_provider.live_sessions.platforms.screenleap.filters import ShareFilters
from airflow_provider.live_sessions.platforms.screenleap.reaping import Action, reap
from tests.artifacts.memory import MemoryStorage
from tests.platforms.screenleap.studio import START, Studio, plan

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import Launched
    from airflow_provider.live_sessions.platforms.screenleap.reaping import Reaped

BERLIN = ZoneInfo("Europe/Berlin")


def record(studio: Studio, launched: Launched) -> SessionRecord:
    return SessionRecord.of(launched, plan(externalId="case-7"), studio.cipher)


def home(studio: Studio, launched: Launched, storage: MemoryStorage | None = None) -> tuple[Any, MemoryStorage]:
    storage = storage or MemoryStorage()
    writer = Writer(storage, "x", kind="usage", session_key=launched.ref.key)
    return bring_usage(studio.platform, record(studio, launched), writer, zone=BERLIN), storage


def table(storage: MemoryStorage, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(storage.files[f"x/{name}"].decode(), newline="")))


@pytest.mark.parametrize("later", [1, 302, 602])
def test_a_shares_usage_is_complete_from_its_end_on_wherever_it_is_shown(studio: Studio, later: int) -> None:
    launched = studio.launch(plan(externalId="case-7"))
    studio.present(launched.ref, "v-1", "v-2")
    studio.wait(600)
    studio.people.leave(studio.code(launched.ref), "v-1")
    studio.wait(1200)
    studio.end(launched.ref)
    studio.wait(later)
    manifest, storage = home(studio, launched)
    assert (manifest.status, manifest.session_ids) == ("complete", (launched.ref.session_id,))
    # 30 minutes of the presenter, 10 and 30 of the viewers, a cent each.
    assert manifest.extra["totals"] == {"shares": 1, "viewers": 2, "user_minutes": 70, "cost_in_cents": 70}
    (row,) = table(storage, "usage.csv")
    assert row["share"] == launched.ref.session_id
    assert (row["external_id"], row["launch_key"]) == ("case-7", launched.ref.key)
    assert (row["started_at"], row["ended_at"]) == ("2026-09-01T10:00:00+02:00", "2026-09-01T10:30:00+02:00")
    assert (row["seconds"], row["viewers"], row["distinct_viewers"], row["user_minutes"]) == (
        "1800",
        "2",
        "2",
        "70",
    )
    people = table(storage, "participants.csv")
    assert [(one["external_id"], one["presenter"], one["minutes"]) for one in people] == [
        ("", "true", "30"),
        ("v-1", "false", "10"),
        ("v-2", "false", "30"),
    ]
    assert [one["joined_at"] for one in json.loads(storage.files["x/participants.json"])] == [
        "2026-09-01T08:00:00+00:00"
    ] * 3
    text = b"".join(storage.files.values()).decode()
    assert not [secret for secret in studio.secrets if secret in text]
    assert "Mozilla" not in text


def test_usage_of_a_share_that_goes_on_says_that_it_is_partial(studio: Studio) -> None:
    launched = studio.launch()
    assert home(studio, launched)[0].status == "none"
    studio.present(launched.ref, "v-1")
    manifest, storage = home(studio, launched)
    assert (manifest.status, "going on" in manifest.why) == ("partial", True)
    assert table(storage, "usage.csv")[0]["cost_in_cents"] == ""


def test_a_share_that_nobody_watched_is_complete_and_free(studio: Studio) -> None:
    launched = studio.launch()
    studio.hold(launched.ref, 600, ())
    manifest, _ = home(studio, launched)
    assert manifest.status == "complete"
    assert manifest.extra["totals"]["cost_in_cents"] == 0


def test_a_share_whose_cost_is_not_told_yet_is_partial(studio: Studio) -> None:
    launched = studio.launch()
    studio.hold(launched.ref, 600)

    def unpriced(_: Any, response: Any) -> Any:
        rows = json.loads(response.body)
        for row in rows if isinstance(rows, list) else [rows]:
            row.pop("userMinutes", None)
            row.pop("costInCents", None)
        return replace(response, body=json.dumps(rows).encode())

    studio.tap.answer = unpriced
    manifest, _ = home(studio, launched)
    assert (manifest.status, "cost" in manifest.why) == ("partial", True)
    writer = Writer(MemoryStorage(), "y", kind="usage", session_key=window_key("c", START, START))
    studio.wait(1200)
    with pytest.raises(ValueError, match="another artifact"):
        export_usage(studio.client, writer, START, START + timedelta(hours=1), conn_id="c")
    until = START + timedelta(minutes=15)
    writer = Writer(MemoryStorage(), "y", kind="usage", session_key=window_key("c", START, until))
    whole = export_usage(studio.client, writer, START, until, conn_id="c")
    assert whole.why == "The cost of 1 shares is not told yet."


def test_a_share_that_nothing_shows_leaves_a_manifest_of_nothing() -> None:
    with Studio.open(readable_for=1.0) as studio:
        launched = studio.launch()
        studio.wait(3700)
        manifest, storage = home(studio, launched)
        assert (manifest.status, manifest.files) == ("none", ())
        assert list(storage.files) == ["x/usage.manifest.json"]


def test_a_repeat_writes_the_same_bytes(studio: Studio) -> None:
    launched = studio.launch()
    studio.hold(launched.ref, 600)
    studio.wait(700)
    _, storage = home(studio, launched)
    before = dict(storage.files)
    home(studio, launched, storage)
    assert storage.files == before


def attendance(studio: Studio, launched: Launched) -> tuple[Any, list[dict[str, str]]]:
    storage = MemoryStorage()
    writer = Writer(storage, "x", kind="attendance", session_key=launched.ref.key)
    manifest = bring_attendance(studio.platform, record(studio, launched), writer, late_after=300, zone=BERLIN)
    return manifest, table(storage, "attendance.csv")


def test_attendance_tells_who_came_and_who_did_not(studio: Studio) -> None:
    launched = studio.launch()
    studio.hold(launched.ref, 1800, ("v-1", "stranger", ""))
    manifest, rows = attendance(studio, launched)
    assert manifest.status == "complete"
    told = {one["participant_id"] or one["platform_user_id"]: one for one in rows}
    assert (told["p-1"]["status"], told["p-1"]["role"]) == ("present", "presenter")
    assert told["v-1"]["seconds_present"] == "1800"
    assert told["v-2"]["status"] == "absent"
    assert told["stranger"]["expected"] == "false"
    assert len(rows) == 5
    assert all("breaks are not told" in one["note"] for one in rows if one["first_joined"])


def test_attendance_of_what_is_not_told_is_unknown_never_absent(studio: Studio) -> None:
    launched = studio.launch()
    _, rows = attendance(studio, launched)
    assert {one["status"] for one in rows} == {"absent"}  # it is known that nobody started it
    studio.present(launched.ref)
    manifest, _ = attendance(studio, launched)
    assert (manifest.status, "going on" in manifest.why) == ("partial", True)
    manifest, rows = attendance(studio, replace(launched, links=None))
    told = {one["participant_id"]: one["status"] for one in rows if one["expected"] == "true"}
    assert told == {"p-1": "present", "v-1": "unknown", "v-2": "unknown"}  # who presents is seen, links or not
    with Studio.open(readable_for=1.0) as forgetful:
        gone = forgetful.launch()
        forgetful.wait(3700)
        manifest, rows = attendance(forgetful, gone)
        assert ({one["status"] for one in rows}, manifest.status) == ({"unknown"}, "partial")


# ---- the reaper


def left_open(studio: Studio, title: str, **options: Any) -> Launched:
    launched = studio.launch(plan(title, **options))
    studio.present(launched.ref, "v-1")
    return launched


def reaped(studio: Studio, *, patience: float = 30.0, **how: Any) -> list[Reaped]:
    return reap(studio.client, older_than=3600, pace=Pace(patience, 2.0, studio.sleep), **how)


def test_the_reaper_stops_what_runs_too_long_and_nothing_else(studio: Studio) -> None:
    old = left_open(studio, "Old", externalId="case-7")
    studio.launch(plan("Never started"))
    studio.wait(3000)
    left_open(studio, "Young")
    studio.wait(700)
    (one,) = reaped(studio)
    assert (one.share, one.external_id, one.launch_key) == (old.ref.session_id, "case-7", old.ref.key)
    assert (one.action, one.open_seconds, one.viewers, one.title) == (Action.STOPPED, 3700, 1, "Old")
    assert len(studio.log(path="/stop$")) == 1
    assert [row["title"] for row in studio.shares if row["started_at"] and not row["ended_at"]] == ["Young"]
    assert not [secret for secret in studio.secrets if secret in json.dumps(one.to_json())]
    assert reaped(studio) == []


def test_a_dry_run_only_says_what_would_be_stopped(studio: Studio) -> None:
    left_open(studio, "Old")
    studio.wait(3700)
    (one,) = reaped(studio, dry_run=True)
    assert (one.action, len(studio.log(path="/stop$"))) == (Action.WOULD_STOP, 0)


def test_the_reaper_keeps_to_a_prefix(studio: Studio) -> None:
    left_open(studio, "Ours", externalId="demo-1")
    left_open(studio, "Theirs", externalId="case-1")
    studio.wait(3700)
    assert [one.title for one in reaped(studio, prefix="demo-")] == ["Ours"]


def test_a_share_that_ends_by_itself_meanwhile_is_not_stopped(studio: Studio) -> None:
    first, second = left_open(studio, "First"), left_open(studio, "Second")
    studio.wait(3700)
    codes = [studio.code(one.ref) for one in (first, second)]
    ended: list[str] = []

    def meanwhile(request: Any, response: Any) -> Any:
        if request.path.endswith("/recent-screen-shares") and not ended:
            ended.append(codes[0])
            studio.people.end(codes[0])
        if request.method == "GET" and request.path.endswith(codes[1]):
            studio.people.end(codes[1])  # between the read and the stop
        return response

    studio.tap.answer = meanwhile
    assert [(one.action, one.why) for one in reaped(studio)] == [(Action.ENDED, "It had ended by itself.")] * 2
    assert [one.status for one in studio.log(path="/stop$")] == [404]


def test_a_share_of_the_widget_is_told_as_refused_and_a_failure_stops_nobody_else(studio: Studio) -> None:
    studio.people.widget("elsewhere")
    left_open(studio, "Old")
    studio.wait(3700)
    studio.sandbox.faults.add("status", path="/stop$", status=500, nth=2)
    studio.sandbox.faults.add("status", path="/stop$", status=500, nth=3)
    studio.sandbox.faults.add("status", path="/stop$", status=500, nth=4)
    actions = {one.external_id: (one.action, one.why) for one in reaped(studio)}
    assert actions["elsewhere"][0] is Action.REFUSED
    assert "not created through" in actions["elsewhere"][1]
    assert actions[""][0] is Action.FAILED


def test_a_code_that_cannot_be_read_is_stopped_all_the_same(studio: Studio) -> None:
    left_open(studio, "Old")
    studio.wait(3700)
    studio.sandbox.faults.add("status", method="GET", path="/screen-shares/.", status=404, body="{}")
    assert [one.action for one in reaped(studio)] == [Action.STOPPED]


def test_an_end_that_is_not_seen_in_time_is_told_as_asked() -> None:
    with Studio.open(stop_after=60.0) as studio:
        left_open(studio, "Old")
        studio.wait(3700)
        (one,) = reaped(studio, patience=4.0)
        assert (one.action, studio.slept) == (Action.ASKED, [2.0, 2.0])
        assert "not seen" in one.why


def test_a_list_that_fails_while_the_ends_are_waited_for_is_asked_again(studio: Studio) -> None:
    left_open(studio, "Old")
    studio.wait(3700)
    for nth in (2, 3, 4):
        studio.sandbox.faults.add("status", path="/recent", status=503, nth=nth)
    assert [one.action for one in reaped(studio)] == [Action.STOPPED]
    studio.sandbox.faults.clear()
    left_open(studio, "Another")
    studio.wait(3700)
    studio.sandbox.faults.add("status", path="/recent", status=503, nth=1)
    studio.sandbox.faults.add("status", path="/recent", status=503, nth=2)
    studio.sandbox.faults.add("status", path="/recent", status=503, nth=3)
    with pytest.raises(Unavailable):
        reaped(studio)
    assert list(studio.client.shares(ShareFilters()))
