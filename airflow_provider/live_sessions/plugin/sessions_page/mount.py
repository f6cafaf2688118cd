"""How Airflow is told of the page. Every component imports its plugins, so the page is not imported here."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import conf

from airflow_provider.live_sessions.core.pages import PREFIX
from airflow_provider.live_sessions.plugin.lazy import LazyApp


def _made() -> Any:
    from airflow_provider.live_sessions.plugin.sessions_page.app import make_app

    return make_app()


def external_view() -> dict[str, Any]:
    """Return the page's entry in the navigation."""
    below = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    return {
        "name": "Sessions",  # all that Airflow's navigation has room for
        "href": f"{below}{PREFIX}/",
        "destination": "nav",
        "url_route": "live-sessions",
        "icon": f"{below}{PREFIX}/icon.svg",
        "icon_dark_mode": f"{below}{PREFIX}/icon-dark.svg",
        "nav_top_level": True,  # Airflow 3.3; before, it is below "Plugins" where there are others
    }


FASTAPI_APP: dict[str, Any] = {"app": LazyApp(_made), "url_prefix": PREFIX, "name": "Live sessions"}
EXTERNAL_VIEW = external_view()
