"""``make up``: an Airflow with its UI, the sandbox and the example DAGs, to click through.

It runs until Ctrl-C or ``make down``. People come to every class by themselves: the teacher first, then the others
and after two minutes the teacher ends it.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time

from airflow_provider.live_sessions.sandbox.client import SandboxControl
from demo.__main__ import ROOT, SCENARIOS, sandbox
from demo.airflow_stack import AirflowStack, StackError
from demo.coviu.mailbox import HOST, Mailboxes
from demo.running import AlreadyRunningError, only_one

HOME = ROOT / ".run" / "up"
FIRST_DAG = "class_now"
"""A form to start with: it runs as soon as it is filled in; the other examples wait to be unpaused."""

PEOPLE = {
    "match": {},
    "anchor": "not_before",
    "events": [
        {"user": "leader", "do": "join", "after": 5},
        {"user": "others", "do": "join", "after": 15},
        {"user": "leader", "do": "end", "after": 120},
    ],
}


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
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    options = [option for scenario in SCENARIOS for option in scenario.sandbox_options]
    with sandbox(HOME, options) as url, Mailboxes.opened() as mailboxes:
        SandboxControl(url).add_script(PEOPLE)
        settings = {
            "AIRFLOW__LIVE_SESSIONS__DESTINATION": (HOME / "brought-home").as_uri(),
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW_CONN_SMTP_DEFAULT": mail_connection(mailboxes.port),
            "AIRFLOW_VAR_CLASS_DAY_TIMETABLE": str(ROOT / "dags" / "timetables" / "example.csv"),
        }
        for scenario in SCENARIOS:
            settings.update(scenario.settings(url))
        print("Starting the sandbox and Airflow; this takes half a minute.", flush=True)
        with AirflowStack(HOME, ROOT / "dags", settings) as stack:
            stack.wait_for_dag(FIRST_DAG)
            stack.unpause(FIRST_DAG)
            user, password = stack.login
            print(
                f"\nAirflow   {stack.url}/dags/{FIRST_DAG}\nUser      {user}\nPassword  {password}\n"
                f"Sandbox   {url}\nFiles     {HOME / 'brought-home'}\n\n"
                f"Trigger {FIRST_DAG} for a class of your own. Ctrl-C or `make down` stops everything.",
                flush=True,
            )
            told = 0
            while True:
                stack.check()
                for mail in mailboxes.mails[told:]:
                    print(f"Mail to {mail.to}: {mail.subject}", flush=True)  # its link is its reader's alone
                    told += 1
                time.sleep(2)


def mail_connection(port: int) -> str:
    """Return the connection to a mail server of this machine that takes everything in and sends nothing on."""
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "desk@school.example"}
    return json.dumps({"conn_type": "smtp", "host": HOST, "port": port, "extra": extra})


if __name__ == "__main__":
    sys.exit(main())
