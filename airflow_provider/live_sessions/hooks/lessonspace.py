"""Lessonspace's hook.

The connection (type ``lessonspace``): ``password`` is the organisation's API key; ``host`` only for another
address than the public one; extras ``organisation``, ``requests_per_second``, ``rate_share``, ``settle``,
``timeout`` and ``verify_tls``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.hooks.base import LiveSessionHook, extra_of
from airflow_provider.live_sessions.hooks.fields import base_url_of, flag, positive, rate_of
from airflow_provider.live_sessions.hooks.surroundings import surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider.live_sessions.core.deliveries import Delivery
    from airflow_provider.live_sessions.core.models import Plan, SessionRef
    from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
    from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform

HOOK = "airflow_provider.live_sessions.hooks.lessonspace.LessonspaceHook"
"""How triggers and operators name the hook below, without importing it."""

EXTRAS = frozenset({"organisation", "rate_share", "requests_per_second", "settle", "timeout", "verify_tls"})


class LessonspaceHook(LiveSessionHook):
    """Opens an organisation on Lessonspace.

    Args:
        conn_id: The Airflow connection, of type ``lessonspace``.
    """

    conn_type: ClassVar[str] = "lessonspace"
    hook_name: ClassVar[str] = "Lessonspace"
    default_conn_name: ClassVar[str] = "lessonspace_default"
    platform_label: ClassVar[str] = "Lessonspace"
    signature_header: ClassVar[str] = "x-webhook-signature"
    doors: ClassVar[frozenset[Door]] = frozenset({Door.ROOM, Door.RECORDING})

    def __init__(self, conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(conn_id, **kwargs)

    @classmethod
    def client_of(cls, connection: Connection, *, polling: bool = False) -> LessonspaceClient:
        """Return a client for the connection; see :meth:`open`."""
        from pydantic import SecretStr

        from airflow_provider.live_sessions.core.retry import RetryPolicy
        from airflow_provider.live_sessions.platforms.lessonspace.client import (
            BASE_URL,
            REQUESTS_PER_SECOND,
            LessonspaceClient,
        )

        extra = extra_of(connection, EXTRAS, cls.platform_label)
        conn_id = str(connection.conn_id)
        where = {"label": cls.platform_label, "conn_id": conn_id}
        organisation = extra.get("organisation")
        # The shared poll sets its own pace: one quick repeat, no long sleep inside a poll.
        retry = RetryPolicy(attempts=2, max_wait=2.0) if polling else RetryPolicy()
        return LessonspaceClient(
            api_key=SecretStr(connection.password or ""),
            conn_id=conn_id,
            base_url=base_url_of(connection) or BASE_URL,
            organisation=None if organisation is None else int(positive(extra, "organisation", 0, **where)),
            requests_per_second=rate_of(extra, REQUESTS_PER_SECOND, label=cls.platform_label, conn_id=conn_id),
            retry=retry,
            timeout=(5.0, positive(extra, "timeout", 30.0, **where)),
            verify=flag(extra, "verify_tls", True, **where),
            surroundings=surroundings(),
        )

    @classmethod
    def open(cls, connection: Connection, *, polling: bool = False) -> LessonspacePlatform:
        """Return the organisation behind a connection. Sends nothing yet.

        Raises:
            ConfigurationError: The key is missing or an extra is wrong.
        """
        from airflow_provider.live_sessions.platforms.lessonspace.platform import SETTLE, LessonspacePlatform

        extra = extra_of(connection, EXTRAS, cls.platform_label)
        settle = positive(extra, "settle", SETTLE, label=cls.platform_label, conn_id=str(connection.conn_id))
        return LessonspacePlatform(cls.client_of(connection, polling=polling), settle=settle)

    @classmethod
    def check_plan(cls, plan: Plan, conn_id: str) -> None:
        """Look at a plan's launch settings: unknown ones, wrong values, settings that contradict each other.

        Raises:
            ConfigurationError: They do not fit; all are named.
        """
        from airflow_provider.live_sessions.platforms.lessonspace.launching import LessonspaceOptions

        LessonspaceOptions.of(plan, conn_id)

    @classmethod
    def _read_ref(cls, ref: SessionRef) -> None:
        from airflow_provider.live_sessions.platforms.lessonspace.refs import settings_in
        from airflow_provider.live_sessions.platforms.lessonspace.window import Window

        Window.of(ref)
        for name in ("settings", "room_settings"):
            settings_in(ref, name)

    @classmethod
    def read_delivery(cls, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Read what a webhook of Lessonspace sent; see :class:`LiveSessionHook`."""
        from airflow_provider.live_sessions.platforms.lessonspace import deliveries

        return deliveries.read(headers, body)

    def platform(self) -> LessonspacePlatform:
        """Return the open organisation; close it when done."""
        return self.open(self.get_connection(self.conn_id))

    def get_conn(self) -> LessonspaceClient:
        """Return the HTTP client: every call of the API with every parameter."""
        return self.client_of(self.get_connection(self.conn_id))

    def describe(self) -> str:
        """Say whose key it is, in one sentence.

        Raises:
            AuthenticationFailed: The key is not accepted.
        """
        connection = self.connection_to_test()
        platform = self.open(connection, polling=True)  # every extra is looked at, as a launch would
        client = platform.client
        try:
            client.hello()
            organisation = client.my_organisation()
            if client.organisation != organisation.id:
                raise ConfigurationError(
                    f"The key belongs to organisation {organisation.id}, the extra 'organisation' says "
                    f"{client.organisation}.",
                    platform=self.platform_label,
                    conn_id=self.conn_id,
                    advice="Leave 'organisation' empty, or correct it.",
                )
        finally:
            platform.close()
        named = f"{organisation.name} ({organisation.id})" if organisation.name else str(organisation.id)
        return f"The key is valid for organisation {named}."
