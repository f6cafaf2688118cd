"""Where the supported Airflows keep what these tests need of them; what the provider itself needs is in compat."""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import Any

import pytest
from packaging.version import Version

AIRFLOW = Version(version("apache-airflow-core"))


def found(*paths: str) -> Any:
    """Return the first of several ``module:name`` (or ``module``) that this Airflow has, or None."""
    for path in paths:
        module, _, name = path.partition(":")
        try:
            there = importlib.import_module(module)
        except ImportError:
            continue
        if not name or hasattr(there, name):
            return getattr(there, name) if name else there
    return None


DagBag: Any = found("airflow.dag_processing.dagbag:DagBag", "airflow.models.dagbag:DagBag")
ParamValidationError: Any = found(
    "airflow.sdk.exceptions:ParamValidationError", "airflow.exceptions:ParamValidationError"
)
StatsdLogger: Any = found(
    "airflow.sdk._shared.observability.metrics.statsd_logger:SafeStatsdLogger",
    "airflow.metrics.statsd_logger:SafeStatsdLogger",
)
NoStatsLogger: Any = found(
    "airflow.sdk._shared.observability.metrics.base_stats_logger:NoStatsLogger",
    "airflow.metrics.base_stats_logger:NoStatsLogger",
)
"""Airflow's logger of metrics, and the one that logs nothing."""


def send_metrics_to(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Airflow's own metrics written, with tags, to a StatsD client until the test ends."""
    how = {"statsd_influxdb_enabled": True} if Version("3.2") <= AIRFLOW else {}
    log_metrics_with(StatsdLogger(client, influxdb_tags_enabled=True, **how), monkeypatch)


def log_metrics_with(logger: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Airflow's own metrics logged by this until the test ends; call `stop_metrics` then."""
    if Version("3.3") <= AIRFLOW:
        from airflow.sdk.observability import stats

        stats.initialize(factory=lambda: logger, export_legacy_names=True)
        return
    stats = found("airflow.sdk.observability.stats:Stats", "airflow.stats:Stats")
    monkeypatch.setattr(type(stats), "__getattr__", lambda _, name: getattr(logger, name))


def stop_metrics() -> None:
    """Have Airflow's metrics written nowhere again."""
    if Version("3.3") <= AIRFLOW:
        from airflow.sdk.observability import stats

        stats.initialize(factory=NoStatsLogger, export_legacy_names=True)


in_real_seconds = pytest.mark.skipif(
    Version("3.3") > AIRFLOW,
    reason=f"`dag.test` of Airflow {AIRFLOW} starts an API server for every task: the session is over by then",
)
"""For runs of a whole DAG whose sessions last seconds."""
