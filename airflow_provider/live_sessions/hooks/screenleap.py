"""Screenleap's hook.

The connection (type ``screenleap``): ``login`` is the account id, ``password`` the auth token; ``host`` only for
another address than the public one; extras ``requests_per_second``, ``rate_share``, ``settle``, ``timeout`` and
``verify_tls``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.compat.features import mask_secret
from airflow_provider.live_sessions.core import sealing
from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import load_json
from airflow_provider.live_sessions.hooks.base import LiveSessionHook, extra_of
from airflow_provider.live_sessions.hooks.fields import base_url_of, flag, positive, rate_of
from airflow_provider.live_sessions.hooks.sealing import SHORTEST_MASK, AirflowCipher
from airflow_provider.live_sessions.hooks.surroundings import surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider.live_sessions.core.deliveries import Delivery
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.screenleap.client import ScreenleapClient
    from airflow_provider.live_sessions.platforms.screenleap.platform import ScreenleapPlatform

HOOK = "airflow_provider.live_sessions.hooks.screenleap.ScreenleapHook"
"""How triggers and operators name the hook below, without importing it."""

EXTRAS = frozenset({"rate_share", "requests_per_second", "settle", "timeout", "verify_tls"})


class ScreenleapHook(LiveSessionHook):
    """Opens a developer account on Screenleap.

    Args:
        conn_id: The Airflow connection, of type ``screenleap``.
    """

    conn_type: ClassVar[str] = "screenleap"
    hook_name: ClassVar[str] = "Screenleap"
    default_conn_name: ClassVar[str] = "screenleap_default"
    platform_label: ClassVar[str] = "Screenleap"
    doors: ClassVar[frozenset[Door]] = frozenset({Door.ROOM})

    def __init__(self, conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(conn_id, **kwargs)

    @classmethod
    def client_of(cls, connection: Connection, *, polling: bool = False) -> ScreenleapClient:
        """Return a client for the connection; see :meth:`open`."""
        from pydantic import SecretStr

        from airflow_provider.live_sessions.core.retry import RetryPolicy
        from airflow_provider.live_sessions.platforms.screenleap.client import (
            BASE_URL,
            REQUESTS_PER_SECOND,
            ScreenleapClient,
        )

        extra = extra_of(connection, EXTRAS, cls.platform_label)
        conn_id = str(connection.conn_id)
        where = {"label": cls.platform_label, "conn_id": conn_id}
        # The shared poll sets its own pace: one quick repeat, no long sleep inside a poll.
        retry = RetryPolicy(attempts=2, max_wait=2.0) if polling else RetryPolicy()
        return ScreenleapClient(
            account_id=connection.login or "",
            authtoken=SecretStr(connection.password or ""),
            conn_id=conn_id,
            base_url=base_url_of(connection) or BASE_URL,
            requests_per_second=rate_of(extra, REQUESTS_PER_SECOND, label=cls.platform_label, conn_id=conn_id),
            retry=retry,
            timeout=(5.0, positive(extra, "timeout", 30.0, **where)),
            verify=flag(extra, "verify_tls", True, **where),
            surroundings=surroundings(),
        )

    @classmethod
    def open(cls, connection: Connection, *, polling: bool = False) -> ScreenleapPlatform:
        """Return the account behind a connection. Sends nothing yet.

        Raises:
            ConfigurationError: A credential is missing or an extra is wrong.
        """
        from airflow_provider.live_sessions.platforms.screenleap.judging import SETTLE
        from airflow_provider.live_sessions.platforms.screenleap.platform import ScreenleapPlatform

        extra = extra_of(connection, EXTRAS, cls.platform_label)
        settle = positive(extra, "settle", SETTLE, label=cls.platform_label, conn_id=str(connection.conn_id))
        return ScreenleapPlatform(cls.client_of(connection, polling=polling), cipher=AirflowCipher, settle=settle)

    @classmethod
    def _read_ref(cls, ref: SessionRef) -> None:
        from airflow_provider.live_sessions.core.address import segment

        segment(sealing.unseal(ref.detail("code"), AirflowCipher()).get_secret_value())

    @classmethod
    def read_delivery(cls, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Read what a webhook of Screenleap sent; see :class:`LiveSessionHook`."""
        from airflow_provider.live_sessions.platforms.screenleap import deliveries

        return deliveries.read(headers, body)

    def platform(self) -> ScreenleapPlatform:
        """Return the open account; close it when done."""
        return self.open(self.get_connection(self.conn_id))

    def get_conn(self) -> ScreenleapClient:
        """Return the HTTP client: every call of the API with every parameter."""
        return self.client_of(self.get_connection(self.conn_id))

    def describe(self) -> str:
        """Say whether the account answers, in one sentence.

        Raises:
            AuthenticationFailed: The account id and the token are not accepted.
        """
        # Not only the client: so the other extras are checked as well.
        platform = self.open(self.connection_to_test(), polling=True)
        try:
            shares = platform.client.recent()
        finally:
            platform.close()
        running = sum(one.started_at is not None and one.ended_at is None for one in shares)
        told = "1 share is running" if running == 1 else f"{running} shares are running"
        return f"The account {platform.client.account_id} answers; {told}."


def reveal_launch_data(sealed: str, *, mask: bool = True) -> dict[str, Any]:
    """Open a presenter's launch data inside a Python task: what ``screenleap.startSharing`` takes, unchanged.

    Whoever has it can present on the account's bill: hand it to the presenter's page, never return or push it.

    Args:
        sealed: The ``url`` of the presenter's link in a launch result.
        mask: Have Airflow blacken each value of it in this task's log.

    Raises:
        ConfigurationError: It was not sealed here, the Fernet key changed, or it is a viewer's link.
    """
    clear = sealing.unseal(sealed, AirflowCipher()).get_secret_value()
    try:
        data = load_json(clear)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise ConfigurationError(
            "This is no launch data.",
            advice="Pass the link of the participant who presents; the others have URLs.",
        )
    if mask:
        for secret in {clear, *_texts(data)}:
            if len(secret) >= SHORTEST_MASK:
                mask_secret(secret)
    return data


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
