"""What there is to measure, for whoever measures: below the Airflow line nobody knows who that is."""

from __future__ import annotations

from typing import Protocol

RATE_LIMITED = "rate_limited"
"""Counter: answers with status 429."""


class Meter(Protocol):
    """Takes figures of one connection; it never raises and never waits."""

    def count(self, name: str, *, platform: str, conn_id: str) -> None:
        """Count one occurrence."""


class NoMeter:
    """Nobody measures."""

    def count(self, name: str, *, platform: str, conn_id: str) -> None:
        """Count nothing."""
