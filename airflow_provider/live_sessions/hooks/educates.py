"""Educates' hook.

The connection (type ``educates``) is one training portal: ``host`` its address, ``login`` and ``password`` the
robot account's; extras ``client_id``, ``client_secret``, ``index_url``, ``requests_per_second``, ``rate_share``,
``timeout`` and ``verify_tls``. All credentials are in the TrainingPortal's ``status.educates``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.hooks.base import LiveSessionHook, extra_of
from airflow_provider.live_sessions.hooks.fields import base_url_of, flag, positive, rate_of
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.hooks.surroundings import surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider.live_sessions.core.deliveries import Delivery
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.educates.client import EducatesClient
    from airflow_provider.live_sessions.platforms.educates.platform import EducatesPlatform

HOOK = "airflow_provider.live_sessions.hooks.educates.EducatesHook"
"""How triggers and operators name the hook below, without importing it."""

EXTRAS = frozenset(
    {"client_id", "client_secret", "index_url", "rate_share", "requests_per_second", "timeout", "verify_tls"}
)

ALL_AT_ONCE = 10_000
"""Sessions that a worker may ask for by name in one look: its class's own, where the shared poll has a bound."""


class EducatesHook(LiveSessionHook):
    """Opens a training portal of Educates.

    Args:
        conn_id: The Airflow connection, of type ``educates``.
    """

    conn_type: ClassVar[str] = "educates"
    hook_name: ClassVar[str] = "Educates"
    default_conn_name: ClassVar[str] = "educates_default"
    platform_label: ClassVar[str] = "Educates"

    def __init__(self, conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(conn_id, **kwargs)

    @classmethod
    def client_of(cls, connection: Connection, *, polling: bool = False) -> EducatesClient:
        """Return a client for the connection; see :meth:`open`."""
        from pydantic import SecretStr

        from airflow_provider.live_sessions.core.retry import RetryPolicy
        from airflow_provider.live_sessions.platforms.educates.client import EducatesClient
        from airflow_provider.live_sessions.platforms.educates.wire import REQUESTS_PER_SECOND, TIMEOUT

        extra = extra_of(connection, EXTRAS, cls.platform_label)
        conn_id = str(connection.conn_id)
        base_url = base_url_of(connection)
        if not base_url:
            raise ConfigurationError(
                "The connection has no host.",
                platform=cls.platform_label,
                conn_id=conn_id,
                advice="Each portal has an address of its own: status.educates.url of the TrainingPortal.",
            )
        return EducatesClient(
            base_url=base_url,
            username=connection.login or "",
            password=SecretStr(connection.password or ""),
            client_id=str(extra.get("client_id", "")),
            client_secret=SecretStr(str(extra.get("client_secret", ""))),
            conn_id=conn_id,
            requests_per_second=rate_of(extra, REQUESTS_PER_SECOND, label=cls.platform_label, conn_id=conn_id),
            # The shared poll sets its own pace: one quick repeat, no long sleep inside a poll.
            retry=RetryPolicy(attempts=2, max_wait=2.0) if polling else RetryPolicy(),
            timeout=(5.0, positive(extra, "timeout", TIMEOUT, label=cls.platform_label, conn_id=conn_id)),
            verify=flag(extra, "verify_tls", True, label=cls.platform_label, conn_id=conn_id),
            surroundings=surroundings(),
        )

    @classmethod
    def open(cls, connection: Connection, *, polling: bool = False) -> EducatesPlatform:
        """Return the portal behind a connection. Sends nothing yet.

        Raises:
            ConfigurationError: The host or a credential is missing, or an extra is wrong.
        """
        from airflow_provider.live_sessions.platforms.educates.platform import EducatesPlatform
        from airflow_provider.live_sessions.platforms.educates.watching import DIRECT_READS

        extra = extra_of(connection, EXTRAS, cls.platform_label)
        return EducatesPlatform(
            cls.client_of(connection, polling=polling),
            cipher=AirflowCipher,
            index_url=str(extra.get("index_url", "")),
            direct_reads=DIRECT_READS if polling else ALL_AT_ONCE,
        )

    @classmethod
    def _read_ref(cls, ref: SessionRef) -> None:
        from airflow_provider.live_sessions.core.address import segment
        from airflow_provider.live_sessions.core.times import parse_time
        from airflow_provider.live_sessions.platforms.educates.seats import seats_of

        for seat in seats_of(ref):
            segment(seat.session)
        parse_time(ref.detail("requested_at"))

    @classmethod
    def read_delivery(cls, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Read what a webhook of Educates sent; see :class:`LiveSessionHook`."""
        from airflow_provider.live_sessions.platforms.educates import deliveries

        return deliveries.read(headers, body)

    def platform(self) -> EducatesPlatform:
        """Return the open portal; close it when done."""
        return self.open(self.get_connection(self.conn_id))

    def get_conn(self) -> EducatesClient:
        """Return the HTTP client: every call of the API with every parameter."""
        return self.client_of(self.get_connection(self.conn_id))

    def describe(self) -> str:
        """Say which portal it is and what it offers, in one sentence.

        Raises:
            AuthenticationFailed: The account is not accepted, or is not the portal's robot.
        """
        with self.client_of(self.connection_to_test(), polling=True) as client:
            catalogue = client.environments(sessions=True)
        offered = sorted({one.workshop.own_name for one in catalogue.environments})
        told = f"It offers {', '.join(offered)}." if offered else "It offers no workshop just now."
        return f"The robot account is valid for the portal {catalogue.portal.name}. {told}"
