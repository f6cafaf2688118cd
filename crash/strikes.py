"""How a process is struck: at a message to its supervisor, at a request to the platform, or inside a file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel


class Then(StrEnum):
    """What becomes of a process that is held at the platform."""

    KILL = "kill"  # killed; what it asked for is dropped with its connection
    KILL_LATE = "kill_late"  # killed; what it asked for is done after the next try has recorded its session
    ZOMBIE = "zombie"  # taken for dead while the next try runs; then it goes on
    TWIN = "twin"  # delivered twice: the same try runs a second time, then the first goes on


class Within(StrEnum):
    """Where in the writing of a file a process dies."""

    CONTENT = "content"  # half of the content was handed over
    BEFORE_RENAME = "before_rename"  # all of it was, under the temporary name
    AFTER_RENAME = "after_rename"  # it has just become visible
    WRITTEN = "written"  # the storage has returned


@dataclass(frozen=True)
class AtMessage:
    """Killed at a message to the supervisor.

    Args:
        message: The message's name in Airflow.
        nth: Which of those that fit.
        handled: Killed after the API server did it, before the process hears so; else before.
        about: Text that the message holds.
    """

    message: str
    nth: int = 1
    handled: bool = False
    about: str = ""

    def fits(self, message: BaseModel) -> bool:
        """Return whether a message is meant."""
        return type(message).__name__ == self.message and self.about in json.dumps(message.model_dump(mode="json"))


@dataclass(frozen=True)
class AtRequest:
    """Held at a request to the platform, and killed there or let go later.

    Args:
        which: The fault's rule at the sandbox: method, path, nth.
        done: Held after the platform did it, before it answers; else before.
        then: What becomes of the process.
        waiting: Only requests of a try that has recorded its session: the polls of the wait.
        crowd: People come before a zombie goes on.
    """

    which: Mapping[str, Any] = field(hash=False)
    done: bool = False
    then: Then = Then.KILL
    waiting: bool = False
    crowd: bool = False


@dataclass(frozen=True)
class Fault:
    """Not killed: the platform or the network misbehaves once.

    Args:
        rule: The fault's rule at the sandbox.
    """

    rule: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True)
class InFile:
    """Killed while a file is written.

    Args:
        nth: Which file, from 1; the manifest comes last.
        where: Where in its writing.
    """

    nth: int
    where: Within


Strike = AtMessage | AtRequest | Fault | InFile
