"""Reading the fields of an Airflow connection that every platform's connection has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import MISFITS, finite

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

MOST = 1e9
"""No extra is larger; a socket takes no longer timeout than some nine times this."""


def base_url_of(connection: Connection) -> str:
    """Return the address that the host, schema and port of a connection name; empty where there is no host."""
    host = (connection.host or "").strip()
    if not host:
        return ""
    if "://" not in host:
        host = f"{connection.schema or 'https'}://{host}"
    scheme, _, rest = host.partition("://")
    authority, slash, path = rest.partition("/")
    if connection.port and ":" not in authority:
        authority = f"{authority}:{connection.port}"
    return f"{scheme}://{authority}{slash}{path}"


def positive(extra: dict[str, Any], name: str, default: float, *, label: str, conn_id: str) -> float:
    """Return an extra that is a number above 0 and below a billion.

    Raises:
        ConfigurationError: It is none.
    """
    try:
        value = finite(extra.get(name, default))
    except MISFITS:
        value = -1.0
    if not 0 < value < MOST:
        raise ConfigurationError(
            f"The extra {name!r} has to be a number above 0 and below a billion.",
            platform=label,
            conn_id=conn_id,
            advice="Correct it in the connection, or leave it out for what is usual.",
        )
    return value


def rate_of(extra: dict[str, Any], default: float, *, label: str, conn_id: str) -> float:
    """Return how many requests a second this host may send: the account's allowance times this host's share.

    Raises:
        ConfigurationError: ``requests_per_second`` or ``rate_share`` is wrong.
    """
    allowed = positive(extra, "requests_per_second", default, label=label, conn_id=conn_id)
    share = positive(extra, "rate_share", 1.0, label=label, conn_id=conn_id)
    if share > 1:
        raise ConfigurationError(
            "The extra 'rate_share' has to be at most 1.",
            platform=label,
            conn_id=conn_id,
            advice="It is the part of the account's requests that this host may send: 0.5 on each of two hosts.",
        )
    return allowed * share


def flag(extra: dict[str, Any], name: str, default: bool, *, label: str, conn_id: str) -> bool:
    """Return an extra that is true or false; a form may give it as text.

    Raises:
        ConfigurationError: It is neither.
    """
    value = extra.get(name, default)
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().casefold())
    if not isinstance(value, bool):
        raise ConfigurationError(f"The extra {name!r} has to be true or false.", platform=label, conn_id=conn_id)
    return value
