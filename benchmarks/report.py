"""What a measurement hands back, and how it is told on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

Say = Callable[[str], None]
"""Prints one line of progress."""


@dataclass(slots=True)
class Report:
    """The end of one measurement.

    Args:
        line: The figures that matter, in half a sentence, for the last line.
        figures: All figures, JSON values; units stand in the names.
        broken: The bars that were not met, a sentence each.
    """

    line: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def expect(self, met: bool, bar: str) -> None:
        """Note a bar that was not met.

        Args:
            met: Whether it was.
            bar: What should have been, and what was.
        """
        if not met:
            self.broken.append(bar)


@dataclass(frozen=True, slots=True)
class Section:
    """One measurement of ``make bench``.

    Args:
        name: Its section in the results.
        about: What it measures, in a few words.
        run: Measures; the flag asks for the quick slice: fewer waits, shorter, no peers.
        quick: Whether the quick slice has it.
    """

    name: str
    about: str
    run: Callable[[Say, bool], Report]
    quick: bool = True


def teller() -> Say:
    """Return what prints a line with the time since now."""
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{timedelta(seconds=int(time.monotonic() - begun))}] {text}", flush=True)

    return say
