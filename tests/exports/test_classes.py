"""Classes out of exports: grouped whatever hour their sessions ended in, with the plan that was kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider.live_sessions.artifacts.attendance import build_rows, counts
from airflow_provider.live_sessions.artifacts.class_plans import ClassPlan
from airflow_provider.live_sessions.artifacts.class_source import ClassSource
from airflow_provider.live_sessions.artifacts.export_checks import Findings, disagreements, problems
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
        self.spoken = self.hear()

    def hear(self, **more: Any) -> ExportResult:
        source, plan = (
            SegmentSource(self.academy.platform),
            ExportPlan(self.storage, "school", prefix="said", **more),
        )
        return export_from(source, plan, cut(BEGIN, END, Period.HOUR), say=lambda _: None)

    def export(self, since: datetime, until: datetime, **more: Any) -> ExportResult:
        plan = ExportPlan(self.storage, "school", **more)
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

    def chain(self) -> list[str]:
        """Let one class have been held three times, more than the spread between its first and its last."""
        ids = []
        for session, hour in zip(self.academy.sandbox.lessonspace._store.sessions, (1, 3, 5), strict=False):
            session.started_at = BEGIN + timedelta(hours=hour)
            session.ended_at = session.started_at + timedelta(minutes=20)
            session.tags = {"als_key": "c4a1" * 8}
            ids.append(session.uuid)
        self.sessions = self.export(BEGIN, END, overwrite=True)
        self.spoken = self.hear(overwrite=True)
        return ids


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
        assert problems(warehouse.storage, result.manifests) == Findings()
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


def test_the_first_session_of_a_chain_is_in_its_class_though_it_lies_far_before_the_last() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        warehouse = Warehouse(academy)
        ids = warehouse.chain()
        warehouse.export(END, END + SPREAD)
        result = warehouse.summary(look_around=timedelta(hours=2))
        row = warehouse.classes(result)["c4a1" * 8]
        assert row["session_ids"] == ids
        said = [line["session_id"] for line in rows(warehouse.storage, warehouse.spoken.manifests)]
        words = [line["words"] for line in rows(warehouse.storage, warehouse.spoken.manifests)]
        told = sum(number for one, number in zip(said, words, strict=True) if one in ids)
        assert (row["words"] or 0) == told > 0
        # What was found so far back counts when it is asked whether the class has to be computed again.
        assert warehouse.summary(look_around=timedelta(hours=2)).kept == len(result.manifests)
        first, last = warehouse.sessions.manifests[1], result.manifests[5]
        before = warehouse.storage.get(last)
        changed = json.loads(warehouse.storage.get(first))
        warehouse.storage.put(first, [json.dumps({**changed, "title": "Read anew"}).encode()])
        warehouse.summary(look_around=timedelta(hours=2))
        assert warehouse.storage.get(last) != before


def test_a_class_whose_earlier_words_are_not_whole_is_partial_until_they_are() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        warehouse = Warehouse(academy)
        warehouse.chain()
        warehouse.export(END, END + SPREAD)
        name = warehouse.spoken.manifests[3]
        whole = warehouse.storage.get(name)
        for status in (Completeness.PARTIAL, None):
            if status is None:
                warehouse.storage.delete(name)
            else:
                changed = json.dumps({**json.loads(whole), "status": status.value, "why": "x"}).encode()
                warehouse.storage.put(name, [changed])
            result = warehouse.summary()
            said = [one for one in result.partial if one.startswith(result.manifests[5])]
            told = "partial" if status else "not home"
            assert [f"hour=09 are {told}: words of a class are missing" in one for one in said] == [True]
        warehouse.storage.put(name, [whole])
        assert warehouse.summary().partial == []
