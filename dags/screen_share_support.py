"""A support session on Screenleap, now or soon: press Trigger, fill in the form.

The customer shares their screen, the helpers watch. A share is reserved; your page gets the customer's launch data
and the helpers' links; who has not begun ``no_show_minutes`` after the start is not waited for any longer, and the
share is withdrawn. A share that is still going on after ``minutes`` is stopped: nobody pays for one that was
forgotten. Then its cost and who was there come home.

Add an Airflow connection ``screen_share_page`` for the page that calls ``screenleap.startSharing``: its address as
host, a token as password. Without one, what opens the share stays sealed in XCom. Two runs with the same ticket
and day and time mean the same share; with "now" or "in ...", each run has its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider.live_sessions.flows.screenleap import screenleap_share
from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.forms.session import session_of_form
from airflow_provider.live_sessions.forms.start import is_soon
from airflow_provider.live_sessions.platforms.screenleap.judging import LONGEST_INTERVAL, SETTLE
from airflow_provider.live_sessions.platforms.screenleap.marks import MAX_USERS_LENGTH


@dag(
    dag_id="screen_share_support",
    schedule=None,
    max_active_runs=64,
    # Somebody sits in front of a screen and waits: the first retry comes soon.
    default_args={
        "retries": 4,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=2),
    },
    params={
        "title": fields.title("Support"),
        "ticket": Param(
            "",
            type=["string", "null"],
            maxLength=MAX_USERS_LENGTH,
            title="Ticket",
            description="Usage and cost are told by it.",
        ),
        "start": fields.start("now"),
        "minutes": fields.minutes(60, longest=720, label="Time limit, minutes"),
        "participants": fields.participants(
            ["leader: Cora Customer <cora@home.example>", "Hal Helper <hal@support.example>"],
            most=50,
            description="Who leads shares their screen, the others watch.",
        ),
        "presenter_country": Param(
            "DE",
            type="string",
            pattern="^[A-Za-z]{2}$",
            title="Country of who shares",
            description="Two letters.",
            section=fields.TECHNICAL,
        ),
        "conn_id": fields.conn_id("Screenleap"),
        "page_conn_id": Param(
            "screen_share_page", type="string", title="Connection of your page", section=fields.TECHNICAL
        ),
        "smtp_conn_id": fields.smtp_conn_id("SMTP connection for the helpers' links, without a page"),
        "no_show_minutes": fields.minutes(15, longest=720, label="Wait for who shares, minutes after the start"),
        **fields.polling(
            settle=SETTLE,
            settle_label="Time for which an end must stand, seconds",
            settle_description="After a crash a share may be reopened for 5 minutes.",
            interval=15,
            longest_interval=LONGEST_INTERVAL,
        ),
        "timezone": fields.timezone("Europe/Berlin"),
        "destination": fields.destination(),
    },
    tags=["screenleap", "support"],
    description=str(__doc__).partition("\n")[0],
    doc_md=__doc__,
)
def screen_share_support() -> None:
    """Wire one support session together."""

    @task
    def describe() -> dict[str, Any]:
        """Make a session of the form; "now" is the run's own time, so a retry repeats it."""
        context = get_current_context()
        form = context["params"]
        uid = "" if is_soon(form["start"]) else form["ticket"]
        return session_of_form(context, uid=uid, leads="leader").to_json()

    # Without the group's name before its tasks: there is but one share in a run.
    screenleap_share.override(prefix_group_id=False)(
        describe(),  # type: ignore[arg-type]  # the task's result
        conn_id="{{ params.conn_id }}",
        timetable="screen_share_support",
        destination="{{ params.destination or '' }}",
        timezone="{{ params.timezone }}",
        launch={
            "external_id": "{{ params.ticket or '' }}",
            "presenter_country_code": "{{ params.presenter_country }}",
            "create_in_past": True,  # somebody asks for it now: a queue that was long must not refuse it
        },
        page_conn_id="{{ params.page_conn_id }}",
        smtp_conn_id="{{ params.smtp_conn_id }}",
        no_show_after="{{ params.no_show_minutes * 60 }}",
        poll_interval="{{ params.poll_interval }}",
        settle="{{ params.settle_seconds }}",
    )


screen_share_support()
