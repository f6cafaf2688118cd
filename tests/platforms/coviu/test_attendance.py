"""Who came: the summary as a table, complete or saying why not."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.errors import Refused
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.status import Held, State
from airflow_provider.live_sessions.platforms.coviu.attendance import presences
from airflow_provider.live_sessions.platforms.coviu.bringing_home import bring_attendance
from airflow_provider.live_sessions.platforms.coviu.models import ParticipantRequest, SessionUpdate, Summary
from tests.core.cipher import FernetCipher
from tests.platforms.coviu.clinic import OTHER, PEOPLE, START, Clinic, plan

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider.live_sessions.core.models import Plan


def launch(clinic: Clinic, the_plan: Plan | None = None) -> SessionRecord:
    the_plan = the_plan or plan()
    return SessionRecord.of(clinic.launch(the_plan), the_plan, FernetCipher())


def bring(clinic: Clinic, record: SessionRecord, folder: Path, **more: Any) -> Manifest:
    writer = Writer(LocalStorage(str(folder)), "visit", kind="attendance", session_key=record.ref.key)
    return bring_attendance(clinic.platform, record, writer, late_after=300, zone=UTC, **more)


def table(folder: Path) -> dict[str, dict[str, str]]:
    text = (folder / "visit" / "attendance.csv").read_text("utf-8")
    return {row["participant_id"] or row["name"]: row for row in csv.DictReader(io.StringIO(text))}


def test_who_came_late_or_not_at_all_is_in_the_table(clinic: Clinic, tmp_path: Path) -> None:
    record = launch(clinic, plan(people=(*PEOPLE, OTHER)))
    clinic.go_to(START)
    clinic.join(record.ref, "dr-1")
    clinic.wait(600)
    clinic.join(record.ref, "p-1")
    clinic.wait(600)
    clinic.leave(record.ref, "dr-1", "p-1")
    clinic.wait(1200)
    manifest = bring(clinic, record, tmp_path)
    assert manifest.status is Completeness.COMPLETE
    rows = table(tmp_path)
    assert [(rows[who]["status"], rows[who]["seconds_present"]) for who in ("dr-1", "p-1", "p-2")] == [
        ("present", "1200"),
        ("late", "600"),
        ("absent", "0"),
    ]
    assert [rows[who]["role"] for who in ("dr-1", "p-1")] == ["host", "guest"]
    assert manifest.extra["held"] == "yes"
    assert manifest.actual_start == START


def test_no_participants_id_is_in_the_files(clinic: Clinic, tmp_path: Path) -> None:
    record = launch(clinic)
    clinic.hold(record.ref, 1800)
    clinic.wait(600)
    manifest = bring(clinic, record, tmp_path)
    written = "".join(one.read_text("utf-8") for one in (tmp_path / "visit").iterdir())
    written += json.dumps(manifest.to_json())
    assert "dr-1" in written
    secrets = clinic.sandbox.coviu.secrets()
    assert not [one for one in (*secrets["participant_ids"], *secrets["tokens"]) if one in written]


def test_people_added_and_removed_are_named_in_the_table(clinic: Clinic, tmp_path: Path) -> None:
    record = launch(clinic)
    clinic.platform.add_participant(record.ref, OTHER)
    clinic.go_to(START)
    clinic.join(record.ref, "p-1", "p-2")
    clinic.wait(60)
    clinic.leave(record.ref, "p-1", "p-2")
    clinic.platform.remove_participant(record.ref, "p-1")
    clinic.wait(3600)
    bring(clinic, record, tmp_path)
    rows = table(tmp_path)
    assert rows["p-1"]["status"] == "present"
    assert (rows["Cleo"]["expected"], rows["Cleo"]["status"]) == ("false", "present")


def test_who_has_not_left_is_asked_for_again_and_then_marked(clinic: Clinic, tmp_path: Path) -> None:
    record = launch(clinic)
    clinic.go_to(START)
    clinic.join(record.ref, "dr-1", "p-1")
    clinic.wait(2200)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            clinic.leave(record.ref, "dr-1")

    manifest = bring(clinic, record, tmp_path, exit_wait=50, sleep=sleep)
    assert slept == [15, 15, 15, 5]
    assert manifest.status is Completeness.PARTIAL
    assert "1 of 2" in manifest.why
    assert "No leave was seen" in table(tmp_path)["p-1"]["note"]


def test_an_exit_that_comes_while_waiting_makes_it_complete(clinic: Clinic, tmp_path: Path) -> None:
    record = launch(clinic)
    clinic.go_to(START)
    clinic.join(record.ref, "dr-1", "p-1")
    clinic.wait(2200)
    manifest = bring(
        clinic, record, tmp_path, exit_wait=60, sleep=lambda _: clinic.leave(record.ref, "dr-1", "p-1")
    )
    assert manifest.status is Completeness.COMPLETE


def test_a_session_still_open_is_partial_and_not_waited_for(clinic: Clinic, tmp_path: Path) -> None:
    record = launch(clinic)
    clinic.go_to(START)
    clinic.join(record.ref, "dr-1")
    manifest = bring(clinic, record, tmp_path, exit_wait=60, sleep=pytest.fail)
    assert (manifest.status, manifest.why) == (Completeness.PARTIAL, "The session was still open.")


def test_a_no_show_is_a_complete_table_of_absent_people(clinic: Clinic, tmp_path: Path) -> None:
    record = launch(clinic)
    clinic.go_to(START + timedelta(hours=1))
    manifest = bring(clinic, record, tmp_path)
    assert (manifest.status, manifest.extra["held"]) == (Completeness.COMPLETE, "no")
    assert {row["status"] for row in table(tmp_path).values()} == {"absent"}


def test_a_missing_summary_is_unknown_and_no_no_show(tmp_path: Path) -> None:
    with Clinic.open(summary_before="404") as clinic:
        record = launch(clinic)
        clinic.go_to(START + timedelta(hours=1))
        found = clinic.platform.attended(record.ref, {}, clinic.platform.current(record.ref))
        assert (found.told, found.status.state, found.status.held) == (False, State.ENDED, Held.UNKNOWN)
        manifest = bring(clinic, record, tmp_path)
        assert (manifest.status, manifest.files) == (Completeness.NONE, ())


def test_a_cancelled_session_leaves_a_manifest_that_says_so(clinic: Clinic, tmp_path: Path) -> None:
    record = launch(clinic)
    clinic.platform.cancel(record.ref)
    manifest = bring(clinic, record, tmp_path)
    assert (manifest.status, manifest.why) == (Completeness.NONE, "It was cancelled.")


def test_an_entry_of_nobody_known_is_a_row_of_its_own(clinic: Clinic, tmp_path: Path) -> None:
    record = launch(clinic)
    host = clinic.client.session(record.ref.session_id).participants[0]
    clinic.client.update_participant(host.participant_id, ParticipantRequest(state="another tool's"))
    clinic.hold(record.ref, 600, "Dr. Ada", "p-1")
    clinic.wait(3600)
    bring(clinic, record, tmp_path)
    rows = table(tmp_path)
    assert (rows["dr-1"]["status"], rows["Dr. Ada"]["expected"]) == ("absent", "false")


def test_who_is_in_the_summary_without_an_entry_did_not_come() -> None:
    listed = Summary.model_validate({"participants": [{"participant_id": "p", "role": "GUEST"}]})
    assert presences(listed, [], {}) == []


# ---- updating, which moves what the attendance is measured by


@pytest.mark.parametrize(
    ("at", "changes", "told"),
    [
        (-600, SessionUpdate(end_time=START - timedelta(minutes=1)), "ends? before"),
        (-600, SessionUpdate(end_time=START + timedelta(hours=13)), "12 hours"),
        (60, SessionUpdate(start_time=START + timedelta(minutes=5)), "only its end"),
        (7200, SessionUpdate(end_time=START + timedelta(hours=3)), "finished"),
    ],
)
def test_an_update_that_coviu_would_not_take_is_refused(
    clinic: Clinic, at: int, changes: SessionUpdate, told: str
) -> None:
    record = launch(clinic)
    clinic.go_to(START + timedelta(seconds=at))
    with pytest.raises(Refused, match=told):
        clinic.platform.update(record.ref, changes)


def test_a_started_session_is_prolonged(clinic: Clinic) -> None:
    record = launch(clinic)
    clinic.go_to(START + timedelta(minutes=1))
    later = SessionUpdate(end_time=START + timedelta(hours=1))
    assert clinic.platform.update(record.ref, later).end_time == START + timedelta(hours=1)
