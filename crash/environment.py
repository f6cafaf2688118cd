"""An Airflow of the matrix's own, set up before anything imports Airflow."""

from __future__ import annotations

import json
import os
from pathlib import Path

from cryptography.fernet import Fernet

BUNDLE = "crash"
DAG_FILE = "crash_dag.py"
SCENE_VARIABLE = "LIVE_SESSIONS_CRASH_SCENE"
"""Names the environment variable that tells the DAG file where its scene is written."""


def prepare(home: Path) -> None:
    """Point this process, and all it forks, at an Airflow home of its own; no database is ever opened.

    Args:
        home: An empty folder.
    """
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    bundles = [
        {
            "name": BUNDLE,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(Path(__file__).with_name("bundle"))},
        }
    ]
    os.environ.update(
        {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(Path(__file__).with_name("bundle")),
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/unused.db",
            # The hold after a deferral is real time: here no scheduler can lose the race that it avoids.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "0",
            "NO_PROXY": "*",
        }
    )
