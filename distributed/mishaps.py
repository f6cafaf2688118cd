"""What befalls the deployment on the way: a worker dies, a triggerer freezes, Redis is restarted."""

from __future__ import annotations

import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distributed.progress import OWNERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distributed.broker import Broker
    from distributed.cluster import Cluster
    from distributed.progress import Progress, Rows

WORKER, TRIGGERER = "worker-1", "triggerer-1"
FROZEN = 60.0
"""Seconds that the triggerer stands still."""


@dataclass
class Mishap:
    """One of them.

    Args:
        what: In words, for the log.
        due: Whether now is the time; called until it is.
        strike: Does it, and returns a sentence about what it met.
        lasts: Seconds until it is mended.
        mend: Mends it, and returns a sentence or nothing.
    """

    what: str
    due: Callable[[Progress], bool]
    strike: Callable[[], str]
    lasts: float
    mend: Callable[[], str]
    struck_at: float | None = None
    mended: bool = False


@dataclass
class Mishaps:
    """All of them, one after the other.

    Args:
        each: In their order.
        say: Prints a progress line.
    """

    each: Sequence[Mishap]
    say: Callable[[str], None]

    @property
    def pending(self) -> list[str]:
        """Those that have not happened to their end."""
        return [one.what for one in self.each if not one.mended]

    def act(self, progress: Progress) -> None:
        """Strike or mend what is due."""
        one = next((one for one in self.each if not one.mended), None)
        if one is None:
            return
        if one.struck_at is None:
            if one.due(progress):
                one.struck_at = time.monotonic()
                self.say(f"MISHAP: {one.what}. {one.strike()}")
        elif time.monotonic() - one.struck_at >= one.lasts:
            one.mended = True
            self.say(f"MENDED: {one.what}. {one.mend()}")


@dataclass
class Takeover:
    """The waits of a triggerer that stands still, and who has them afterwards.

    Args:
        rows: Asks Airflow's database.

    Attributes:
        triggerer: The one that has most of them; empty before it was chosen.
        waits: Those that it had.
        moved: How many of those another one has now.
    """

    rows: Rows
    triggerer: str = ""
    waits: frozenset[int] = frozenset()
    moved: int = 0

    def choose(self) -> str:
        """Choose the triggerer that has most waits, and remember them."""
        owners = self._owners()
        self.triggerer = Counter(owners.values()).most_common(1)[0][0] if owners else TRIGGERER
        self.waits = frozenset(wait for wait, owner in owners.items() if owner == self.triggerer)
        return self.triggerer

    def compare(self) -> int:
        """Return how many of its waits another one has."""
        now = self._owners()
        self.moved = sum(now.get(wait, self.triggerer) != self.triggerer for wait in self.waits)
        return self.moved

    def _owners(self) -> dict[int, str]:
        return {int(wait): str(owner) for wait, owner in self.rows(OWNERS)}


def mishaps(
    cluster: Cluster, broker: Broker, takeover: Takeover, classes: int, say: Callable[[str], None]
) -> Mishaps:
    """Return what befalls a run.

    Args:
        cluster: The running Airflow.
        broker: Its Redis.
        takeover: Watches the triggerers.
        classes: How many there are.
        say: Prints a progress line.
    """

    def kill() -> str:
        tasks = cluster.busy(WORKER)
        cluster.kill(WORKER)
        return f"{WORKER} had {tasks} tasks in hand."

    def again() -> str:
        cluster.start_component(WORKER)
        return f"{WORKER} is started again."

    def freeze() -> str:
        triggerer = takeover.choose()
        cluster.signal_component(triggerer, signal.SIGSTOP)
        return f"{triggerer} had {len(takeover.waits)} waits."

    def thaw() -> str:
        moved = takeover.compare()
        cluster.signal_component(takeover.triggerer, signal.SIGCONT)
        return f"{moved} of them have been taken over."

    def stop() -> str:
        broker.stop()
        return "Nothing can be handed to a worker."

    def start() -> str:
        broker.start()
        return "It has read what it had written down."

    return Mishaps(
        (
            Mishap("a worker is killed", _busy_worker(cluster, classes), kill, 10.0, again),
            Mishap("a triggerer freezes", lambda seen: seen.waiting >= classes // 5, freeze, FROZEN, thaw),
            Mishap("Redis is restarted", lambda seen: seen.ended >= classes // 5, stop, 5.0, start),
        ),
        say,
    )


def _busy_worker(cluster: Cluster, classes: int) -> Callable[[Progress], bool]:
    return lambda seen: seen.launched >= classes // 8 and cluster.busy(WORKER) >= 2
