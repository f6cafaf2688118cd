"""One class on Lessonspace from launch to files, as a task group that maps over a timetable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import task_group

from airflow_provider.live_sessions.core.contract import DEFAULT_RULES
from airflow_provider.live_sessions.core.polling import ARTIFACT_DELAYS, POLL_INTERVAL
from airflow_provider.live_sessions.flows.lane import LABEL, begin, callbacks
from airflow_provider.live_sessions.notifications.notifier import Spot
from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceHandOverLinksOperator,
    LessonspaceLaunchSessionOperator,
    LessonspaceRetrieveAttendanceOperator,
    LessonspaceRetrieveRecordingOperator,
    LessonspaceRetrieveTranscriptOperator,
)
from airflow_provider.live_sessions.sensors.lessonspace import (
    LessonspaceRecordingSensor,
    LessonspaceSessionEndSensor,
    LessonspaceTranscriptSensor,
)
from airflow_provider.live_sessions.triggers.waiting import SETTLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider.live_sessions.core.contract import ArtifactRules
    from airflow_provider.live_sessions.notifications.notifier import SessionNotifier


@task_group(group_id="class")
def lessonspace_class(
    session: Mapping[str, Any],
    *,
    conn_id: str = "lessonspace_default",
    timetable: str = "",
    destination: str = "",
    timezone: str = "UTC",
    launch: Mapping[str, Any] | None = None,
    smtp_conn_id: str = "smtp_default",
    hand_over: Mapping[str, Any] | None = None,
    on_no_show: str = "skip",
    poll_interval: float | str = POLL_INTERVAL,
    settle: float | str = SETTLE,
    check_delays: Sequence[float] | str = ARTIFACT_DELAYS,
    rules: ArtifactRules | Mapping[str, float] | str = DEFAULT_RULES,
    notifiers: Iterable[SessionNotifier] = (),
    alarm: Mapping[str, Any] | None = None,
    deferrable: bool = True,
) -> None:
    """Launch a class; then, each on its own, hand its links over and wait for its end; then bring it home.

    The wait depends on the launch alone: a mail that fails loses no transcript.

    Args:
        session: One class of a timetable, as ``SelectClassesOperator`` gives it.
        conn_id: The Airflow connection.
        timetable: The timetable's name, part of the class's identity.
        destination: Where the files go.
        timezone: The zone of folders, mails and tables.
        launch: Further arguments of the launch operator, e.g. ``{"transcribe": True, "hard_stop": 600}``.
        smtp_conn_id: The SMTP connection for the links.
        hand_over: Further arguments of the hand-over operator: ``subject``, ``html_body``, ``from_email``, e.g.
            ``{"html_body": {"teacher": "...", "default": "..."}}``.
        on_no_show: What a class that was never held does: skip, fail or succeed.
        poll_interval: Seconds between polls.
        settle: Seconds with nobody in the room that end a class early.
        check_delays: Seconds between two questions for a transcript.
        rules: When a transcript can be expected.
        notifiers: Who is told of what, each where its case comes: ``NobodyCameNotifier``, ``NotLaunchedNotifier``,
            ``RecordingReadyNotifier``, ``TranscriptReadyNotifier``.
        alarm: Further arguments of the ``LaunchedInTimeOperator`` that a ``NotLaunchedNotifier`` needs, e.g.
            ``{"before": 600}``.
        deferrable: Wait without worker slots.
    """
    told = list(notifiers)
    lane = begin(
        session,
        launch=LessonspaceLaunchSessionOperator,
        hand_over=LessonspaceHandOverLinksOperator,
        wait_for_end=LessonspaceSessionEndSensor,
        conn_id=conn_id,
        timetable=timetable,
        destination=destination,
        timezone=timezone,
        launch_arguments=launch,
        smtp_conn_id=smtp_conn_id,
        hand_over_arguments=hand_over,
        on_no_show=on_no_show,
        poll_interval=poll_interval,
        settle=settle,
        deferrable=deferrable,
        notifiers=told,
        alarm=alarm,
    )
    of_it: dict[str, Any] = {"session": lane.launched.output, "map_index_template": LABEL}
    waiting: dict[str, Any] = {**of_it, "check_delays": check_delays, "rules": rules, "deferrable": deferrable}
    filed: dict[str, Any] = {**of_it, "destination": destination, "timezone": timezone}
    attendance = LessonspaceRetrieveAttendanceOperator(task_id="retrieve_attendance", **filed)
    transcribed = LessonspaceTranscriptSensor(
        task_id="wait_for_transcript", **waiting, **callbacks(told, Spot.TRANSCRIPT)
    )
    transcript = LessonspaceRetrieveTranscriptOperator(task_id="retrieve_transcript", rules=rules, **filed)
    recorded = LessonspaceRecordingSensor(
        task_id="wait_for_recording", **waiting, **callbacks(told, Spot.RECORDING)
    )
    recording = LessonspaceRetrieveRecordingOperator(task_id="retrieve_recording", rules=rules, **filed)
    lane.ended >> [attendance, transcribed, recorded]
    transcribed >> transcript
    recorded >> recording
