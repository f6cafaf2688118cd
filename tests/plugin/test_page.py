"""The page inside Airflow's own API server: who sees what, and what is asked of a platform for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Lessons

FILES = ["", "page.js", "page.css", "icon.svg", "icon-dark.svg"]
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
    assert sorted(one["title"] for one in lessons.rows(name="nora", role="USER")["rows"]) == ["Diplomacy"]
    foreign = lessons.place(0)
    assert lessons.rows(f"?{foreign.query}", name="nora", role="USER")["rows"] == []
    assert lessons.get(foreign.opening("room"), name="nora", role="USER").status_code == 403  # type: ignore[arg-type]


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
        stages = {one["map_index"]: (one["stage"], one["why"]) for one in lessons.rows()["rows"]}
    lessons.set_state("lane.launch", "success", 2)
    assert stages[2] == ("failed", "The launch failed; its task's log says why.")
    assert lessons.row("Chemistry")["stage"] == "scheduled"


def test_who_may_only_read_is_offered_no_door(lessons: Lessons) -> None:
    assert lessons.row("Algebra", name="vera", role="VIEWER")["doors"] == {}
    assert set(lessons.row("Algebra", name="uma", role="USER")["doors"]) == {"room"}
