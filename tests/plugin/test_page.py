"""The page and its doors behind Airflow's own login, over HTTP: who sees what, and who comes in where."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - no DAG

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.pages import LaunchPlace, until_key
from airflow_provider.live_sessions.core.proof import prove
from airflow_provider.live_sessions.plugin.sessions_page.launches import MOST, Launches
from airflow_provider.live_sessions.plugin.sessions_page.reasons import read_reasons
from airflow_provider.live_sessions.schedules.claims import Claim, ClaimBook, Ticket
from tests.airflow_side.stage import School
from tests.core.cipher import FernetCipher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider.live_sessions.core.record import SessionRecord
    from tests.plugin.conftest import Lessons

pytestmark = pytest.mark.timeout(600)  # two runs of DAGs come before the first test

AT = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
FILES = ["", "page.js", "page.css", "icon.svg", "icon-dark.svg"]
STILL_OPEN = r"A link that was handed over still opens the room until \S+\+00:00\."
ALL = ["Algebra", "Biology", "Chemistry", "Diplomacy"]


@pytest.mark.parametrize("path", [*FILES, "rows", "open/room?dag_id=plugin_private&run_id=x&task_id=launch"])
def test_nothing_is_shown_to_who_is_not_logged_in(lessons: Lessons, path: str) -> None:
    answer = lessons.client.get(f"/live-sessions/{path}")
    assert answer.status_code == 401
    assert "Algebra" not in answer.text
    told = lessons.client.get(f"/live-sessions/{path}", headers={"accept": "text/html"})
    assert told.status_code == 401
    assert "/api/v2/auth/login?next=" in told.text


@pytest.mark.parametrize("path", FILES)
def test_the_page_s_files_come_under_a_strict_policy(lessons: Lessons, path: str) -> None:
    answer = lessons.get(f"/live-sessions/{path}", role="VIEWER")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere(lessons: Lessons) -> None:
    page = lessons.get("/live-sessions/").text
    assert not re.search(r"<style|\son\w+=|\sstyle=|<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"(src|href)=\"(https?:)?//", page)


def test_no_other_file_can_be_had(lessons: Lessons) -> None:
    for name in ("app.py", "..%2fapp.py", "index.html.bak"):
        assert lessons.get(f"/live-sessions/{name}").status_code == 404


def test_every_lane_is_a_row_with_its_run_behind_it(lessons: Lessons) -> None:
    told = lessons.rows()
    assert sorted(one["title"] for one in told["rows"]) == ALL
    assert {one["stage"] for one in told["rows"]} == {"scheduled"}
    row = lessons.row("Biology")
    assert (row["dag_id"], row["run_id"], row["map_index"]) == ("plugin_lessons", lessons.run_id, 1)
    assert row["run"].startswith("/dags/plugin_lessons/runs/")
    assert (row["platform"], row["conn_id"]) == ("Lessonspace", lessons.school.conn_id)


def test_no_link_and_no_address_of_a_person_is_in_a_row(lessons: Lessons) -> None:
    text = lessons.get("/live-sessions/rows").text
    assert not any(secret in text for secret in lessons.school.secrets)
    assert "sealed:" not in text
    assert "@" not in text


def test_a_user_sees_only_the_sessions_of_dags_they_may_read(lessons: Lessons) -> None:
    seen = lessons.rows(name="nora", role="USER", others=True)["rows"]
    assert [one["title"] for one in seen] == ["Diplomacy"]
    foreign = lessons.place(0)
    assert lessons.rows(f"?{foreign.query}", name="nora", role="USER")["rows"] == []
    assert lessons.get(foreign.opening(Door.ROOM), name="nora", role="USER").status_code == 403


def test_a_link_to_one_session_shows_it_alone(lessons: Lessons) -> None:
    (row,) = lessons.rows(f"?{lessons.place(2).query}")["rows"]
    assert row["title"] == "Chemistry"


def test_a_platform_is_asked_once_however_many_look(lessons: Lessons) -> None:
    lessons.rows()
    asked = lessons.school.polls
    for name in ("ada", "vera", "uma") * 3:
        lessons.rows(name=name, role="VIEWER")
    assert lessons.school.polls == asked


def test_tasks_behind_a_launch_say_what_is_still_to_do_and_what_failed(lessons: Lessons) -> None:
    try:
        lessons.set_run("running")
        lessons.set_state("lane.wait_for_end", "failed", 1)
        lessons.set_state("lane.retrieve", "upstream_failed", 1)
        row = lessons.row("Biology")
        assert row["stage"] == "failed"
        assert "lane.wait_for_end" in row["why"]
        assert lessons.row("Algebra")["stage"] == "scheduled"
    finally:
        lessons.set_run("success")
        lessons.set_state("lane.wait_for_end", "success", 1)
        lessons.set_state("lane.retrieve", "success", 1)


def test_a_launch_that_was_killed_before_it_wrote_anything_is_shown_as_failed(lessons: Lessons) -> None:
    lessons.rows()
    with lessons.unwritten(2):
        lessons.set_state("lane.launch", "failed", 2)
        rows = lessons.rows()["rows"]
        stages = {one["map_index"]: (one["stage"], one["why"]) for one in rows}
        (failed,) = [one for one in rows if one["stage"] == "failed"]
        assert failed["log"].endswith("/tasks/lane.launch/mapped/2")
        assert failed["platform"] == "Lessonspace"
    lessons.set_state("lane.launch", "success", 2)
    assert stages[2] == ("failed", "The launch failed; its task's log says why.")
    assert lessons.row("Chemistry")["stage"] == "scheduled"


def called_off(lessons: Lessons, name: str = "ada", role: str = "ADMIN") -> Any:
    (row,) = [one for one in lessons.rows(name=name, role=role, others=True)["rows"] if one["title"] == "Ethics"]
    return row


def test_the_reason_of_a_cancel_was_told_to_who_approves_alone(lessons: Lessons) -> None:
    row = called_off(lessons)
    assert row["stage"] == "cancelled"
    said = rf".* is marked so\. {STILL_OPEN} Reason given in plugin_cancels: Teacher is ill\."
    assert re.fullmatch(said, row["why"])


def test_who_may_not_read_the_dag_that_cancelled_is_told_no_reason(lessons: Lessons) -> None:
    row = called_off(lessons, "olga", "USER")
    assert row["stage"] == "cancelled"
    assert re.fullmatch(rf".* is marked so\. {STILL_OPEN}", row["why"])


def test_a_cancel_without_a_reason_has_not_that_of_the_one_before(lessons: Lessons) -> None:
    with lessons.cancelled_again("Snow"):
        assert called_off(lessons)["why"].endswith("in plugin_called_off: Snow.")
    with lessons.cancelled_again(""):
        assert re.fullmatch(rf".* is marked so\. {STILL_OPEN}", called_off(lessons)["why"])


def test_nothing_is_asked_about_reasons_where_nothing_was_cancelled() -> None:
    nobody: Any = None
    assert read_reasons(nobody, set(), nobody) == {}


def test_who_may_only_read_is_offered_no_door(lessons: Lessons) -> None:
    assert lessons.row("Algebra", name="vera", role="VIEWER")["doors"] == {}
    assert set(lessons.row("Algebra", name="uma", role="USER")["doors"]) == {"room"}


# ---- the doors: a link made at that moment, for who may change the DAG's tasks, kept nowhere


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


@pytest.mark.parametrize("what", ["image", "iframe", "empty"])
def test_an_image_in_a_note_opens_no_door(lessons: Lessons, what: str) -> None:
    before = lessons.school.launches
    fetched = {"sec-fetch-site": "same-origin", "sec-fetch-dest": what}
    assert lessons.get(lessons.place(0).opening(Door.ROOM), **fetched).status_code == 403
    assert lessons.school.launches == before
    assert (
        lessons.get(lessons.place(0).opening(Door.ROOM), **{**fetched, "sec-fetch-dest": "document"}).status_code
        == 303
    )


@pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender"])
def test_a_browser_that_fetched_a_door_ahead_added_a_person_to_the_class(lessons: Lessons, purpose: str) -> None:
    before = lessons.school.launches
    ahead = {"sec-fetch-site": "none", "sec-fetch-dest": "document", "sec-purpose": purpose}
    answer = lessons.get(lessons.place(0).opening(Door.ROOM), **ahead)
    assert answer.status_code == 403
    assert "ahead of you" in answer.text
    assert lessons.school.launches == before


def test_a_browser_that_is_logged_in_needs_no_other_key(lessons: Lessons) -> None:
    cookie = {"_token": lessons.token("uma", "USER")}
    lessons.client.cookies.update(cookie)
    try:
        answer = lessons.client.get(
            lessons.place(0).opening(Door.ROOM),
            headers={"sec-fetch-site": "none", "sec-fetch-dest": "document"},
            follow_redirects=False,
        )
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


def test_an_old_run_does_not_open_a_class_that_another_has_in_hand(lessons: Lessons, tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    mine = Claim("k", "d", "launch", "plugin_lessons", lessons.run_id, 2, "Chemistry", AT, "2026-09-01")
    ticket, room = Ticket(str(tmp_path), "school", mine), lessons.place(2).opening(Door.ROOM)
    with lessons.claimed(2, ticket):
        assert lessons.get(room).status_code == 303, "nobody has taken it"
        before = lessons.school.launches
        for action, said in (("launch", "has this class now; open it from there"), ("cancel", "cancelled this")):
            ClaimBook(storage, "school").write(replace(mine, run_id="the-next-run", action=action))
            answer = lessons.get(room, accept="text/html")
            assert (answer.status_code, said in answer.text, "the-next-run" in answer.text) == (409, True, True)
            assert "Correct what was asked for" not in answer.text
        assert lessons.school.launches == before
    with lessons.claimed(2, replace(ticket, destination="nowhere-at-all://x")):
        assert lessons.get(room).status_code == 303, "what the api-server cannot look at refuses nobody"


def forged(lessons: Lessons, folder: Path, change: str) -> Callable[[SessionRecord], SessionRecord]:
    """Return what somebody who may write XComs makes of the record of the second lesson."""
    others: list[SessionRecord] = []

    def remember(record: SessionRecord) -> SessionRecord:
        others.append(record)
        return record

    with lessons.rewritten(0, remember):
        pass
    mine = Claim("k", "d", "launch", "plugin_lessons", lessons.run_id, 2, "Chemistry", AT, "2026-09-01")
    changes: dict[str, Callable[[SessionRecord], SessionRecord]] = {
        "another-session": lambda one: replace(one, ref=others[0].ref),
        "another-claim": lambda one: replace(one, claim=Ticket(str(folder), "school", mine).to_json()),
        "no-proof": lambda one: replace(one, proof=""),
        "a-copy": lambda _: others[0],
        "another-key": lambda one: prove(one, lessons.place(1), FernetCipher()),
    }
    return changes[change]


CHANGES = ["another-session", "another-claim", "no-proof", "a-copy", "another-key"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_record_its_launch_did_not_write_opens_nothing(lessons: Lessons, tmp_path: Path, change: str) -> None:
    """Who may write XComs could otherwise have a door open onto any session of any connection."""
    forge = forged(lessons, tmp_path, change)
    before = lessons.school.launches
    with lessons.rewritten(1, forge):
        answer = lessons.get(lessons.place(1).opening(Door.ROOM), accept="text/html")
    assert answer.status_code == 409
    said = "Fernet key" if change == "another-key" else "Clear the launch task"
    assert said in answer.text
    assert lessons.school.launches == before
    assert lessons.get(lessons.place(1).opening(Door.ROOM)).status_code == 303, "its own record opens it"


@pytest.mark.parametrize("change", CHANGES)
def test_the_row_of_a_record_its_launch_did_not_write_says_so_and_shows_nothing_of_it(
    lessons: Lessons, tmp_path: Path, change: str
) -> None:
    with lessons.rewritten(1, forged(lessons, tmp_path, change)):
        (row,) = [one for one in lessons.rows()["rows"] if one["map_index"] == 1]
    assert row["stage"] == "failed"
    assert ("Fernet key" if change == "another-key" else "not its launch's") in row["why"]
    assert (row["doors"], row["conn_id"], row["start"], row["people"]) == ({}, "", None, None)
    assert lessons.row("Biology")["stage"] == "scheduled", "its own record is believed"


def test_no_platform_is_asked_for_a_record_that_its_launch_did_not_write(
    lessons: Lessons, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server would have asked another team's platform with that team's key."""
    with School.open(monkeypatch) as another:
        with lessons.rewritten(1, lambda one: replace(one, ref=replace(one.ref, conn_id=another.conn_id))):
            told = lessons.rows()
        assert another.log() == []
    assert another.conn_id not in [one["conn_id"] for one in told["connections"]]


# ---- what is not over stays, whatever the age of its run and however many came later


def test_a_session_to_come_stays_on_the_page_though_its_run_is_old(lessons: Lessons) -> None:
    with lessons.due(datetime.now(UTC) - timedelta(days=40)):
        assert sorted(one["title"] for one in lessons.rows()["rows"]) == ALL
        with lessons.until(1, until_key(datetime.now(UTC) - timedelta(days=39))):
            titles = sorted(one["title"] for one in lessons.rows()["rows"])
    assert titles == [one for one in ALL if one != "Biology"], "what is over goes with its run"


def test_a_session_to_come_stays_on_the_page_however_many_were_launched_later(lessons: Lessons) -> None:
    with lessons.later_launches(MOST + 1):
        told = lessons.rows()
    assert told["truncated"]
    assert sorted(one["title"] for one in told["rows"] if one["run_id"] != "later") == ALL
    assert len([one for one in told["rows"] if one["run_id"] == "later"]) == MOST


def test_a_launch_that_waits_for_its_time_stays_on_the_page_though_its_run_is_old(lessons: Lessons) -> None:
    with lessons.due(datetime.now(UTC) - timedelta(days=40)), lessons.unwritten(2):
        lessons.set_state("lane.launch", "deferred", 2)
        (row,) = [one for one in lessons.rows()["rows"] if one["map_index"] == 2]
        lessons.set_state("lane.launch", "success", 2)
    assert row["why"] == "The launch waits for its time."


def test_the_first_session_of_a_dag_was_not_shown_while_its_launch_waited_in_its_slot(lessons: Lessons) -> None:
    from airflow.utils.session import create_session

    with lessons.unlinked("plugin_private"), create_session() as session:
        found, _ = Launches().read(session, Launches().dag_ids(session), now=datetime.now(UTC))
    assert "Diplomacy" in [one.record.title for one in found if one.record]


def test_a_launch_that_was_cleared_and_waits_to_run_again_took_its_session_off_the_page(lessons: Lessons) -> None:
    try:
        lessons.set_state("lane.launch", None, 0)
        assert sorted(one["title"] for one in lessons.rows()["rows"]) == ALL
    finally:
        lessons.set_state("lane.launch", "success", 0)


def test_sessions_to_come_that_are_too_many_to_look_through_were_cut_off_without_a_word(
    lessons: Lessons, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not lessons.rows()["truncated"]
    monkeypatch.setattr("airflow_provider.live_sessions.plugin.sessions_page.launches.MOST_AHEAD", 1)
    with lessons.due(datetime.now(UTC) - timedelta(days=40)):
        assert lessons.rows()["truncated"]


# ---- browsers that do not say which site sent them: over plain http


def browser(lessons: Lessons, **headers: str) -> Any:
    """Open the first lesson's room as a browser that is logged in, over plain http."""
    lessons.client.cookies.update({"_token": lessons.token("uma", "USER")})
    try:
        return lessons.client.get(
            lessons.place(0).opening(Door.ROOM), headers={"accept": "text/html", **headers}, follow_redirects=False
        )
    finally:
        lessons.client.cookies.clear()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"referer": "https://elsewhere.example/page"},
        {"referer": "http://{host}.elsewhere.example/"},
        {"referer": "http://elsewhere.example/{host}/"},
        {"referer": "http://{host}@elsewhere.example/"},
        {"origin": "null"},
        {"origin": "http://elsewhere.example", "referer": "http://{host}/live-sessions/"},
        {"referer": "http://{host}/dags/x", "accept": "image/avif,image/webp,*/*;q=0.8"},
        {"referer": "http://[bad"},
        {"authorization": "Basic dW1hOnVtYQ=="},
    ],
)
def test_a_browser_that_does_not_say_where_it_comes_from_opens_no_door(
    lessons: Lessons, headers: dict[str, str]
) -> None:
    """Over plain http a link on any page would otherwise add a person to a class."""
    before = lessons.school.launches
    here = lessons.client.base_url.netloc.decode()
    answer = browser(lessons, **{name: value.format(host=here) for name, value in headers.items()})
    assert answer.status_code == 403
    assert lessons.school.launches == before
    if "text/html" in headers.get("accept", "text/html"):
        assert "over plain http" in answer.text
        assert f"/live-sessions/?{lessons.place(0).query}".replace("&", "&amp;") in answer.text, (
            "the way to its row"
        )


def test_over_plain_http_the_page_itself_opens_a_door(lessons: Lessons) -> None:
    here = lessons.client.base_url.netloc.decode()
    assert browser(lessons, referer=f"http://{here}/live-sessions/").status_code == 303
    page = lessons.get("/live-sessions/").headers["referrer-policy"]
    assert page == "same-origin", "or the page's links would not say where they are"
    assert "noreferrer" not in lessons.get("/live-sessions/page.js").text
