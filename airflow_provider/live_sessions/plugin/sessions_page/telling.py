"""What went wrong, told to a person as a page and to the page's script as JSON."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse, JSONResponse, Response

from airflow_provider.live_sessions.core.pages import PREFIX
from airflow_provider.live_sessions.plugin.sessions_page.access import UNSAID

if TYPE_CHECKING:
    from fastapi import Request

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<link rel="stylesheet" href="{root}/page.css">
<main class="message"><h1>{title}</h1><p>{text}</p><p><a href="{href}">{way}</a></p></main>
"""

NOT_LOGGED_IN = "You are not logged in to Airflow, or no longer."
NOT_ALLOWED = (
    "Your role in Airflow does not allow this. Opening a session needs the right to change its DAG's tasks."
)


async def tell(request: Request, error: Exception) -> Response:
    """Answer an error in words.

    Args:
        request: What was asked for.
        error: Starlette's HTTPException; its detail is for people.
    """
    status = HTTPStatus(getattr(error, "status_code", 500))
    text = str(getattr(error, "detail", "") or "")
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": text}, status)
    root = below(request) + PREFIX
    href, way = f"{root}/", "Live sessions"
    if status == HTTPStatus.UNAUTHORIZED:
        back = urlencode({"next": str(request.url)})
        text, href, way = NOT_LOGGED_IN, f"{below(request)}/api/v2/auth/login?{back}", "Log in"
    elif status == HTTPStatus.FORBIDDEN and text == "Forbidden":
        text = NOT_ALLOWED
    elif text == UNSAID:
        href = f"{href}?{request.url.query}"  # the door's own session, whose row opens it
    told = {"title": status.phrase, "text": text, "href": href, "way": way, "root": root}
    return HTMLResponse(PAGE.format(**{name: escape(value) for name, value in told.items()}), status)


def below(request: Request) -> str:
    """Return what Airflow is served below, e.g. ``/airflow``: the mount's own path less this page's."""
    return str(request.scope.get("root_path", "")).removesuffix(PREFIX)
