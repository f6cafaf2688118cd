"""Assets that webhooks update: a platform said that something happened, and confirmed it when it was asked."""

from __future__ import annotations

from urllib.parse import quote

from airflow.providers.common.compat.assets import Asset

from airflow_provider.live_sessions.assets.addresses import BY_SESSION, DELIVERED, SCHEME, Happening


def delivered(platform: str, conn_id: str, happening: str = Happening.ENDED, *, by_session: bool = False) -> Asset:
    """Return the asset that a DAG is scheduled on to run when a webhook has told of a session.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection.
        happening: ``session-started``, ``session-ended`` or ``transcript-ready``.
        by_session: The asset whose events carry the session as partition key, for one run a session
            (Airflow 3.3).
    """
    return Asset(uri=delivered_uri(platform, conn_id, happening, by_session=by_session))


def delivered_uri(platform: str, conn_id: str, happening: str, *, by_session: bool = False) -> str:
    """Return the address of that asset."""
    what = Happening(happening).value + DELIVERED + (BY_SESSION if by_session else "")
    return f"{SCHEME}://{platform}/{quote(conn_id, safe='')}/{what}"
