"""Whether what an export brought home can be true: each check gives sentences, and none is good news."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from airflow_provider.live_sessions.artifacts.export_files import rows_of
from airflow_provider.live_sessions.artifacts.export_lacks import may_heal
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.row_shapes import ACCOUNT, CLASSES, SEGMENTS, SESSIONS, shape_of
from airflow_provider.live_sessions.core.errors import Transient
from airflow_provider.live_sessions.core.times import format_time, parse_optional_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.artifacts.row_shapes import Shape
    from airflow_provider.live_sessions.core.storage import Storage

WORD = {"sessions": "session", "segments": "segment", "classes": "class"}


def read(storage: Storage, name: str) -> Manifest:
    """Return a manifest.

    Raises:
        ConfigurationError: It is no manifest.
        Transient: There is none of that name. While a run writes files anew, they have none.
    """
    try:
        return Manifest.from_bytes(storage.get(name))
    except FileNotFoundError:
        raise Transient(
            f"There is no {name}.",
            advice="An export may be writing its files just now, and the retry finds it; else export it again.",
        ) from None


@dataclass(slots=True)
class Findings:
    """What checks found, sorted by what can be done about it.

    Args:
        wrong: Sentences on what cannot be true; nothing but another export heals it.
        passing: Sentences on what may heal by itself: another run is on its way or wrote the same file, or the
            platform has still to tell.
        lost: Sentences on what the platform will never tell; the rest is sound.
    """

    wrong: list[str] = field(default_factory=list)
    passing: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class _Ids:
    """Ids that were met, in a private temporary database of SQLite's: on the disk, as soon as they are many."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -4096"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.execute("CREATE TABLE met (id PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(self, identity: tuple[Any, ...]) -> bool:
        """Take an id; return whether it is new."""
        told = (json.dumps(identity),)  # plain ASCII, also of what no database could hold
        return self._db.execute("INSERT OR IGNORE INTO met VALUES (?)", told).rowcount == 1


def problems(storage: Storage, names: Iterable[str]) -> Findings:
    """Check the files of one export: sizes, digests, counts, ids, times, and what they lack.

    Args:
        storage: Where they are.
        names: Their manifests.
    """
    found = Findings()
    with _Ids() as ids:
        for name in names:
            manifest = read(storage, name)
            harmed = manifest.verify(storage)
            found.passing += harmed  # two runs of one time: the one that came last mends it
            if manifest.status is not Completeness.COMPLETE:
                lacks = found.passing if may_heal(manifest) else found.lost
                lacks.append(f"{name} is {manifest.status.value}: {manifest.why}")
            told = _problem_of_told(manifest.extra.get("counts", {}))
            if told:
                (found.passing if _shrank(manifest) else found.wrong).append(f"{name}: {told}")
            if not harmed:
                found.wrong += [f"{name}: {one}" for one in _problems_of(storage, manifest, ids)]
    return found


def gap_before(storage: Storage, names: Iterable[str]) -> str:
    """Return a sentence when hours or days are missing between an export and the latest one before it.

    Args:
        storage: Where exports are.
        names: The manifests of one export, oldest first.

    Returns:
        Empty when nothing is missing, or nothing is home from before.
    """
    first = next(iter(names), "")
    if not first:
        return ""
    account, _, rest = first.partition("/date=")
    kind = first.rpartition("/")[2]
    hourly = "/hour=" in rest
    # Partitions sort by time; days and hours are two exports.
    earlier = [
        one
        for one in storage.list(account)
        if one.endswith(f"/{kind}") and one < first and ("/hour=" in one.partition("/date=")[2]) is hourly
    ]
    if not earlier:
        return ""
    begin, end = read(storage, first).planned_start, read(storage, earlier[-1]).planned_end
    if begin is None or end is None or end >= begin:
        return ""
    return f"{account}: nothing is home from {format_time(end)} to {format_time(begin)}; export that time too."


def _problem_of_told(counts: Mapping[str, Any]) -> str:
    if counts.get("told_by_platform", counts.get("listed")) == counts.get("listed"):
        return ""
    return f"the platform tells of {counts['told_by_platform']} sessions and lists {counts.get('listed')}."


def _shrank(manifest: Manifest) -> bool:
    """Return whether a list shrank while it was read, which the file's reason tells: another reading heals it."""
    counts = manifest.extra["counts"]
    return may_heal(manifest) and counts.get("listed", 0) > counts["told_by_platform"]


def _problems_of(storage: Storage, manifest: Manifest, ids: _Ids) -> Iterator[str]:
    shape = shape_of(manifest.kind)
    if shape is None:
        yield "it describes no export."
        return
    counts = manifest.extra.get("counts", {})
    there = dict.fromkeys((shape.name, *shape.sums), 0)
    last: tuple[Any, ...] = ()
    for row in rows_of(storage, manifest):
        there[shape.name] += 1
        for name, figure in zip(shape.sums, shape.figures(row), strict=True):
            there[name] += figure
        # What stands together (a transcript) is remembered by its session alone, and counted on.
        whole, before = tuple(row[one] for one in shape.group or shape.key), last
        last = shape.identity(row)
        goes_on = bool(shape.group) and before[: len(whole)] == whole
        if (goes_on and last <= before) or (not goes_on and not ids.add(whole)):
            yield f"{_who(shape, row)} is there twice."
        yield from _problems_of_row(shape, row, manifest.planned_start, manifest.planned_end)
    for what, number in there.items():
        if counts.get(what) != number:
            yield f"{counts.get(what)} {what} were counted, {number} are in the file."
    if shape is SESSIONS:
        yield from _problems_of_listed(counts)
    if shape is SEGMENTS:
        yield from _problems_of_transcripts(counts)


def _problems_of_row(
    shape: Shape, row: dict[str, Any], since: datetime | None, until: datetime | None
) -> Iterator[str]:
    who = _who(shape, row)
    counted = parse_time(row["counted_at"])
    if since is None or until is None or not since <= counted < until:
        yield f"{who} ended at {row['counted_at']}, outside the file's time."
    started, ended = parse_optional_time(row.get("started_at")), parse_optional_time(row.get("ended_at"))
    if started is not None and ended is not None and ended < started:
        yield f"{who} ended before it started."
    if shape is SEGMENTS and row["words"] != len(row["text"].split()):
        yield f"{who} has another number of words than it says."
    if shape is CLASSES:
        yield from _problems_of_class(who, row)


def _problems_of_class(who: str, row: dict[str, Any]) -> Iterator[str]:
    if row["sessions"] != len(row["session_ids"]) or not row["sessions"]:
        yield f"{who} has another number of sessions than it says."
    if row["present"] + row["late"] + row["absent"] > row["expected"]:
        yield f"{who} has more people present, late and absent than were expected."
    if row["words"] is not None and row["words"] != sum(one["words"] or 0 for one in row["people"]):
        yield f"{who} has words that nobody spoke."
    if any((one["minutes"] or 0) < 0 for one in row["people"]):
        yield f"{who} has somebody who was inside for less than no time."


def _problems_of_listed(counts: Mapping[str, Any]) -> Iterator[str]:
    """Hold the list against what became of each session on it: one that is in no count was lost on the way."""
    told = {name: counts.get(name, 0) for name in ("sessions", "duplicates", "outside", "not_held")}
    if counts.get("listed", 0) != sum(told.values()):
        parts = ", ".join(f"{number} {name}" for name, number in told.items())
        yield f"{counts.get('listed')} sessions were listed, and these are accounted for: {parts}."


def _problems_of_transcripts(counts: Mapping[str, Any]) -> Iterator[str]:
    judged = sum(counts.get(name, 0) for name in ("transcripts", "never", "pending", "failed"))
    if judged != counts.get("listed", 0) - counts.get("outside", 0):
        yield f"{judged} sessions were asked for a transcript, of {counts.get('listed')} that are listed."


def disagreements(storage: Storage, names: Iterable[str], sessions: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each file whose sessions are not those of the sessions' export of the same time.

    Args:
        storage: Where exports are.
        names: The manifests of what was said, or of classes.
        sessions: The manifests of the sessions of the same time.
    """
    by_time = {(one.planned_start, one.planned_end): one for one in (read(storage, name) for name in sessions)}
    for name in names:
        manifest = read(storage, name)
        against = by_time.get((manifest.planned_start, manifest.planned_end))
        if against is None:
            yield f"{name}: no sessions are home of its time."
            continue
        known = {row["session_id"] for row in rows_of(storage, against)}
        if shape_of(manifest.kind) is SEGMENTS:
            strange = {row["session_id"] for row in rows_of(storage, manifest)} - known
            seen = manifest.extra["counts"]["listed"] - manifest.extra["counts"]["outside"]
            if seen != len(known):
                yield f"{name}: {seen} sessions were asked for what was said, {len(known)} are exported."
            if strange:
                yield f"{name}: something was said in {len(strange)} sessions that are not exported."
        else:
            summed = {one for row in rows_of(storage, manifest) for one in row["session_ids"]}
            later = manifest.extra["counts"].get("in_later_files", 0)
            if not later and known - summed:
                yield f"{name}: {len(known - summed)} sessions are in no class."


def _who(shape: Shape, row: dict[str, Any]) -> str:
    return f"{WORD[shape.name]} {' '.join(str(row[name]) for name in shape.key[len(ACCOUNT) :])}"
