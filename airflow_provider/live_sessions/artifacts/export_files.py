"""Session rows as a file: JSON Lines, or Parquet with the extra ``parquet``. Streaming, and the same bytes again.

What makes bytes differ is fixed here: the schema, the order of the fields, the compression, the size of a row
group. A Parquet file also names the writer's release, so another pyarrow writes other bytes for the same rows.
"""

from __future__ import annotations

import io
import itertools
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def encode(lines: Iterable[str], file_format: FileFormat) -> Iterator[bytes]:
    """Yield a file's bytes.

    Args:
        lines: The rows as JSON, in order.
        file_format: How to write them.
    """
    return _parquet(lines) if file_format is FileFormat.PARQUET else _json_lines(lines)


def decode(chunks: Iterable[bytes], file_format: FileFormat) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file that :func:`encode` wrote, as JSON values.

    Args:
        chunks: The file's bytes, in order.
        file_format: How they were written.
    """
    return _rows_of_parquet(chunks) if file_format is FileFormat.PARQUET else _rows_of_json_lines(chunks)


def _json_lines(lines: Iterable[str]) -> Iterator[bytes]:
    block: list[bytes] = []
    size = 0
    for line in lines:
        block.append(line.encode() + b"\n")
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


def schema() -> Any:
    """Return the Arrow schema of the rows; ``extras`` is a JSON object as text."""
    import pyarrow as pa

    text, moment, number = pa.string(), pa.timestamp("us", tz="UTC"), pa.float64()
    person = pa.struct(
        [
            ("person_id", text),
            ("participant_id", text),
            ("name", text),
            ("role", text),
            ("joined_at", moment),
            ("left_at", moment),
            ("minutes", number),
        ]
    )
    entry = pa.struct([("at", moment), ("kind", text), ("person_id", text), ("connection", text)])
    return pa.schema(
        [
            ("platform", text),
            ("conn_id", text),
            ("session_id", text),
            ("counted_at", moment),
            ("launch_key", text),
            ("room", text),
            ("title", text),
            ("planned_start", moment),
            ("planned_end", moment),
            ("started_at", moment),
            ("ended_at", moment),
            ("held", text),
            ("minutes", number),
            ("participants", pa.list_(person)),
            ("attendance_known", pa.bool_()),
            ("logs", pa.list_(entry)),
            ("usage_minutes", number),
            ("cost_in_cents", number),
            ("extras", text),
        ]
    )


_TIMES = ("counted_at", "planned_start", "planned_end", "started_at", "ended_at")
_PERSON_TIMES = ("joined_at", "left_at")
_LOG_TIMES = ("at",)


def _parquet(lines: Iterable[str]) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = schema()
    sink = _Sink()
    rows = iter(lines)
    with pq.ParquetWriter(
        pa.PythonFile(sink, mode="w"), columns, compression="zstd", version="2.6", use_dictionary=True
    ) as writer:
        while group := [_typed(json.loads(line)) for line in itertools.islice(rows, GROUP_ROWS)]:
            writer.write_table(pa.Table.from_pylist(group, schema=columns), row_group_size=GROUP_ROWS)
            yield sink.take()
    yield sink.take()


def _rows_of_parquet(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    import tempfile

    import pyarrow.parquet as pq

    with tempfile.TemporaryFile(prefix="live-sessions-") as spool:  # its table of contents is at its end
        for chunk in chunks:
            spool.write(chunk)
        spool.seek(0)
        with pq.ParquetFile(spool) as file:
            for batch in file.iter_batches(GROUP_ROWS):
                yield from map(_plain, batch.to_pylist())


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with times instead of text, in place."""
    _times(row, _TIMES, _read)
    for person in row["participants"]:
        _times(person, _PERSON_TIMES, _read)
    for entry in row["logs"]:
        _times(entry, _LOG_TIMES, _read)
    row["extras"] = json.dumps(row["extras"], ensure_ascii=False, sort_keys=True)
    return row


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Undo :func:`_typed`, in place."""
    _times(row, _TIMES, _written)
    for person in row["participants"]:
        _times(person, _PERSON_TIMES, _written)
    for entry in row["logs"]:
        _times(entry, _LOG_TIMES, _written)
    row["extras"] = json.loads(row["extras"])
    return row


def _times(values: dict[str, Any], names: Iterable[str], change: Any) -> None:
    for name in names:
        values[name] = None if values[name] is None else change(values[name])


_read = parse_time


def _written(moment: Any) -> str:
    return str(moment.isoformat())


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
