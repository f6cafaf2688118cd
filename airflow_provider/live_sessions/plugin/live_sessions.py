"""The plugin: the page "Live sessions", webhooks, and ``macros.live_sessions.reveal(sealed)`` in templates."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider.live_sessions.plugin import webhooks
from airflow_provider.live_sessions.plugin.sessions_page import mount


def reveal(sealed: str) -> str:
    """Open a sealed link in a template, masking it in the task's log.

    Use it only where nothing pushes the rendered value to XCom (``do_xcom_push=False``): masks cover logs, not
    XCom.

    Args:
        sealed: A link's ``url`` from a launch result.
    """
    # Every component imports its plugins; the seal's own imports are for who opens one.
    from airflow_provider.live_sessions.hooks.sealing import reveal as open_seal

    return open_seal(sealed)


class LiveSessionsPlugin(AirflowPlugin):
    """What this package adds to Airflow itself."""

    name = "live_sessions"
    macros: list[Any] = [reveal]  # noqa: RUF012 - Airflow declares it as an instance variable
    # The page's prefix is the beginning of the receiver's, so the receiver goes first.
    fastapi_apps: list[Any] = [*webhooks.apps(), mount.FASTAPI_APP]  # noqa: RUF012 - as above
    external_views: list[Any] = [mount.EXTERNAL_VIEW]  # noqa: RUF012 - as above
