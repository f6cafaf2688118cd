"""A scenario of something that goes wrong, and what it has at hand while it plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.report import Report
    from benchmarks.stages.stage import Stage
    from benchmarks.subject import Subject


@dataclass(slots=True)
class Scene:
    """A scenario under way.

    Args:
        stage: Where it plays.
        running: The triggerer.
        report: Takes figures and bars.
        quick: Play it short.
        folder: For files.
    """

    stage: Stage
    running: Subject
    report: Report
    quick: bool
    folder: Path


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something that goes wrong.

    Args:
        name: Its name in the figures.
        about: What happens, for the reader.
        stage: Makes the stage.
        play: Lets it happen, and judges; returns when it is over.
        interval: Seconds between polls.
        live: The share of sessions that is live; they end afterwards.
        quick: Whether the quick slice has it.
        environment: Settings of the triggerer beside the stage's, for a stage and a folder.
    """

    name: str
    about: str
    stage: Callable[[], Stage]
    play: Callable[[Scene], dict[str, Any]]
    interval: float = 2.0
    live: float = 1.0
    quick: bool = False
    environment: Callable[[Stage, Path], dict[str, str]] = lambda stage, _: stage.environment()
