"""A receiver put together: its application, its queue and its desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import conf
from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_provider.live_sessions.core.signatures import Signature
from airflow_provider.live_sessions.webhooks.app import receiver
from airflow_provider.live_sessions.webhooks.desk import Desk
from airflow_provider.live_sessions.webhooks.queue import Queue
from airflow_provider.live_sessions.webhooks.urls import PREFIX

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from airflow_provider.live_sessions.webhooks.airflow import AirflowSide


class Receiver:
    """What receives, confirms and tells.

    Args:
        airflow: What a launch wrote down, and who is told.
        prefix: Put it below the path that the api-server has it under; for one that runs on its own.

    Raises:
        ConfigurationError: ``[live_sessions] webhooks_signature`` is no way to sign.
    """

    def __init__(self, airflow: AirflowSide, *, prefix: bool = False) -> None:
        text = str(conf.get("live_sessions", "webhooks_signature", fallback="sha256") or "sha256")
        self.queue = Queue(Desk(airflow, signature=Signature.of(text)).handle)
        app: ASGIApp = receiver(self.queue)
        self.app: ASGIApp = Starlette(routes=[Mount(PREFIX, app)]) if prefix else app
