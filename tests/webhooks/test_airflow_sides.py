"""What was confirmed, told to a real Airflow: from inside its api-server, and through its REST API."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - a test, not a DAG file
from pydantic import SecretStr  # noqa: TID253 - a test, not a DAG file

from airflow_provider.live_sessions.assets.delivering import delivered_uri
from airflow_provider.live_sessions.compat import server
from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.webhooks.airflow import InsideAirflow
from airflow_provider.live_sessions.webhooks.rest import ThroughRest
from airflow_provider.live_sessions.webhooks.tokens import Addressee
from tests.webhooks.database import (
    elsewhere_backend,
    events,
    forgotten_asset,
    named_asset,
    told_assets,
    wrote_down,
)
from tests.webhooks.post import free_port

if TYPE_CHECKING:
    from airflow_provider.live_sessions.webhooks.airflow import AirflowSide

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_db")]

EXTRA = {"version": 1, "happening": "session-ended", "id": "d"}
_numbers = itertools.count(1)


def asset(*, by_session: bool = False) -> str:
    return named_asset(
        delivered_uri("lessonspace", f"sides_{next(_numbers)}", "session-ended", by_session=by_session)
    )


def launched(value: Any) -> Addressee:
    me = Addressee("lessonspace", "school", "class_day", f"sides__{next(_numbers)}+00:00", "lane.launch", 3)
    wrote_down(me.dag_id, me.run_id, me.task_id, me.map_index, value)
    return me


def token(api: str) -> SecretStr:
    return SecretStr(requests.get(f"{api}/auth/token", timeout=30).json()["access_token"])


@pytest.fixture(params=["inside", "rest"])
def side(request: pytest.FixtureRequest) -> AirflowSide:
    if request.param == "inside":
        return InsideAirflow()
    api = request.getfixturevalue("api")
    return ThroughRest(api, lambda: token(api))


def test_an_asset_that_a_dag_names_is_told_and_another_is_not(side: AirflowSide) -> None:
    uri = asset()
    assert side.tell(uri, EXTRA, None)
    ((extra, key),) = events(uri)
    assert (EXTRA.items() <= extra.items(), key) == (True, None)
    assert not side.tell(uri + "-by-session", EXTRA, "s-1")


def test_an_asset_that_no_dag_names_any_more_is_not_told(side: AirflowSide) -> None:
    uri = delivered_uri("lessonspace", f"sides_{next(_numbers)}", "session-ended")
    forgotten_asset(uri, "an older name")
    assert not side.tell(uri, EXTRA, None)
    named_asset(uri)
    assert side.tell(uri, EXTRA, None)
    assert told_assets(uri) == [uri]


@pytest.mark.skipif(not server.remembers(), reason="the task state store came with Airflow 3.3")
def test_what_a_launch_wrote_down_is_read_through_the_backend_of_the_deployment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow import state

    monkeypatch.setattr(state, "_backend_instance", elsewhere_backend()())  # as [state_store] backend sets it
    me = Addressee("lessonspace", "school", "class_day", "r", "launch", 3)
    assert InsideAirflow().recall(me) == {"dag": "class_day", "index": 3}


def test_an_event_carries_its_session_where_this_airflow_has_partitions(side: AirflowSide) -> None:
    from airflow.models.asset import AssetEvent

    uri = asset(by_session=True)
    assert side.tell(uri, EXTRA, "s-1")
    ((extra, key),) = events(uri)
    assert EXTRA.items() <= extra.items()
    assert key == ("s-1" if hasattr(AssetEvent, "partition_key") else None)


@pytest.mark.skipif(not server.remembers(), reason="the task state store came with Airflow 3.3")
def test_what_a_launch_wrote_down_comes_back_and_nobody_else_s(side: AirflowSide) -> None:
    me = launched({"webhook_secret": "sealed:v1:x"})
    assert side.recall(me) == {"webhook_secret": "sealed:v1:x"}
    assert side.recall(Addressee("lessonspace", "school", me.dag_id, me.run_id, me.task_id, 4)) == {}
    assert side.recall(launched(["of another release"])) == {}
    assert side.remembers


@pytest.mark.skipif(server.remembers(), reason="this Airflow has the task state store")
def test_an_airflow_without_task_state_says_so(side: AirflowSide) -> None:
    assert side.recall(Addressee("lessonspace", "school", "d", "r", "t")) == {}
    assert not side.remembers


def test_a_token_that_has_run_out_is_asked_for_again_and_one_that_stays_bad_is_said(api: str) -> None:
    given = iter([SecretStr("old"), token(api)])
    uri = asset()
    assert ThroughRest(api, lambda: next(given)).tell(uri, EXTRA, None)
    bad = SecretStr("wrong-token-0123456789")
    with pytest.raises(Unavailable, match=r"answered 40[13]") as told:
        ThroughRest(api, lambda: bad).tell(uri, EXTRA, None)
    assert "wrong-token" not in str(told.value)
    assert len(events(uri)) == 1


def test_an_airflow_that_is_away_is_unavailable() -> None:
    away = ThroughRest(f"http://127.0.0.1:{free_port()}", lambda: SecretStr("t"))
    with pytest.raises(Unavailable):
        away.recall(Addressee("lessonspace", "school", "d", "r", "t"))
    with pytest.raises(Unavailable):
        away.tell("live-sessions://lessonspace/school/session-ended-delivered", EXTRA, None)
