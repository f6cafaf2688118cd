"""Notifiers fire when their case has come, say no more than they may, and go through whatever carries messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, BaseNotifier
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.notifications.artifacts import RecordingReadyNotifier, TranscriptReadyNotifier
from airflow_provider.live_sessions.notifications.nobody_came import ALONE, NOBODY, NobodyCameNotifier, absence
from airflow_provider.live_sessions.notifications.not_launched import NotLaunchedNotifier
from airflow_provider.live_sessions.notifications.notice import write
from airflow_provider.live_sessions.operators.launched_in_time import LaunchedInTimeOperator
from airflow_provider.live_sessions.operators.notify import NotifyOperator
from airflow_provider.live_sessions.schedules.model import Occurrence
from airflow_provider.live_sessions.sensors.lessonspace import (
    LessonspaceSessionEndSensor,
    LessonspaceSessionStartSensor,
)
from tests.airflow_side.stage import PEOPLE, School, TaskInstance, context, deferral, meanwhile, resume
from tests.airflow_side.test_dags import school_day
from tests.airflow_versions import in_real_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from airflow.providers.common.compat.sdk import Context

    from tests.airflow_side.post_office import PostOffice
    from tests.airflow_versions import DagBag

MAIL: dict[str, Any] = {"to": "desk@school.test", "smtp_conn_id": "post"}
TEMPLATE = "{{ notice.subject }}|{{ notice.text }}|{{ notice.html }}"


class Board(BaseNotifier):
    """A notifier of another provider, such as a chat's: one templated text, written on a board."""

    template_fields = ("text",)

    def __init__(self, text: str = TEMPLATE, *, broken: bool = False) -> None:
        super().__init__()
        self.text = text
        self.broken = broken
        self.written: list[str] = []

    def notify(self, context: Context) -> None:
        if self.broken:
            raise ConnectionError("the board is down")
        self.written.append(self.text)


def told(record: Mapping[str, Any], outcome: Mapping[str, Any] | None, task_id: str = "wait_for_end") -> Context:
    """Return the context of a callback of a task that ended so."""
    ti = TaskInstance(task_id=task_id)
    if outcome is not None:
        ti.xcom_push("outcome", outcome)
    found = context(ti)
    found["task"] = SimpleNamespace(session=dict(record))  # type: ignore[typeddict-item]  # as much as is looked at
    return found


def never_held(absent: str = "nobody") -> dict[str, Any]:
    return {"conclusion": "never_held", "status": {"state": "never_held", "held": "no", "absence": absent}}


# ---- what is said


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (never_held(), NOBODY),
        (never_held("alone"), ALONE),
        ({"conclusion": "reached", "status": {"held": "no", "people": 1}}, ALONE),
        ({"conclusion": "reached", "status": {"held": "no", "people": 0}}, NOBODY),
        ({"conclusion": "deadline", "status": {"state": "scheduled", "people": 0}}, NOBODY),
        # somebody came, or that is not known
        ({"conclusion": "reached", "status": {"held": "yes", "people": 2}}, None),
        ({"conclusion": "reached", "status": {"held": "unknown", "people": None}}, None),
        ({"conclusion": "deadline", "status": {"state": "scheduled", "people": None}}, None),
        ({"conclusion": "deadline", "status": {"state": "live", "people": 1}}, None),
        ({"conclusion": "deadline", "status": None}, None),
        ({"conclusion": "cancelled", "status": {"held": "no"}}, None),
        ({}, None),
    ],
)
def test_a_no_show_is_only_what_is_known_to_be_one(outcome: dict[str, Any], said: str | None) -> None:
    assert absence(outcome) == said


@given(title=st.text(min_size=1, max_size=60), with_title=st.booleans())
def test_no_title_breaks_a_subject_or_writes_html_and_none_is_named_unasked(title: str, with_title: bool) -> None:
    start = datetime(2026, 9, 1, 8, tzinfo=UTC)
    session = Occurrence(uid="x", title=f"Q7{title}", start=start, end=start + timedelta(hours=1))
    notice = write("Nobody came", ["1 < 2"], ti=TaskInstance(), session=session, with_title=with_title)
    assert len(notice.subject.splitlines()) == 1
    assert all(len(line.splitlines()) <= 1 for line in notice.lines)
    bare = notice.html.replace("<p>", "").replace("</p>", "").replace("<br>", "")
    assert "<" not in bare
    assert ("Q7" in notice.subject) is with_title
    assert ("Q7" in notice.text) is with_title


def test_a_message_holds_no_name_no_address_and_no_link(school: School, post: PostOffice) -> None:
    record = school.launch(school.lesson("Algebra with Bo Student"))
    NobodyCameNotifier(**MAIL)(told(record, never_held()))
    (address, mail), body = post.mails[0], post.body("desk@school.test")
    assert address == "desk@school.test"
    assert mail["Subject"].startswith(f"{NOBODY}: (class_day, 2")
    assert "Expected: 2 people" in body
    everything = f"{mail['Subject']}{mail.as_string()}{body}"
    for person in PEOPLE:
        assert person.name not in everything
        assert not person.email or person.email not in everything
    for secret in school.secrets:
        assert secret not in everything
    assert "Algebra" not in everything
    NobodyCameNotifier(**MAIL, with_title=True)(told(record, never_held()))
    assert "Algebra with Bo Student" in post.mails[1][1]["Subject"]


# ---- how it is carried


def test_any_notifier_carries_it_and_its_templates_are_filled_in_anew_each_time(school: School) -> None:
    board, record = Board(), school.launch()
    notifier = NobodyCameNotifier(through=board)
    notifier(told(record, never_held()))
    notifier(told(record, never_held("alone")))
    first, second = (text.split("|") for text in board.written)
    assert (first[0].partition(":")[0], second[0].partition(":")[0]) == (NOBODY, ALONE)
    assert first[1].startswith(f"{NOBODY}.\nExpected: 2 people\nPlanned: ")
    assert first[2].startswith("<p>")
    assert board.text == TEMPLATE


def test_nothing_to_say_sends_nothing(school: School) -> None:
    board, record = Board(), school.launch()
    for outcome in (None, {"conclusion": "reached", "status": {"held": "yes"}}):
        NobodyCameNotifier(through=board)(told(record, outcome))
    assert board.written == []


def test_a_carrier_that_is_down_silences_no_other_and_is_named_without_its_words(school: School) -> None:
    board = Board()
    notifier = NobodyCameNotifier(through=[Board(broken=True), board])
    with pytest.raises(Unavailable, match=r"not carried by Board \(ConnectionError\)"):
        notifier(told(school.launch(), never_held()))
    assert len(board.written) == 1


def test_a_notifier_that_could_reach_nobody_is_refused_when_the_dag_is_read() -> None:
    with pytest.raises(ValueError, match="needs addresses"):
        NobodyCameNotifier()


def test_a_session_that_cannot_be_read_is_told_of_without_its_times() -> None:
    board = Board()
    NobodyCameNotifier(through=board)(told({"ref": {}}, never_held()))
    assert "Planned" not in board.written[0]
    assert "DAG: class_day, run: run-1, task: wait_for_end" in board.written[0]


# ---- from what sensors really leave


def test_a_sensor_s_own_outcome_is_understood_for_the_end_and_for_the_start(school: School) -> None:
    record, board = school.launch(), Board()
    school.go_to(record["end"])
    school.wait(4 * 3600)
    for sensor in (LessonspaceSessionEndSensor, LessonspaceSessionStartSensor):
        ti = TaskInstance(task_id="wait")
        where = context(ti)
        operator = sensor(task_id="wait", session=record, on_no_show="skip")
        with pytest.raises(AirflowSkipException):
            operator.execute(where)
        where["task"] = operator
        NobodyCameNotifier(through=board)(where)
    assert [text.partition(":")[0] for text in board.written] == [NOBODY, NOBODY]


@pytest.mark.parametrize(
    ("notifier", "what"), [(RecordingReadyNotifier, "recording"), (TranscriptReadyNotifier, "transcript")]
)
def test_an_artifact_is_told_of_when_at_least_one_is_ready(
    school: School, notifier: type[RecordingReadyNotifier], what: str
) -> None:
    board, record = Board(), school.launch()
    for readiness in ("never", "ready"):
        ti = TaskInstance(task_id="wait_for_it")
        ti.xcom_push("return_value", {"verdicts": {"a": {"readiness": readiness}, "b": {"readiness": "never"}}})
        where = context(ti)
        where["task"] = SimpleNamespace(session=record)  # type: ignore[typeddict-item]
        notifier(through=board)(where)
    (said,) = board.written
    assert said.startswith(f"A {what} is ready: (class_day, ")
    assert "Ready: 1 of 2" in said


# ---- as tasks


def test_as_a_task_a_message_that_was_not_carried_fails_the_task_and_the_retry_sends_it(school: School) -> None:
    board, record = Board(broken=True), school.launch()
    ti = TaskInstance(task_id="tell", map_index=3)
    ti.xcoms["lane.wait_for_end", 3, "outcome"] = never_held()
    notify = NotifyOperator(
        task_id="tell",
        about="lane.wait_for_end",
        session=record,
        notifiers=[NobodyCameNotifier(through=board), NotLaunchedNotifier(through=board)],
    )
    where = context(ti)
    where["task"] = notify
    assert (notify.trigger_rule, notify.retries) == ("all_done", 2)
    with pytest.raises(Unavailable):
        notify.execute(where)
    board.broken = False
    assert notify.execute(where) == 1
    (said,) = board.written
    assert "lane 3" in said


def test_a_notifier_that_is_down_silences_none_of_the_others_and_every_reason_is_told(school: School) -> None:
    down, also_down, up = Board(broken=True), Board(broken=True), Board()
    boards = (down, also_down, up)
    ti = TaskInstance(task_id="tell")
    ti.xcom_push("outcome", never_held())
    where = context(ti)
    told_of = [NobodyCameNotifier(through=board) for board in boards]
    with pytest.raises(Unavailable) as caught:
        NotifyOperator(task_id="tell", about="tell", session=school.launch(), notifiers=told_of).execute(where)
    assert str(caught.value).count("NobodyCameNotifier: The message was not carried by Board") == 2
    alarm = in_time(school.lesson(), Board())
    alarm.notifiers = [NotLaunchedNotifier(through=board) for board in boards]
    with pytest.raises(Unavailable):
        alarm.execute(where_launch_is("failed", alarm))
    assert [len(board.written) for board in boards] == [0, 0, 2]


def in_time(session: Mapping[str, Any], board: Board, **more: Any) -> LaunchedInTimeOperator:
    given = {"launch_task": "class.launch", "patience": 0.01, "before": 3600, "deferrable": True, **more}
    return LaunchedInTimeOperator(
        task_id="in_time", session=session, notifiers=[NotLaunchedNotifier(through=board)], **given
    )


def where_launch_is(
    state: str | None, operator: LaunchedInTimeOperator, *, lane: str = "class.launch_0"
) -> Context:
    ti = TaskInstance(task_id="in_time", map_index=0)
    if state is not None:
        ti.states["run-1"] = {lane: state}
    found = context(ti, run_after=datetime.now(UTC) - timedelta(hours=1))
    found["task"] = operator
    return found


@pytest.mark.parametrize("state", ["success", "skipped"])
def test_a_launch_that_is_done_raises_no_alarm(school: School, state: str) -> None:
    board = Board()
    operator = in_time(school.lesson(), board)
    assert operator.execute(where_launch_is(state, operator))["conclusion"] == "launched"
    assert board.written == []


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("failed", "failed"),
        ("upstream_failed", "upstream_failed"),
        ("queued", "queued"),
        ("up_for_retry", "up_for_retry"),
        (None, "not begun"),
    ],
)
def test_a_launch_that_is_not_done_shortly_before_the_start_raises_the_alarm(
    school: School, state: str | None, shown: str
) -> None:
    board = Board()
    operator = in_time(school.lesson(), board)
    where = where_launch_is(state, operator)
    with pytest.raises(AirflowFailException, match=f"not launched: its launch is {shown}"):
        operator.execute(where)
    (said,) = board.written
    assert said.startswith("A session is not launched: (class_day, ")
    assert f"Its launch class.launch is {shown}." in said
    assert in_time(school.lesson(), board, on_late="succeed").execute(where)["conclusion"] == "not_launched"


def test_a_launch_that_waits_for_the_end_has_launched(school: School) -> None:
    board = Board()
    operator = in_time(school.lesson(), board)
    where = where_launch_is("deferred", operator)
    ti: Any = where["ti"]
    ti.xcoms["class.launch", 0, "return_value"] = school.launch()
    assert operator.execute(where)["conclusion"] == "launched"


def test_the_launch_is_looked_at_so_long_before_the_start_without_a_worker(school: School) -> None:
    board, lesson = Board(), school.lesson(ahead=1200)
    operator = in_time(lesson, board, before=1)
    where = where_launch_is("running", operator)
    deferred = deferral(operator, where)
    assert deferred.method_name == "execute_look"
    assert deferred.trigger.moment == datetime.fromisoformat(lesson["start"]) - timedelta(seconds=1)
    with pytest.raises(AirflowFailException):
        resume(in_time(lesson, board, before=1), where, deferred, event=deferred.trigger.moment)
    assert len(board.written) == 1


def test_a_session_asked_for_at_the_last_minute_is_not_late_by_that(school: School) -> None:
    operator = in_time(school.lesson(ahead=30), Board(), patience=300)
    where = where_launch_is(None, operator)
    where["dag_run"].run_after = run_after = datetime.now(UTC)
    assert deferral(operator, where).trigger.moment == run_after + timedelta(seconds=300)


def test_a_cancelled_class_needs_no_launch(school: School) -> None:
    operator = in_time(school.lesson(cancelled=True), Board())
    with pytest.raises(AirflowSkipException):
        operator.execute(where_launch_is(None, operator))


# ---- run


@in_real_seconds
def test_a_run_tells_of_the_no_show_and_of_what_came_of_the_other_class_each_once(
    authored: DagBag, school: School, post: PostOffice, tmp_path: Path
) -> None:
    classes = [school.lesson("Algebra"), school.lesson("Early bird yoga")]
    conf = {"conn_id": school.conn_id, "classes": classes, "destination": tmp_path.as_uri()}
    with meanwhile(lambda: school.polls >= 3, school_day(school, 4800)):
        run = authored.dags["told"].test(run_conf=conf)
    # `dag.test` does one task after another, so it may hand over when the class is over: too late, and said.
    failed = {one.task_id for one in run.get_task_instances() if one.state in ("failed", "upstream_failed")}
    assert failed <= {"class.hand_over"}
    said = sorted(str(mail["Subject"]).partition(":")[0] for _, mail in post.mails)
    assert said == ["A recording is ready", "A transcript is ready", NOBODY]


def test_a_run_whose_launch_fails_tells_of_it_before_the_class_begins(
    authored: DagBag, school: School, post: PostOffice
) -> None:
    run = authored.dags["late"].test(run_conf={"classes": [school.lesson()]})
    assert str(run.state) == "failed"
    ((address, mail),) = post.mails
    assert (address, str(mail["Subject"]).partition(":")[0]) == ("desk@school.test", "A session is not launched")
