"""``make up``: an Airflow with its UI, the sandbox and the example DAGs, to click through.

It runs until Ctrl-C or ``make down``. People come to every class by themselves at its planned start: the teacher
first, then the others, and after three minutes the teacher ends it.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from typing import Any

import pendulum

from airflow_provider.live_sessions.connections.port import PORT
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.sandbox.client import SandboxControl
from airflow_provider.live_sessions.schedules.zones import find_zone
from demo.__main__ import SCENARIOS
from demo.airflow_stack import AirflowStack, StackError
from demo.coviu.mailbox import HOST, Mailboxes
from demo.home import new_home
from demo.lessonspace.day import API_KEY
from demo.running import AlreadyRunningError, only_one
from demo.sandbox_process import ROOT, sandbox
from demo.screenleap.page import Page

HOME = ROOT / ".run" / "up"
FIRST_DAG, CANCEL_DAG = "class_now", "session_cancel"
FORMS = (
    FIRST_DAG,
    CANCEL_DAG,
    "session_retrieve_again",
    "call_now",
    "screen_share_support",
    "workshop_day",
)
"""Forms to click: they run as soon as they are filled in; the other examples wait to be unpaused."""
PAGE_CONNECTION = "AIRFLOW_CONN_SCREEN_SHARE_PAGE"

OPENS: dict[str, float] = {
    "lessonspace": fields.lessonspace_room()["lead_seconds"].value,
    "coviu": 0,
    "screenleap": 0,
    "educates": 0,
}
"""Seconds before the planned start from which a link works, as the examples' forms have it: people come by the
start, and the sandbox counts from there."""

STAYS = 200
"""Seconds for which the teacher lets a class go on: shorter ones than 150 are never transcribed."""


def people(platform: str) -> dict[str, Any]:
    """Return what people do in every session of a platform, for the sandbox."""
    start = OPENS[platform]
    return {
        "match": {"platform": platform},
        "anchor": "not_before",
        "events": [
            {"user": "leader", "do": "join", "after": start + 5},
            {"user": "others", "do": "join", "after": start + 15},
            {"user": "leader", "do": "end", "after": start + 5 + STAYS},
        ],
    }


def banner(url: str, login: tuple[str, str], sandbox_url: str, files: str) -> str:
    """Return how to get in, and what to do first, in the order in which a newcomer needs it."""
    user, password = login
    return f"""
Airflow   {url}
User      {user}
Password  {password}
Sandbox   {sandbox_url}
Files     {files}

1. {url}/dags/{FIRST_DAG}
   Trigger it for a class of your own. It begins two minutes later, its two people come by themselves, and after
   three more minutes the teacher ends it. Ten minutes after that its run takes it for over, and brings it home.
2. {url}/plugin/live-sessions
   The page Live sessions: the class is scheduled, then live. Copy its run's id there.
3. {url}/dags/{CANCEL_DAG}
   Trigger it with that id to call a class off before anybody is in. (Start one in an hour to have the time.)
4. {url}/required_actions
   What {CANCEL_DAG} would do is approved here; without an answer the class takes place.

The examples' connections are in the environment, so Airflow's page of connections is empty. To try its form, add
one of the type Lessonspace with host {sandbox_url}/lessonspace/v2
the sandbox's API key, {API_KEY}
and port {PORT} (the button *Test connection* needs one)

Ctrl-C or `make down` stops everything."""


def zone_here() -> str:
    """Return the name of this machine's time zone, as its browser has it too; of UTC where it has no name."""
    try:
        return find_zone(pendulum.now().timezone_name or "UTC").key
    except (ConfigurationError, RuntimeError):
        return "UTC"


def main() -> int:
    """Run until somebody ends it, and return the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with only_one():
            run()
    except (StackError, AlreadyRunningError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEverything that was started has been stopped.")
    return 0


def run() -> None:
    """Start everything, say how to get in, and watch it.

    Raises:
        StackError: A component did not start, or stopped by itself.
    """
    new_home(HOME)
    options = [option for scenario in SCENARIOS for option in scenario.sandbox_options]
    with sandbox(HOME, options) as url, Mailboxes.opened() as mailboxes, Page(tell).open() as page:
        for platform in OPENS:
            SandboxControl(url).add_script(people(platform))
        settings = settings_of(url, mailboxes.port, page)
        print("Starting the sandbox and Airflow; this takes one to three minutes.", flush=True)
        with AirflowStack(HOME, ROOT / "dags", settings) as stack:
            for dag_id in FORMS:
                stack.wait_for_dag(dag_id)
                stack.unpause(dag_id)
            print(banner(stack.url, stack.login, url, str(HOME / "brought-home")), flush=True)
            told = 0
            while True:
                stack.check()
                for mail in mailboxes.mails[told:]:
                    print(f"Mail to {mail.to}: {mail.subject}", flush=True)  # its link is its reader's alone
                    told += 1
                time.sleep(2)


def settings_of(url: str, mail_port: int, page: Page) -> dict[str, str]:
    """Return what this Airflow is told beside its own settings: connections, and where and when it is.

    Args:
        url: The sandbox.
        mail_port: Where the mail server listens.
        page: Takes in what is handed over for screen shares; it is open.
    """
    settings = {
        "AIRFLOW__LIVE_SESSIONS__DESTINATION": (HOME / "brought-home").as_uri(),
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__LIVE_SESSIONS__TIMEZONE": zone_here(),
        "AIRFLOW_CONN_SMTP_DEFAULT": mail_connection(mail_port),
        "AIRFLOW_VAR_CLASS_DAY_TIMETABLE": str(ROOT / "dags" / "timetables" / "example.csv"),
    }
    for scenario in SCENARIOS:
        settings.update(scenario.settings(url))
    return {**settings, PAGE_CONNECTION: page.connection()}  # the scenario's own is open only while it plays


def tell(message: dict[str, Any]) -> None:
    """Say what the page of screen shares was handed; what lets in is its person's alone."""
    print(f"To the page of screen shares: {message['name']}, {message['title']}", flush=True)


def mail_connection(port: int) -> str:
    """Return the connection to a mail server of this machine that takes everything in and sends nothing on."""
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "desk@school.example"}
    return json.dumps({"conn_type": "smtp", "host": HOST, "port": port, "extra": extra})


if __name__ == "__main__":
    sys.exit(main())
