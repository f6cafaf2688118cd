"""A receiver put together: its application, its queue and its desk."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from airflow.providers.common.compat.sdk import conf
from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import MISFITS, finite
from airflow_provider.live_sessions.core.signatures import Signature
from airflow_provider.live_sessions.webhooks.app import receiver
from airflow_provider.live_sessions.webhooks.desk import MAX_AGE, Desk
from airflow_provider.live_sessions.webhooks.queue import Queue
from airflow_provider.live_sessions.webhooks.urls import PREFIX

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from airflow_provider.live_sessions.webhooks.airflow import AirflowSide


CONFIRM: Final = "confirm"
REFUSE: Final = "refuse"
"""What becomes of a signed platform's delivery whose signature cannot be checked."""

LEAST_DAYS: Final = 2
"""A transcript may come a day after its session, and be sent again for a while."""

MOST_DAYS: Final = 30


class Receiver:
    """What receives, confirms and tells.

    Args:
        airflow: What a launch wrote down, and who is told.
        prefix: Put it below the path that the api-server has it under; for one that runs on its own.

    Raises:
        ConfigurationError: A setting of ``[live_sessions]`` is none that it may be.
    """

    def __init__(self, airflow: AirflowSide, *, prefix: bool = False) -> None:
        signature = Signature.of(_setting("webhooks_signature", "sha256"))
        desk = Desk(
            airflow, signature=signature, refuse_unchecked=_refuse_unchecked(signature), max_age=_max_age()
        )
        self.queue = Queue(desk.handle)
        app: ASGIApp = receiver(self.queue)
        if prefix:
            below = Starlette(routes=[Mount(PREFIX, app)])
            below.router.redirect_slashes = False  # nothing else is answered, and no host that a request names
            app = below
        self.app = app


def _setting(name: str, default: str) -> str:
    return str(conf.get("live_sessions", name, fallback=default) or default).strip()


def _refuse_unchecked(signature: Signature | None) -> bool:
    given = _setting("webhooks_unsigned", CONFIRM).casefold()
    if given not in (CONFIRM, REFUSE):
        raise ConfigurationError(
            f"[live_sessions] webhooks_unsigned is {CONFIRM} or {REFUSE}, not {given[:40]!r}."
        )
    if given == REFUSE and signature is None:
        raise ConfigurationError(
            "[live_sessions] webhooks_unsigned is refuse, but webhooks_signature is off: nothing can be checked.",
            advice="Say how deliveries are signed, or let them be confirmed.",
        )
    return given == REFUSE


def _max_age() -> timedelta:
    given = _setting("webhooks_max_age_days", str(MAX_AGE.days))
    try:
        days = finite(given)
    except MISFITS:
        days = 0.0
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise ConfigurationError(
            f"[live_sessions] webhooks_max_age_days is a number from {LEAST_DAYS} to {MOST_DAYS}, "
            f"not {given[:40]!r}."
        )
    return timedelta(days=days)
