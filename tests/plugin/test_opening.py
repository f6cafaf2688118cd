"""A door opens for who may change the DAG's tasks, by a link made at that moment that is kept nowhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - no DAG

from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.pages import LaunchPlace

if TYPE_CHECKING:
    from tests.plugin.conftest import Lessons


def _audit() -> list[Any]:
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(select(Log).where(Log.event.like("live_sessions.open_%")).order_by(Log.id))
        return [(one.event, one.owner, one.dag_id, one.map_index, one.extra) for one in found]


def test_the_room_opens_by_a_fresh_link_that_is_kept_nowhere(
    lessons: Lessons, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answers = [lessons.get(lessons.place(0).opening(Door.ROOM), name="uma", role="USER") for _ in range(2)]
    first, second = [one.headers["location"] for one in answers]
    assert [one.status_code for one in answers] == [303, 303]
    assert first != second
    assert first.startswith(lessons.school.sandbox.lessonspace.url.split("/lessonspace")[0])
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
    told = [one.getMessage() for one in caplog.records]
    assert any("'uma', room of the session of plugin_lessons" in one and one.endswith("opened") for one in told)
    audit = _audit()[-1]
    assert audit[:4] == ("live_sessions.open_room", "uma", "plugin_lessons", 0)
    for link in (first, second):
        secret = link.rpartition("=")[2]
        assert not any(secret in one for one in told)
        assert secret not in str(audit)


def test_a_visitor_comes_in_under_the_name_of_their_login(lessons: Lessons) -> None:
    answer = lessons.get(lessons.place(0).opening(Door.ROOM), name="uma", role="USER")
    room = requests.get(answer.headers["location"], timeout=30).text
    assert "Algebra" in room
    assert "uma, you are" in room


def test_who_may_only_read_the_dag_opens_nothing(lessons: Lessons) -> None:
    before = (lessons.school.launches, _audit())
    answer = lessons.get(lessons.place(0).opening(Door.ROOM), name="vera", role="VIEWER", accept="text/html")
    assert answer.status_code == 403
    assert "role" in answer.text
    assert (lessons.school.launches, _audit()) == before


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_cannot_have_a_browser_open_a_door(lessons: Lessons, site: str) -> None:
    before = lessons.school.launches
    answer = lessons.get(lessons.place(0).opening(Door.ROOM), **{"sec-fetch-site": site})
    assert answer.status_code == 403
    assert lessons.school.launches == before


def test_a_browser_that_is_logged_in_needs_no_other_key(lessons: Lessons) -> None:
    cookie = {"_token": lessons.token("uma", "USER")}
    lessons.client.cookies.update(cookie)
    try:
        answer = lessons.client.get(lessons.place(0).opening(Door.ROOM), follow_redirects=False)
    finally:
        lessons.client.cookies.clear()
    assert answer.status_code == 303


def test_a_recording_that_is_not_there_is_explained(lessons: Lessons) -> None:
    answer = lessons.get(lessons.place(0).opening(Door.RECORDING), accept="text/html")
    assert answer.status_code == 409
    assert "no recording" in answer.text
    assert lessons.school.conn_id in answer.text
    assert "Refused" in _audit()[-1][4]


def test_a_launch_that_has_no_session_is_explained(lessons: Lessons) -> None:
    nowhere = LaunchPlace("plugin_lessons", "never", "lane.launch", 0)
    answer = lessons.get(nowhere.opening(Door.ROOM), accept="text/html")
    assert answer.status_code == 404
    assert "no session yet" in answer.text


def test_what_is_asked_for_wrongly_opens_nothing(lessons: Lessons) -> None:
    for path in ("/live-sessions/open/cellar?dag_id=a&run_id=b&task_id=c", "/live-sessions/open/room?dag_id=a"):
        assert lessons.get(path).status_code == 422


def test_a_platform_that_is_away_is_explained_on_the_page_and_at_the_door(lessons: Lessons) -> None:
    lessons.school.connect(key="another-key-0123456789")
    try:
        answer = lessons.get(lessons.place(1).opening(Door.ROOM), accept="text/html")
    finally:
        lessons.school.connect()
    assert answer.status_code == 409
    assert "credentials" in answer.text or "key" in answer.text
    assert "another-key-0123456789" not in answer.text


def test_a_connection_that_is_gone_is_explained(lessons: Lessons, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"AIRFLOW_CONN_{lessons.school.conn_id.upper()}")
    answer = lessons.get(lessons.place(1).opening(Door.ROOM), accept="text/html")
    assert answer.status_code == 409
    assert "no connection" in answer.text
