"""Which run has which class in hand, written beside the classes' files.

Hourly runs over one timetable meet the same class again and again. Launching it twice would be harmless, for the
launch finds its own, but its links would be handed over and its end waited for by every run. So a run writes down
what it takes, and the next ones leave that alone unless it changed or came to grief. What was taken over is let go
by who had it: before a lane launches, and before it hands links over, it looks whether the claim still is its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import MISFITS, load_json, why
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
        day: The UTC day that belongs to the class's identity: it stays when the class is moved.
        revive: Whether the class was cancelled before and takes place after all.
    """

    key: str
    digest: str
    action: str
    dag_id: str
    run_id: str
    map_index: int
    title: str
    start: datetime
    day: str
    revive: bool = False

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
            "day": self.day,
            "revive": self.revive,
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
                day=str(data["day"]),
                revive=data["revive"] is True,
            )
        except MISFITS as error:
            raise ConfigurationError(f"This is not a claim: {why(error)}.") from None


class ClaimBook:
    """The claims of one timetable.

    Args:
        storage: Where they are kept: the same for all runs.
        folder: A name for the timetable, safe in a path.
    """

    def __init__(self, storage: Storage, folder: str) -> None:
        self._storage = storage
        self._folder = f"claims/{folder}"

    @property
    def url(self) -> str:
        """Where the claims lie."""
        return self._storage.url(self._folder)

    def read(self, days: set[str]) -> dict[str, Claim]:
        """Return the claims of some days by key; one that cannot be read counts as none.

        Args:
            days: The days of the classes' identities, ``2026-09-01``.
        """
        found: dict[str, Claim] = {}
        for day in sorted(days):
            for name in self._storage.list(f"{self._folder}/{day}"):
                try:
                    claim = Claim.from_json(load_json(self._storage.get(name)))
                except (FileNotFoundError, ValueError, ConfigurationError):
                    continue
                found[claim.key] = claim
        return found

    def find(self, day: str, key: str) -> Claim | None:
        """Return one class's claim, or None."""
        try:
            return Claim.from_json(load_json(self._storage.get(self._name(day, key))))
        except (FileNotFoundError, ValueError, ConfigurationError):
            return None

    def _name(self, day: str, key: str) -> str:
        return f"{self._folder}/{day}/{key}.json"

    def write(self, claim: Claim) -> None:
        """Write a claim down, in place of an older one."""
        self._storage.put(
            self._name(claim.day, claim.key), [json.dumps(claim.to_json(), sort_keys=True, indent=2).encode()]
        )


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a lane shows to prove that a class is still in its hands.

    Args:
        destination: Where the claims are kept.
        folder: The timetable's folder there.
        claim: The claim as it was made.
    """

    destination: str
    folder: str
    claim: Claim

    def to_json(self) -> dict[str, Any]:
        """Write for XCom."""
        return {"destination": self.destination, "folder": self.folder, "claim": self.claim.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ticket:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigurationError: It is no ticket.
        """
        try:
            return cls(str(data["destination"]), str(data["folder"]), Claim.from_json(data["claim"]))
        except MISFITS as error:
            raise ConfigurationError(f"This is not a lane's claim: {why(error)}.") from None

    def taken_by(self, storage: Storage) -> Claim | None:
        """Return the claim that took this one's place; None while it still holds.

        Args:
            storage: The storage behind ``destination``.
        """
        present = ClaimBook(storage, self.folder).find(self.claim.day, self.claim.key)
        return None if present is None or present == self.claim else present


def day_of(moment: datetime) -> str:
    """Return the UTC day under which a class is kept."""
    return format_time(moment)[:10]
