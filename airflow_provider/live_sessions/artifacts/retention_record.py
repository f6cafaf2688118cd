"""What retention did, as a file: counts, names of files without titles, digests; nobody's name and no content.

It is written before anything is deleted, as the plan, and again when all is done. A try that finds the plan of an
earlier one adds to it, so that the record of a run that was cut off names what had gone by then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.retention import RECORDS, Action, Period, carry_out, shown, survey
from airflow_provider.live_sessions.core.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_provider.live_sessions.artifacts.retention import Finding, Group, Scope
    from airflow_provider.live_sessions.core.storage import Storage

SCHEMA_VERSION = 1


class Stage(StrEnum):
    """How far a record's run came."""

    REPORT = "report"
    PLANNED = "planned"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Retired:
    """The outcome.

    Args:
        counts: ``deleted``, ``rewritten`` and ``left`` files, ``rows`` taken out, ``bytes`` deleted.
        name: The record's name in the storage.
        reasons: Why files were left, each once.
        tables: For each table that was reached, its rows that were deleted or changed.
    """

    counts: Mapping[str, int]
    name: str
    reasons: tuple[str, ...]
    tables: Mapping[str, int] = field(default_factory=dict)


def retire(
    storage: Storage,
    scope: Scope,
    *,
    key: str,
    kinds: frozenset[str] = frozenset(),
    report_only: bool = False,
    tables: Callable[[bool], Mapping[str, int]] | None = None,
) -> Retired:
    """Find what has to go, write it down, delete it, and write down that it is done.

    Args:
        storage: Where the files are.
        scope: What has to go.
        key: Names the record: the same for each try of a task.
        kinds: Only these kinds of artifacts; all when empty.
        report_only: Only write down what would go.
        tables: Takes the person out of tables too, or with True only counts; returns the rows by table.
    """
    groups = survey(storage, scope, kinds)
    rows = dict(tables(True)) if tables else {}
    if report_only:
        name = f"{RECORDS}/{key}.report.json"
        return _write(storage, scope, kinds, name, Stage.REPORT, _entries(groups), rows)
    name = f"{RECORDS}/{key}.json"
    # What an earlier try wrote down comes first: it may have deleted it already.
    entries = {**_entries(groups), **{at: one for at, one in _earlier(storage, name).items() if not _left(one)}}
    before = _earlier_tables(storage, name)
    rows = {table: max(rows.get(table, 0), before.get(table, 0)) for table in {**before, **rows}}
    _write(storage, scope, kinds, name, Stage.PLANNED, entries, rows)
    carry_out(storage, groups)
    if tables:
        tables(False)
    return _write(storage, scope, kinds, name, Stage.DONE, entries, rows)


def _entries(groups: Iterable[Group]) -> dict[str, dict[str, Any]]:
    """Return an entry for each file, by what tells files apart in a record that names no title."""
    found: dict[str, dict[str, Any]] = {}
    for group in groups:
        for finding in group.findings:
            entry = _entry(finding)
            at = _place(entry)
            if at in found:
                entry = {**entry, **{one: entry[one] + found[at][one] for one in ("files", "bytes", "rows")}}
            found[at] = entry
    return found


def _entry(finding: Finding) -> dict[str, Any]:
    return {
        "name": shown(finding.name),
        "kind": finding.kind,
        "action": finding.action.value,
        "files": 1,
        "bytes": finding.bytes,
        "sha256": finding.sha256,
        "rows": finding.rows,
        "why": finding.why,
    }


def _place(entry: Mapping[str, Any]) -> str:
    return f"{entry['name']} {entry['sha256']}"


def _left(entry: Mapping[str, Any]) -> bool:
    return bool(entry["action"] == Action.LEFT)


def _earlier(storage: Storage, name: str) -> dict[str, dict[str, Any]]:
    try:
        return {_place(entry): dict(entry) for entry in json.loads(storage.get(name))["files"]}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def _earlier_tables(storage: Storage, name: str) -> dict[str, int]:
    try:
        return {str(table): int(rows) for table, rows in json.loads(storage.get(name))["tables"].items()}
    except (FileNotFoundError, AttributeError, ValueError, KeyError, TypeError):
        return {}


def _write(
    storage: Storage,
    scope: Scope,
    kinds: frozenset[str],
    name: str,
    stage: Stage,
    entries: Mapping[str, Mapping[str, Any]],
    tables: Mapping[str, int],
) -> Retired:
    files = [entries[at] for at in sorted(entries)]
    counts = {
        **{action.value: sum(one["files"] for one in files if one["action"] == action) for action in Action},
        "rows": sum(one["rows"] for one in files),
        "bytes": sum(one["bytes"] for one in files if one["action"] == Action.DELETED),
    }
    record = {
        "schema_version": SCHEMA_VERSION,
        "stage": stage.value,
        # Who asked to be forgotten is not written down again.
        "scope": {"before": format_time(scope.before)} if isinstance(scope, Period) else {"one_person": True},
        "kinds": sorted(kinds),
        "counts": counts,
        "files": files,
        **({"tables": dict(sorted(tables.items()))} if tables else {}),
    }
    storage.put(name, [json.dumps(record, indent=2, sort_keys=True).encode() + b"\n"])
    return Retired(counts, name, tuple(dict.fromkeys(one["why"] for one in files if one["why"])), tables)
