"""Columns for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def columns(lines: Sequence[Sequence[str]]) -> str:
    """Return lines as columns, each as wide as it must be; the first line is the head."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def clock(moment: str | None) -> str:
    """Return the time of day of an ISO 8601 moment, or a dash."""
    return moment[11:19] if moment else "-"
