"""The receiver of webhooks as Airflow's api-server mounts it; nothing of it is loaded before the first request."""

from __future__ import annotations

import logging
from typing import Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider.live_sessions.plugin.lazy import LazyApp

log = logging.getLogger(__name__)

URL_PREFIX = "/live-sessions/webhooks"


def _made() -> Any:
    from starlette.responses import Response

    from airflow_provider.live_sessions.core.errors import ConfigurationError
    from airflow_provider.live_sessions.webhooks.airflow import InsideAirflow
    from airflow_provider.live_sessions.webhooks.standing import Receiver

    try:
        return Receiver(InsideAirflow()).app
    except ConfigurationError as error:
        log.error("Webhooks are not received: %s", error)  # noqa: TRY400 - the message says all
        return Response(status_code=503)


def apps() -> list[dict[str, Any]]:
    """Return the receiver for Airflow's api-server; none where no address was set, for it needs no login."""
    if not str(conf.get("live_sessions", "webhooks_url", fallback="") or "").strip():
        return []
    return [{"app": LazyApp(_made), "url_prefix": URL_PREFIX, "name": "Live sessions: webhooks"}]
