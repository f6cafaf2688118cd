"""DAGs as authors write them: the decorator, the task groups, the notifiers. The tests beside it run them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task, task_group

from airflow_provider.live_sessions.flows.educates import educates_workshop
from airflow_provider.live_sessions.flows.lessonspace import lessonspace_class
from airflow_provider.live_sessions.flows.screenleap import screenleap_share
from airflow_provider.live_sessions.notifications.artifacts import RecordingReadyNotifier, TranscriptReadyNotifier
from airflow_provider.live_sessions.notifications.nobody_came import NobodyCameNotifier
from airflow_provider.live_sessions.notifications.not_launched import NotLaunchedNotifier
from airflow_provider.live_sessions.operators.launched_in_time import LaunchedInTimeOperator
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator

AT_ONCE: dict[str, Any] = {"retries": 2, "retry_delay": timedelta(0)}
MAIL: dict[str, Any] = {"to": "desk@school.test", "smtp_conn_id": "post"}
WAITING: dict[str, Any] = {"poll_interval": 0.2, "timezone": "UTC", "smtp_conn_id": "nowhere"}
CONN_ID = "{{ params.conn_id }}"
FORM: dict[str, Any] = {
    "conn_id": Param("nowhere", type="string"),
    "classes": Param([], type="array"),
    "destination": Param("", type="string"),
}


@task
def timetable() -> list[dict[str, Any]]:
    """Return the classes that the run was given."""
    return list(get_current_context()["params"]["classes"])


@dag(schedule=None, params=FORM, default_args=AT_ONCE)
def described() -> None:
    """Three classes, each described by a function."""

    @task.live_session(platform="lessonspace", conn_id=CONN_ID, map_index_template="{{ task.title }}")
    def lesson(subject: str, dag_run: Any = None) -> dict[str, Any]:
        """Begins an hour after the run."""
        start = dag_run.run_after + timedelta(hours=1)
        people = [{"id": "t-1", "name": "Ada", "leader": True}, {"id": "s-1", "name": "Bo"}]
        return {"title": subject, "start": start, "end": start + timedelta(minutes=45), "participants": people}

    @task
    def count(records: list[dict[str, Any]]) -> int:
        return len({one["ref"]["key"] for one in records})

    count(lesson.expand(subject=["Algebra", "Biology", "Choir"]))  # type: ignore[arg-type]  # stands for its value


@dag(schedule=None, params=FORM, default_args=AT_ONCE)
def told() -> None:
    """Classes whose no-shows, recordings and transcripts are told of."""
    lessonspace_class.partial(
        conn_id=CONN_ID,
        destination="{{ params.destination }}",
        launch={"transcribe": True},
        check_delays=[0.2],
        rules={"min_seconds": 1, "sure_seconds": 1},
        notifiers=[NobodyCameNotifier(**MAIL), RecordingReadyNotifier(**MAIL), TranscriptReadyNotifier(**MAIL)],
        **WAITING,
    ).expand(session=timetable())


@dag(schedule=None, params=FORM)
def late() -> None:
    """Classes whose launch fails, and is told of."""

    @task_group
    def lane(session: dict[str, Any]) -> None:
        LessonspaceLaunchSessionOperator(task_id="launch", session=session, conn_id="nowhere", retries=0)
        LaunchedInTimeOperator(
            task_id="in_time",
            session=session,
            launch_task="lane.launch",
            patience=0.1,
            before=86_400,
            notifiers=[NotLaunchedNotifier(**MAIL)],
            retries=0,
        )

    lane.expand(session=timetable())


@dag(schedule=None, params=FORM, default_args=AT_ONCE)
def shares() -> None:
    """A timetable of screen shares."""
    screenleap_share.partial(
        conn_id=CONN_ID,
        timetable="shares",
        destination="{{ params.destination }}",
        launch={"presenter_country_code": "DE", "create_in_past": True},
        page_conn_id=None,
        settle=1,
        no_show_after=4,
        notifiers=[NobodyCameNotifier(**MAIL)],
        **WAITING,
    ).expand(session=timetable())


@dag(schedule=None, params=FORM, default_args=AT_ONCE, render_template_as_native_obj=True)
def workshops() -> None:
    """A timetable of workshops."""
    educates_workshop.partial(
        workshop="lab-basics",
        conn_id=CONN_ID,
        timetable="workshops",
        destination="{{ params.destination }}",
        launch={"create_in_past": True},
        activate_within=60,
        **WAITING,
    ).expand(session=timetable())


described()
told()
late()
shares()
workshops()
