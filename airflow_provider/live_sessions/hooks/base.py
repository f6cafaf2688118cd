"""What every platform's hook has: an Airflow connection in, an open platform out."""

from __future__ import annotations

import json
import logging
import pkgutil
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider.live_sessions.core.contract import unsupported
from airflow_provider.live_sessions.core.errors import ConfigurationError, LiveSessionError
from airflow_provider.live_sessions.core.reading import MISFITS, finite, listed, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.deliveries import Delivery
    from airflow_provider.live_sessions.core.doors import Door
    from airflow_provider.live_sessions.core.models import Plan, SessionRef

log = logging.getLogger(__name__)

TEST_TIMEOUT = 20.0
"""Seconds that a test of a connection waits for an answer at most; it asks twice, and proxies cut after 60."""


class LiveSessionHook(BaseHook):
    """Opens a platform with an Airflow connection.

    A subclass names its connection type and says how a connection becomes an open platform; nothing else in the
    package has to know it.

    Args:
        conn_id: The Airflow connection.
    """

    conn_name_attr: ClassVar[str] = "conn_id"
    conn_type: ClassVar[str] = ""
    """The connection's type, which is the platform's name."""
    platform_label: ClassVar[str] = ""
    """The platform's name as people write it."""
    signature_header: ClassVar[str] = ""
    """The header with a delivery's signature, in lower case; empty where the platform signs nothing."""
    doors: ClassVar[frozenset[Door]] = frozenset()
    """What of a session can be opened from Airflow; its platform is a ``DoorPlatform`` then."""

    def __init__(self, conn_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id

    @classmethod
    @abstractmethod
    def open(cls, connection: Connection, *, polling: bool = False) -> SessionPlatform:
        """Return the platform behind a connection. Sends nothing yet.

        Args:
            connection: The Airflow connection.
            polling: True for the shared poll, which paces itself: failed requests are then hardly repeated.

        Raises:
            ConfigurationError: The connection lacks something or has something wrong.
        """

    @classmethod
    def check_plan(cls, plan: Plan, conn_id: str) -> None:
        """Look at a plan's launch settings without asking anybody; a platform's hook says what fits.

        Raises:
            ConfigurationError: They do not fit.
        """
        del plan, conn_id

    @classmethod
    def check_ref(cls, ref: SessionRef) -> None:
        """Look at a session's reference without asking anybody: in a shared poll a bad one would spoil all waits.

        Raises:
            ConfigurationError: It lacks what its platform needs to find the session again.
        """
        try:
            cls._read_ref(ref)
        except MISFITS:
            raise ConfigurationError(
                "The session's reference lacks what is needed to find it again.",
                platform=cls.platform_label,
                conn_id=ref.conn_id,
                advice="Pass the result of a launch operator, unchanged; a newer release may write others.",
            ) from None

    @classmethod
    def _read_ref(cls, ref: SessionRef) -> None:
        """Take a reference apart as the platform does; whatever that raises means that it does not fit."""
        del ref

    @classmethod
    def read_delivery(cls, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Read what a webhook of the platform sent, without asking anybody.

        Args:
            headers: The request's headers, by names in lower case.
            body: The raw body.

        Raises:
            UnreadableDeliveryError: It is no delivery of this platform.
            Unsupported: The platform sends none.
        """
        del headers, body
        unsupported(cls.platform_label, "", "It sends no webhooks.", "Wait with a sensor, or watch its list.")

    def platform(self) -> SessionPlatform:
        """Return the open platform; close it when done."""
        return self.open(self.get_connection(self.conn_id))

    @abstractmethod
    def describe(self) -> str:
        """Ask the platform whom the connection belongs to and say it in one sentence.

        Raises:
            LiveSessionError: It cannot be told; the message says why.
        """

    def connection_to_test(self) -> Connection:
        """Return the connection with no longer timeout than a person waits; open it as for polling."""
        connection = self.get_connection(self.conn_id)
        try:
            extra = dict(connection.extra_dejson)
            told = extra.get("timeout")
            extra["timeout"] = TEST_TIMEOUT if told in (None, "") else min(finite(told), TEST_TIMEOUT)
        except MISFITS:
            return connection  # whoever opens it says what is wrong with it
        return type(connection)(
            conn_id=connection.conn_id,
            conn_type=connection.conn_type,
            host=connection.host,
            schema=connection.schema,
            login=connection.login,
            password=connection.password,
            port=connection.port,
            extra=json.dumps(extra),
        )

    def test_connection(self) -> tuple[bool, str]:
        """Check the connection, in words for the Airflow UI."""
        try:
            return True, self.describe()
        except LiveSessionError as error:
            error.conn_id = ""  # Airflow's UI tests under a name that it makes up
            return False, str(error)


def hook_path_of(platform: str) -> str:
    """Return the import path of a platform's hook, without importing it.

    Raises:
        ConfigurationError: The name cannot be a platform's.
    """
    if not (platform.isidentifier() and platform.isascii() and platform.islower()):
        raise ConfigurationError(f"{shown(platform)} is no platform.")
    return f"{__package__}.{platform}.{platform.capitalize()}Hook"


def hook_class_of(path: str) -> type[LiveSessionHook]:
    """Import a hook class by its path.

    Raises:
        ConfigurationError: There is no such class, or it is no hook of this kind.
    """
    try:
        found = pkgutil.resolve_name(path)
    except Exception:  # noqa: BLE001 - a path from a trigger row may name any module, which may raise anything
        found = None
    if not (isinstance(found, type) and issubclass(found, LiveSessionHook)):
        raise ConfigurationError(
            f"{shown(path)} is not a live-session hook.",
            advice="Is the package installed in the triggerer, in the same version?",
        )
    return found


def extra_of(connection: Connection, known: frozenset[str], label: str) -> dict[str, Any]:
    """Return the extra fields of a connection.

    Raises:
        ConfigurationError: The extra is no JSON object, or has a field that is not known: most likely a typing
            error, which would be ignored in silence otherwise.
    """
    try:
        extra = connection.extra_dejson
    except (ValueError, RecursionError):
        extra = None
    if not isinstance(extra, dict):
        raise ConfigurationError(
            "The extra field is no JSON object.", platform=label, conn_id=str(connection.conn_id)
        )
    unknown = set(extra) - known
    if unknown:
        raise ConfigurationError(
            f"The extra field has unknown entries: {listed(unknown)}.",
            platform=label,
            conn_id=str(connection.conn_id),
            advice=f"Known are: {', '.join(sorted(known))}.",
        )
    return {name: value for name, value in extra.items() if value not in (None, "")}
