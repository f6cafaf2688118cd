"""The day at the clinic: one run launches nine appointments, a second one meets them again and changes two.

Before them a run meets a table without rows: it tells how long things take here, and the day is planned by that.
"""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr  # noqa: TID253 - a script, no DAG

from airflow_provider.live_sessions.core.errors import Refused
from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
from airflow_provider.live_sessions.platforms.coviu.marks import own_state
from airflow_provider.live_sessions.platforms.coviu.models import SessionUpdate
from demo import clear_text
from demo.airflow_stack import StackError
from demo.coviu.bring_home import DAG_ID, Links, Records, gather, table
from demo.coviu.clinic import HAND_OVER, POSTPONED, Appointment, Change, appointments, script
from demo.coviu.clinic import table as table_of
from demo.coviu.mailbox import HOST, Mailboxes
from demo.scenario import Result, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from airflow_provider.live_sessions.sandbox.client import SandboxControl
    from demo.coviu.mailbox import Mail

API_KEY = "demo-clinic"
KEY_SECRET = "00000000-0000-4000-8000-0000000c0u1a"  # noqa: S105 - the sandbox's, worth nothing elsewhere

MAIL = "clinic_mail"
"""The mail connection: a name of its own, so that no other platform's links are mailed."""

RETRY = 60.0
"""Seconds after which the DAG repeats a task: the launch whose answer is lost is repeated before it begins."""

QUICK, USUAL, SLOW = 12.0, 25.0, 90.0
"""Seconds that a run with nothing to do takes: on an idle machine, on one for which appointments of half a minute
are long enough, and on the slowest for which the day is planned to last longer."""

SETTLE = 8.0
"""Seconds for which everybody must be away before an appointment counts as over early."""

TOKEN_SECONDS = 40
"""How long a token is good: so short that waits renew theirs."""

DAWN, MORNING, MIDDAY = "dawn", "morning", "midday"


class DayOfAppointments:
    """Coviu's part of the demo."""

    name = "coviu"
    dags = (DAG_ID,)
    sandbox_options = (
        *("--coviu-api-key", API_KEY, "--coviu-key-secret", KEY_SECRET),
        *("--coviu-expires-in", str(TOKEN_SECONDS)),
    )

    def settings(self, url: str) -> Mapping[str, str]:
        """Return the connection."""
        connection = {"conn_type": "coviu", "login": API_KEY, "password": KEY_SECRET, "host": f"{url}/coviu/v1"}
        return {"AIRFLOW_CONN_COVIU_DEFAULT": json.dumps(connection)}

    def play(self, stage: Stage) -> Result:
        """Run the day."""
        with Mailboxes.opened() as mailboxes, closing(_client(stage)) as client:
            _connect_mail(stage, mailboxes.port)
            empty = stage.home / "no-appointments.csv"
            empty.write_bytes(table_of([], changed=False))
            seconds = min(max(QUICK, stage.rehearse(DAG_ID, DAWN, conf(empty))), SLOW)
            pace = max(1.0, seconds / USUAL)
            # So long it takes until the first launch, its repetition included.
            begin = time.time() + RETRY + 1.3 * seconds
            day = appointments(datetime.fromtimestamp(int(begin), UTC), pace)
            clinic = _Clinic(stage, client, day, pace)
            clinic.begin()
            stage.follow(clinic.progress, clinic.over)
            return _result(stage, client, day, mailboxes.mails)

    def secrets(self, control: SandboxControl) -> Sequence[str]:
        """Return the links, the participants' ids (the links' secret half), tokens, and credentials as sent.

        The key secret alone is not among them: the sandbox prints it when it starts, and its log lies in the home.
        """
        given = control.do("coviu", "secrets")
        basic = base64.b64encode(f"{API_KEY}:{KEY_SECRET}".encode()).decode()
        secrets = [*given["participant_ids"], *given["tokens"], basic]
        return clear_text.secrets_of({"links": given["links"], "secrets": secrets})


class _Clinic:
    """The clinic's people: they write the table, change it, and postpone an appointment in Coviu itself."""

    def __init__(self, stage: Stage, client: CoviuClient, day: Sequence[Appointment], pace: float) -> None:
        self._stage = stage
        self._client = client
        self._day = day
        self._pace = pace
        self._table = stage.home / "appointments.csv"
        self._changed = False

    def begin(self) -> None:
        """Write the table and let the first run take it in hand."""
        stage = self._stage
        for one in self._day:
            if (wanted := script(one)) is not None:
                stage.control.add_script(wanted)
        # Coviu makes the first session, and Airflow never hears of it.
        stage.control.add_fault("reset_after", method="POST", path="^/coviu/v1/sessions$", count=1)
        self._table.write_bytes(table_of(self._day, changed=False))
        stage.stack.trigger(DAG_ID, MORNING, conf(self._table, self._pace))
        begin = f"{self._day[0].start:%H:%M:%S}"
        stage.say(
            f"{len(self._day) - 1} appointments, the first at {begin} UTC. Run {MORNING!r} takes them in hand."
        )

    def progress(self) -> str:
        """Return how far it has come; change what is to be changed as soon as that is launched."""
        stack = self._stage.stack
        tasks = stack.tasks(DAG_ID, MORNING)
        if not self._changed:
            launched = {
                task["rendered_map_index"]
                for task in tasks
                if task["task_id"] == "appointment.launch" and task["state"] == "success"
            }
            planned = [one for one in self._day if one.change not in (Change.NONE, Change.MOVED_HERE)]
            if all(any(str(name).startswith(f"{one.title}, ") for name in launched) for one in planned):
                self._changed = True
                self._change()
        return self._progress(tasks)

    def over(self) -> bool:
        """Return whether both runs are over.

        Raises:
            StackError: The first one is, and never launched what the second one was to change.
        """
        if not self._changed:
            if self._stage.ended(DAG_ID, MORNING):
                raise StackError(f"Run {MORNING!r} ended before it launched its appointments.")
            return False
        return self._stage.ended(DAG_ID, MORNING, MIDDAY)

    def _change(self) -> None:
        self._table.write_bytes(table_of(self._day, changed=True))
        self._stage.stack.trigger(DAG_ID, MIDDAY, conf(self._table, self._pace))
        titles = {one.change: one.title for one in self._day}
        self._stage.say(
            f"The clinic cancels {titles[Change.CANCEL]!r} and moves {titles[Change.MOVE]!r} in its table; "
            f"run {MIDDAY!r} meets all of them."
        )
        one = next(one for one in self._day if one.change is Change.POSTPONE)
        session = next(
            session["session_id"]
            for session in self._stage.control.state()["coviu"]["sessions"]
            if session["name"] == one.title
        )
        later = timedelta(seconds=POSTPONED)
        try:
            self._client.update_session(
                session, SessionUpdate(start_time=one.start + later, end_time=one.end + later)
            )
        except Refused as error:
            raise StackError(f"Airflow launched {one.title!r} too late to be postponed: {error}") from None
        self._stage.say(f"Somebody postpones {one.title!r} by {POSTPONED:.0f} s in Coviu itself.")

    def _progress(self, tasks: Sequence[Mapping[str, Any]]) -> str:
        counts = Counter((task["task_id"].removeprefix("appointment."), str(task["state"])) for task in tasks)
        sessions = self._stage.control.state()["coviu"]["sessions"]
        busy = sum(any(person["inside"] for person in one["participants"]) for one in sessions)
        done = {
            "launched": "launch",
            "handed over": "hand_over",
            "ended": "wait_for_end",
            "attendance": "retrieve_attendance",
        }
        return f"{busy} with people inside; " + ", ".join(
            f"{counts[task, 'success']} {word}" for word, task in done.items()
        )


def conf(plan: Path, pace: float = 1.0) -> dict[str, Any]:
    """Return the run's form: the DAG as shipped, with thresholds for appointments of half a minute."""
    return {
        "timetable": str(plan),
        "hand_over_before_minutes": HAND_OVER * pace / 60,
        "smtp_conn_id": MAIL,
        "grace_seconds": 4,
        "settle_seconds": SETTLE,
        "poll_interval": 3,
    }


def _client(stage: Stage) -> CoviuClient:
    """Open Coviu as the clinic's own people do, beside Airflow."""
    url = str(stage.control.info()["coviu"]["url"])
    return CoviuClient(api_key=API_KEY, key_secret=SecretStr(KEY_SECRET), base_url=url)


def _connect_mail(stage: Stage, port: int) -> None:
    """Tell Airflow where the clinic's mail server is."""
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "desk@clinic.example"}
    connection = {
        "connection_id": MAIL,
        "conn_type": "smtp",
        "host": HOST,
        "port": port,
        "extra": json.dumps(extra),
    }
    stage.stack.call("POST", "/api/v2/connections", connection)


def _result(stage: Stage, client: CoviuClient, day: Sequence[Appointment], mails: Sequence[Mail]) -> Result:
    sessions = stage.control.state()["coviu"]["sessions"]
    records = Records(sessions, _links(client, sessions), mails, stage.storage)
    runs = {
        MORNING: [one for one in day if one.change is not Change.MOVED_HERE],
        MIDDAY: [one for one in day if one.change is Change.MOVED_HERE],
    }
    rows = gather(stage.stack, runs, records)
    problems = [f"{row.planned.title}: {problem}" for row in rows for problem in row.problems]
    problems += _check_runs(stage, len(day), sessions)
    if len(mails) != sum(row.mailed for row in rows):
        problems.append(f"{len(mails)} mails arrived, {sum(row.mailed for row in rows)} were sent")
    again = sum(row.tries > 1 for row in rows)
    if not again:
        problems.append("no launch was tried again, though the answer to one was lost")
    return Result(
        table(rows),
        problems,
        f"{len(sessions)} sessions for {len(day)} rows in two runs, {again} tried again after a lost answer; "
        f"{len(mails)} links mailed.",
    )


def _links(client: CoviuClient, sessions: Sequence[Mapping[str, Any]]) -> Links:
    """Return what Coviu says is each person's own link."""
    alive = [str(one["session_id"]) for one in sessions if not one["canceled"]]
    return {
        (session_id, own_state(person.state)): person.entry_url.get_secret_value()
        for session_id in alive
        for person in client.session(session_id).participants
    }


def _check_runs(stage: Stage, rows: int, sessions: Sequence[Mapping[str, Any]]) -> list[str]:
    problems = []
    second = stage.stack.xcom(DAG_ID, MIDDAY, "select", -1) or {}
    taken = (len(second.get("launch", ())), len(second.get("cancel", ())))
    if taken != (1, 2):
        problems.append(f"the second run launched {taken[0]} and cancelled {taken[1]}, should be 1 and 2")
    for index in range(taken[1]):
        outcome = stage.stack.xcom(DAG_ID, MIDDAY, "cancel", index) or {}
        if not outcome.get("confirmed") or outcome.get("links_valid_until"):
            problems.append(f"cancel {index} is not complete: {outcome.get('not_done')}")
    if len(sessions) != rows:
        names = ", ".join(sorted(str(one["name"]) for one in sessions))
        problems.append(f"the platform has {len(sessions)} sessions for {rows} rows: {names}")
    states = {run_id: stage.stack.run_state(DAG_ID, run_id) for run_id in (DAWN, MORNING, MIDDAY)}
    return problems + [f"run {run_id} is {state}" for run_id, state in states.items() if state != "success"]
