"""What every client that is made from an Airflow connection shares with the others of its host and process."""

from __future__ import annotations

import threading

from airflow.providers.common.compat.sdk import conf

from airflow_provider.live_sessions.compat.metrics import AirflowMeter
from airflow_provider.live_sessions.core.host_budget import HostBudgets
from airflow_provider.live_sessions.core.surroundings import Surroundings

_known: dict[str, Surroundings] = {}
_lock = threading.Lock()


def surroundings() -> Surroundings:
    """Return this host's rate budgets, kept below ``[live_sessions] state_dir``, and Airflow's own metrics."""
    folder = str(conf.get("live_sessions", "state_dir", fallback=""))
    with _lock:
        if folder not in _known:
            _known[folder] = Surroundings(HostBudgets(folder), AirflowMeter())
        return _known[folder]
