"""The export operators as Airflow runs them: intervals, waiting, what goes to XCom, what is refused."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.providers.standard.triggers.temporal import DateTimeTrigger

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.operators.lessonspace_account import LessonspaceSessionsToObjectStorageOperator
from tests.airflow_side.stage import School, TaskInstance, context, deferral
from tests.exports.lessonspace_past import ended, fill, of_row
from tests.exports.reading import rows

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.providers.common.compat.sdk import Context

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAY = timedelta(days=1)


def operator(school: School, folder: Path, **more: Any) -> LessonspaceSessionsToObjectStorageOperator:
    return LessonspaceSessionsToObjectStorageOperator(
        task_id="export", conn_id=school.conn_id, **{"destination": str(folder), **more}
    )


def ran(begin: datetime | None = None, end: datetime | None = None, after: datetime | None = None) -> Context:
    """Return the context of a run with or without an interval."""
    run = SimpleNamespace(run_after=after or datetime.now(UTC), data_interval_start=begin, data_interval_end=end)
    return {"ti": TaskInstance(), "dag_run": run}  # type: ignore[typeddict-item]  # as much as is looked at


def exported(one: LessonspaceSessionsToObjectStorageOperator, the_context: Context) -> dict[str, Any]:
    return dict(json.loads(json.dumps(one.execute(the_context))))


def test_the_run_s_data_interval_is_exported(school: School, tmp_path: Path) -> None:
    truth = fill(school.sandbox, TODAY - 4 * DAY, TODAY - DAY, 60)
    result = exported(operator(school, tmp_path), ran(TODAY - 3 * DAY, TODAY - DAY))
    assert (result["status"], result["platform"], len(result["manifests"])) == ("complete", "lessonspace", 2)
    found = {row["session_id"]: of_row(row) for row in rows(LocalStorage(tmp_path), result["manifests"])}
    assert found == ended(truth, TODAY - 3 * DAY, TODAY - DAY)
    assert result["counts"]["sessions"] == len(found)
    day = f"sessions/platform=lessonspace/conn_id={school.conn_id}/date={TODAY - 3 * DAY:%Y-%m-%d}/"
    assert result["manifests"][0] == f"{day}sessions-jsonl.manifest.json"


@pytest.mark.parametrize(
    ("period", "after", "begin", "end"),
    [
        ("day", TODAY + timedelta(hours=2), TODAY - DAY, TODAY),
        ("hour", TODAY + timedelta(hours=2, minutes=20), TODAY + timedelta(hours=1), TODAY + timedelta(hours=2)),
    ],
)
def test_a_run_without_an_interval_exports_the_last_whole_period_before_it(
    school: School, tmp_path: Path, period: str, after: datetime, begin: datetime, end: datetime
) -> None:
    one = operator(school, tmp_path, period=period, wait=False)
    for interval in ((None, None), (after, after)):  # a cron timetable gives a run a point for an interval
        result = exported(one, ran(interval[0], interval[1], after))
        assert (result["since"], result["until"]) == (begin.isoformat(), end.isoformat())


def test_an_interval_between_the_hours_is_moved_so_that_runs_still_join_each_other(
    school: School, tmp_path: Path
) -> None:
    at = [TODAY - DAY + timedelta(hours=hour, minutes=20) for hour in (5, 6, 9)]
    told = [
        exported(operator(school, tmp_path, period="hour"), ran(begin, end))
        for begin, end in itertools.pairwise(at)
    ]
    assert told[0]["since"] == (at[0] - timedelta(minutes=20)).isoformat()
    assert told[0]["until"] == told[1]["since"]
    assert len(told[1]["manifests"]) == 3


def test_a_day_is_one_of_the_zone_that_was_named(school: School, tmp_path: Path) -> None:
    one = operator(school, tmp_path, timezone="Asia/Kolkata")
    result = exported(one, ran(after=datetime(2026, 9, 1, 12, tzinfo=UTC)))
    assert (result["since"], result["until"]) == ("2026-08-30T18:30:00+00:00", "2026-08-31T18:30:00+00:00")
    assert "date=2026-08-31/" in result["manifests"][0]


def test_it_waits_without_a_slot_until_the_lists_have_caught_up(school: School, tmp_path: Path) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    one = operator(school, tmp_path, since=hour.isoformat(), until=(hour + timedelta(hours=1)).isoformat())
    one.period, one.deferrable = "hour", True
    deferred = deferral(one, context())
    assert isinstance(deferred.trigger, DateTimeTrigger)
    assert deferred.trigger.moment == hour + timedelta(hours=1, minutes=11)
    assert school.log() == []
    school.sandbox.clock.set(hour + timedelta(hours=2))
    assert one.resume_execution(deferred.method_name, {"event": hour}, context())["status"] == "complete"


def test_an_export_that_did_not_wait_says_that_it_may_lack_something(school: School, tmp_path: Path) -> None:
    begin = TODAY + DAY  # ahead, though the day turned since this file was read
    one = operator(school, tmp_path, since=begin, until=begin + DAY, wait="False")
    result = exported(one, context())
    assert result["status"] == "partial"
    assert "sessions may be missing" in result["why"][0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"since": "2026-09-01T00:00:00+00:00"}, "both"),
        ({"since": "2026-09-01T00:00:00", "until": "2026-09-02T00:00:00"}, "no time zone"),
        ({"since": "2026-09-02T00:00:00+00:00", "until": "2026-09-01T00:00:00+00:00"}, "before"),
        ({"since": "2026-09-01T00:00:00+00:00", "until": "2026-09-01T07:00:00+00:00"}, "no whole days"),
        ({"period": "week"}, "no period"),
        ({"period": "hour", "timezone": "Europe/Berlin"}, "UTC"),
        ({"timezone": "Atlantis"}, "no time zone 'Atlantis'"),
        ({"file_format": "xml"}, "no file format"),
        ({"look_back": "-3"}, "look_back"),
        ({"destination": "s3://key:secret@bucket/x"}, "password"),
        (
            {"since": "1990-01-01T00:00:00+00:00", "until": "2026-01-01T00:00:00+00:00"},
            "one task writes 10000",
        ),
    ],
)
def test_what_does_not_fit_fails_at_once_and_asks_nobody(
    school: School, tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(AirflowFailException, match=said):
        operator(school, tmp_path, **{"destination": str(tmp_path), **given}).execute(ran())
    assert school.log() == []
