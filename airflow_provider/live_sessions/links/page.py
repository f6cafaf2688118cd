"""From a launch in the Airflow UI to its session: on the page of sessions, in its room, in its recording.

The links of a task are kept in XCom, so they are addresses of this package's own pages and open nothing by
themselves: the page looks who asks, has a fresh link made by the platform, and sends the browser there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import BaseOperatorLink, conf

from airflow_provider.live_sessions.core.pages import LaunchPlace

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

    from airflow_provider.live_sessions.core.doors import Door


class LiveSessionLink(BaseOperatorLink):
    """Shows the session on the page "Live sessions".

    Its place in XCom is also how that page knows which tasks launch sessions, so every launch operator has it.
    """

    name = "Live session"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the page's address."""
        del operator
        return below_airflow(place_of(ti_key).page())


class DoorLink(BaseOperatorLink):
    """Opens a door of the session for who may; each platform's links say which one."""

    door: ClassVar[Door]

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the address of the page that opens the door."""
        del operator
        return below_airflow(place_of(ti_key).opening(self.door))


def place_of(ti_key: Any) -> LaunchPlace:
    """Return the task instance that Airflow asks a link for."""
    map_index = -1 if ti_key.map_index is None else ti_key.map_index
    return LaunchPlace(ti_key.dag_id, ti_key.run_id, ti_key.task_id, map_index)


def below_airflow(path: str) -> str:
    """Return a path with what Airflow itself is served below, e.g. ``/airflow``."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + path
