"""Whether what an export brought home can be true: each check gives sentences, and none is good news."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.export_files import FileFormat, decode
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import format_time, parse_optional_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from airflow_provider.live_sessions.core.storage import Storage


def read(storage: Storage, name: str) -> Manifest:
    """Return a manifest.

    Raises:
        ConfigurationError: There is none of that name, or it is none.
    """
    try:
        return Manifest.from_bytes(storage.get(name))
    except FileNotFoundError:
        raise ConfigurationError(f"There is no {name}.", advice="Export it again.") from None


def problems(storage: Storage, names: Iterable[str]) -> list[str]:
    """Check the files of one export: sizes, digests, counts, ids, times.

    Args:
        storage: Where they are.
        names: Their manifests. The ids of all their sessions are held meanwhile.
    """
    ids: set[str] = set()
    found: list[str] = []
    for name in names:
        manifest = read(storage, name)
        harmed = manifest.verify(storage)
        found += harmed
        if manifest.status is not Completeness.COMPLETE:
            found.append(f"{name} is {manifest.status.value}: {manifest.why}")
        if not harmed:
            found += [f"{name}: {one}" for one in _problems_of(storage, manifest, ids)]
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


def _problems_of(storage: Storage, manifest: Manifest, ids: set[str]) -> Iterator[str]:
    counts = manifest.extra.get("counts", {})
    if counts.get("told_by_platform", counts.get("listed")) != counts.get("listed"):
        yield f"the platform tells of {counts['told_by_platform']} sessions and lists {counts.get('listed')}."
    sessions = people = 0
    for entry in manifest.files:
        for row in decode(storage.read(entry.name), FileFormat(entry.name.rpartition(".")[2])):
            sessions += 1
            people += len(row["participants"])
            if row["session_id"] in ids:
                yield f"session {row['session_id']} is there twice."
            ids.add(row["session_id"])
            yield from _problems_of_row(row, manifest.planned_start, manifest.planned_end)
    for what, there in (("sessions", sessions), ("participants", people)):
        if counts.get(what) != there:
            yield f"{counts.get(what)} {what} were counted, {there} are in the file."


def _problems_of_row(row: dict[str, Any], since: datetime | None, until: datetime | None) -> Iterator[str]:
    who = f"session {row['session_id']}"
    counted = parse_time(row["counted_at"])
    if since is None or until is None or not since <= counted < until:
        yield f"{who} ended at {row['counted_at']}, outside the file's time."
    started, ended = parse_optional_time(row["started_at"]), parse_optional_time(row["ended_at"])
    if started is not None and ended is not None and ended < started:
        yield f"{who} ended before it started."
