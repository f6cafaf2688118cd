"""An asset that is updated whenever a session of a connection ends, whoever launched it: no task waits."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from airflow.providers.common.compat.assets import Asset
from airflow.sdk import AssetWatcher

from airflow_provider.live_sessions.assets.addresses import SCHEME, WATCHED, Happening
from airflow_provider.live_sessions.core.polling import POLL_INTERVAL
from airflow_provider.live_sessions.triggers.ended import SessionsEndedTrigger

HOOKS: Final = {
    name: f"airflow_provider.live_sessions.hooks.{name}.{name.capitalize()}Hook"
    for name in ("lessonspace", "coviu", "screenleap")
}
"""Platforms that list what has ended. Educates keeps nothing after the end; its end sensor's outlets tell it."""


def sessions_ended(platform: str, conn_id: str, *, poll_interval: float = POLL_INTERVAL) -> Asset:
    """Return the asset that a DAG is scheduled on to run when a session of a connection has ended.

    Args:
        platform: ``lessonspace``, ``coviu`` or ``screenleap``.
        conn_id: The Airflow connection.
        poll_interval: Seconds between two questions. DAGs that share a connection give the same number, or each
            number is asked for on its own.

    Raises:
        ValueError: The platform cannot tell.
    """
    if platform not in HOOKS:
        raise ValueError(
            f"{platform!r} keeps no list of what has ended, known are {', '.join(HOOKS)}; use outlets_for(...) on "
            "its end sensor"
        )
    uri = f"{SCHEME}://{platform}/{quote(conn_id, safe='')}/{Happening.ENDED}{WATCHED}"
    trigger = SessionsEndedTrigger(
        hook_class=HOOKS[platform], conn_id=conn_id, poll_interval=poll_interval, asset=uri
    )
    return Asset(uri=uri, watchers=[AssetWatcher(name="sessions-ended", trigger=trigger)])
