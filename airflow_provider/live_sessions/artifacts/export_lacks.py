"""What a file of an export lacks, sorted by whether it may still come: what may is asked for again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.manifest import Completeness

if TYPE_CHECKING:
    from airflow_provider.live_sessions.artifacts.manifest import Manifest

PATIENCE = timedelta(hours=24)
"""So long after its time a file waits for what its platform has still to tell; what is not there then is lost.
No document bounds it, so this is our patience."""


@dataclass(frozen=True, slots=True)
class Lacks:
    """What one file lacks.

    Args:
        passing: Sentences on what may still come.
        lost: Sentences on what never will, e.g. a deleted room's attendance.
    """

    passing: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of them, for a manifest's reason."""
        return (*self.passing, *self.lost)


def may_heal(manifest: Manifest) -> bool:
    """Return whether a file lacks what may still come; also where an earlier release did not say which it is."""
    return manifest.status is not Completeness.COMPLETE and manifest.extra.get("for_good") is not True
