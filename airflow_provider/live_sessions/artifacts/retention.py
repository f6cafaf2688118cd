"""Deleting what was brought home: after a period, or all that concerns one person.

What is looked at: everything that a manifest describes, files of a session's folder that no manifest describes
(a crash leaves them), who was served (``handed-over/``) and which run had which class (``claims/``). Any other
file below the destination belongs to somebody else and is left alone.

For one person, tables lose the person's rows and their manifest says so. A transcript in which the person speaks
or is named goes whole: what the others answer tells of them too. So does everything of a session whose title names
them. Exports keep their rows, without the person:
:mod:`~airflow_provider.live_sessions.artifacts.export_erasure`. A file that cannot be read for names is left and
reported, never passed over.

A manifest is taken away before the files it describes, so that at no moment one describes what is not there; a
run that was cut off finds the files without it again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.attendance import recount
from airflow_provider.live_sessions.artifacts.export_erasure import (
    UNREADABLE,
    Erasure,
    judge_all,
    judge_alone,
    kind_at,
    rewrite,
)
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.person import Scrubbed, mentions, scrub
from airflow_provider.live_sessions.artifacts.row_shapes import shape_of
from airflow_provider.live_sessions.artifacts.writer import Writer, manifest_name
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider.live_sessions.artifacts.person import Person
    from airflow_provider.live_sessions.artifacts.row_shapes import Shape
    from airflow_provider.live_sessions.core.storage import Storage

RECORDS = "retention"
"""The folder in which is written what went; it is never looked at for what has to go."""

HANDED_OVER, CLAIM = "handed-over", "claims"
TRANSCRIPT, ATTENDANCE = "transcript", "attendance"

ROWS_TAKEN_OUT = "Rows were taken out of it, as somebody's personal data had to be deleted."

_MANIFEST = ".manifest.json"
_SESSION_FOLDER = re.compile(r"(\d{4}-\d{2}-\d{2})/(\d{4})-[a-z0-9-]+-([0-9a-f]{8})")
_USAGE_FOLDER = re.compile(r"usage/[0-9TZ-]+-(\d{4}-\d{2}-\d{2})T\d{6}Z")
# A folder tells its day in some zone, and a class may last past midnight.
_WHOLE_DAY = timedelta(days=2)


class Action(StrEnum):
    """What is done with a file."""

    DELETED = "deleted"
    REWRITTEN = "rewritten"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Finding:
    """A file that has to go, to lose rows, or that could not be judged.

    Args:
        name: Its name in the storage.
        kind: The kind of artifact, ``handed-over`` or ``claims``.
        action: What is to be done.
        bytes: Its size.
        sha256: Its digest; empty where it would only be another form of the person's id.
        rows: Rows taken out of it; of an export people, log lines, segments and emptied texts.
        why: Why it is left.
        rewritten: What it holds afterwards, or how that is come by.
    """

    name: str
    kind: str
    action: Action
    bytes: int
    sha256: str
    rows: int = 0
    why: str = ""
    rewritten: Scrubbed | Erasure | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What goes together: an artifact with its manifest, or files without one.

    Args:
        findings: Its files; where all of an artifact goes, the manifest is one of them.
        manifest: The manifest when files of it are rewritten and it has to be written anew.
    """

    findings: tuple[Finding, ...]
    manifest: Manifest | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Everything that ended before a moment.

    Args:
        before: The moment. A session's files count from its end, a served link from when it ran out.
    """

    before: datetime


@dataclass(frozen=True, slots=True)
class OnePerson:
    """Everything that concerns one person.

    Args:
        person: Who.
        now: The present: a claim of a class that is still to come is left, else it would be launched anew.
    """

    person: Person
    now: datetime


Scope = Period | OnePerson


def survey(storage: Storage, scope: Scope, kinds: frozenset[str] = frozenset()) -> list[Group]:
    """Return what has to go, without touching anything.

    Args:
        storage: Where the files are.
        scope: What has to go.
        kinds: Only these kinds: ``transcript``, ``attendance``, ``recording``, ``usage``, ``handed-over``,
            ``claims``, ...; all when empty.
    """
    names = [name for name in storage.list() if not name.startswith(f"{RECORDS}/")]
    groups: list[Group] = []
    described: set[str] = set()
    for name in (one for one in names if one.endswith(_MANIFEST)):
        manifest = _manifest(storage, name)
        if manifest is None:
            continue
        described |= {name, *(entry.name for entry in manifest.files)}
        if not kinds or manifest.kind in kinds:
            groups.append(_artifact(storage, scope, manifest))
    for name in names:
        kind = _kind_without_manifest(name)
        if name not in described and kind and (not kinds or kind in kinds):
            groups.append(Group(tuple(_single(storage, scope, name, kind))))
    return [group for group in groups if group.findings]


def carry_out(storage: Storage, groups: Iterable[Group]) -> None:
    """Delete and rewrite what :func:`survey` found; afterwards no empty folder bears a session's title."""
    for group in groups:
        erasures = [one.rewritten for one in group.findings if isinstance(one.rewritten, Erasure)]
        if group.manifest is not None:
            if erasures:
                rewrite(storage, group.manifest, erasures)
            else:
                _rewrite(storage, group.manifest, group.findings)
            continue
        # The manifest first: from then on the artifact counts as not retrieved, rather than as wrongly described.
        for finding in sorted(group.findings, key=lambda one: not one.name.endswith(_MANIFEST)):
            if finding.action is Action.DELETED:
                storage.delete(finding.name)
            elif isinstance(finding.rewritten, Erasure):
                storage.put(finding.name, finding.rewritten.content(storage))
            elif finding.rewritten is not None:
                storage.put(finding.name, [finding.rewritten.content])
        for folder in {finding.name.rpartition("/")[0] for finding in group.findings}:
            if _SESSION_FOLDER.fullmatch(folder) and not storage.list(folder):
                storage.forget_folder(folder)


def _rewrite(storage: Storage, manifest: Manifest, findings: Sequence[Finding]) -> None:
    changed = {one.name: one.rewritten for one in findings if isinstance(one.rewritten, Scrubbed)}
    folder = manifest.name.rpartition("/")[0]
    writer = Writer(storage, folder, kind=manifest.kind, session_key=manifest.session_key)
    extra = dict(manifest.extra)
    for entry in manifest.files:
        table = changed.get(entry.name)
        counts = dict(entry.counts)
        if table is not None:
            counts = _counts(manifest.kind, findings, table)
            if "counts" in extra:
                extra["counts"] = counts
        content = storage.get(entry.name) if table is None else table.content
        short = entry.name.removeprefix(f"{folder}/") if folder else entry.name
        writer.add(short, [content], media_type=entry.media_type, counts=counts)
    status = Completeness.PARTIAL if manifest.status is Completeness.COMPLETE else manifest.status
    why = manifest.why if ROWS_TAKEN_OUT in manifest.why else f"{manifest.why} {ROWS_TAKEN_OUT}".strip()
    writer.finish(replace(manifest, status=status, why=why, extra=extra, files=(), name="", url=""))


def _counts(kind: str, findings: Sequence[Finding], table: Scrubbed) -> dict[str, int]:
    # Of a session's attendance both forms hold the same rows; only the JSON one tells true from "true".
    if kind == ATTENDANCE:
        for one in findings:
            if one.name.endswith(".json") and isinstance(one.rewritten, Scrubbed):
                return recount(one.rewritten.rows)
    return {"rows": len(table.rows)}


# ---- what a scope means for one artifact or file


def _artifact(storage: Storage, scope: Scope, manifest: Manifest) -> Group:
    if isinstance(scope, Period):
        ended = manifest.actual_end or manifest.planned_end or _end_of_day(manifest.name)
        return _whole(storage, manifest) if ended is not None and ended < scope.before else Group(())
    shape = shape_of(manifest.kind)
    if shape is not None:
        return _export(storage, scope.person, manifest, shape)
    told = (manifest.title, json.dumps(dict(manifest.extra), ensure_ascii=False))
    text = {entry.name: _is_text(entry.media_type) for entry in manifest.files}
    contents = {name: _content(storage, name) for name, readable in text.items() if readable}
    # Of a transcript the forms in JSON tell of every id; the others are made of them.
    in_json = manifest.kind == TRANSCRIPT and any(name.endswith(".json") for name in contents)
    named = {
        name: mentions(content, scope.person, words_suffice=in_json)
        for name, content in contents.items()
        if content is not None
    }
    if any(map(scope.person.named_in, told)) or (manifest.kind == TRANSCRIPT and any(named.values())):
        return _whole(storage, manifest)
    findings = [
        Finding(one.name, manifest.kind, Action.LEFT, one.bytes, one.sha256, why=UNREADABLE)
        for one in manifest.files
        if not text[one.name]
    ]
    for name, content in contents.items():
        if content is None:
            continue
        table = None if manifest.kind == TRANSCRIPT else scrub(name, content, scope.person)
        if table is not None and not table.removed and not named[name]:
            continue
        if table is None and named[name] is False:
            continue
        findings.append(_judged(name, manifest.kind, content, table))
    changed = any(one.action is Action.REWRITTEN for one in findings)
    return Group(tuple(findings), manifest if changed else None)


def _export(storage: Storage, person: Person, manifest: Manifest, shape: Shape) -> Group:
    """Judge the files of an export row by row."""
    judged = judge_all(storage, manifest, shape, person)
    findings = [
        Finding(one.name, manifest.kind, Action.REWRITTEN, one.size, one.sha256, rows=one.taken, rewritten=one)
        for one in judged.erasures
    ]
    whole = hashlib.sha256(manifest.to_bytes()).hexdigest()
    sizes = {manifest.name: (len(manifest.to_bytes()), whole)}
    sizes |= {one.name: (one.bytes, one.sha256) for one in manifest.files}
    findings += [
        Finding(name, manifest.kind, Action.LEFT, *sizes[name], why=why) for name, why in judged.left.items()
    ]
    return Group(tuple(findings), manifest if judged.erasures else None)


def _judged(name: str, kind: str, content: bytes, table: Scrubbed | None) -> Finding:
    """Return what becomes of a file that names the person, or may."""
    size, digest = len(content), hashlib.sha256(content).hexdigest()
    if table is not None and table.removed:
        return Finding(name, kind, Action.REWRITTEN, size, digest, rows=table.removed, rewritten=table)
    return Finding(name, kind, Action.LEFT, size, digest, why=UNREADABLE)


def _whole(storage: Storage, manifest: Manifest) -> Group:
    findings = [
        Finding(one.name, manifest.kind, Action.DELETED, one.bytes, one.sha256)
        for one in manifest.files
        if storage.exists(one.name)
    ]
    return Group((_deleted(storage, manifest.name, manifest.kind), *findings))


def _single(storage: Storage, scope: Scope, name: str, kind: str) -> list[Finding]:
    """Judge a file that no manifest describes."""
    if isinstance(scope, Period):
        ended = _served_until(storage, name) if kind == HANDED_OVER else _end_of_day(name)
        return [_deleted(storage, name, kind)] if ended is not None and ended < scope.before else []
    person = scope.person
    if kind_at(name):
        return _export_alone(storage, person, name, kind)
    content = _content(storage, name)
    if content is None:
        return []
    if kind == HANDED_OVER:
        digests = {hashlib.sha256(one.encode()).hexdigest()[:32] for one in person.identifiers}
        meant = name.rpartition("/")[2].removesuffix(".json") in digests or mentions(content, person) is not False
        return [_deleted(storage, name, kind)] if meant else []
    named = mentions(content, person)
    if kind == CLAIM:
        ended = _end_of_day(name)
        if not named:
            return []
        if ended is None or ended >= scope.now:
            why = "Its class is still to come: without the claim it would be launched and handed over anew."
            return [Finding(name, kind, Action.LEFT, len(content), hashlib.sha256(content).hexdigest(), why=why)]
        return [_deleted(storage, name, kind)]
    table = None if kind == TRANSCRIPT else scrub(name, content, person)
    if table is not None and table.removed:
        return [_judged(name, kind, content, table)]
    if person.named_in(name.replace("-", " ")) or (named and kind == TRANSCRIPT):
        return [_deleted(storage, name, kind)]
    return [] if named is False else [_judged(name, kind, content, None)]


def _export_alone(storage: Storage, person: Person, name: str, kind: str) -> list[Finding]:
    """Judge a file of an export that a run lost its manifest of."""
    found = judge_alone(storage, name, person)
    if found is None:
        return []
    if isinstance(found, str):
        size, digest = _measured(storage, name)
        return [Finding(name, kind, Action.LEFT, size, digest, why=found)]
    return [Finding(name, kind, Action.REWRITTEN, found.size, found.sha256, rows=found.taken, rewritten=found)]


def _deleted(storage: Storage, name: str, kind: str) -> Finding:
    size, digest = _measured(storage, name)
    return Finding(name, kind, Action.DELETED, size, "" if kind == HANDED_OVER else digest)


def _measured(storage: Storage, name: str) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    for chunk in storage.read(name):
        size += len(chunk)
        digest.update(chunk)
    return size, digest.hexdigest()


# ---- reading names and files


def _manifest(storage: Storage, name: str) -> Manifest | None:
    """Return a manifest that this package wrote and that speaks of files beside itself only."""
    content = _content(storage, name)
    try:
        manifest = Manifest.from_bytes(content or b"")
    except ConfigurationError:
        return None
    folder = name.rpartition("/")[0]
    beside = all(entry.name.startswith(f"{folder}/") or not folder for entry in manifest.files)
    ours = manifest.name == name == manifest_name(folder, manifest.kind)
    return manifest if beside and ours else None


def _kind_without_manifest(name: str) -> str:
    """Return the kind of a file that no manifest describes; empty where it is none of ours."""
    folder, _, file = name.rpartition("/")
    # Below a session's key, or below that of one share of it.
    if re.fullmatch(rf"{HANDED_OVER}/[^/]+/(?:[^/]+/)?[0-9a-f]{{32}}\.json", name):
        return HANDED_OVER
    if re.fullmatch(rf"{CLAIM}/[^/]+/\d{{4}}-\d{{2}}-\d{{2}}/[^/]+\.json", name):
        return CLAIM
    ours = _SESSION_FOLDER.fullmatch(folder) or _USAGE_FOLDER.fullmatch(folder)
    return re.split(r"[.-]", file)[0] if ours else kind_at(name)


def _end_of_day(name: str) -> datetime | None:
    """Return when the day in a name is over in every zone, a class that lasts past midnight included."""
    found = _USAGE_FOLDER.match(name) or re.search(r"(?:^|/)(?:date=)?(\d{4}-\d{2}-\d{2})/", name)
    try:
        day = date.fromisoformat(found[1]) if found else None
        return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC) + _WHOLE_DAY
    except (OverflowError, ValueError):
        return None


def _served_until(storage: Storage, name: str) -> datetime | None:
    try:
        entry = json.loads(storage.get(name))
        return max(parse_time(entry[one]) for one in ("at", "until") if entry.get(one))
    except (FileNotFoundError, AttributeError, KeyError, TypeError, ValueError, ConfigurationError):
        return None


def _is_text(media_type: str) -> bool:
    kind = media_type.partition(";")[0].strip()
    return kind.startswith("text/") or kind.endswith(("/json", "+json", "ndjson"))


def _content(storage: Storage, name: str) -> bytes | None:
    try:
        return storage.get(name)
    except FileNotFoundError:
        return None


def shown(name: str) -> str:
    """Return a file's name for the record: without the session's title, and without who was served."""
    if name.startswith(f"{HANDED_OVER}/"):
        return f"{name.rpartition('/')[0]}/*"
    return _SESSION_FOLDER.sub(r"\1/\2-*-\3", name)
