"""A watched connection as one of Airflow's message queues."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from airflow.providers_manager import ProvidersManager
from airflow.sdk import DAG
from airflow.triggers.base import BaseEventTrigger

from airflow_provider.live_sessions.assets.watching import artifacts_ready, sessions_ended
from airflow_provider.live_sessions.provider_info import get_provider_info
from tests.airflow_side.stage import crossed

msg_queue = pytest.importorskip("airflow.providers.common.messaging.triggers.msg_queue")
(PROVIDER,) = get_provider_info()["queues"]
DOCS = Path(__file__).parents[2] / "docs" / "events.md"
SCHOOL = {"platform": "lessonspace", "conn_id": "school"}


def queue(**arguments: Any) -> Any:
    return msg_queue.MessageQueueTrigger(scheme="live-sessions", **arguments)


def test_airflow_finds_the_queue_by_the_providers_description() -> None:
    assert PROVIDER in ProvidersManager().queue_class_names


def test_a_queue_of_ends_is_stored_as_the_trigger_that_watches_for_them() -> None:
    path, kwargs = queue(**SCHOOL, poll_interval=60).serialize()
    (watched,) = sessions_ended("lessonspace", "school", poll_interval=60).watchers
    same, other = watched.trigger.serialize()
    assert path == same
    assert {**kwargs, "asset": ""} == {**other, "asset": ""}
    assert kwargs["asset"] != other["asset"], "two assets have a cursor each"
    assert type(crossed(queue(**SCHOOL))).__name__ == "SessionsEndedTrigger"


def test_a_queue_of_transcripts_takes_their_rules() -> None:
    rules = {"min_seconds": 60.0}
    path, kwargs = queue(**SCHOOL, happening="transcript-ready", rules=rules, check_delays=[60]).serialize()
    (watched,) = artifacts_ready("lessonspace", "school", rules=rules, check_delays=[60]).watchers
    same, other = watched.trigger.serialize()
    assert (path, {**kwargs, "asset": ""}) == (same, {**other, "asset": ""})
    assert json.loads(json.dumps(kwargs)) == kwargs


@pytest.mark.filterwarnings("ignore:The `queue` parameter is deprecated")
def test_the_older_form_names_the_queue_by_its_address() -> None:
    older = msg_queue.MessageQueueTrigger(queue="live-sessions://lessonspace/school/recording-ready")
    assert older.serialize() == queue(**SCHOOL, happening="recording-ready").serialize()
    with pytest.raises(ValueError, match="not recognized"):
        msg_queue.MessageQueueTrigger(queue="live-sessions://lessonspace/school/session-exploded").serialize()


def test_two_assets_that_watch_the_same_thing_have_a_trigger_each() -> None:
    hashes = {BaseEventTrigger.hash(*queue(**SCHOOL, asset=name).serialize()) for name in ("one", "other")}
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"platform": "educates"}, "outlets_for"),
        ({"happening": "session-started"}, "cannot be watched"),
        ({"happening": "transcript-ready", "platform": "coviu"}, "lessonspace"),
        ({"happening": "session-exploded"}, "not a valid"),
    ],
)
def test_a_queue_that_nothing_could_come_through_is_refused(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        queue(**{**SCHOOL, **arguments}).serialize()


def test_the_example_in_the_docs_is_an_asset_to_schedule_a_dag_on() -> None:
    (example,) = re.findall(
        r"```python\n(from airflow\.providers\.common\.messaging.*?)```", DOCS.read_text(), re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own text
    with DAG("on_ended_classes", schedule=[names["ended"]]) as dag:
        pass
    assert names["ended"].uri in str(dag.timetable.asset_condition)
    (watched,) = names["ended"].watchers
    assert watched.trigger.serialize()[0].endswith("triggers.ended.SessionsEndedTrigger")
