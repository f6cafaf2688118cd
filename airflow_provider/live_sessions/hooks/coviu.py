"""Coviu's hook.

The connection (type ``coviu``): ``login`` is the API key (client id), ``password`` its secret; ``host`` only for
another address than the public one; extras ``requests_per_second``, ``rate_share``, ``settle``, ``timeout`` and
``verify_tls``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.hooks.base import LiveSessionHook, extra_of
from airflow_provider.live_sessions.hooks.fields import base_url_of, flag, positive, rate_of
from airflow_provider.live_sessions.hooks.surroundings import surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider.live_sessions.core.deliveries import Delivery
    from airflow_provider.live_sessions.core.models import Plan, SessionRef
    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
    from airflow_provider.live_sessions.platforms.coviu.platform import CoviuPlatform

HOOK = "airflow_provider.live_sessions.hooks.coviu.CoviuHook"
"""How triggers and operators name the hook below, without importing it."""

EXTRAS = frozenset({"rate_share", "requests_per_second", "settle", "timeout", "verify_tls"})


class CoviuHook(LiveSessionHook):
    """Opens a team on Coviu.

    Args:
        conn_id: The Airflow connection, of type ``coviu``.
    """

    conn_type: ClassVar[str] = "coviu"
    hook_name: ClassVar[str] = "Coviu"
    default_conn_name: ClassVar[str] = "coviu_default"
    platform_label: ClassVar[str] = "Coviu"
    doors: ClassVar[frozenset[Door]] = frozenset({Door.ROOM})

    def __init__(self, conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(conn_id, **kwargs)

    @classmethod
    def client_of(cls, connection: Connection, *, polling: bool = False) -> CoviuClient:
        """Return a client for the connection; see :meth:`open`."""
        from pydantic import SecretStr

        from airflow_provider.live_sessions.core.retry import RetryPolicy
        from airflow_provider.live_sessions.platforms.coviu.client import (
            BASE_URL,
            REQUESTS_PER_SECOND,
            CoviuClient,
        )

        extra = extra_of(connection, EXTRAS, cls.platform_label)
        conn_id = str(connection.conn_id)
        # The shared poll sets its own pace: one quick repeat, no long sleep inside a poll.
        retry = RetryPolicy(attempts=2, max_wait=2.0) if polling else RetryPolicy()
        return CoviuClient(
            api_key=connection.login or "",
            key_secret=SecretStr(connection.password or ""),
            conn_id=conn_id,
            base_url=base_url_of(connection) or BASE_URL,
            requests_per_second=rate_of(extra, REQUESTS_PER_SECOND, label=cls.platform_label, conn_id=conn_id),
            retry=retry,
            timeout=(5.0, positive(extra, "timeout", 30.0, label=cls.platform_label, conn_id=conn_id)),
            verify=flag(extra, "verify_tls", True, label=cls.platform_label, conn_id=conn_id),
            surroundings=surroundings(),
        )

    @classmethod
    def open(cls, connection: Connection, *, polling: bool = False) -> CoviuPlatform:
        """Return the team behind a connection. Sends nothing yet.

        Raises:
            ConfigurationError: The API key or its secret is missing, or an extra is wrong.
        """
        from airflow_provider.live_sessions.platforms.coviu.platform import SETTLE, CoviuPlatform

        extra = extra_of(connection, EXTRAS, cls.platform_label)
        settle = positive(extra, "settle", SETTLE, label=cls.platform_label, conn_id=str(connection.conn_id))
        return CoviuPlatform(cls.client_of(connection, polling=polling), settle=settle)

    @classmethod
    def check_plan(cls, plan: Plan, conn_id: str) -> None:
        """Look at a plan's launch settings, its people and its length, without asking anybody.

        Raises:
            ConfigurationError: They do not fit; all are named.
        """
        from airflow_provider.live_sessions.platforms.coviu.launching import CoviuOptions

        CoviuOptions.of(plan, conn_id)

    @classmethod
    def _read_ref(cls, ref: SessionRef) -> None:
        from airflow_provider.live_sessions.core.address import segment
        from airflow_provider.live_sessions.platforms.coviu.watching import grace_of

        grace_of(ref)
        segment(ref.session_id)

    @classmethod
    def read_delivery(cls, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Read what a webhook of Coviu sent; see :class:`LiveSessionHook`."""
        from airflow_provider.live_sessions.platforms.coviu import deliveries

        return deliveries.read(headers, body)

    def platform(self) -> CoviuPlatform:
        """Return the open team; close it when done."""
        return self.open(self.get_connection(self.conn_id))

    def get_conn(self) -> CoviuClient:
        """Return the HTTP client: every call of the API with every parameter."""
        return self.client_of(self.get_connection(self.conn_id))

    def describe(self) -> str:
        """Say that the key is good, and whose it is, or why Coviu did not tell.

        Raises:
            AuthenticationFailed: The key is not accepted.
        """
        from airflow_provider.live_sessions.platforms.coviu.filters import SessionFilters

        platform = self.open(self.connection_to_test(), polling=True)  # every extra is looked at
        try:
            next(platform.client.sessions(SessionFilters(page_size=1)), None)  # the documented call decides
            return _whose(platform.client)
        finally:
            platform.close()


def _whose(client: CoviuClient) -> str:
    from airflow_provider.live_sessions.core.errors import LiveSessionError

    try:
        team = client.team().name
    except LiveSessionError as error:  # the call is known from the official SDK alone, so it decides nothing
        return f"The key is valid. Its team is not named: {error.what}"
    return f"The key is valid for team {team}." if team else "The key is valid. Its team has no name."
