"""Figures of this package in Airflow's own metrics: StatsD, Datadog or OpenTelemetry, as ``[metrics]`` says.

The names are in docs/reliability.md. Each figure has the tags ``platform`` and ``conn_id``; StatsD without tags
would mix all connections, so the same figure also goes out with both in its name, as Airflow does it with its own
and under the same switch, ``[metrics] legacy_names_on``.
"""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import conf

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.providers.common.compat.sdk import Stats

log = logging.getLogger(__name__)

PREFIX = "live_sessions"
LONGEST_PART = 80
"""Characters of a name's part: StatsD names end at 250, OpenTelemetry's at 255."""

_ODD = re.compile(r"[^a-zA-Z0-9_-]")


class AirflowMeter:
    """Hands figures to Airflow; what goes wrong there never disturbs who measures."""

    def count(self, name: str, *, platform: str, conn_id: str) -> None:
        """Count one occurrence."""
        _send(lambda stats, stat, tags: stats.incr(stat, tags=tags), name, platform, conn_id)

    def gauge(self, name: str, value: float, *, platform: str, conn_id: str) -> None:
        """Set how much there is at present."""
        _send(lambda stats, stat, tags: stats.gauge(stat, value, tags=tags), name, platform, conn_id)

    def timing(self, name: str, seconds: float, *, platform: str, conn_id: str) -> None:
        """Note how long something took; it goes out in milliseconds."""
        took = timedelta(seconds=seconds)
        _send(lambda stats, stat, tags: stats.timing(stat, took, tags=tags), name, platform, conn_id)


def _send(
    send: Callable[[type[Stats], str, dict[str, str]], None], name: str, platform: str, conn_id: str
) -> None:
    try:
        from airflow.providers.common.compat.sdk import Stats

        tags = {"platform": metric_part(platform.casefold()), "conn_id": metric_part(conn_id)}
        send(Stats, f"{PREFIX}.{name}", tags)
        if conf.getboolean("metrics", "legacy_names_on", fallback=True):
            send(Stats, f"{PREFIX}.{name}.{tags['platform']}.{tags['conn_id']}", {})
    except Exception:  # a wait must not fail for a figure
        log.debug("The figure %s could not be handed to Airflow.", name, exc_info=True)


def metric_part(text: str) -> str:
    """Return a text as one part of a metric's name or as a tag: no dot, which would be read as two parts."""
    return _ODD.sub("_", text)[:LONGEST_PART] or "_"
