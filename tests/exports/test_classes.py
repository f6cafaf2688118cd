"""Classes out of exports: grouped whatever hour their sessions ended in, with the plan that was kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider.live_sessions.artifacts.attendance import build_rows, counts
from airflow_provider.live_sessions.artifacts.class_plans import ClassPlan
from airflow_provider.live_sessions.artifacts.class_source import ClassSource
from airflow_provider.live_sessions.artifacts.export_checks import disagreements, problems
from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult, export, export_from
from airflow_provider.live_sessions.artifacts.export_sources import SegmentSource
from airflow_provider.live_sessions.artifacts.layout import session_folder
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.partitions import Home
from airflow_provider.live_sessions.artifacts.tables import write_attendance
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.models import Participant
from tests.artifacts.memory import MemoryStorage
from tests.exports.lessonspace_past import fill
from tests.exports.reading import digests, rows
from tests.exports.spoken_past import speak
from tests.platforms.lessonspace.academy import Academy

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGIN = datetime(2026, 8, 28, 6, tzinfo=UTC)
END = BEGIN + timedelta(hours=6)
SPREAD = timedelta(hours=3)


class Warehouse:
    """A morning of a school, its sessions and what was said in them exported hour by hour."""

    def __init__(self, academy: Academy) -> None:
        sandbox = academy.sandbox
        fill(sandbox, BEGIN - timedelta(hours=20), END - timedelta(hours=1), 80)
        ended = sorted(sandbox.lessonspace._store.sessions, key=lambda one: one.ended_at or END)
        for number, session in enumerate(ended):  # two of a class end one after the other
            session.tags = {"als_key": f"{number // 2:032x}"} if number % 8 else {}
        self.said = speak(sandbox)
        self.academy = academy
        self.storage = MemoryStorage()
        self.sessions = self.export(BEGIN, END)
        self.spoken = export_from(
            SegmentSource(academy.platform),
            ExportPlan(self.storage, "school", prefix="said"),
            cut(BEGIN, END, Period.HOUR),
            say=lambda _: None,
        )

    def export(self, since: datetime, until: datetime) -> ExportResult:
        plan = ExportPlan(self.storage, "school")
        return export(self.academy.platform, plan, cut(since, until, Period.HOUR), say=lambda _: None)

    def summary(self, plans: Mapping[str, ClassPlan] | None = None, **more: Any) -> ExportResult:
        sessions = Home.told(self.storage, self.sessions.manifests)
        assert sessions is not None
        segments = Home.told(self.storage, self.spoken.manifests)
        source = ClassSource(self.storage, sessions, segments, plans or {}, **{"look_around": SPREAD, **more})
        plan = ExportPlan(self.storage, "school", prefix="classes")
        return export_from(source, plan, sessions.chunks(self.storage), say=lambda _: None)

    def classes(self, result: ExportResult) -> dict[str, dict[str, Any]]:
        found = rows(self.storage, result.manifests)
        assert len({row["class_key"] for row in found}) == len(found) or result.partial
        return {row["class_key"]: row for row in found}


def test_each_session_is_in_one_class_and_every_word_is_counted_once() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        warehouse = Warehouse(academy)
        warehouse.export(END, END + SPREAD)  # what ended behind the last hour is home too
        result = warehouse.summary()
        assert result.partial == []
        exported = {row["session_id"]: row for row in rows(warehouse.storage, warehouse.sessions.manifests)}
        classes = warehouse.classes(result)
        several = [one for one in classes.values() if one["sessions"] > 1]
        assert several
        for key, row in classes.items():
            mine = [exported[one] for one in row["session_ids"] if one in exported]
            assert {one["launch_key"] or one["session_id"] for one in mine} == {key}
            assert row["started_at"] <= min(one["started_at"] for one in mine)
            words = sum(line["words"] for one in row["session_ids"] for line in warehouse.said.get(one, ()))
            assert (row["words"] or 0) == words == sum(one["words"] or 0 for one in row["people"])
        assert problems(warehouse.storage, result.manifests) == []
        names = result.manifests
        found = list(disagreements(warehouse.storage, names, warehouse.sessions.manifests))
        assert result.counts["in_later_files"] > 0 or not found


def test_the_same_exports_give_the_same_bytes_and_are_not_computed_again() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        warehouse = Warehouse(academy)
        warehouse.export(END, END + SPREAD)
        first = warehouse.summary()
        before = digests(warehouse.storage, first.manifests)
        assert warehouse.summary().kept == len(first.manifests)
        for name in first.manifests:
            warehouse.storage.delete(name)
        assert digests(warehouse.storage, warehouse.summary().manifests) == before


def test_a_class_is_partial_until_the_hours_behind_it_are_home() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        warehouse = Warehouse(academy)
        early = warehouse.summary()
        assert len(early.partial) == 3
        assert "is not home yet: a class may go on there" in early.partial[-1]
        warehouse.export(END, END + SPREAD)
        late = warehouse.summary()
        assert late.partial == []
        assert warehouse.summary(look_around=timedelta()).partial == []


def test_the_plan_of_a_launch_says_who_was_late_and_who_never_came() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        warehouse = Warehouse(academy)
        warehouse.export(END, END + SPREAD)
        plain = warehouse.classes(warehouse.summary())
        key, row = next((key, one) for key, one in plain.items() if one["people"] and not key.count("-"))
        assert (row["expected"], row["planned_start"]) == (0, None)
        came = row["people"][0]
        start = datetime.fromisoformat(came["joined_at"]) - timedelta(minutes=10)
        people = (Participant("known", "Planned Name", role="student"), Participant("missing", "Never Came"))
        plan = ClassPlan("Algebra", start, start + timedelta(hours=1), people, {came["person_id"]: "known"})
        told = warehouse.classes(warehouse.summary({key: plan}))[key]
        lines = {one["participant_id"]: one for one in told["people"] if one["expected"]}
        assert (told["title"], told["expected"], told["late"], told["absent"]) == ("Algebra", 2, 1, 1)
        assert (lines["known"]["status"], lines["known"]["late_minutes"]) == ("late", 10.0)
        assert lines["known"]["name"] == "Planned Name"
        assert (lines["missing"]["status"], lines["missing"]["minutes"]) == ("absent", 0.0)
        # The same, read from the attendance table that the class brought home.
        storage = warehouse.storage
        folder = session_folder(title="Algebra", key=key, planned_start=start, zone=ZoneInfo("Europe/Berlin"))
        table = build_rows([], people, planned_start=start)
        known = [{**one.to_json(), "platform_user_id": came["person_id"]} for one in table[:1]]
        writer = Writer(storage, folder, kind="attendance", session_key=key)
        write_attendance(writer, table)
        manifest = Manifest(
            "attendance", "lessonspace", "school", key, Completeness.COMPLETE,
            title="Algebra", planned_start=start, planned_end=plan.end, extra={"counts": counts(table)},
        )  # fmt: skip
        content = json.dumps([*known, table[1].to_json()]).encode()
        rewritten = Writer(storage, folder, kind="attendance", session_key=key)
        rewritten.add("attendance.json", [content], media_type="application/json")
        rewritten.finish(manifest)
        assert warehouse.classes(warehouse.summary())[key] == told
