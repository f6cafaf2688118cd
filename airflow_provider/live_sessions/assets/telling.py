"""What a sensor tells through its outlets: which session, and how it went; no title, no name, no link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.assets.addresses import BY_SESSION, SCHEME, Happening, read
from airflow_provider.live_sessions.compat.features import add_partition
from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider.live_sessions.core.models import SessionRef


def check_outlets(outlets: Iterable[Any], ref: SessionRef, happening: Happening) -> None:
    """Refuse outlets of ours that would tell of another connection or of something else.

    Raises:
        ConfigurationError: Airflow emits an event for each outlet, so one that does not fit would be a lie.
    """
    for outlet in outlets:
        told = read(str(getattr(outlet, "uri", "")))
        if told is None:
            continue
        if told not in {(ref.platform, ref.conn_id, happening + ending) for ending in ("", BY_SESSION)}:
            raise ConfigurationError(
                f"The outlet {outlet.uri!r} does not fit: this is {happening} of {ref.platform} through the "
                f"connection {ref.conn_id!r}.",
                platform=ref.platform,
                conn_id=ref.conn_id,
                advice=f"Write outlets=outlets_for({ref.platform!r}, {ref.conn_id!r}, {happening.value!r}).",
            )


def tell(
    context: Mapping[str, Any], outlets: Iterable[Any], ref: SessionRef, happening: Happening, **more: Any
) -> None:
    """Write into the events of a sensor's outlets what happened.

    Args:
        context: The task's context.
        outlets: The sensor's outlets; those of other schemes are left alone.
        ref: The session.
        happening: What happened.
        more: JSON values that name nobody and open nothing.
    """
    events = context.get("outlet_events")
    if events is None:
        return
    for outlet in outlets:
        if not str(getattr(outlet, "uri", "")).startswith(f"{SCHEME}://"):
            continue
        event = events[outlet]
        event.extra.update(
            happening=happening.value, platform=ref.platform, conn_id=ref.conn_id, session=ref.key, **more
        )
        if outlet.uri.endswith(BY_SESSION):
            add_partition(event, ref.key)  # without partition keys the event is a plain one
