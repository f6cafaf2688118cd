"""Handing a share over: launch data to the page only, each their own, once, and never in the clear."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.hooks.screenleap import reveal_launch_data
from airflow_provider.live_sessions.operators.retention import RetireArtifactsOperator
from airflow_provider.live_sessions.operators.screenleap import ScreenleapStopSessionOperator
from airflow_provider.live_sessions.operators.screenleap_hand_over import ScreenleapHandOverLinksOperator
from demo.screenleap.page import Page
from tests.airflow_side_screenleap.stage import Studio, context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    with Page().open() as opened:
        monkeypatch.setenv("AIRFLOW_CONN_THE_PAGE", opened.connection())
        yield opened


def hand_over(record: Any, folder: Path, **arguments: Any) -> dict[str, Any]:
    given = {"page_conn_id": "the_page", "smtp_conn_id": None, "destination": folder.as_uri(), **arguments}
    return ScreenleapHandOverLinksOperator(task_id="hand_over", session=record, **given).execute(context())


def test_the_page_gets_the_launch_data_and_each_viewer_s_link(
    studio: Studio, page: Page, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = studio.launch()
    result = hand_over(record, tmp_path)
    assert [one["by"] for one in result["handed_over"]] == ["page", "page", "page"]
    data = page.launch_data("Demo")
    assert data is not None
    assert data["screenShareCode"] == studio.code(record)
    assert page.people("Demo") == {"p-1", "v-1", "v-2"}
    urls = {one["participant"]: one["url"] for one in page.messages if not one["presenter"]}
    assert urls["v-1"].endswith("externalId=v-1")
    told = json.dumps(result) + caplog.text + "".join(one.read_text() for one in tmp_path.rglob("*.json"))
    assert not [secret for secret in (*studio.secrets, page.token) if secret in told]


def test_a_repeat_hands_nothing_over_twice(studio: Studio, page: Page, tmp_path: Path) -> None:
    record = studio.launch()
    first = hand_over(record, tmp_path)
    assert hand_over(record, tmp_path) == first
    assert len(page.messages) == 3


def test_launch_data_of_a_share_made_anew_is_handed_over_again(studio: Studio, page: Page, tmp_path: Path) -> None:
    launcher, ti = studio.launcher(), context()
    first = launcher.execute(ti)
    hand_over(first, tmp_path)
    again = launcher.execute(ti)  # a cleared launch: nobody had started the first share
    assert again["ref"]["key"] == first["ref"]["key"]
    hand_over(again, tmp_path)
    data = page.launch_data("Demo")
    assert data is not None
    assert data["screenShareCode"] == studio.code(again) != studio.code(first)


def test_without_a_page_the_launch_data_stays_sealed(studio: Studio, tmp_path: Path) -> None:
    record = studio.launch()
    result = hand_over(record, tmp_path, page_conn_id="nowhere")
    assert {one["by"] for one in result["handed_over"]} == {"xcom"}
    sealed = result["handed_over"][0]["url"]
    assert reveal_launch_data(sealed)["screenShareCode"] == studio.code(record)


def test_who_was_only_served_in_xcom_is_served_by_the_page_later(
    studio: Studio, page: Page, tmp_path: Path
) -> None:
    record = studio.launch()
    hand_over(record, tmp_path, page_conn_id="nowhere")
    assert {one["by"] for one in hand_over(record, tmp_path)["handed_over"]} == {"page"}


def test_a_page_that_refuses_is_tried_again_and_gives_nothing_away(
    studio: Studio, page: Page, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = studio.launch()
    page.status = 403
    with pytest.raises(Unavailable, match="3 of 3 messages") as raised:
        hand_over(record, tmp_path)
    assert not [secret for secret in (*studio.secrets, page.token) if secret in caplog.text + str(raised.value)]
    page.status = 204
    assert len(hand_over(record, tmp_path)["handed_over"]) == 3


def test_a_share_withdrawn_because_nobody_got_a_link_ended_green(
    monkeypatch: pytest.MonkeyPatch, page: Page, tmp_path: Path
) -> None:
    with Studio.open(monkeypatch, stop_unstarted="ended") as studio:
        record = studio.launch()
        page.status = 403
        with pytest.raises(Unavailable):
            hand_over(record, tmp_path)
        ScreenleapStopSessionOperator(task_id="stop", session=record).execute(context())
        with pytest.raises(AirflowSkipException, match="is cancelled"):  # before its start: called off
            hand_over(record, tmp_path)
        begun = {**record, "start": (parse_time(record["start"]) - timedelta(hours=1)).isoformat()}
        with pytest.raises(AirflowFailException, match="cancelled, and 3 of 3 people never got a link: p-1, v-1"):
            hand_over(begun, tmp_path)
        assert not page.messages


def test_who_was_handed_a_share_s_link_stayed_written_down_for_ever(
    studio: Studio, page: Page, tmp_path: Path
) -> None:
    people = [{"id": "p-1", "name": "Ada", "leader": True}, {"id": "v-1", "name": "Bo", "email": "bo@home.test"}]
    record = studio.launch(participants=people)
    hand_over(record, tmp_path)
    given: dict[str, Any] = {"task_id": "retire", "destination": tmp_path.as_uri()}
    forgotten = RetireArtifactsOperator(person=["Bo Viewer", "bo@home.test"], **given).execute(context())
    assert forgotten["counts"]["deleted"] == 1
    assert not [one for one in tmp_path.rglob("*.json") if "bo@home" in one.read_text()]
    later: Any = context()
    later["dag_run"].run_after += timedelta(days=2)
    assert RetireArtifactsOperator(older_than=timedelta(days=1), **given).execute(later)["counts"]["deleted"] == 1
    assert not list((tmp_path / "handed-over").rglob("*.json"))


def test_a_stop_said_that_no_launch_data_was_out_though_the_page_had_got_it(
    studio: Studio, page: Page, tmp_path: Path
) -> None:
    record = studio.launch(ahead=7200, hand_over_before=60)
    given: dict[str, Any] = {"task_id": "stop", "session": record, "destination": tmp_path.as_uri()}
    assert ScreenleapStopSessionOperator(**given).execute(context())["confirmed"]
    # Before its moment, as where the share was moved to a later time since.
    ScreenleapHandOverLinksOperator(
        task_id="hand_over", session=record, page_conn_id="the_page", destination=tmp_path.as_uri()
    ).execute_hand_over(context())
    outcome = ScreenleapStopSessionOperator(**given).execute(context())
    assert (outcome["confirmed"], outcome["links_open_ended"]) == (False, True)
    assert not [one for one in outcome["done"] if "had not left Airflow" in one]


def test_launch_data_never_travels_over_plain_http(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "http", "host": "http://page.example", "password": "t"}
    monkeypatch.setenv("AIRFLOW_CONN_THE_PAGE", json.dumps(connection))
    with pytest.raises(AirflowFailException, match="plain http"):
        hand_over(studio.launch(), tmp_path)
