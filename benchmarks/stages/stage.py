"""What every stage has: a sandbox in this process, sessions launched through the provider, waits for them."""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import Connection

from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.core.polling import Goal, GoalKind
from airflow_provider.live_sessions.core.status import Seen
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.hooks.base import hook_class_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.sandbox import Sandbox
    from airflow_provider.live_sessions.sandbox.log import Entry

CONN_ID = "bench"
TRIGGER = "airflow_provider.live_sessions.triggers.session.SessionTrigger"
LEADER = Participant("leader", "Ada Leader", leader=True)

WAITING = timedelta(hours=6)
"""How long the waits of a stage have before their deadline, at least."""


class Stage(ABC):
    """One account with sessions, and the waits for their ends.

    Args:
        sandbox: Runs already; stopped with the stage.
        connection: The Airflow connection, as ``AIRFLOW_CONN_...`` has it in JSON.
    """

    platform: ClassVar[str]
    hook: ClassVar[str]
    tick: ClassVar[tuple[str, str]]
    """Path and query, as patterns, of the request that each tick of the poll begins with, once."""

    def __init__(self, sandbox: Sandbox, connection: dict[str, Any]) -> None:
        self.sandbox = sandbox
        self.connection = connection
        self.refs: list[SessionRef] = []
        self._first_live: datetime | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sandbox.stop()

    # ---- sessions

    @abstractmethod
    def plan(self, number: int) -> Plan:
        """Return the plan of one session."""

    @abstractmethod
    def enter(self, ref: SessionRef) -> None:
        """Let people in, so that the session is live."""

    @abstractmethod
    def finish(self, refs: Sequence[SessionRef]) -> None:
        """End sessions now, for good."""

    def launch(self, count: int, *, live: int) -> None:
        """Launch sessions with the provider's own platform, and let people into the first of them.

        Args:
            count: How many.
            live: How many of them people enter.
        """
        platform = self.open()
        try:
            for number in range(count):
                self.refs.append(platform.launch(self.plan(number), self.key(number)).ref)
        finally:
            platform.close()
        for ref in self.refs[:live]:
            self.enter(ref)
        if not platform.keeps_history:
            # There a wait defers anew when its session is first seen live; these have done so.
            self._first_live = datetime.now(UTC)

    def open(self) -> SessionPlatform:
        """Return the platform on this stage, in no hurry to spare the account."""
        fields = json.loads(json.dumps(self.connection))
        fields["extra"]["requests_per_second"] = 10_000
        fields["extra"] = json.dumps(fields["extra"])
        return hook_class_of(self.hook).open(Connection(conn_id=CONN_ID, **fields))

    def key(self, number: int) -> LaunchKey:
        """Return the launch key of one session."""
        start = datetime(2026, 1, 1, tzinfo=UTC)
        return LaunchKey.for_occurrence(conn_id=CONN_ID, timetable="bench", uid=str(number), start=start)

    # ---- waits

    def environment(self) -> dict[str, str]:
        """Return the setting that gives a triggerer the connection."""
        return {f"AIRFLOW_CONN_{CONN_ID.upper()}": json.dumps(self.connection)}

    def waits(self, interval: float) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield a deferred wait for the end of each session, as the sensor defers it.

        Args:
            interval: Seconds between polls.
        """
        for ref in self.refs:
            start, end = parse_time(ref.detail("planned_start")), parse_time(ref.detail("planned_end"))
            deadline = max(parse_time(ref.detail("window_end")), datetime.now(UTC) + WAITING)
            seen = Seen(start, end, deadline, first_live=self._first_live)
            yield (
                TRIGGER,
                {
                    "hook_class": self.hook,
                    "ref": ref.to_json(),
                    "seen": seen.to_json(),
                    "goal": Goal(GoalKind.END).to_json(),
                    "due": 0.0,
                    "poll_interval": interval,
                    "not_before": 0.0,
                },
            )

    # ---- what went over the wire

    def mark(self) -> int:
        """Return the number of the latest request."""
        return max((one.number for one in self.requests()), default=0)

    def requests(self, since: int = 0) -> list[Entry]:
        """Return the requests to this platform."""
        return [one for one in self.sandbox.log.entries(since=since) if one.platform == self.platform]

    def ticks(self, since: int = 0) -> list[list[Entry]]:
        """Return the requests of each whole tick."""
        path, query = (re.compile(one) for one in self.tick)
        ticks: list[list[Entry]] = []
        for one in self.requests(since):
            if path.search(one.path) and query.search(one.query) and one.method == "GET":
                ticks.append([])
            if ticks:
                ticks[-1].append(one)
        return ticks[:-1]

    def wait_for_a_request(self, patience: float = 120.0) -> None:
        """Wait until the waits have begun to ask; a platform may ask otherwise where only one waits.

        Raises:
            TimeoutError: Nothing was asked.
        """
        since, until = self.mark(), time.monotonic() + patience
        while not self.requests(since):
            if time.monotonic() > until:
                raise TimeoutError(f"{self.platform}: the waits ask for nothing")
            time.sleep(0.1)
        time.sleep(1)

    def wait_for_ticks(self, count: int, patience: float = 300.0) -> bool:
        """Wait until so many more whole ticks have been; False when it takes too long."""
        since, until = self.mark(), time.monotonic() + patience
        while time.monotonic() < until:
            if len(self.ticks(since)) >= count:
                return True
            time.sleep(0.1)
        return False
