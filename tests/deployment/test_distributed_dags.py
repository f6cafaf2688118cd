"""The DAGs of ``make distributed`` as Airflow reads them."""

from __future__ import annotations

import pytest

from crash.venues import VENUES
from distributed.classes import LAUNCH, WAIT
from distributed.cluster import DAGS
from tests.airflow_versions import DagBag


@pytest.mark.airflow
def test_each_platform_has_a_dag_whose_lanes_launch_and_wait_without_a_worker(airflow_db: None) -> None:
    bag = DagBag(str(DAGS))
    assert bag.import_errors == {}
    assert set(bag.dags) == {f"classes_on_{name}" for name in VENUES}
    for name in VENUES:
        found = bag.dags[f"classes_on_{name}"]
        launch, wait = found.get_task(LAUNCH), found.get_task(WAIT)
        assert wait.deferrable
        assert launch.retries >= 5, "tries are what a run takes away"
        assert set(launch.downstream_task_ids) == {WAIT}
        assert {one.group_id for one in launch.iter_mapped_task_groups()} == {"class"}
