"""Which run has which class in hand, written beside the classes' files.

Hourly runs over one timetable meet the same class again and again. Launching it twice would be harmless, for the
launch finds its own, but its links would be handed over and its end waited for by every run. So a run writes down
what it takes, and the next ones leave that alone unless it changed or came to grief.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.core.storage import Storage


@dataclass(frozen=True, slots=True)
class Claim:
    """A class in the hands of a run.

    Args:
        key: Digest of the class's launch key.
        digest: Digest of the class as it was when it was taken.
        action: ``launch`` or ``cancel``.
        dag_id: The DAG.
        run_id: The run.
        map_index: Its place among the run's lanes.
        title: What people call the class.
        start: Its planned start.
    """

    key: str
    digest: str
    action: str
    dag_id: str
    run_id: str
    map_index: int
    title: str
    start: datetime

    def to_json(self) -> dict[str, Any]:
        """Write as a file."""
        return {
            "key": self.key,
            "digest": self.digest,
            "action": self.action,
            "dag_id": self.dag_id,
            "run_id": self.run_id,
            "map_index": self.map_index,
            "title": self.title,
            "start": format_time(self.start),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Claim:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigurationError: It is not a claim.
        """
        try:
            return cls(
                key=str(data["key"]),
                digest=str(data["digest"]),
                action=str(data["action"]),
                dag_id=str(data["dag_id"]),
                run_id=str(data["run_id"]),
                map_index=int(data["map_index"]),
                title=str(data["title"]),
                start=parse_time(data["start"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"This is not a claim: {error}.") from None


class ClaimBook:
    """The claims of one timetable.

    Args:
        storage: Where they are kept: the same for all runs.
        folder: A name for the timetable, safe in a path.
    """

    def __init__(self, storage: Storage, folder: str) -> None:
        self._storage = storage
        self._folder = f"claims/{folder}"

    def read(self, days: set[str]) -> dict[str, Claim]:
        """Return the claims of some days by key; one that cannot be read counts as none.

        Args:
            days: Days of planned starts in UTC, ``2026-09-01``.
        """
        found: dict[str, Claim] = {}
        for day in sorted(days):
            for name in self._storage.list(f"{self._folder}/{day}"):
                try:
                    claim = Claim.from_json(json.loads(self._storage.get(name)))
                except (FileNotFoundError, ValueError, ConfigurationError):
                    continue
                found[claim.key] = claim
        return found

    def write(self, claim: Claim) -> None:
        """Write a claim down, in place of an older one."""
        name = f"{self._folder}/{day_of(claim.start)}/{claim.key}.json"
        self._storage.put(name, [json.dumps(claim.to_json(), sort_keys=True, indent=2).encode()])


def day_of(moment: datetime) -> str:
    """Return the UTC day under which a class is kept."""
    return format_time(moment)[:10]
