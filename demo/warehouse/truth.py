"""The warehouse held against the sandbox's own records, and against what classes brought home by themselves."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.export_files import rows_of
from airflow_provider.live_sessions.artifacts.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from airflow_provider.live_sessions.core.storage import Storage
    from demo.scenario import Stage

TASKS = {"sessions": "export", "segments": "classes.transcripts", "classes": "classes.summarise"}
TABLES = {"sessions": "sessions", "segments": "segments", "classes": "classes"}


@dataclass
class Warehouse:
    """What came of one platform.

    Args:
        platform: Its name.
        storage: Where everything came home.
        rows: The rows of each export, by what they are.
        loaded: How many rows the database has of each.
    """

    platform: str
    storage: Storage
    rows: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    loaded: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, stage: Stage, dag_id: str, run_id: str, platform: str, database: Path) -> Warehouse:
        """Read what a run brought home and loaded."""
        rows = {}
        for what, task in TASKS.items():
            told = stage.stack.xcom(dag_id, run_id, f"{platform}.{task}", -1) or {"manifests": []}
            manifests = [Manifest.from_bytes(stage.storage.get(name)) for name in told["manifests"]]
            rows[what] = [row for one in manifests for row in rows_of(stage.storage, one)]
        return cls(platform, stage.storage, rows, dict(_loaded(database, platform, rows)))

    def figures(self) -> tuple[int, ...]:
        """Return the line of the table."""
        sessions, segments, classes = self.rows["sessions"], self.rows["segments"], self.rows["classes"]
        return (
            len(sessions),
            sum(len(row["participants"]) for row in sessions),
            len(segments),
            sum(row["words"] for row in segments),
            len(classes),
            sum(row["expected"] for row in classes),
            sum(row["absent"] for row in classes),
        )

    def problems(self, truth: Mapping[str, int]) -> list[str]:
        """Return what does not agree.

        Args:
            truth: How many people were in each session of the time, by what the sandbox calls it.
        """
        return [*self._sessions(truth), *self._words(), *self._classes(), *self._database()]

    def _sessions(self, truth: Mapping[str, int]) -> Iterator[str]:
        found = {row["session_id"]: len(row["participants"]) for row in self.rows["sessions"]}
        if self.platform == "screenleap":  # the sandbox tells no codes, and the warehouse no more than digests
            if len(found) != len(truth):
                yield f"{len(found)} shares are in the warehouse, the platform had {len(truth)}"
        elif found != dict(truth):
            wrong = [one for one in {**found, **truth} if found.get(one) != truth.get(one)]
            yield f"{len(wrong)} sessions are missing, too many or have other people: {', '.join(wrong)}"
        seen = {one for row in self.rows["classes"] for one in row["session_ids"]}
        if seen != set(found):
            yield f"{len(seen ^ set(found))} sessions are in the classes or in the sessions alone"

    def _words(self) -> Iterator[str]:
        """Hold what was said against the transcripts that the classes brought home by themselves."""
        segments = self.rows["segments"]
        there = [
            len(line["text"].split())
            for manifest in self._manifests("transcript")
            for entry in manifest.files
            if entry.name.endswith(".json")
            for line in json.loads(self.storage.get(entry.name))
        ]
        told = (len(segments), sum(row["words"] for row in segments))
        if told != (len(there), sum(there)):
            own = (len(there), sum(there))
            yield f"{told} segments and words are in the warehouse, the classes' own files have {own}"
        strangers = sum(not row["participant_id"] for row in segments)
        if strangers:
            yield f"of {strangers} segments nobody knows who spoke"

    def _classes(self) -> Iterator[str]:
        """Hold the classes against the attendance tables that they brought home by themselves."""
        classes = {row["class_key"]: row for row in self.rows["classes"]}
        for manifest in self._manifests("attendance"):
            row, counts = classes.get(manifest.session_key), manifest.extra.get("counts", {})
            if row is None:
                yield f"{manifest.title} is no class in the warehouse"
                continue
            for name in ("expected", "late", "absent"):
                if row[name] != counts.get(name):
                    yield f"{manifest.title}: {row[name]} {name}, its attendance table says {counts.get(name)}"

    def _database(self) -> Iterator[str]:
        for what, rows in self.rows.items():
            if self.loaded.get(what, 0) != len(rows):
                yield f"the database has {self.loaded.get(what, 0)} {what}, the files {len(rows)}"

    def _manifests(self, kind: str) -> Iterator[Manifest]:
        for name in self.storage.list():
            if name.endswith(f"/{kind}.manifest.json"):
                manifest = Manifest.from_bytes(self.storage.get(name))
                if manifest.platform == self.platform:
                    yield manifest


def sessions_of(state: Mapping[str, Any], platform: str, since: datetime, until: datetime) -> dict[str, int]:
    """Return what the sandbox knows of the sessions that count in a time: how many people each had."""

    def within(moment: str | None) -> bool:
        return moment is not None and since <= datetime.fromisoformat(moment) < until

    told = state[platform]
    if platform == "lessonspace":
        listed = told["sessions"]
        return {one["uuid"]: len(one["people"]) + one["guests"] for one in listed if within(one["end_time"])}
    if platform == "coviu":
        return {
            one["session_id"]: len(one["participants"])
            for one in told["sessions"]
            if within(one["end_time"]) and not one["canceled"]
        }
    return {one["share"]: 0 for one in told["shares"] if within(one["ended_at"]) and one["total_viewers"]}


def _loaded(database: Path, platform: str, rows: Mapping[str, list[Any]]) -> Iterator[tuple[str, int]]:
    with closing(sqlite3.connect(database)) as connection:
        for what, table in TABLES.items():
            if rows[what]:
                statement = f"SELECT COUNT(*) FROM {table} WHERE platform = ?"  # noqa: S608 - our own words
                yield what, int(connection.execute(statement, (platform,)).fetchone()[0])
