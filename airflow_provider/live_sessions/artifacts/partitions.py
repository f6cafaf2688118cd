"""Which files of an export lie beside each other in time: told by their names, ``date=...`` and ``hour=...``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.export_checks import read
from airflow_provider.live_sessions.artifacts.export_chunks import Chunk
from airflow_provider.live_sessions.artifacts.manifest import Manifest
from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider.live_sessions.core.storage import Storage

_FORMATS = {True: "date=%Y-%m-%d/hour=%H", False: "date=%Y-%m-%d"}


@dataclass(frozen=True, slots=True)
class Home:
    """The files of one export of one account.

    Args:
        account: The folder above the partitions.
        file: The name of each partition's manifest.
        platform: The platform's name.
        conn_id: The Airflow connection.
        partitions: Those that the export wrote, oldest first.
    """

    account: str
    file: str
    platform: str
    conn_id: str
    partitions: tuple[str, ...]

    @classmethod
    def told(cls, storage: Storage, manifests: Iterable[str]) -> Home | None:
        """Return the files behind the names of an export's manifests; None where there are none.

        Raises:
            ConfigurationError: They are not of one account and one kind, or are no export's.
            Transient: The first is not there, see :func:`read`.
        """
        names = list(manifests)
        if not names:
            return None
        account, _, rest = names[0].partition("/date=")
        file = rest.rpartition("/")[2]
        head, tail = f"{account}/", f"/{file}"
        if not rest or not all(one.startswith(head) and one.endswith(tail) for one in names):
            raise ConfigurationError(
                "These are not the files of one export.", advice="Pass an export operator's output."
            )
        first = read(storage, names[0])
        partitions = tuple(one.removeprefix(head).removesuffix(tail) for one in names)
        return cls(account, file, first.platform, first.conn_id, partitions)

    @property
    def kind(self) -> str:
        """What the rows are, e.g. ``sessions``."""
        return self.file.partition("-")[0]

    def of(self, storage: Storage, partition: str) -> Manifest | None:
        """Return a partition's manifest; None where it is not home."""
        try:
            return Manifest.from_bytes(storage.get(f"{self.account}/{partition}/{self.file}"))
        except FileNotFoundError:
            return None

    def chunks(self, storage: Storage) -> Iterator[Chunk]:
        """Yield the days or hours that the export wrote.

        Raises:
            ConfigurationError: A manifest has no time.
            Transient: A manifest is not there, see :func:`read`.
        """
        for partition in self.partitions:
            manifest = read(storage, f"{self.account}/{partition}/{self.file}")
            if manifest.planned_start is None or manifest.planned_end is None:
                raise ConfigurationError(f"{manifest.name} has no time.", advice="Export it again.")
            yield Chunk(manifest.planned_start, manifest.planned_end, partition)

    def before(self, partition: str, span: timedelta) -> list[str]:
        """Return the partitions that hold a span of time before one, oldest first."""
        return list(reversed(_neighbours(partition, span, -1)))

    def after(self, partition: str, span: timedelta) -> list[str]:
        """Return the partitions that hold a span of time behind one, oldest first."""
        return _neighbours(partition, span, 1)


def length_of(partition: str) -> timedelta:
    """Return how long the time of a partition is: an hour or a day."""
    return timedelta(hours=1) if "/hour=" in partition else timedelta(days=1)


def _neighbours(partition: str, span: timedelta, direction: int) -> list[str]:
    hourly = "/hour=" in partition
    length = length_of(partition)
    at = datetime.strptime(partition, _FORMATS[hourly])  # noqa: DTZ007 - a name, in whatever zone it was given
    number = -(-span // length)
    return [(at + direction * step * length).strftime(_FORMATS[hourly]) for step in range(1, number + 1)]
