"""Where this package's own pages are, below Airflow's address. Nothing in an address opens a door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.doors import Door

PREFIX = "/live-sessions"
"""The path below which the page of sessions and its links are."""

UNTIL = "live_session_until_"
"""How the key of a launch's XCom begins that says until when its session can matter: keys are indexed."""


REASON = "live_session_reason_"
"""How the key of a cancel's XCom begins that says why; the session's own key follows."""

LONGEST_REASON = 500
"""Characters of a reason."""


def reason_key(session_key: str) -> str:
    """Return the key of that XCom, by which whoever shows the session finds it.

    Args:
        session_key: The digest of the session's launch key.
    """
    return f"{REASON}{session_key}"


def until_key(moment: datetime) -> str:
    """Return the key of that XCom; keys sort as their moments do."""
    return f"{UNTIL}{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


@dataclass(frozen=True, slots=True)
class LaunchPlace:
    """The task instance that launched a session: what names the session in Airflow's UI.

    Args:
        dag_id: Its DAG.
        run_id: Its run.
        task_id: Its task.
        map_index: Its place among mapped ones; -1 where it is not mapped.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    @property
    def query(self) -> str:
        """The place as the query of an address."""
        return urlencode(
            {"dag_id": self.dag_id, "run_id": self.run_id, "task_id": self.task_id, "map_index": self.map_index}
        )

    def page(self) -> str:
        """Return the address of the page of sessions, showing this one."""
        return f"{PREFIX}/?{self.query}"

    def opening(self, door: Door) -> str:
        """Return the address that opens a door of this session, for who may."""
        return f"{PREFIX}/open/{door}?{self.query}"
