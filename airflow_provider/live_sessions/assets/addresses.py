"""The addresses of what happens on a connection: ``live-sessions://<platform>/<connection>/<what>``.

Airflow reads this file to know the scheme, also while it parses DAG files: it imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from airflow.providers.common.compat.assets import Asset

from airflow_provider.live_sessions.core.happening import Happening as Happening  # part of this module's words

if TYPE_CHECKING:
    from urllib.parse import SplitResult

SCHEME = "live-sessions"
BY_SESSION = "-by-session"
WATCHED = "-watched"
DELIVERED = "-delivered"
DATA = (
    "sessions",
    "transcript",
    "segments",
    "recording",
    "sessions-exported",
    "transcript-retrieved",
    "segments-exported",
    "recording-retrieved",
    "classes-summarised",
)
"""What ``assets/data.py`` makes assets of: what a platform holds, by the names that operators tell OpenLineage,
and what has come home of it."""


def create_asset(
    *, platform: str, conn_id: str, happening: str, by_session: bool = False, extra: dict[str, Any] | None = None
) -> Asset:
    """Return the asset of what sensors tell of a connection.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection.
        happening: ``session-started``, ``session-ended``, ``transcript-ready`` or ``recording-ready``.
        by_session: The asset whose events carry the session as partition key.
        extra: What Airflow shows beside the asset.
    """
    what = Happening(happening).value + (BY_SESSION if by_session else "")
    return Asset(uri=f"{SCHEME}://{platform}/{quote(conn_id, safe='')}/{what}", extra=extra or {})


def outlets_for(platform: str, conn_id: str, happening: str = Happening.ENDED) -> list[Asset]:
    """Return both assets of something that happens, as ``outlets`` of a sensor.

    The first is plain: a DAG scheduled on it runs once for all that happened since its last run. The events of the
    second carry the session as partition key: a partitioned DAG runs once a session (Airflow 3.3).

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The connection that the sensor's sessions were launched with.
        happening: What the sensor waits for.
    """
    return [
        create_asset(platform=platform, conn_id=conn_id, happening=happening, by_session=by_session)
        for by_session in (False, True)
    ]


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Check an address, as Airflow asks of the owner of a scheme.

    Raises:
        ValueError: It is none of :func:`create_asset`'s, of a watcher's, of a delivery's, or of
            ``assets/data.py``'s.
    """
    parts = uri.path.split("/")
    if not uri.netloc or len(parts) != 3 or not parts[1] or uri.query or uri.fragment:
        raise ValueError(f"URI format {SCHEME}:// must be {SCHEME}://<platform>/<connection>/<what happens>")
    if not _known(parts[2]):
        raise ValueError(f"URI format {SCHEME}:// must end in one of {', '.join((*Happening, *DATA))}")
    return uri._replace(netloc=uri.netloc.casefold())


def read(uri: str) -> tuple[str, str, str] | None:
    """Return platform, connection and what happens; None for an address of another scheme or form."""
    split = urlsplit(uri)
    parts = split.path.split("/")
    if split.scheme != SCHEME or len(parts) != 3:
        return None
    return split.netloc, unquote(parts[1]), parts[2]


def _known(what: str) -> bool:
    endings = ("", BY_SESSION, WATCHED, DELIVERED, DELIVERED + BY_SESSION)
    return what in DATA or any(what == one + ending for one in Happening for ending in endings)
