"""What exists at Screenleap: shares and who takes part, and what can happen to them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.screenleap.options import Options

PRESENTER = ""
"""The key of the presenter among a share's participants."""


class NotPossibleError(Exception):
    """A rule of Screenleap forbids it; the sentence says which."""


@dataclass(slots=True)
class Participant:
    """The presenter or a viewer.

    Args:
        number: Six digits.
        external_id: The caller's id of a viewer; empty without one.
        presenter: Whether this is the presenter.
        joined_at: First join.
        left_at: Last leave; None while inside.
    """

    number: str
    external_id: str
    presenter: bool
    joined_at: datetime
    left_at: datetime | None = None


@dataclass(slots=True)
class Share:
    """One share.

    Args:
        code: Nine digits; whoever has them can watch.
        token: Lets its bearer present.
        created_at: When it was reserved.
        external_id: The caller's id.
        title: Shown to viewers.
        branding: Billed at the basic price.
        api: False for one that Screenleap's own widget made: the API may not stop it.
        started_at: When the presenter's app first connected.
        ended_at: When it ended; a crash can be undone.
        crashed: It ended by a crash or a closed window.
        total_viewers: Connections of viewers: who comes back is counted again, as the vendor admits.
        people: By external id; the presenter under :data:`PRESENTER`.
    """

    code: str
    token: str = field(repr=False)
    created_at: datetime
    external_id: str = ""
    title: str = ""
    branding: bool = False
    api: bool = True
    started_at: datetime | None = None
    ended_at: datetime | None = None
    crashed: bool = False
    total_viewers: int = 0
    people: dict[str, Participant] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether a presenter is sharing."""
        return self.started_at is not None and self.ended_at is None

    @property
    def successful(self) -> bool:
        """Whether both a presenter and a viewer connected [dossier 2.5]."""
        return any(not one.presenter for one in self.people.values())


class Store:
    """Every share, and the rules of their lives.

    Args:
        options: How this Screenleap behaves.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self.shares: dict[str, Share] = {}
        self.created = 0

    def create(self, at: datetime, *, api: bool = True, **fields: str | bool) -> Share:
        """Reserve a code; nothing runs until a presenter starts it."""
        self.created += 1
        code = _digits(9)
        while code in self.shares:
            code = _digits(9)
        share = Share(code=code, token=secrets.token_urlsafe(24), created_at=at, api=api, **fields)  # type: ignore[arg-type]  # the caller's own names
        self.shares[code] = share
        return share

    def find(self, reference: str) -> Share | None:
        """Return a share by its code, its external id, or the beginning of that before a ``|``; the newest."""
        if reference in self.shares:
            return self.shares[reference]
        theirs = [
            one
            for one in self.shares.values()
            if reference and reference in (one.external_id, one.external_id.rpartition("|")[0])
        ]
        return theirs[-1] if theirs else None

    def present(self, share: Share, at: datetime) -> None:
        """Let the presenter start, or reopen after a crash.

        Raises:
            NotPossibleError: It runs already, or has ended for good.
        """
        if share.running:
            raise NotPossibleError("Somebody is presenting already.")
        if share.ended_at is not None:
            late = at > share.ended_at + timedelta(seconds=self._options.reopen_for)
            if not share.crashed or late:
                raise NotPossibleError("A code is good for one share, and this one has ended.")
        share.started_at, share.ended_at, share.crashed = share.started_at or at, None, False
        self._enter(share, PRESENTER, at, presenter=True)

    def view(self, share: Share, viewer: str, at: datetime) -> None:
        """Let a viewer in.

        Raises:
            NotPossibleError: Nobody is presenting.
        """
        if not share.running:
            raise NotPossibleError("Nobody is presenting.")
        share.total_viewers += 1
        self._enter(share, viewer or f"anonymous-{share.total_viewers}", at, presenter=False)

    def leave(self, share: Share, viewer: str, at: datetime) -> None:
        """Let a viewer leave.

        Raises:
            NotPossibleError: They are not inside.
        """
        who = share.people.get(viewer)
        if who is None or who.presenter or who.left_at is not None:
            raise NotPossibleError("This viewer is not inside.")
        who.left_at = at

    def end(self, share: Share, at: datetime, *, crashed: bool = False) -> None:
        """End a share.

        Raises:
            NotPossibleError: It is not running.
        """
        if not share.running:
            raise NotPossibleError("This share is not running.")
        self.close(share, at, crashed=crashed)

    def close(self, share: Share, at: datetime, *, crashed: bool = False) -> None:
        """Write down the end of a share, started or not."""
        share.ended_at, share.crashed = at, crashed
        for who in share.people.values():
            who.left_at = who.left_at or at

    def recent(self, now: datetime) -> Iterator[Share]:
        """Return what waits for a presenter, runs, or ended a moment ago."""
        return (one for one in self.shares.values() if self.is_recent(one, now))

    def is_recent(self, share: Share, now: datetime) -> bool:
        """Return whether the recent list shows a share."""
        return share.running or now <= self._leaves_recent(share)

    def readable(self, code: str, now: datetime) -> Share | None:
        """Return the share that a read of its code shows."""
        share = self.shares.get(code)
        if share is None or share.running or not self._options.readable_for:
            return share
        gone = self._leaves_recent(share) + timedelta(seconds=self._options.readable_for)
        return share if now <= gone else None

    def history(self, now: datetime) -> list[Share]:
        """Return the successful shares that ended some time ago, in the order of their starts."""
        since = now - timedelta(seconds=self._options.history_after)
        past = [one for one in self.shares.values() if one.successful and one.ended_at and one.ended_at <= since]
        return sorted(past, key=lambda one: (one.started_at or one.created_at, one.code))

    def _leaves_recent(self, share: Share) -> datetime:
        if share.ended_at is not None:
            return share.ended_at + timedelta(seconds=self._options.recent_for)
        return share.created_at + timedelta(seconds=self._options.unstarted_for)

    def _enter(self, share: Share, key: str, at: datetime, *, presenter: bool) -> None:
        known = share.people.get(key)
        if known is not None:
            known.left_at = None  # first join to last leave: a break in between is not told
            return
        external_id = "" if presenter or key.startswith("anonymous-") else key
        share.people[key] = Participant(_digits(6), external_id, presenter, at)


def _digits(length: int) -> str:
    return f"{secrets.randbelow(10**length):0{length}d}"
