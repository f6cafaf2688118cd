"""Which sessions of an account have ended, told one after the other: what a watcher asks, and what it remembers.

A platform shows some ends late, so each question reaches back a little behind the last one, and what was told
already is left out by its id. The memory is small enough for a database row and survives whoever asks: a watcher
that was away asks from where it stopped.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.happening import Happening
from airflow_provider.live_sessions.core.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.core.contract import Ability
    from airflow_provider.live_sessions.core.status import Held

_ID_LENGTH = 16

WOBBLE = timedelta(seconds=2)
"""How far the platform's time, told in whole seconds, may seem to go back from one answer to the next."""


def event_id_of(happening: str, session_id: str) -> str:
    """Return what is the same whenever this is told again, by whichever way, and differs for everything else."""
    name = session_id if happening == Happening.ENDED else f"{happening}:{session_id}"
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_LENGTH]


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that is over for good.

    Args:
        session_id: The platform's id; a digest where the id itself opens a door.
        ended_at: When it ended.
        told_at: From when on the platform's lists tell that it is over; never later in a later answer.
        held: Whether it took place, as far as the list tells.
        key: Digest of the launch key; empty for a session that was made elsewhere, or where the list does not say.
        lacks: What the list already tells that it will never leave.
    """

    session_id: str
    ended_at: datetime
    told_at: datetime
    held: Held
    key: str = ""
    lacks: frozenset[Ability] = frozenset()

    @property
    def event_id(self) -> str:
        """What is the same whenever this end is told again, and differs for every other."""
        return event_id_of(Happening.ENDED, self.session_id)


@runtime_checkable
class EndingPlatform(Protocol):
    """A platform that can list what has ended, whoever launched it."""

    ended_overlap: timedelta
    """How late an end may appear in the list."""

    def ended_since(
        self, since: datetime, until: datetime | None = None
    ) -> tuple[Sequence[EndedSession], datetime]:
        """Return the sessions that are told as over from a moment on, and the platform's time before it was asked.

        More may come back than was asked for.

        Args:
            since: The moment.
            until: Up to which moment; None for now.

        Raises:
            LiveSessionError: The list could not be read whole.
        """


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to where ends have been told.

    Args:
        up_to: The platform's time of the last question that was answered whole.
        told: The ends behind it that may be listed again: when each was told, by event id.
    """

    up_to: datetime
    told: Mapping[str, datetime] = field(default_factory=dict, hash=False)

    def since(self, overlap: timedelta) -> datetime:
        """Return from where the next question asks."""
        return self.up_to - overlap

    def fresh(self, found: Sequence[EndedSession], overlap: timedelta) -> list[EndedSession]:
        """Return what was not told yet, oldest end first, each once."""
        since = self.since(overlap)
        fresh = {one.event_id: one for one in found if one.told_at >= since and one.event_id not in self.told}
        return sorted(fresh.values(), key=lambda one: (one.ended_at, one.event_id))

    def after(self, fresh: Sequence[EndedSession], asked_at: datetime, overlap: timedelta) -> Cursor:
        """Return the cursor when these have been told.

        Args:
            fresh: What :meth:`fresh` gave.
            asked_at: The platform's time before it was asked. Where it ran ahead once, it goes back again: rather
                is something told twice than never.
            overlap: How late an end may appear.
        """
        told = {**self.told, **{one.event_id: one.told_at for one in fresh}}
        # A little longer than they are listed, or a clock that seems to go back has some told twice.
        oldest = asked_at - overlap - WOBBLE
        return Cursor(asked_at, {name: at for name, at in told.items() if at >= oldest})

    def take(
        self, found: Sequence[EndedSession], asked_at: datetime, overlap: timedelta, most: int | None
    ) -> tuple[Cursor, list[EndedSession], bool]:
        """Return the cursor behind the next lot of ends, that lot, and whether more are there.

        Args:
            found: What the platform listed.
            asked_at: The platform's time before it was asked.
            overlap: How late an end may appear.
            most: How many to take at once, the oldest first; None for all.
        """
        # A platform may tell an end anew at a later time (people came back): it is remembered for as long again.
        again = {
            one.event_id: max(one.told_at, self.told[one.event_id]) for one in found if one.event_id in self.told
        }
        known = Cursor(self.up_to, {**self.told, **again})
        fresh = known.fresh(found, overlap)
        if most is None or len(fresh) <= most:
            return known.after(fresh, asked_at, overlap), fresh, False
        # The cursor stays where it is: behind it are ends that have still to be told.
        return known.after(fresh[:most], self.up_to, overlap), fresh[:most], True

    def to_json(self) -> dict[str, Any]:
        """Write for the state store."""
        return {
            "version": 1,
            "up_to": format_time(self.up_to),
            "told": {name: format_time(at) for name, at in sorted(self.told.items())},
        }

    @classmethod
    def from_json(cls, data: object) -> Cursor | None:
        """Read what :meth:`to_json` wrote; None for anything else: then there is no cursor."""
        try:
            fields = dict(data)  # type: ignore[call-overload]  # anything else ends below
            told = {str(name): parse_time(at) for name, at in dict(fields["told"]).items()}
            return cls(parse_time(fields["up_to"]), told)
        except (ConfigurationError, KeyError, OverflowError, TypeError, ValueError):
            return None  # what another release or a person wrote must not stop the watcher


@dataclass(frozen=True, slots=True)
class Backlog:
    """What was listed and is told in lots; only memory holds it, whoever begins again lists again.

    Args:
        found: What the platform listed.
        up_to: Up to where it was asked for: its own time before that, or a moment further back.
        overlap: How late an end may appear.
    """

    found: Sequence[EndedSession]
    up_to: datetime
    overlap: timedelta

    def take(self, cursor: Cursor, most: int | None) -> tuple[Cursor, list[EndedSession], Backlog | None]:
        """Return the cursor behind the next lot of ends, that lot, and what is left to take; None for nothing."""
        behind, lot, more = cursor.take(self.found, self.up_to, self.overlap, most)
        if not more:
            return behind, lot, None
        taken = {one.session_id for one in lot}
        left = [one for one in self.found if one.session_id not in taken]
        return behind, lot, Backlog(left, self.up_to, self.overlap)
