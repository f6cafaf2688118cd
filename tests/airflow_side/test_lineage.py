"""What operators tell OpenLineage: accounts, folders and tables with figures; no session, person or secret."""

from __future__ import annotations

import importlib
import json
import pkgutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator, Connection

from airflow_provider.live_sessions import operators
from airflow_provider.live_sessions.artifacts.row_shapes import SEGMENTS, SESSIONS
from airflow_provider.live_sessions.assets import data
from airflow_provider.live_sessions.assets.addresses import DATA, SCHEME
from airflow_provider.live_sessions.operators.check_export import CheckSessionsExportOperator
from airflow_provider.live_sessions.operators.classes import SelectClassesOperator
from airflow_provider.live_sessions.operators.educates import EducatesListWorkshopsOperator
from airflow_provider.live_sessions.operators.find_launched import FindLaunchedOperator
from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceHandOverLinksOperator,
    LessonspaceRetrieveAttendanceOperator,
    LessonspaceRetrieveRecordingOperator,
    LessonspaceRetrieveTranscriptOperator,
)
from airflow_provider.live_sessions.operators.lessonspace_account import LessonspaceSessionsToObjectStorageOperator
from airflow_provider.live_sessions.operators.lineage import (
    Data,
    TellsLineage,
    of_place,
    of_table,
    of_timetable,
)
from airflow_provider.live_sessions.operators.query_timetable import QueryTimetableOperator
from airflow_provider.live_sessions.operators.retention import RetireArtifactsOperator
from airflow_provider.live_sessions.operators.screenleap_account import ScreenleapExportUsageOperator
from airflow_provider.live_sessions.operators.sessions_to_sql import SessionsToSqlOperator
from airflow_provider.live_sessions.operators.summarise_classes import SummariseClassesOperator
from tests.airflow_side.stage import PEOPLE, School, TaskInstance, context
from tests.airflow_side.test_select_classes import write as write_timetable
from tests.airflow_side_educates.lab import Lab
from tests.airflow_side_screenleap.stage import Studio
from tests.exports.lessonspace_past import fill

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("airflow.providers.openlineage")

TELLS_NOTHING = {
    "LaunchSessionOperator": "it makes a session, of what it is given",
    "CancelSessionOperator": "it ends a session",
    "CoviuUpdateSessionOperator": "it changes a session, to what it is given",
    "CoviuAddParticipantOperator": "it changes a session, to what it is given",
    "CoviuUpdateParticipantOperator": "it changes a session, to what it is given",
    "CoviuCancelParticipantOperator": "it changes a session",
    "EducatesExtendSessionOperator": "it lengthens sessions",
    "LessonspaceUpdateSessionOperator": "it changes a session, to what it is given",
    "LessonspaceRemoveUserOperator": "it takes a person out of a session",
    "ScreenleapReapSessionsOperator": "it ends sessions that nobody owns",
    "LaunchedInTimeOperator": "it looks at Airflow's own task states",
    "ReportClassesOperator": "it looks at Airflow's own task states",
    "NotifyOperator": "it sends messages",
    "QueryTimetableOperator": "common.sql's hook tells the query, and no more where an operator tells of itself",
}
"""Operators that read and write no data, or that somebody else tells of; each with those made of it."""

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


def test_every_operator_tells_what_it_reads_and_writes_or_has_a_reason_not_to() -> None:
    met = set()
    for one in pkgutil.iter_modules(operators.__path__, f"{operators.__name__}."):
        for kind in vars(importlib.import_module(one.name)).values():
            if isinstance(kind, type) and issubclass(kind, BaseOperator) and kind.__module__ == one.name:
                reasons = {base.__name__ for base in kind.__mro__} & set(TELLS_NOTHING)
                assert bool(reasons) is not issubclass(kind, TellsLineage), kind
                met |= reasons
    assert met == set(TELLS_NOTHING)


def test_a_selection_is_told_from_the_timetable_to_the_claims(tmp_path: Path) -> None:
    timetable = write_timetable(tmp_path / "week.csv", {}, {"class_id": "physics", "ahead": 600})
    given = {"timetable": timetable, "timezone": "UTC", "conn_id": "school", "destination": f"{tmp_path}/kept"}
    claims = None
    for name, taken, reads_claims in (("first", 2, False), ("again", 2, True)):
        select = SelectClassesOperator(task_id="select", **given)
        run = context(TaskInstance("select"), run_after=datetime.now(UTC) - timedelta(hours=1), run_type="manual")
        assert len(select.execute(run)["launch"]) == taken, name
        lineage = told(select)
        (written,) = lineage.outputs
        claims = (written.namespace, written.name)
        assert named(lineage.inputs) == [("file", timetable), *([claims] if reads_claims else [])]
        assert written.outputFacets["outputStatistics"].fileCount == taken
        assert not [one for one in ("Ada", "Bo", "Maths") if one in repr(lineage)]
    assert claims is not None
    assert claims[1].rpartition("/")[0] == f"{tmp_path}/kept/claims"
    files = [path for path in (tmp_path / "kept" / "claims").rglob("*.json") if claims[1] in str(path)]
    assert len(files) == 2


def test_a_hand_over_is_told_from_the_account_to_the_list_of_who_was_served(
    school: School, tmp_path: Path
) -> None:
    record = school.launch(school.lesson(people=PEOPLE))
    account, ledger = (
        (f"{SCHEME}://lessonspace", f"{school.conn_id}/sessions"),
        ("file", f"{tmp_path}/handed-over"),
    )
    for first in (True, False):
        operator = LessonspaceHandOverLinksOperator(
            task_id="hand_over", session=record, smtp_conn_id=None, destination=str(tmp_path)
        )
        operator.execute(context())
        lineage = told(operator)
        assert named(lineage.inputs) == ([account] if first else [account, ledger])
        assert named(lineage.outputs) == ([ledger] if first else []), "nobody was served again"
        if first:
            assert lineage.outputs[0].outputFacets["outputStatistics"].fileCount == len(PEOPLE)
        everything = repr(lineage)
        people = [one for who in record["participants"] for one in (who["name"], who["id"], who["email"])]
        assert not [one for one in (record["title"], record["ref"]["key"], *people) if one in everything]


def test_what_is_only_looked_at_is_told_as_read(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    class Launched(TaskInstance):
        def xcom_pull(self, *args: Any, **which: Any) -> Any:
            return record

    record = school.launch()
    find = FindLaunchedOperator(task_id="find", dag_id="class_day", run_id="run-1", launch_task="launch")
    find.execute(context(Launched(task_id="find")))
    lineage = told(find)
    assert named(lineage.inputs) == [(f"{SCHEME}://lessonspace", f"{school.conn_id}/sessions")]
    assert lineage.outputs == []
    with Lab.open(monkeypatch) as lab:
        rooms = EducatesListWorkshopsOperator(task_id="rooms", conn_id=lab.conn_id)
        rooms.execute(context())
        lineage = told(rooms)
        assert named(lineage.inputs) == [(f"{SCHEME}://educates", f"{lab.conn_id}/workshops")]
        assert lineage.outputs == []


def test_classes_are_told_from_the_sessions_files_to_their_own(school: School, tmp_path: Path) -> None:
    fill(school.sandbox, TODAY - 4 * DAY, TODAY - DAY, 10)
    _, result = exported(school, tmp_path)
    summarise = SummariseClassesOperator(task_id="classes", sessions=result, look_around=0)
    counts = summarise.execute(context())["counts"]
    lineage = told(summarise)
    account = f"platform=lessonspace/conn_id={school.conn_id}"
    assert named(lineage.inputs) == [("file", f"{tmp_path}/sessions/{account}")]
    assert named(lineage.outputs) == [("file", f"{tmp_path}/classes/{account}")]
    assert lineage.outputs[0].outputFacets["outputStatistics"].rowCount == counts["classes"]


def test_the_usage_of_an_account_is_told_from_the_account_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Studio.open(monkeypatch) as studio:
        since = studio.sandbox.clock.now() - DAY
        usage = ScreenleapExportUsageOperator(
            task_id="usage",
            conn_id=studio.conn_id,
            since=since,
            until=since + timedelta(hours=1),
            destination=str(tmp_path),
            wait=False,
        )
        usage.execute(context())
        lineage = told(usage)
    assert named(lineage.inputs) == [(f"{SCHEME}://screenleap", f"{studio.conn_id}/usage")]
    assert named(lineage.outputs) == [("file", str(tmp_path))]


def test_a_query_for_a_timetable_is_told_by_its_own_hook() -> None:
    """An operator's own lineage would take the place of the query's."""
    from airflow.providers.openlineage.extractors import ExtractorManager

    operator = QueryTimetableOperator(task_id="table", sql="SELECT 1", conn_id="warehouse")
    assert ExtractorManager().get_extractor_class(operator) is None


@pytest.mark.parametrize(
    ("url", "namespace", "name"),
    [
        ("https://calendar.test:8443/private-0123456789/basic.ics?token=x", "https://calendar.test:8443", "week"),
        ("http://eve:deadbeef@intranet/week.csv", "http://intranet", "week"),
        ("s3://conn@bucket/plans/week.csv", "s3://bucket", "plans/week.csv"),
        ("file:///data/week%201.csv", "file", "/data/week 1.csv"),
        ("/data/week.csv", "file", "/data/week.csv"),
        ("s3://bucket/home/timetables/day/scheduled-2026-0123abcd.csv", "s3://bucket", "home/timetables/day"),
    ],
)
def test_a_timetable_is_named_without_what_opens_it_and_not_anew_each_run(
    url: str, namespace: str, name: str
) -> None:
    assert of_timetable(url, "week") == Data(namespace, name)


def test_a_timetable_on_the_web_without_a_name_keeps_its_address_to_itself() -> None:
    assert of_timetable("https://calendar.test/private-0123/basic.ics") == Data(
        "https://calendar.test", "timetable"
    )


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


HELD = {data.sessions_of: "sessions", data.transcripts_of: "transcript", data.segments_of: "segments"} | {
    data.recordings_of: "recording"
}
HOME = {
    data.exported_sessions: "sessions-exported",
    data.retrieved_transcripts: "transcript-retrieved",
    data.exported_segments: "segments-exported",
    data.retrieved_recordings: "recording-retrieved",
    data.summarised_classes: "classes-summarised",
}


def test_the_assets_of_an_account_are_airflow_s_and_openlineage_s() -> None:
    from airflow.providers.common.compat.openlineage.utils.utils import translate_airflow_asset

    assert sorted([*HELD.values(), *HOME.values()]) == sorted(DATA)
    for make, name in (HELD | HOME).items():
        asset = make("lessonspace", "my/school")
        assert asset.uri == f"{SCHEME}://lessonspace/my%2Fschool/{name}"
        dataset = translate_airflow_asset(asset, None)  # finds the converter by what the provider registered
        assert dataset == data.to_openlineage(asset, None)
        assert dataset is not None
        assert (dataset.namespace, dataset.name) == (f"{SCHEME}://lessonspace", f"my/school/{name}")


def test_an_inlet_is_openlineage_s_by_the_name_that_the_operator_tells() -> None:
    kinds = {kind.kind for kind in (LessonspaceRetrieveTranscriptOperator, LessonspaceRetrieveRecordingOperator)}
    shapes = {SESSIONS.name, SEGMENTS.name}
    assert set(HELD.values()) == kinds | shapes
