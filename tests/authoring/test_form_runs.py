"""What a form's run means when it runs again, cleared or with other defaults, and in what zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.forms.session import session_of_form
from airflow_provider.live_sessions.operators.identity import occurrence_key
from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceHandOverLinksOperator,
    LessonspaceRetrieveAttendanceOperator,
)
from airflow_provider.live_sessions.operators.retrieve import zone_of
from tests.airflow_side.post_office import open_post_office
from tests.airflow_side.stage import context
from tests.airflow_side.test_dags import DAGS
from tests.airflow_versions import DagBag

if TYPE_CHECKING:
    from pathlib import Path

    from tests.airflow_side.stage import School

STARTS = ("now", "in 2 minutes", "in 3 hours", "today 14:30", "tomorrow 09:00", "2099-12-01 09:00")


def described(run_after: datetime | None = None, *, run_id: str = "manual__1", uid: str = "", **form: Any) -> Any:
    """Return the session of a run's form, as the first task of the run makes it."""
    filled = {
        "title": "Extra lesson",
        "start": "in 20 minutes",
        "minutes": 45,
        "participants": ["teacher: t-1|Tess <tess@school.test>", "s-1|Sam <sam@home.test>"],
        "timezone": "Europe/Berlin",
        **form,
    }
    after = run_after or datetime.now(UTC)
    run = SimpleNamespace(dag_id="class_now", run_id=run_id, run_after=after, logical_date=None, conf={})
    the_context = {"params": filled, "dag_run": run, "dag": SimpleNamespace(params=filled)}
    return session_of_form(the_context, role="student", leads="teacher", uid=uid)


def key(session: Any) -> str:
    return occurrence_key(session, conn_id="school", timetable="class_now").digest


def test_a_run_cleared_after_its_dag_s_default_start_had_changed_launched_a_second_class(school: School) -> None:
    now = datetime.now(UTC)
    first, again = (
        school.launch(described(now, **start).to_json(), timetable="class_now", create_in_past=True)
        for start in ({}, {"start": "in 50 minutes"})
    )
    assert len(school.spaces) == 1
    assert (again["ref"], again["created"]) == ({**first["ref"], "details": again["ref"]["details"]}, False)
    assert again["start"] > first["start"], "it is moved"


@given(
    st.sampled_from(STARTS),
    st.sampled_from(STARTS),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone stands beside it
    st.sampled_from(["Europe/Berlin", "Pacific/Auckland", "America/St_Johns", "UTC"]),
)
def test_a_run_is_one_session_however_often_it_is_cleared_and_another_run_another(
    start: str, later: str, run_after: datetime, zone: str
) -> None:
    first = described(run_after, start=start)
    assert described(run_after, start=start) == first
    assert key(described(run_after, start=later, timezone=zone)) == key(first)
    assert key(described(run_after, start=start, run_id="manual__2")) != key(first)


def test_a_ticket_s_share_is_known_by_its_ticket_and_start_whatever_the_run() -> None:
    now = datetime.now(UTC)
    tickets = [
        described(now + late, run_id=str(late), uid="ticket-7", start="2099-12-01 09:00")
        for late in (timedelta(0), timedelta(hours=1))
    ]
    assert len({key(one) for one in tickets}) == 1
    assert key(described(uid="ticket-7", start="2099-12-01 10:00")) != key(tickets[0])


def test_a_zone_that_the_form_took_failed_the_mails_and_the_files(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = described(timezone="europe/berlin").to_json()
    record = school.launch(session, timetable="class_now")
    of_it: dict[str, Any] = {"session": record, "destination": str(tmp_path), "timezone": "europe/berlin"}
    with open_post_office(monkeypatch) as post:
        LessonspaceHandOverLinksOperator(task_id="hand_over", smtp_conn_id="post", **of_it).execute(context())
        assert sorted(post.addresses) == ["sam@home.test", "tess@school.test"]
        assert "(Europe/Berlin)" in str(post.mails[0][1]["Subject"])
    LessonspaceRetrieveAttendanceOperator(task_id="retrieve", **of_it).execute(context())
    start = datetime.fromisoformat(record["start"]).astimezone(zone_of("Europe/Berlin"))
    assert list(tmp_path.glob(f"{start:%Y-%m-%d}/{start:%H%M}-extra-lesson-*"))


@pytest.mark.parametrize(
    ("earlier", "said"), [(timedelta(hours=2), 2), (timedelta(0), 0)], ids=["moved", "unchanged"]
)
def test_who_had_a_link_that_opened_too_late_after_the_class_was_moved_got_no_other(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: timedelta, said: int
) -> None:
    people = tuple(Participant(one, one, email=f"{one}@home.test") for one in ("a", "b"))
    lesson = school.lesson(ahead=4 * 3600, people=people)
    moved = {**lesson, "start": (datetime.fromisoformat(lesson["start"]) - earlier).isoformat()}
    moved["original_start"] = lesson["start"]
    given: dict[str, Any] = {"task_id": "hand_over", "smtp_conn_id": "post", "destination": str(tmp_path)}
    with open_post_office(monkeypatch) as post:
        for one in (lesson, moved):
            LessonspaceHandOverLinksOperator(session=school.launch(one), **given).execute(context())
        assert len(post.mails) == 2 + said


@pytest.mark.parametrize("own", ["", "America/Lima"])
def test_files_brought_home_again_lay_in_a_folder_of_another_zone(
    airflow_db: None, monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    monkeypatch.setenv("AIRFLOW__LIVE_SESSIONS__TIMEZONE", own)
    dags = DagBag(str(DAGS)).dags
    form = dags["session_retrieve_again"]
    assert form.params.get_param("timezone").value == own
    launching = {"lessonspace": "class_now", "coviu": "call_now", "screenleap": "screen_share_support"}
    for platform, name in launching.items():
        task: Any = form.get_task(f"retrieve_{platform}_attendance").prepare_for_execution()
        for chosen in ("", None, "Asia/Tokyo"):
            zone = task.render_template(task.timezone, {"params": {"timezone": chosen}})
            assert zone == (chosen or dags[name].params.get_param("timezone").value)


def test_a_zone_may_stay_empty_only_where_the_form_says_what_that_means(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fields.timezone("", description="Empty: UTC.").resolve(None) is None
    monkeypatch.setenv("AIRFLOW__LIVE_SESSIONS__TIMEZONE", "Europe/Vienna")
    assert fields.timezone("", description="Empty: UTC.").value == "Europe/Vienna"
