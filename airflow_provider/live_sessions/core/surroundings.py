"""What a client finds on its machine: the budgets it shares with others, and who takes its figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.budget import Lines
from airflow_provider.live_sessions.core.meter import NoMeter

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.budget import Budgets
    from airflow_provider.live_sessions.core.meter import Meter


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all clients of a process are given alike.

    Args:
        budgets: The rate budgets; by default of this process alone.
        meter: Takes figures; by default nobody does.
    """

    budgets: Budgets = field(default_factory=Lines)
    meter: Meter = field(default_factory=NoMeter)


ALONE = Surroundings()
"""For a client made by hand: it shares with the other such clients of its process."""
