"""Rows as a file: JSON Lines, or Parquet with the extra ``parquet``. Streaming, and the same bytes again.

What makes bytes differ is fixed here: the schema, the order of the fields, the compression, the size of a row
group. A Parquet file also names the writer's release, so another pyarrow writes other bytes for the same rows.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.row_shapes import SESSIONS, shape_of
from airflow_provider.live_sessions.core.errors import ConfigurationError, Transient
from airflow_provider.live_sessions.core.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider.live_sessions.artifacts.manifest import Manifest
    from airflow_provider.live_sessions.artifacts.row_shapes import Columns, Shape
    from airflow_provider.live_sessions.core.storage import Storage

GROUP_ROWS = 2_000
"""Rows of a Parquet row group, and of what is held in memory."""

_BLOCK_BYTES = 256 * 1024


class FileFormat(StrEnum):
    """What a file of rows can be written as; the value is also how its name ends."""

    JSONL = "jsonl"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        """The registered media type, where there is one."""
        return "application/vnd.apache.parquet" if self is FileFormat.PARQUET else "application/x-ndjson"

    @classmethod
    def of(cls, name: str) -> FileFormat:
        """Read an argument, and look whether the format can be written here.

        Raises:
            ConfigurationError: There is no such format, or pyarrow is not installed.
        """
        try:
            found = cls(name)
        except ValueError:
            raise ConfigurationError(
                f"There is no file format {name!r}.", advice=f"Known are {', '.join(cls)}."
            ) from None
        if found is cls.PARQUET:
            try:
                import pyarrow.parquet  # noqa: F401 - only whether it is there
            except ImportError:
                raise ConfigurationError(
                    "Parquet needs pyarrow, which is not installed.",
                    advice="Install airflow-provider-live-sessions[parquet] on the workers, or write jsonl.",
                ) from None
        return found


def encode(lines: Iterable[bytes], file_format: FileFormat, shape: Shape = SESSIONS) -> Iterator[bytes]:
    """Yield a file's bytes.

    Args:
        lines: The rows as JSON in UTF-8, in order.
        file_format: How to write them.
        shape: What kind of rows they are.
    """
    return _parquet(lines, shape) if file_format is FileFormat.PARQUET else _json_lines(lines)


def decode(chunks: Iterable[bytes], file_format: FileFormat, shape: Shape = SESSIONS) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file that :func:`encode` wrote, as JSON values.

    Args:
        chunks: The file's bytes, in order.
        file_format: How they were written.
        shape: What kind of rows they are.
    """
    return _rows_of_parquet(chunks, shape) if file_format is FileFormat.PARQUET else _rows_of_json_lines(chunks)


def rows_of(storage: Storage, manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Yield the rows of the files that an export's manifest describes, as JSON values.

    Raises:
        ConfigurationError: It is no export's manifest, or it needs pyarrow.
        Transient: A file is another one by now; known at its end.
    """
    shape = shape_of(manifest.kind)
    if shape is None:
        raise ConfigurationError(
            f"{manifest.name} describes no export.", advice="Pass an export operator's output."
        )
    for entry in manifest.files:
        reading = Reading(storage.read(entry.name))
        yield from decode(reading, FileFormat.of(entry.name.rpartition(".")[2]), shape)
        if reading.sha256 != entry.sha256:
            raise changed(entry.name)


class Reading:
    """A file's bytes on their way, counted and hashed.

    Args:
        chunks: The bytes, in order.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._digest = hashlib.sha256()
        self.size = 0
        """How many came so far."""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._digest.update(chunk)
            self.size += len(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        """The digest of those that came so far, in hexadecimal."""
        return self._digest.hexdigest()


def changed(name: str) -> Transient:
    """Return the error of a file that was written anew while it was looked through."""
    return Transient(f"{name} was written anew meanwhile.", advice="The retry looks through it again.")


def _json_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    block: list[bytes] = []
    size = 0
    for line in lines:
        block.append(line + b"\n")
        size += len(block[-1])
        if size >= _BLOCK_BYTES:
            yield b"".join(block)
            block, size = [], 0
    yield b"".join(block)


def _rows_of_json_lines(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from map(json.loads, whole)
    if rest:
        yield json.loads(rest)


def schema(shape: Shape = SESSIONS) -> Any:
    """Return the Arrow schema of rows; a ``json`` column is a JSON object as text."""
    import pyarrow as pa

    kinds = {
        **dict.fromkeys(("text", "json"), pa.string()),
        "texts": pa.list_(pa.string()),
        "time": pa.timestamp("us", tz="UTC"),
        "number": pa.float64(),
        "whole": pa.int64(),
        "flag": pa.bool_(),
    }

    def fields(columns: Columns) -> list[tuple[str, Any]]:
        return [
            (name, kinds[kind] if isinstance(kind, str) else pa.list_(pa.struct(fields(kind))))
            for name, kind in columns.items()
        ]

    return pa.schema(fields(shape.columns))


def _parquet(lines: Iterable[bytes], shape: Shape) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = schema(shape)
    sink = _Sink()
    rows = iter(lines)
    with pq.ParquetWriter(
        pa.PythonFile(sink, mode="w"), columns, compression="zstd", version="2.6", use_dictionary=True
    ) as writer:
        while group := [
            _changed(json.loads(line), shape.columns, _TYPED) for line in itertools.islice(rows, GROUP_ROWS)
        ]:
            writer.write_table(pa.Table.from_pylist(group, schema=columns), row_group_size=GROUP_ROWS)
            yield sink.take()
    yield sink.take()


def _rows_of_parquet(chunks: Iterable[bytes], shape: Shape) -> Iterator[dict[str, Any]]:
    import tempfile

    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryFile(prefix="live-sessions-") as spool:  # its table of contents is at its end
        for chunk in chunks:
            spool.write(chunk)
        spool.seek(0)
        try:
            with pq.ParquetFile(spool) as file:
                for batch in file.iter_batches(GROUP_ROWS):
                    yield from (_changed(row, shape.columns, _PLAIN) for row in batch.to_pylist())
        except (pa.ArrowException, OSError) as error:  # a torn file is an OSError to it
            raise ValueError(f"This is no Parquet file: {type(error).__name__}.") from None


Change = Mapping[str, Callable[[Any], Any]]

_TYPED: Change = {"time": parse_time, "json": lambda told: json.dumps(told, ensure_ascii=False, sort_keys=True)}
"""From JSON values to Parquet's, by a column's kind; all other kinds are the same in both."""
_PLAIN: Change = {"time": lambda moment: str(moment.isoformat()), "json": json.loads}
"""And back."""


def _changed(row: dict[str, Any], columns: Columns, change: Change) -> dict[str, Any]:
    """Return a row with its values in the other form, in place."""
    for name, kind in columns.items():
        if not isinstance(kind, str):
            for part in row[name]:
                _changed(part, kind, change)
        elif kind in change and row[name] is not None:
            row[name] = change[kind](row[name])
    return row


class _Sink(io.RawIOBase):
    """Collects what a writer writes until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
