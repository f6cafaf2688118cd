"""What operators tell OpenLineage: accounts, folders and tables with figures; no session, person or secret."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import Connection

from airflow_provider.live_sessions.assets.addresses import SCHEME
from airflow_provider.live_sessions.assets.data import exported_sessions, sessions_of, to_openlineage
from airflow_provider.live_sessions.operators.check_export import CheckSessionsExportOperator
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceRetrieveAttendanceOperator
from airflow_provider.live_sessions.operators.lessonspace_account import LessonspaceSessionsToObjectStorageOperator
from airflow_provider.live_sessions.operators.lineage import Data, TellsLineage, of_place, of_table
from airflow_provider.live_sessions.operators.retention import RetireArtifactsOperator
from airflow_provider.live_sessions.operators.sessions_to_sql import SessionsToSqlOperator
from tests.airflow_side.stage import PEOPLE, School, TaskInstance, context
from tests.exports.lessonspace_past import fill

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("airflow.providers.openlineage")

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAY = timedelta(days=1)


def told(operator: TellsLineage) -> Any:
    """Return what OpenLineage's own extractor makes of a task that has ended."""
    from airflow.providers.openlineage.extractors.base import DefaultExtractor

    found = DefaultExtractor(operator).extract_on_complete(TaskInstance())
    assert found is not None
    return found


def named(datasets: Any) -> list[tuple[str, str]]:
    return [(one.namespace, one.name) for one in datasets]


def exported(school: School, folder: Path) -> tuple[LessonspaceSessionsToObjectStorageOperator, dict[str, Any]]:
    operator = LessonspaceSessionsToObjectStorageOperator(
        task_id="export",
        conn_id=school.conn_id,
        destination=str(folder),
        since=(TODAY - 3 * DAY).isoformat(),
        until=(TODAY - DAY).isoformat(),
    )
    return operator, dict(json.loads(json.dumps(operator.execute(context()))))


def test_an_export_is_told_from_the_account_to_its_folder_and_on_to_the_tables(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(school.sandbox, TODAY - 4 * DAY, TODAY - DAY, 20)
    export, result = exported(school, tmp_path / "home")
    account = (f"{SCHEME}://lessonspace", f"{school.conn_id}/sessions")
    folder = ("file", f"{tmp_path}/home/sessions/platform=lessonspace/conn_id={school.conn_id}")
    lineage = told(export)
    assert (named(lineage.inputs), named(lineage.outputs)) == ([account], [folder])
    statistics = lineage.outputs[0].outputFacets["outputStatistics"]
    assert (statistics.rowCount, statistics.fileCount) == (result["counts"]["sessions"], 2)

    database = json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/warehouse.db"})
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", database)
    load = SessionsToSqlOperator(task_id="load", export=[result, result], sql_conn_id="warehouse")
    counts = load.execute({})
    lineage = told(load)
    where = f"sqlite://{tmp_path}/warehouse.db"
    assert named(lineage.inputs) == [folder]
    assert named(lineage.outputs) == [(where, "sessions"), (where, "participants")]
    rows = [one.outputFacets["outputStatistics"].rowCount for one in lineage.outputs]
    assert rows == [counts["sessions"], counts["participants"]]
    columns = [field.name for field in lineage.outputs[1].facets["schema"].fields]
    assert columns[:4] == ["platform", "conn_id", "session_id", "position"]

    check = CheckSessionsExportOperator(task_id="check", export=result, no_gap=False)
    check.execute({})
    assert (named(told(check).inputs), told(check).outputs) == ([folder], [])


def test_what_is_retrieved_and_what_is_deleted_is_told_of_the_destination_and_names_nobody(
    school: School, tmp_path: Path
) -> None:
    record = school.launch(school.lesson(people=PEOPLE))
    school.hold(record)
    retrieve = LessonspaceRetrieveAttendanceOperator(task_id="retrieve", session=record, destination=str(tmp_path))
    manifest = retrieve.execute(context())
    lineage = told(retrieve)
    assert named(lineage.inputs) == [(f"{SCHEME}://lessonspace", f"{school.conn_id}/attendance")]
    assert named(lineage.outputs) == [("file", str(tmp_path))]
    statistics = lineage.outputs[0].outputFacets["outputStatistics"]
    assert statistics.size == sum(one["bytes"] for one in manifest["files"])
    everything = repr(lineage)
    assert not [one for one in (record["title"], record["ref"]["key"], "Bo Student") if one in everything]

    for report_only in (True, False):
        retire = RetireArtifactsOperator(
            task_id="retire", destination=str(tmp_path), person="s-1", report_only=report_only
        )
        retire.execute(context(run_after=datetime.now(UTC)))
        lineage = told(retire)
        assert named(lineage.inputs if report_only else lineage.outputs) == [("file", str(tmp_path))]
        assert bool(lineage.outputs) is not report_only
    assert lineage.outputs[0].facets["lifecycleStateChange"].lifecycleStateChange.value == "ALTER"


def test_a_task_that_came_to_no_end_tells_nothing(school: School, tmp_path: Path) -> None:
    operator = LessonspaceSessionsToObjectStorageOperator(
        task_id="export", conn_id=school.conn_id, destination=str(tmp_path)
    )
    lineage = told(operator)
    assert (lineage.inputs, lineage.outputs) == ([], [])


@pytest.mark.parametrize(
    ("url", "namespace", "name"),
    [
        ("file:///data/school%20one/", "file", "/data/school one"),
        ("/data/school", "file", "/data/school"),
        ("s3://bucket/warehouse/sessions", "s3://bucket", "warehouse/sessions"),
        ("s3://my_connection@bucket", "s3://bucket", "/"),
    ],
)
def test_a_folder_is_named_as_openlineage_s_rules_ask(url: str, namespace: str, name: str) -> None:
    assert of_place(url) == Data(namespace, name)


@pytest.mark.parametrize(
    ("dialect", "connection", "table", "namespace", "name"),
    [
        (
            "postgresql",
            {"host": "db", "schema": "school"},
            "sessions",
            "postgres://db:5432",
            "school.public.sessions",
        ),
        ("postgresql", {"host": "db", "port": 1, "schema": "s"}, "a.b", "postgres://db:1", "s.a.b"),
        ("sqlite", {"host": "/data/x.db?mode=ro&token=deadbeef"}, "sessions", "sqlite:///data/x.db", "sessions"),
    ],
)
def test_a_table_is_named_by_its_database_and_without_what_opens_it(
    dialect: str, connection: dict[str, Any], table: str, namespace: str, name: str
) -> None:
    given = Connection(conn_id="x", conn_type="x", login="eve", password="deadbeef", **connection)
    assert of_table(dialect, given, table) == Data(namespace, name)


def test_the_assets_of_an_account_are_airflow_s_and_openlineage_s() -> None:
    from airflow.providers.common.compat.openlineage.utils.utils import translate_airflow_asset

    inlet, outlet = sessions_of("lessonspace", "my/school"), exported_sessions("lessonspace", "my/school")
    assert inlet.uri == f"{SCHEME}://lessonspace/my%2Fschool/sessions"
    assert outlet.uri == f"{SCHEME}://lessonspace/my%2Fschool/sessions-exported"
    for asset in (inlet, outlet):
        dataset = translate_airflow_asset(asset, None)  # finds the converter by what the provider registered
        assert dataset == to_openlineage(asset, None)
        assert dataset is not None
        assert dataset.namespace == f"{SCHEME}://lessonspace"
        assert dataset.name.startswith("my/school/sessions")
