"""Classes out of exports that are home: which sessions are one class's, and what was said in them.

The sessions of one class may have ended in several hours or days. The class belongs to the one in which its last
session ended, so the files around a file are looked through for other sessions of its classes: those behind it
once, those before it for as long as earlier ones are found. Rows pass through a temporary database on the disk; in
memory is one class at a time, and the launch keys of the files around.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.attendance import LATE_AFTER_SECONDS
from airflow_provider.live_sessions.artifacts.class_plans import ClassPlan, attendance_manifests, of_attendance
from airflow_provider.live_sessions.artifacts.class_summary import Spoken, class_key, summarise
from airflow_provider.live_sessions.artifacts.export_files import rows_of
from airflow_provider.live_sessions.artifacts.export_lacks import Lacks, may_heal
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.partitions import length_of
from airflow_provider.live_sessions.artifacts.row_shapes import CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set

    from airflow_provider.live_sessions.artifacts.export_chunks import Chunk
    from airflow_provider.live_sessions.artifacts.partitions import Home
    from airflow_provider.live_sessions.artifacts.row_shapes import Row, Shape
    from airflow_provider.live_sessions.core.session_rows import Tally
    from airflow_provider.live_sessions.core.storage import Storage

LOOK_AROUND = timedelta(hours=6)
"""How far one session of a class may lie from the next."""

FILES_KNOWN, KEYS_KNOWN = 100, 100_000
"""How many files' launch keys are held, and of all of them: the next hour looks through nearly the same files."""

_TABLES = """
CREATE TABLE session (class_key, session_id PRIMARY KEY, counted_at, here, line) WITHOUT ROWID;
CREATE INDEX by_class ON session (class_key);
CREATE TABLE spoken (session_id, speaker_id, participant_id, speaker, words, segments,
    PRIMARY KEY (session_id, speaker_id, participant_id, speaker)) WITHOUT ROWID;
"""
_SPOKE = """
INSERT INTO spoken VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET
    words = words + excluded.words, segments = segments + 1
"""
_SAID = """
SELECT speaker_id, participant_id, speaker, SUM(words), SUM(segments) FROM spoken
WHERE session_id IN (SELECT session_id FROM session WHERE class_key = ?)
GROUP BY speaker_id, participant_id, speaker ORDER BY speaker_id, participant_id, speaker
"""


@dataclass
class ClassSource:
    """The classes of an account.

    Args:
        storage: Where exports are, and the files of classes.
        sessions: The export of sessions.
        segments: The export of what was said, over the same hours or days; None for none.
        plans: By launch key, what launches told; other plans are read from the attendance tables in the storage.
        late_after: Seconds after the planned start up to which a person is in time.
        look_around: How far one session of a class may lie from the next; nothing for what one file has of it.
    """

    storage: Storage
    sessions: Home
    segments: Home | None = None
    plans: Mapping[str, ClassPlan] = field(default_factory=dict)
    late_after: float = LATE_AFTER_SECONDS
    look_around: timedelta = LOOK_AROUND
    shape: Shape = CLASSES
    title: str = "Classes of the account"
    _known: OrderedDict[tuple[str, ...], frozenset[str]] = field(
        default_factory=OrderedDict, init=False, repr=False
    )
    _reached: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False)

    @property
    def platform(self) -> str:
        """The platform's name."""
        return self.sessions.platform

    def asked(self, chunk: Chunk) -> Mapping[str, Any]:
        """Return digests of all that the classes are computed from."""
        self._reached.clear()  # looked for anew for each chunk, then the same for all that is computed of it
        told = hashlib.sha256()
        for manifest in [*self._around(self.sessions, chunk), *self._around(self.segments, chunk)]:
            told.update(manifest.to_bytes())
        keys = self._keys(chunk.partition)
        for key in sorted(keys):
            told.update(repr((key, self.plans.get(key))).encode())
        for name in sorted(self._tables(chunk, keys).values()):
            told.update(self.storage.get(name))
        return {
            "late_after": self.late_after,
            "look_around_seconds": round(self.look_around.total_seconds()),
            "from": told.hexdigest()[:32],
        }

    def rows(self, chunk: Chunk, tally: Tally) -> Iterator[Row]:
        """Yield each class whose last session is in the file of the chunk."""
        database = sqlite3.connect("", isolation_level=None)
        try:
            for statement in ("PRAGMA journal_mode = OFF", "PRAGMA cache_size = -4096", "BEGIN"):
                database.execute(statement)
            for statement in filter(str.strip, _TABLES.split(";")):
                database.execute(statement)
            self._gather(chunk, database, tally)
            keys = {key for (key,) in database.execute("SELECT DISTINCT class_key FROM session WHERE here")}
            tables = self._tables(chunk, keys - set(self.plans))
            for key in sorted(keys):
                lines = database.execute("SELECT here, line FROM session WHERE class_key = ?", (key,)).fetchall()
                found = [(bool(here), json.loads(line)) for here, line in lines]
                row = summarise(
                    [session for _, session in found],
                    [Spoken(*one) for one in database.execute(_SAID, (key,))],
                    self._plan(key, tables),
                    late_after=self.late_after,
                )
                if row.session_ids[-1] in {session["session_id"] for here, session in found if here}:
                    tally.count("planned", row.planned_start is not None)
                    yield row
                else:
                    tally.count("in_later_files")
        finally:
            database.close()

    def agrees(self, storage: Storage, manifest: Manifest, chunk: Chunk) -> bool:
        """Return True: what the classes come from is part of what is :meth:`asked`."""
        del storage, manifest, chunk
        return True

    def lacking(self, chunk: Chunk, tally: Tally, seconds: float) -> Lacks:
        """Return which of the files that the classes come from are partial or not home.

        Earlier files count for what was said in them, and only where sessions of the classes are in them.
        """
        del tally, seconds
        passing: list[str] = []
        lost: list[str] = []
        for home in filter(None, (self.sessions, self.segments)):
            here = home.of(self.storage, chunk.partition)
            if here is None:
                passing.append(f"The {home.kind} of its time are not home.")
            elif here.status is not Completeness.COMPLETE:
                (passing if may_heal(here) else lost).append(f"{here.name} is {here.status.value}: {here.why}")
        for may_come, said in self._unheard(chunk):
            (passing if may_come else lost).append(said)
        later = self.sessions.after(chunk.partition, self.look_around)
        missing = [one for one in later if self.sessions.of(self.storage, one) is None]
        passing += [f"{one} is not home yet: a class may go on there." for one in missing[:1]]
        return Lacks(tuple(passing), tuple(lost))

    def _unheard(self, chunk: Chunk) -> Iterator[tuple[bool, str]]:
        """Yield which earlier files hold sessions of a chunk's classes, but not all that was said in them.

        Each with whether it may still come.
        """
        if self.segments is None:
            return
        keys = self._keys(chunk.partition)
        for partition in self._before(chunk):
            if keys & self._keys(partition):
                spoken = self.segments.of(self.storage, partition)
                if spoken is None or spoken.status is not Completeness.COMPLETE:
                    how = "not home" if spoken is None else spoken.status.value
                    may_come = spoken is None or may_heal(spoken)
                    yield (
                        may_come,
                        f"The {self.segments.kind} of {partition} are {how}: words of a class are missing.",
                    )

    def _gather(self, chunk: Chunk, database: sqlite3.Connection, tally: Tally) -> None:
        """Put the sessions of the chunk's classes, and what was said in them, into the database."""
        for row in self._rows_here(chunk):
            tally.listed += 1
            tally.alive()
            _keep(database, row, here=True)
        for manifest in self._around(self.sessions, chunk):
            for row in [] if f"/{chunk.partition}/" in manifest.name else rows_of(self.storage, manifest):
                if database.execute("SELECT 1 FROM session WHERE class_key = ?", (class_key(row),)).fetchone():
                    _keep(database, row, here=False)
        for manifest in self._around(self.segments, chunk):
            for row in rows_of(self.storage, manifest):
                if database.execute("SELECT 1 FROM session WHERE session_id = ?", (row["session_id"],)).fetchone():
                    columns = ("session_id", "speaker_id", "participant_id", "speaker", "words")
                    database.execute(_SPOKE, [row[name] for name in columns])

    def _rows_here(self, chunk: Chunk) -> Iterator[dict[str, Any]]:
        manifest = self.sessions.of(self.storage, chunk.partition)
        if manifest is not None:
            yield from rows_of(self.storage, manifest)

    def _around(self, home: Home | None, chunk: Chunk) -> list[Manifest]:
        """Return the manifests of a chunk and of what lies around it, as far as they are home."""
        if home is None:
            return []
        before = self._before(chunk)
        after = home.after(chunk.partition, self.look_around)
        found = (home.of(self.storage, one) for one in (*before, chunk.partition, *after))
        return [one for one in found if one is not None]

    def _before(self, chunk: Chunk) -> list[str]:
        """Return the partitions before a chunk's in which its classes may have begun, oldest first.

        A class's sessions may be a chain: from its earliest one that was found it is looked as far back again.
        """
        if chunk.partition not in self._reached:
            self._reached[chunk.partition] = self._reach_back(chunk)
        return self._reached[chunk.partition]

    def _reach_back(self, chunk: Chunk) -> list[str]:
        keys = self._keys(chunk.partition)
        reached: list[str] = []
        edge: str | None = chunk.partition
        while edge is not None:
            further = [one for one in self.sessions.before(edge, self.look_around) if one not in reached]
            edge = next((one for one in further if keys & self._keys(one)), None)
            reached = [*further, *reached]
        return reached

    def _keys(self, partition: str) -> frozenset[str]:
        """Return the launch keys of the sessions in a partition; none where it is not home."""
        manifest = self.sessions.of(self.storage, partition)
        if manifest is None:
            return frozenset()
        name = (manifest.name, *(one.sha256 for one in manifest.files))
        if name not in self._known:
            self._known[name] = frozenset(row["launch_key"] for row in rows_of(self.storage, manifest)) - {""}
        found = self._known[name]
        while len(self._known) > FILES_KNOWN or sum(map(len, self._known.values())) > KEYS_KNOWN:
            self._known.popitem(last=False)
        return found

    def _tables(self, chunk: Chunk, keys: Set[str]) -> dict[str, str]:
        edge = len(self._before(chunk)) * length_of(chunk.partition) + timedelta(days=1)
        return attendance_manifests(self.storage, keys, chunk.since - edge, chunk.until)

    def _plan(self, key: str, tables: Mapping[str, str]) -> ClassPlan | None:
        if key in self.plans:
            return self.plans[key]
        return of_attendance(self.storage, tables[key], key) if key in tables else None


def _keep(database: sqlite3.Connection, row: Mapping[str, Any], *, here: bool) -> None:
    line = json.dumps({**row, "logs": []})
    told = (class_key(row), row["session_id"], row["counted_at"], here, line)
    database.execute("INSERT OR IGNORE INTO session VALUES (?, ?, ?, ?, ?)", told)
