"""The receiver of webhooks as Airflow's api-server mounts it; nothing of it is loaded before the first request."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

log = logging.getLogger(__name__)

URL_PREFIX = "/live-sessions/webhooks"


class WebhooksApp:
    """An ASGI application that makes the receiver when it is first asked for it: every component loads plugins."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Hand a request on."""
        if self._app is None:
            self._app = _made()
        await self._app(scope, receive, send)


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
    return [{"app": WebhooksApp(), "url_prefix": URL_PREFIX, "name": "Live sessions: webhooks"}]
