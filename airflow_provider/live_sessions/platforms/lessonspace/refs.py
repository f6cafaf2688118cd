"""What a class's reference carries beside its window: the settings it was launched with, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import load_json

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import SessionRef


def settings_in(ref: SessionRef, name: str = "settings") -> dict[str, Any]:
    """Return one of a reference's sets of settings; empty where it carries none.

    Args:
        ref: The class.
        name: ``settings`` as they were asked for, or ``room_settings`` as Lessonspace took them over.

    Raises:
        ConfigurationError: They are no JSON object.
    """
    try:
        settings = load_json(ref.detail(name, "{}"))
    except (TypeError, ValueError):
        settings = None
    if not isinstance(settings, dict):
        raise ConfigurationError(
            f"The {name} in the session's reference are no JSON object.",
            platform="Lessonspace",
            conn_id=ref.conn_id,
            advice="Pass the result of a Lessonspace launch operator.",
        )
    return settings
