"""What the deployment costs while it runs: memory of each component, connections to the database."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from distributed.classes import LAUNCH
from distributed.progress import CONNECTIONS
from distributed.topology import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from distributed.cluster import Cluster
    from distributed.progress import Progress, Rows

EVERY = 15.0
"""Seconds between two looks."""
MIB = 2**20


@dataclass
class Gauge:
    """Looks at the components every few seconds.

    Args:
        cluster: The running Airflow.
        components: Its processes.
        rows: Asks Airflow's database.

    Attributes:
        idle: Each component's memory at the first look, before the first class, in MiB (what processes share is
            counted once).
        most: The most it had.
        slots: The workers' memory by the number of tasks in hand, one figure a look; with none in hand it is of a
            worker between tasks as well, and so above ``idle``.
        connections: The most connections to the database.
    """

    cluster: Cluster
    components: Sequence[str]
    rows: Rows
    idle: dict[str, float] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)
    slots: dict[int, list[float]] = field(default_factory=dict)
    connections: int = 0
    _looked: float = 0.0

    def look(self) -> None:
        """Look, unless it was done just now."""
        if time.monotonic() - self._looked < EVERY:
            return
        self._looked = time.monotonic()
        self.connections = max(self.connections, int(self.rows(CONNECTIONS)[0][0]))
        for name in self.components:
            busy = self.cluster.busy(name) if kind_of(name) == "worker" else 0
            mib = memory(self.cluster.tree(name))
            if not mib:
                continue
            self.idle.setdefault(name, mib)
            self.most[name] = max(self.most.get(name, 0.0), mib)
            if kind_of(name) == "worker":
                self.slots.setdefault(busy, []).append(mib)

    def figures(self, progress: Progress) -> dict[str, Any]:
        """Return what was seen, rounded."""
        return {
            "idle_mib": {name: round(mib) for name, mib in self.idle.items()},
            "most_mib": {name: round(mib) for name, mib in self.most.items()},
            "worker_mib_by_tasks_in_hand": {
                str(tasks): round(sum(seen) / len(seen)) for tasks, seen in sorted(self.slots.items())
            },
            "database_connections": self.connections,
            **launch_figures(progress),
        }


def memory(processes: Iterable[psutil.Process]) -> float:
    """Return the memory of processes in MiB; what several of them share is counted in parts."""
    total = 0
    for one in processes:
        try:
            total += one.memory_full_info().pss
        except psutil.Error:
            continue
    return total / MIB


def launch_figures(progress: Progress) -> dict[str, Any]:
    """Return how long launches took, and how many were done in a minute from the first to the last."""
    done = [
        (task.began, task.ended)
        for (_, _, name, _), task in progress.tasks.items()
        if name == LAUNCH and task.state == "success" and task.began is not None and task.ended is not None
    ]
    if not done:
        return {}
    took = sorted(ended - began for began, ended in done)
    whole = max(ended for _, ended in done) - min(began for began, _ in done)
    return {
        "launch_seconds_median": round(took[len(took) // 2], 2),
        "launches_a_minute": round(60 * len(done) / max(whole, 1.0), 1),
    }
