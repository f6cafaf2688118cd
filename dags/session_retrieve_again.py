"""Bring home again what one session left, on any platform: press Trigger, name the run that launched it.

For files that were lost, a transcript that came late, or another destination. The same again gives the same bytes.
A kind that the session's platform does not keep is refused, and a session that has not begun; Educates keeps
nothing.

``LAUNCHES`` names the DAGs that launch sessions, and their launching tasks: add your own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import Param, XComArg, dag, task

from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.forms.known import refuse_unknown_fields
from airflow_provider.live_sessions.operators.coviu import (
    CoviuRetrieveAttendanceOperator,
    CoviuRetrieveRecordingOperator,
)
from airflow_provider.live_sessions.operators.find_launched import FindLaunchedOperator
from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceRetrieveAttendanceOperator,
    LessonspaceRetrieveRecordingOperator,
    LessonspaceRetrieveTranscriptOperator,
)
from airflow_provider.live_sessions.operators.screenleap import (
    ScreenleapRetrieveAttendanceOperator,
    ScreenleapRetrieveUsageOperator,
)

if TYPE_CHECKING:
    from airflow_provider.live_sessions.operators.retrieve import RetrieveOperator

LAUNCHES = {
    "class_now": "class.launch",
    "class_day": "class.launch",
    "call_now": "appointment.launch",
    "telehealth_day": "appointment.launch",
    "screen_share_support": "launch",
    "workshop_day": "provision",
}

RETRIEVES: dict[str, dict[str, type[RetrieveOperator]]] = {
    "lessonspace": {
        "attendance": LessonspaceRetrieveAttendanceOperator,
        "transcript": LessonspaceRetrieveTranscriptOperator,
        "recording": LessonspaceRetrieveRecordingOperator,
    },
    "coviu": {
        "attendance": CoviuRetrieveAttendanceOperator,
        "recording": CoviuRetrieveRecordingOperator,
    },
    "screenleap": {
        "attendance": ScreenleapRetrieveAttendanceOperator,
        "usage": ScreenleapRetrieveUsageOperator,
    },
}

ZONES = {"lessonspace": "Europe/Berlin", "coviu": "Australia/Sydney", "screenleap": "Europe/Berlin"}
"""What stands in the forms that launch: a folder is named by day and time in the zone of its launch."""

EVERYTHING = "everything"
KINDS = [EVERYTHING, "attendance", "transcript", "recording", "usage"]


@dag(
    dag_id="session_retrieve_again",
    schedule=None,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        **fields.launched_by(list(LAUNCHES)),
        "kinds": Param(
            [EVERYTHING],
            type="array",
            examples=KINDS,  # makes it a list to choose from
            items={"type": "string", "enum": KINDS},
            minItems=1,
            uniqueItems=True,
            title="Kinds of files",
            description="Everything: all that the session's platform keeps.",
        ),
        "timezone": fields.timezone(
            "",
            "Time zone of folders and tables",
            description="As in the form of the launch: in another zone the files get a folder of their own. "
            "Empty: what stands in that form at first.",
        ),
        "destination": fields.destination(),
    },
    tags=["lessonspace", "coviu", "screenleap", "educates"],
    description=str(__doc__).partition("\n")[0],
    doc_md=__doc__,
)
def session_retrieve_again() -> None:
    """Find it, then retrieve what was asked for."""
    found = FindLaunchedOperator(
        task_id="find",
        pre_execute=refuse_unknown_fields,
        dag_id="{{ params.dag_id }}",
        run_id="{{ params.run_id or '' }}",
        launch_task=LAUNCHES,
        title="{{ params.title or '' }}",
        timezone="{{ params.timezone or 'UTC' }}",
    )

    @task.branch
    def choose(session: dict[str, Any], now: dict[str, Any], params: Any = None) -> list[str]:
        """Return the tasks that bring home what was asked for."""
        platform = session["ref"]["platform"]
        label, kept, asked = platform.capitalize(), RETRIEVES.get(platform, {}), params["kinds"]
        if not kept:
            raise AirflowFailException(f"{label} keeps nothing of a session that could be brought home again.")
        missing = sorted(set(asked) - {EVERYTHING} - set(kept))
        if missing:
            raise AirflowFailException(
                f"{label} keeps no {' and no '.join(missing)} of a session. It keeps {' and '.join(kept)}."
            )
        if now["state"] == "scheduled":  # else its attendance would say that nobody came
            raise AirflowFailException(f"{session['title']!r} has not begun: there is nothing to bring home yet.")
        return [f"retrieve_{platform}_{kind}" for kind in kept if kind in asked or EVERYTHING in asked]

    retrieved = [
        operator(
            task_id=f"retrieve_{platform}_{kind}",
            session=found.output,
            destination="{{ params.destination or '' }}",
            timezone=f"{{{{ params.timezone or '{fields.zone_at_first(ZONES[platform])}' }}}}",
        )
        for platform, operators in RETRIEVES.items()
        for kind, operator in operators.items()
    ]
    choose(found.output, XComArg(found, key="now")) >> retrieved  # type: ignore[arg-type]  # stands for its value


session_retrieve_again()
