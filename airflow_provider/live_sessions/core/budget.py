"""One account's share of requests: who waits in this process, and the schedule that they spend from.

The queue of threads is this process's own: only its first reserves a slot, so that a process with a hundred
threads takes no more turns than one with a single thread. The schedule is a ledger's: kept here in memory, or by
``host_budget`` for all processes of a host.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow_provider.live_sessions.core.address import origin_of
from airflow_provider.live_sessions.core.pacing import NOW, Pace, Schedule, Turn, take_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

_Told = TypeVar("_Told")


LOOK_AGAIN = 5.0
"""Seconds after which who stands in line looks whether the one before is still there."""


class Budget(Protocol):
    """Says when the next request may be sent."""

    def acquire(self, *, patience: float = float("inf")) -> float:
        """Wait for one's turn and take it.

        Args:
            patience: Seconds that a pause may last at most; a longer one is not waited for.

        Returns:
            0 when the turn was taken, else the seconds that the pause still lasts: nothing was taken then.
        """

    def pause(self, seconds: float) -> None:
        """Stop everybody for so many seconds from now; a longer pause already set stays."""


class Ledger(Protocol):
    """Keeps one account's schedule, one change at a time."""

    def change(self, step: Callable[[Schedule, float], tuple[Schedule, _Told]]) -> _Told:
        """Replace the schedule by what a step makes of it, and return what the step tells.

        Args:
            step: Called with the schedule and the time on the ledger's clock; without effects, for it may be
                called twice.
        """

    def now(self) -> float:
        """Return the time on the ledger's clock."""


class MemoryLedger:
    """A schedule that only this process sees.

    Args:
        clock: Seconds of a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.now = clock
        self._lock = threading.Lock()
        self._schedule = Schedule()

    def change(self, step: Callable[[Schedule, float], tuple[Schedule, _Told]]) -> _Told:
        """Replace the schedule by what a step makes of it; see :meth:`Ledger.change`."""
        with self._lock:
            self._schedule, told = step(self._schedule, self.now())
        return told


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """A thread's place in a line.

    Args:
        owner: The thread.
        call: Set whenever it is worth looking again.
    """

    owner: threading.Thread
    call: threading.Event


class Line:
    """Who stands in line for one account in this process.

    An exception can strike a thread between any two steps (Airflow's timeouts do), so a place may be left behind.
    A thread that comes again gives up its old place, and a thread that has ended loses its own.

    Args:
        ledger: Keeps the account's schedule.
        sleep: Waits so many seconds.
    """

    def __init__(self, ledger: Ledger, sleep: Callable[[float], None] = time.sleep) -> None:
        self.ledger = ledger
        self.sleep = sleep
        self._lock = threading.Lock()
        self._queue: list[Ticket] = []

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._queue)

    def join(self) -> Ticket:
        """Stand at the end."""
        ticket = Ticket(threading.current_thread(), threading.Event())
        with self._lock:
            self._queue = [*(one for one in self._queue if one.owner is not ticket.owner), ticket]
        return ticket

    def is_first(self, ticket: Ticket) -> bool:
        """Tell whether it is one's turn; if not, the ticket can be waited on."""
        with self._lock:
            ticket.call.clear()
            while self._queue[0] is not ticket and not self._queue[0].owner.is_alive():
                del self._queue[0]
            return self._queue[0] is ticket

    def leave(self, ticket: Ticket) -> None:
        """Make room for the next."""
        with self._lock:
            self._queue = [one for one in self._queue if one is not ticket]
            if self._queue:
                self._queue[0].call.set()

    def wake_all(self) -> None:
        """Have everybody look again."""
        with self._lock:
            for ticket in self._queue:
                ticket.call.set()


class RateBudget:
    """One client's way to its account's budget: whoever comes first is served first.

    Clients of one account may have different paces; each spends from the same schedule at its own.

    Args:
        rate: Requests a second.
        burst: How many may follow each other at once after a quiet time; none do after a pause.
        line: Where its account's clients of this process stand; None for one of its own.

    Raises:
        ConfigurationError: The rate is not above 0 or the burst below 1.
    """

    def __init__(self, rate: float, burst: float = 1.0, *, line: Line | None = None) -> None:
        self._pace = Pace(rate, burst)
        self._line = line or Line(MemoryLedger())

    def acquire(self, *, patience: float = float("inf")) -> float:
        """Wait for one's turn and take it; see :meth:`Budget.acquire`."""
        line, held = self._line, None
        ticket = line.join()
        try:
            while True:
                if not line.is_first(ticket):
                    left = line.ledger.change(lambda schedule, now: (schedule, schedule.paused_until - now))
                    if left > patience:
                        return left
                    # The one before sets it when leaving, a pause sets all; nobody does for one that has died.
                    ticket.call.wait(LOOK_AGAIN)
                    continue
                turn = self._look(patience, held)
                if turn.slot is None:
                    return turn.pause
                wait = turn.slot - line.ledger.now()
                if wait <= NOW:
                    return 0.0
                held = turn.slot
                line.sleep(wait)
        finally:  # also when the waiting thread is interrupted: nobody may wait behind a ghost
            line.leave(ticket)

    def pause(self, seconds: float) -> None:
        """Stop everybody for so many seconds from now; a longer pause already set stays."""
        self._line.ledger.change(lambda schedule, now: (schedule.pause(now + seconds), None))
        self._line.wake_all()

    def _look(self, patience: float, held: float | None) -> Turn:
        return self._line.ledger.change(
            lambda schedule, now: take_turn(schedule, self._pace, now, patience=patience, held=held)
        )


class Budgets(Protocol):
    """Gives each account its one budget."""

    def of(self, account: bytes, rate: float, burst: float = 1.0) -> Budget:
        """Return an account's budget.

        Args:
            account: As :func:`account_of` named it.
            rate: Requests a second.
            burst: How many may follow each other at once after a quiet time.

        Raises:
            ConfigurationError: The rate is not above 0 or the burst below 1.
        """


class Lines:
    """The lines of this process, one an account.

    Args:
        ledger: Makes an account's ledger; by default one that only this process sees.
    """

    def __init__(self, ledger: Callable[[bytes], Ledger] = lambda _: MemoryLedger()) -> None:
        self._ledger = ledger
        self._lines: dict[bytes, Line] = {}
        self._lock = threading.Lock()

    def of(self, account: bytes, rate: float, burst: float = 1.0) -> RateBudget:
        """Return an account's budget; see :meth:`Budgets.of`."""
        with self._lock:
            if account not in self._lines:
                self._lines[account] = Line(self._ledger(account))
            return RateBudget(rate, burst, line=self._lines[account])


def account_of(platform: str, base_url: str, *who: str | SecretStr) -> bytes:
    """Return a digest that is the same for all connections of one account, and for no others.

    Args:
        platform: The platform.
        base_url: The API's address; its scheme, host and port count.
        who: What the platform counts by: a key, an account id.
    """
    plain = (one if isinstance(one, str) else one.get_secret_value() for one in who)
    parts = (platform, origin_of(base_url), *plain)
    return hashlib.blake2b("".join(f"{len(one)}:{one}" for one in parts).encode(), digest_size=32).digest()
