"""What every platform in the sandbox stands on, and what the sandbox asks of a platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from threading import Condition

    from airflow_provider.live_sessions.sandbox.agenda import Agenda
    from airflow_provider.live_sessions.sandbox.clock import Clock
    from airflow_provider.live_sessions.sandbox.scripts import Scripts
    from airflow_provider.live_sessions.sandbox.wire import Request, Response


@dataclass(slots=True)
class World:
    """The common ground.

    Args:
        lock: One lock guards all state; requests are short, so one is enough.
        clock: The time.
        agenda: What is going to happen.
        scripts: The people that come and go.
        url: The sandbox's base URL, known once it listens.
        public: The base URL of the links that people follow; empty for wherever the client is.
    """

    lock: Condition
    clock: Clock
    agenda: Agenda
    scripts: Scripts
    url: str = ""
    public: str = ""

    @property
    def door(self) -> str:
        """What the links of people begin with, where no client says."""
        return self.public or self.url


class ControlError(Exception):
    """A control call that cannot be done; the sentence goes back to the caller.

    Args:
        why: What is wrong.
        status: 400 for a bad call, 404 for a thing that is not there, 409 for a rule of the platform.
    """

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


class Platform(Protocol):
    """One platform as a stateful server. Every method but ``close`` is called under the world's lock."""

    name: str

    def handle(self, request: Request, now: datetime) -> Response:
        """Answer a request whose path begins with ``/<name>/``."""

    def throttled(self, now: datetime, seconds: float | None, *, as_date: bool) -> Response:
        """Return the platform's way to say "too many requests"."""

    def unauthorised(self) -> Response:
        """Return the platform's way to say that the credentials are no longer good."""

    def loggable(self, request: Request) -> tuple[str, str]:
        """Return the path and the query without what opens a door."""

    def credentials(self, request: Request) -> str:
        """Return the credentials in a request, empty without any; only their digest is kept."""

    def verbs(self) -> frozenset[str]:
        """Return the names of the methods that the control API may call."""

    def info(self) -> Mapping[str, Any]:
        """Return what a client needs to connect."""

    def state(self) -> Mapping[str, Any]:
        """Return what exists, for judges and people."""

    def reset(self) -> None:
        """Forget everything but the credentials."""

    def close(self) -> None:
        """End threads."""
