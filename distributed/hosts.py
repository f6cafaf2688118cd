"""A host name for each component, as containers have: Airflow tells its jobs and tasks apart by it."""

from __future__ import annotations

import os

VARIABLE = "LIVE_SESSIONS_COMPONENT"
"""Names the environment variable that tells a component its name."""


def name() -> str:
    """Return this component's name; Airflow calls it in place of ``socket.getfqdn``."""
    return os.environ[VARIABLE]
