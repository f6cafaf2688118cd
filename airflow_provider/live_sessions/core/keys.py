"""The identity of a launch: a digest that outlives the try, so that a retry finds its own session.

A class of a timetable is keyed by its occurrence, so every run that meets it again means the same class,
whatever its row number has become. Without a timetable the task instance is the identity. The try number is
never part of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.core.models import Plan

DIGEST_LENGTH = 32
"""Hexadecimal characters of a key: 128 bits, short enough for every platform's fields."""


class KeyKind(StrEnum):
    """What a key identifies: an occurrence of a timetable, or one task instance."""

    OCCURRENCE = "occurrence"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class LaunchKey:
    """The identity of a launch. Make it with :meth:`for_occurrence` or :meth:`for_task`.

    Args:
        digest: 32 hexadecimal characters.
        kind: What it identifies. A task's key may meet another class after its timetable changed, so its
            sessions are adopted only when the plan's fingerprint agrees.
    """

    digest: str
    kind: KeyKind

    @classmethod
    def for_occurrence(cls, *, conn_id: str, timetable: str, uid: str, start: datetime) -> LaunchKey:
        """Key a class of a timetable.

        Args:
            conn_id: The Airflow connection.
            timetable: A name that stays the same as long as it is the same timetable.
            uid: The class's identity in the timetable.
            start: The start that identifies the occurrence: the original one where it was moved.
        """
        return cls(_digest(KeyKind.OCCURRENCE, conn_id, timetable, uid, format_time(start)), KeyKind.OCCURRENCE)

    @classmethod
    def for_task(cls, *, conn_id: str, dag_id: str, run_id: str, task_id: str, map_index: int) -> LaunchKey:
        """Key a task instance; ``map_index`` is -1 for a task that is not mapped."""
        return cls(_digest(KeyKind.TASK, conn_id, dag_id, run_id, task_id, str(map_index)), KeyKind.TASK)

    def successor(self, generation: int) -> LaunchKey:
        """Return the key of a replacement: the same identity, launched anew on purpose.

        Args:
            generation: A number that a retry repeats and a deliberate relaunch changes.
        """
        return LaunchKey(_digest("replacement", self.digest, str(generation)), self.kind)


def fingerprint(plan: Plan) -> str:
    """Return a digest of what makes a plan this plan: title, times and people.

    Two plans with one fingerprint are the same class; options may differ.
    """
    return _digest(
        "plan",
        plan.title,
        format_time(plan.start),
        format_time(plan.end),
        *sorted(person.id for person in plan.participants),
    )


def _digest(*parts: str) -> str:
    # JSON keeps the parts apart: ("ab", "c") and ("a", "bc") are two keys.
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:DIGEST_LENGTH]
