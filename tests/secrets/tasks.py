"""The tasks of each platform whose every step is made to fail, each on a sandbox of its own behind the proxy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.operators import coviu, educates, lessonspace, screenleap
from airflow_provider.live_sessions.operators.coviu_participants import CoviuAddParticipantOperator
from airflow_provider.live_sessions.operators.lessonspace_account import (
    LessonspaceTranscriptsToObjectStorageOperator,
)
from airflow_provider.live_sessions.operators.screenleap_account import ScreenleapReapSessionsOperator
from airflow_provider.live_sessions.sensors.coviu import CoviuSessionEndSensor
from airflow_provider.live_sessions.sensors.educates import EducatesSessionEndSensor
from airflow_provider.live_sessions.sensors.lessonspace import (
    LessonspaceSessionEndSensor,
)
from airflow_provider.live_sessions.sensors.screenleap import ScreenleapSessionEndSensor
from demo.clear_text import secrets_of
from tests.airflow_side.stage import KEY, School
from tests.airflow_side_coviu.practice import Practice
from tests.airflow_side_educates.lab import CLEO, PASSWORD, SECRET, Lab
from tests.airflow_side_screenleap.stage import Studio

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.providers.common.compat.sdk import BaseOperator

    from tests.fuzz.proxy import Proxy

Make = Callable[[Any, dict[str, Any], str], Any]


def _school_secrets(kit: School) -> list[str]:
    return [KEY, *secrets_of(kit.sandbox.lessonspace.secrets())]


def _lab_secrets(kit: Lab) -> list[str]:
    given = kit.portal.secrets()
    return [PASSWORD, SECRET, *given["links"], *given["secrets"], *given["tokens"]]


@dataclass(frozen=True)
class Cast:
    """One platform.

    Args:
        kit: Its kit.
        launch: Launches what the tasks are about.
        hold: Lets it take place and end.
        secrets: What opens a door.
        tasks: Its tasks; those in ``ended`` come after the end.
        ended: See ``tasks``.
    """

    kit: Any
    launch: Callable[[Any], dict[str, Any]]
    hold: Callable[[Any, dict[str, Any]], object]
    secrets: Callable[[Any], list[str]]
    tasks: dict[str, Make]
    ended: frozenset[str] = frozenset()

    def prepare(
        self, kit: Any, task: str, proxy: Proxy, folder: Path
    ) -> tuple[Callable[[], BaseOperator], Callable[[], object]]:
        """Launch without the proxy, put it in between; return what makes the task, and what ends the session."""
        name = f"AIRFLOW_CONN_{kit.conn_id.upper()}"
        record = self.launch(kit)
        if task in self.ended:
            self.hold(kit, record)
        connection = json.loads(os.environ[name])
        os.environ[name] = json.dumps({**connection, "host": proxy.via(connection["host"])})
        return lambda: self.tasks[task](kit, record, str(folder)), lambda: self.hold(kit, record)


def _waits(sensor: Any, **more: Any) -> Make:
    return lambda kit, record, folder: sensor(
        task_id="end", session=record, deferrable=True, poll_interval=0.05, **more
    )


def _about(operator: Any, **more: Any) -> Make:
    return lambda kit, record, folder: operator(task_id="task", session=record, **more)


def _home(operator: Any, **more: Any) -> Make:
    return lambda kit, record, folder: operator(task_id="task", session=record, destination=folder, **more)


def _what_was_said(kit: Any, record: dict[str, Any], folder: str) -> BaseOperator:
    day = parse_time(record["end"]).replace(hour=0, minute=0, second=0, microsecond=0)
    return LessonspaceTranscriptsToObjectStorageOperator(
        task_id="task",
        conn_id=kit.conn_id,
        since=day,
        until=day + timedelta(days=1),
        destination=folder,
        launches=record,
        wait=False,
        overwrite=True,
    )


CASTS: dict[str, Cast] = {
    "lessonspace": Cast(
        School,
        lambda kit: kit.launch(kit.lesson(ahead=40), transcribe=True, record_av=True),
        lambda kit, record: (kit.hold(record), kit.wait(600)),
        _school_secrets,
        {
            "launch": lambda kit, record, folder: kit.launcher(kit.lesson("Another", ahead=90)),
            "adopt": lambda kit, record, folder: kit.launcher(kit.lesson(ahead=40)),
            "hand over": _home(lessonspace.LessonspaceHandOverLinksOperator),
            "cancel": _about(lessonspace.LessonspaceCancelSessionOperator),
            "wait": _waits(LessonspaceSessionEndSensor),
            "transcript": _home(lessonspace.LessonspaceRetrieveTranscriptOperator),
            "recording": _home(lessonspace.LessonspaceRetrieveRecordingOperator),
            "attendance": _home(lessonspace.LessonspaceRetrieveAttendanceOperator),
            "what was said": _what_was_said,
        },
        frozenset({"transcript", "recording", "attendance", "what was said"}),
    ),
    "coviu": Cast(
        Practice,
        lambda kit: kit.launch(kit.appointment(ahead=40)),
        lambda kit, record: (kit.hold(record), kit.sandbox.coviu.record(record["ref"]["session_id"], length=100)),
        lambda kit: kit.secrets,
        {
            "launch": lambda kit, record, folder: kit.launcher(kit.appointment("Another", ahead=90)),
            "hand over": _home(coviu.CoviuHandOverLinksOperator),
            "cancel": _about(coviu.CoviuCancelSessionOperator, force=True),
            "wait": _waits(CoviuSessionEndSensor),
            "update": _about(coviu.CoviuUpdateSessionOperator, title="Other"),
            "add participant": _about(
                CoviuAddParticipantOperator, participant={"id": "p-9", "name": "Dora", "role": "patient"}
            ),
            "attendance": _home(coviu.CoviuRetrieveAttendanceOperator),
            "recording": _home(coviu.CoviuRetrieveRecordingOperator),
        },
        frozenset({"attendance", "recording"}),
    ),
    "screenleap": Cast(
        Studio,
        lambda kit: kit.launch(ahead=40),
        lambda kit, record: (kit.present(record, "v-1"), kit.wait(600), kit.end(record), kit.wait(301)),
        lambda kit: kit.secrets,
        {
            "launch": lambda kit, record, folder: kit.launcher(ahead=90, title="Another"),
            "stop": _about(screenleap.ScreenleapStopSessionOperator),
            "wait": _waits(ScreenleapSessionEndSensor),
            "usage": _home(screenleap.ScreenleapRetrieveUsageOperator),
            "attendance": _home(screenleap.ScreenleapRetrieveAttendanceOperator),
            "reap": lambda kit, record, folder: ScreenleapReapSessionsOperator(
                task_id="reap", conn_id=kit.conn_id, older_than=1
            ),
        },
        frozenset({"usage", "attendance"}),
    ),
    "educates": Cast(
        Lab,
        lambda kit: kit.launch(kit.lesson(ahead=40)),
        lambda kit, record: None,
        _lab_secrets,
        {
            "launch": lambda kit, record, folder: kit.launcher(kit.lesson("Another", ahead=90, people=(CLEO,))),
            "hand over": _home(educates.EducatesHandOverLinksOperator),
            "terminate": _about(educates.EducatesTerminateSessionOperator),
            "extend": _about(educates.EducatesExtendSessionOperator),
            "wait": _waits(EducatesSessionEndSensor),
        },
    ),
}
TASKS = [(name, task) for name, cast in CASTS.items() for task in cast.tasks]
