"""The URLs that launches register, and those that people type into an account's settings."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import conf

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import later
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.webhooks.tokens import Addressee, write

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import Plan

PREFIX: Final = "/live-sessions/webhooks"
"""Where the api-server has the receiver."""

SETTING: Final = "webhooks_url"

SEALED: Final = "webhook_secret"
"""Where in its task's state a launch leaves what deliveries are signed with, sealed."""

LIFE: Final = timedelta(days=7)
"""How long after the planned end a launch's URL works: the last to come is a transcript, a day after."""


def base_url() -> str:
    """Return the receiver's address as the platforms reach it; empty where webhooks are not set up.

    Raises:
        ConfigurationError: It is no address, or one that would send deliveries over the internet in the clear.
    """
    text = str(conf.get("live_sessions", SETTING, fallback="") or "").strip()
    example = f"https://airflow.example.org{PREFIX}"
    return checked_url(text, f"[live_sessions] {SETTING}", example, "Deliveries name people") if text else ""


def checked_url(text: str, name: str, example: str, why: str) -> str:
    """Return an address without a slash at its end, if what is sent there is encrypted or stays on this machine.

    Args:
        text: The address.
        name: What it is called where it is set.
        example: One that would do.
        why: Why it has to be encrypted.

    Raises:
        ConfigurationError: It is no address, or one that would send something over a network in the clear.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ConfigurationError(f"{name} is no address.", advice=f"Write it like {example}.")
    if parts.scheme == "http" and not _loopback(host):
        raise ConfigurationError(
            f"{name} is not encrypted.",
            advice=f"{why}: give an https:// address; http is for this machine alone.",
        )
    return text.rstrip("/")


def url_of(addressee: Addressee) -> str:
    """Return the URL that a platform is given for an addressee.

    Raises:
        ConfigurationError: Webhooks are not set up, or Airflow has no Fernet key.
    """
    base = base_url()
    if not base:
        raise ConfigurationError(
            "Webhooks are asked for, and Airflow does not know where it is reached.",
            advice=f"Set [live_sessions] {SETTING}, e.g. https://airflow.example.org{PREFIX}, on every component.",
        )
    return f"{base}/{write(addressee, AirflowCipher())}"


def url_of_launch(platform: str, conn_id: str, plan: Plan, ti: Any) -> str:
    """Return the URL that a launch registers for its session.

    Args:
        platform: The platform's name.
        conn_id: The Airflow connection.
        plan: The session; the URL works until some days after its end.
        ti: The launch's task instance.

    Raises:
        ConfigurationError: Webhooks are not set up, or Airflow has no Fernet key.
    """
    addressee = Addressee(
        platform=platform,
        conn_id=conn_id,
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        map_index=-1 if ti.map_index is None else ti.map_index,
        until=later(max(plan.end, datetime.now(UTC)), LIFE.total_seconds()),
    )
    return url_of(addressee)


def is_auto(webhooks: object) -> bool:
    """Return whether a launch registers webhooks by itself.

    Raises:
        ConfigurationError: It is neither ``auto`` nor ``off`` nor what the platform itself takes.
    """
    if not isinstance(webhooks, str):
        return False
    if webhooks not in ("auto", "off", ""):
        raise ConfigurationError(f"webhooks is 'auto' or 'off', not {webhooks[:40]!r}.")
    return webhooks == "auto"


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
