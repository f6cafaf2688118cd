"""A platform opened in the API server, with the connection that a session was launched with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.provider_info import hook_paths

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.hooks.base import LiveSessionHook


def hook_of(platform: str) -> type[LiveSessionHook]:
    """Return the hook of a platform by its name.

    Raises:
        ConfigurationError: This release knows no such platform.
    """
    path = hook_paths().get(platform)
    if path is None:
        raise ConfigurationError(
            f"This release knows no platform {platform!r}.",
            advice="Is the package of the same version in the API server as in the workers?",
        )
    return hook_class_of(path)


def label_by_operator(operator: str) -> str:
    """Return the platform's name as people write it that an operator's class is named for; empty where none is."""
    named = (one for one in hook_paths() if operator.casefold().startswith(one))
    return label_of(next(named, ""))


def label_of(platform: str) -> str:
    """Return a platform's name as people write it."""
    try:
        return hook_of(platform).platform_label
    except ConfigurationError:
        return platform


def open_account(ref: SessionRef) -> SessionPlatform:
    """Return the open platform of a session; close it when done. It gives up soon: a person is waiting.

    Raises:
        ConfigurationError: The connection is gone, or wrong, or the reference does not fit.
    """
    from airflow.models.connection import Connection

    hook = hook_of(ref.platform)
    hook.check_ref(ref)
    try:
        connection = Connection.get_connection_from_secrets(ref.conn_id)
    except AirflowNotFoundException:
        raise ConfigurationError(
            f"Airflow has no connection {ref.conn_id!r} any more.",
            platform=hook.platform_label,
            advice="Make it again, or another one of the same name.",
        ) from None
    return hook.open(connection, polling=True)
