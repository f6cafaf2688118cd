"""A file of an export without one person: judged and written anew row by row, with a manifest that is true.

Judging reads the file once and holds one row at a time, and of what was said the figures of each session. Writing
reads it again and stops, with nothing changed, where it is not the file that was judged.

A file that was whole stays ``complete``; ``taken_out`` in its manifest says how much was ever taken out of it. An
export does not ask for such a file again, or its run would bring the person home again. So what a ``partial`` one
lacks, it lacks for good.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow_provider.live_sessions.artifacts.export_files import FileFormat, Reading, changed, decode, encode
from airflow_provider.live_sessions.artifacts.export_spool import line_of
from airflow_provider.live_sessions.artifacts.manifest import Completeness
from airflow_provider.live_sessions.artifacts.person_rows import known_by_name, without
from airflow_provider.live_sessions.artifacts.row_shapes import SHAPES
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_provider.live_sessions.artifacts.manifest import Manifest
    from airflow_provider.live_sessions.artifacts.person import Person
    from airflow_provider.live_sessions.artifacts.row_shapes import Shape
    from airflow_provider.live_sessions.core.storage import Storage

TAKEN_OUT = "taken_out"
"""In an export's manifest: how much was ever taken out of its file for people who had to go."""

VOICE = ("speaker_id", "participant_id", "speaker", "breakout", "text")
"""The columns of a segment in which somebody may stand: an account's name that is also a person's says nothing."""

NEVER_WHOLE = "Nobody asks for the rest again, for somebody was taken out of it."

UNREADABLE = "It may name the person, and cannot be read as a table."
ANOTHER = "It may name the person, and is not what its manifest describes: delete it, or export it again."
OLDER = "It may name the person, and another release wrote it: export it again."
KNOWN_BY = (
    "The folder of an export, or an id by which its rows are known, names the person; that cannot be emptied."
)

_NO_EXPORT = (AttributeError, ConfigurationError, KeyError, RecursionError, TypeError, ValueError)
_PLACE = re.compile(
    rf"(?:.*/)?platform=[^/]+/conn_id=[^/]+/date=[^/]+(?:/hour=\d\d)?/({'|'.join(SHAPES)})\.({'|'.join(FileFormat)})"
)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What taking a person out of a file comes to.

    Args:
        name: The file's name in the storage.
        shape: What its rows are.
        file_format: How they are written.
        person: Who has to go.
        sha256: The digest of the file that was judged.
        size: Its bytes.
        taken: People, log lines, segments and emptied texts.
        counts: What is in it afterwards.
        known: Whether an id by which a row is known names the person; it stays.
        heard: The sessions whose segments all go.
    """

    name: str
    shape: Shape
    file_format: FileFormat
    person: Person
    sha256: str
    size: int
    taken: int
    counts: Mapping[str, int] = field(hash=False)
    known: bool = False
    heard: frozenset[tuple[Any, ...]] = frozenset()

    def content(self, storage: Storage) -> Iterator[bytes]:
        """Yield the file without the person.

        Raises:
            Transient: It is another file by now; known at its end.
        """
        return encode(self._lines(storage), self.file_format, self.shape)

    def _lines(self, storage: Storage) -> Iterator[bytes]:
        read = Reading(storage.read(self.name))
        for row in decode(read, self.file_format, self.shape):
            if not self.shape.group:
                yield line_of(without(row, self.shape, self.person)[0])
            elif _session(row, self.shape) not in self.heard:
                yield line_of(row)
        if read.sha256 != self.sha256:
            raise changed(self.name)


@dataclass(slots=True)
class Judged:
    """What becomes of the files of one manifest.

    Args:
        erasures: Those that lose something.
        left: Why files, or the manifest itself by its name, are left as they are.
    """

    erasures: list[Erasure] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def kind_at(name: str) -> str:
    """Return the kind of manifest that describes a file, told by its place; empty where no export writes there."""
    found = _PLACE.fullmatch(name)
    return SHAPES[found[1]].kind(found[2]) if found else ""


def judge_all(storage: Storage, manifest: Manifest, shape: Shape, person: Person) -> Judged:
    """Return what taking a person out of the files of an export's manifest comes to.

    Args:
        storage: Where they are.
        manifest: Describes them.
        shape: What their rows are.
        person: Who has to go.
    """
    judged = Judged()
    known = person.named_in(re.sub(r"[/=_-]", " ", unquote(manifest.name)))
    for entry in manifest.files:
        if manifest.extra.get("schema", shape.version) != shape.version:
            judged.left[entry.name] = OLDER
            continue
        try:
            found = judge(storage, entry.name, shape, person)
        except FileNotFoundError:
            continue
        except _NO_EXPORT:
            judged.left[entry.name] = UNREADABLE
            continue
        if found.sha256 != entry.sha256:
            judged.left[entry.name] = ANOTHER
            continue
        known = known or found.known
        judged.erasures += [found] * bool(found.taken)
    if known:
        judged.left[manifest.name] = KNOWN_BY
    return judged


def judge_alone(storage: Storage, name: str, person: Person) -> Erasure | str | None:
    """Return the same of a file that no manifest describes: why it is left, or None where nothing has to go.

    Args:
        storage: Where it is.
        name: Its name; :func:`kind_at` knows it.
        person: Who has to go.
    """
    try:
        found = judge(storage, name, SHAPES[kind_at(name).partition("-")[0]], person)
    except FileNotFoundError:
        return None
    except _NO_EXPORT:
        return UNREADABLE
    if found.taken:
        return found
    return KNOWN_BY if found.known else None


def judge(storage: Storage, name: str, shape: Shape, person: Person) -> Erasure:
    """Read a file of an export and return what taking a person out of it comes to.

    Args:
        storage: Where it is.
        name: Its name.
        shape: What its rows are.
        person: Who has to go.

    Raises:
        ConfigurationError: It needs pyarrow, which is not installed.
        FileNotFoundError: There is no such file.
        AttributeError, KeyError, RecursionError, TypeError, ValueError: It is no file that an export wrote.
    """
    file_format = FileFormat.of(name.rpartition(".")[2])
    read = Reading(storage.read(name))
    rows = decode(read, file_format, shape)
    find = _judge_segments if shape.group else _judge_rows
    taken, counts, known, heard = find(rows, shape, person)
    return Erasure(name, shape, file_format, person, read.sha256, read.size, taken, counts, known, heard)


def rewrite(storage: Storage, manifest: Manifest, erasures: Iterable[Erasure]) -> None:
    """Write files without the person, then their manifest: counts and digests new, everything else as it was.

    Raises:
        Transient: An export wrote the files meanwhile; they stay as they are.
    """
    by_name = {one.name: one for one in erasures}
    folder = manifest.name.rpartition("/")[0]
    writer = Writer(storage, folder, kind=manifest.kind, session_key=manifest.session_key)
    if writer.previous != manifest:
        raise changed(manifest.name)
    counts = dict(manifest.extra.get("counts", {}))
    for entry in manifest.files:
        erasure = by_name.get(entry.name)
        content = storage.read(entry.name) if erasure is None else erasure.content(storage)
        inside = entry.counts if erasure is None else erasure.counts
        writer.add(entry.name.removeprefix(f"{folder}/"), content, media_type=entry.media_type, counts=inside)
        counts.update(inside)
    taken = int(manifest.extra.get(TAKEN_OUT, 0)) + sum(one.taken for one in by_name.values())
    extra, why = {**manifest.extra, "counts": counts, TAKEN_OUT: taken}, manifest.why
    if manifest.status is not Completeness.COMPLETE:
        extra["for_good"] = True
        why = why if NEVER_WHOLE in why else f"{why} {NEVER_WHOLE}"
    writer.finish(replace(manifest, why=why, extra=extra, files=(), name="", url=""), shared=True)


def _judge_rows(
    rows: Iterable[dict[str, Any]], shape: Shape, person: Person
) -> tuple[int, dict[str, int], bool, frozenset[tuple[Any, ...]]]:
    taken, known = 0, False
    counts = dict.fromkeys((shape.name, *shape.sums), 0)
    for row in rows:
        kept, number = without(row, shape, person)
        taken += number
        known = known or known_by_name(row, shape, person)
        _count(counts, shape, [kept])
    return taken, counts, known, frozenset()


def _judge_segments(
    rows: Iterable[dict[str, Any]], shape: Shape, person: Person
) -> tuple[int, dict[str, int], bool, frozenset[tuple[Any, ...]]]:
    heard: set[tuple[Any, ...]] = set()
    by_session: dict[tuple[Any, ...], dict[str, int]] = {}
    known = False
    for row in rows:
        session = _session(row, shape)
        counts = by_session.setdefault(session, dict.fromkeys((shape.name, *shape.sums), 0))
        _count(counts, shape, [row])
        known = known or known_by_name(row, shape, person)
        if session not in heard and person.in_row({column: row[column] for column in VOICE}):
            heard.add(session)
    total = dict.fromkeys((shape.name, *shape.sums), 0)
    for session, counts in by_session.items():
        for name in () if session in heard else total:
            total[name] += counts[name]
    return sum(by_session[one][shape.name] for one in heard), total, known, frozenset(heard)


def _count(counts: dict[str, int], shape: Shape, rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        counts[shape.name] += 1
        for name, figure in zip(shape.sums, shape.figures(row), strict=True):
            counts[name] += figure


def _session(row: Mapping[str, Any], shape: Shape) -> tuple[Any, ...]:
    return tuple(row[column] for column in shape.group)
