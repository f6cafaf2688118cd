"""An Airflow of its own for the tests: set up before anything imports Airflow."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
from pathlib import Path

_HOME = Path(tempfile.mkdtemp(prefix="live-sessions-tests-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
_DAGS = Path(__file__).parents[1] / "dags"

for _name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[_name]  # whatever Airflow this machine has, the tests have their own

os.environ.update(
    {
        "AIRFLOW_HOME": str(_HOME),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(_DAGS),
        "AIRFLOW__CORE__FERNET_KEY": "bGl2ZS1zZXNzaW9ucy10ZXN0cy1rZXktMzItYnl0ZXM=",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME}/airflow.db",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__LIVE_SESSIONS__DESTINATION": str(_HOME / "brought-home"),
        "AIRFLOW__LIVE_SESSIONS__STATE_DIR": str(_HOME / "state"),
        "NO_PROXY": "*",
    }
)

import pytest  # noqa: E402 - Airflow's settings come first
from hypothesis import settings  # noqa: E402

# A busy machine is no failure: nothing here measures time by hypothesis' deadline.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """The home of the tests' own Airflow."""
    return _HOME


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """A migrated database; only for tests that run whole DAGs."""
    from airflow.utils.db import initdb

    initdb()


_modules = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def unspent_host_budgets() -> None:
    """Begin each file with rate budgets of its own: a port that is used again would be the account of before."""
    os.environ["AIRFLOW__LIVE_SESSIONS__STATE_DIR"] = str(_HOME / f"state-{next(_modules)}")
