"""Everything a try imports, imported once: forks inherit it, and a try costs a fraction of a second."""

from __future__ import annotations

import gc
import pkgutil
from importlib import import_module

import airflow_provider.live_sessions as provider

AIRFLOW = (
    "airflow.dag_processing.bundles.local",
    "airflow.dag_processing.dagbag",
    "airflow.dag_processing.importers.python_importer",
    "airflow.models.xcom",
    "airflow.providers.common.compat.connection",
    "airflow.sdk.crypto",
    "airflow.sdk.execution_time.cache",
    "airflow.sdk.execution_time.task_runner",
    "airflow.sdk.execution_time.xcom",
    "airflow.sdk.plugins_manager",
    "airflow.triggers.base",
    "airflow.utils.email",
    "jinja2.ext",
    "setproctitle",
)


def preload() -> None:
    """Import what tries, triggers and the sandbox use, and keep the collector from touching it in every fork."""
    for name in AIRFLOW:
        import_module(name)
    for found in pkgutil.walk_packages(provider.__path__, f"{provider.__name__}."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    from airflow.sdk.plugins_manager import integrate_macros_plugins

    integrate_macros_plugins()
    gc.collect()
    gc.freeze()
