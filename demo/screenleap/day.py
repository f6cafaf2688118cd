"""Support sessions by a form while the account's night runs twice: Screenleap's example DAGs, as shipped."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import requests  # noqa: TID253 - a script, no DAG

from demo.airflow_stack import free_port
from demo.scenario import Result, Stage
from demo.screenleap import bring_home, night
from demo.screenleap.office import CASES, CUSTOMER, FORGOTTEN, HELPER, STOPPED, People, yesterday
from demo.screenleap.page import Page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.sandbox.client import SandboxControl
    from demo.screenleap.office import Case, Yesterday

ACCOUNT, AUTHTOKEN = "demo-support", "00000000000000000000000000d3a0d3"  # the sandbox's, worth nothing elsewhere

SETTLE = 15
"""Seconds that an end must stand: longer than a window stays closed that is opened again at once."""


class ScreenShares:
    """Screenleap's part of the demo."""

    name = "screenleap"
    dags = (bring_home.DAG_ID, night.DAG_ID)
    sandbox_options = (
        *("--screenleap-account-id", ACCOUNT, "--screenleap-authtoken", AUTHTOKEN),
        *("--screenleap-stop-after", "1", "--screenleap-stop-unstarted", "ended"),
    )

    def __init__(self) -> None:
        self._page = Page()
        self._port = 0

    def settings(self, url: str) -> Mapping[str, str]:
        """Return the connections: the account, and the company's page."""
        self._port = free_port()
        account = {
            "conn_type": "screenleap",
            "login": ACCOUNT,
            "password": AUTHTOKEN,
            "host": f"{url}/screenleap/v2",
        }
        return {
            "AIRFLOW_CONN_SCREENLEAP_DEFAULT": json.dumps({**account, "extra": {"requests_per_second": 20}}),
            "AIRFLOW_CONN_SCREEN_SHARE_PAGE": self._page.connection(self._port),
        }

    def play(self, stage: Stage) -> Result:
        """Run both DAGs to their ends."""
        day = yesterday(datetime.now(UTC))
        for one in day.shares:
            stage.control.do("screenleap", "past", **one.verb())
        (lost,) = (case for case in CASES if case.lost)
        stage.control.add_fault("reset_after", method="POST", path="/screen-shares$", query=lost.ticket, count=1)
        office = Office(stage, day, self._page)
        self._page.arrived = office.people.arrived
        with self._page.open(self._port):
            stage.follow(office.progress, office.over)
        return office.result()

    def secrets(self, control: SandboxControl) -> Sequence[str]:
        """Return what opens a share: codes, presenters' tokens, viewers' addresses; and the page's own token.

        Nine digits are looked for as they are: among the digits that an Airflow writes in a demo (some hundred
        thousand places) one of two dozen codes stands by chance once in some hundred runs at most.
        """
        given = control.do("screenleap", "secrets")
        return [*given["codes"], *given["tokens"], *given["viewer_urls"], self._page.token]


class Office:
    """One day at the office: starts what has to run, one after the other, and lets people act.

    Args:
        stage: Where it plays.
        day: The account's day before.
        page: What Airflow hands over to.
    """

    def __init__(self, stage: Stage, day: Yesterday, page: Page) -> None:
        self._stage = stage
        self._night = night.Night(day)
        self._page = page
        self._runs: dict[str, list[str]] = {}
        account = stage.control.info()["screenleap"]

        def call_off(code: str) -> None:
            headers = {"accountid": ACCOUNT, "authtoken": AUTHTOKEN}
            with requests.Session() as session:
                session.trust_env = False
                url = f"{account['url']}/screen-shares/{code}/stop"
                session.post(url, headers=headers, data=b"", timeout=30).raise_for_status()

        self.people = People(lambda verb, **words: stage.control.do("screenleap", verb, **words), call_off)
        for dag_id in (bring_home.DAG_ID, night.DAG_ID):
            stage.stack.unpause(dag_id)
        stage.say(f"{len(day.shares)} shares of {day.since:%d %B} and before; the night runs dry first.")
        self._trigger(night.DAG_ID, night.DRY, night_conf(day, dry_run=True))
        self._begun = datetime.now(UTC).replace(microsecond=0)
        stage.say(f"{FORGOTTEN.ticket} comes first: nobody will end it.")
        self._support(FORGOTTEN, FORGOTTEN.run_ids[0])

    def progress(self) -> str:
        """Let people act, start what is next, and say how far it has come."""
        self.people.act()
        support, dry = self._runs[bring_home.DAG_ID], night.WET not in self._runs[night.DAG_ID]
        if len(support) == 1 and self.people.has_begun(FORGOTTEN):
            self._stage.say(
                f"It runs. A second run meets the same ticket; the other {len(CASES) - 1} cases come in."
            )
            for case in (FORGOTTEN, *CASES):
                for run_id in case.run_ids:
                    if run_id not in support:
                        self._support(case, run_id)
        if dry and self._stage.ended(night.DAG_ID, night.DRY):
            self._night.after_dry_run(self._stage.stack, self._shares, self._stage.storage)
            self._stage.say("The night again, and it stops what is open too long.")
            self._trigger(night.DAG_ID, night.WET, night_conf(self._night.day, dry_run=False))
        return self._line()

    def over(self) -> bool:
        """Return whether every run is."""
        planned = sum(case.runs for case in CASES)
        if len(self._runs[bring_home.DAG_ID]) < planned or night.WET not in self._runs[night.DAG_ID]:
            return False
        return all(self._stage.ended(dag_id, *runs) for dag_id, runs in self._runs.items())

    def result(self) -> Result:
        """Hold everything against the plan and the sandbox's own records."""
        stage, shares = self._stage, self._shares
        self._night.after_second(stage.stack, shares, stage.storage)
        rows = bring_home.gather(stage.stack, CASES, shares, self._page, stage.storage)
        problems = [f"{row.case.ticket} {row.case.title}: {one}" for row in rows for one in row.problems]
        stopped = sum(action == "stopped" for action in self._night.actions[night.WET].values())
        runs = sum(case.runs for case in CASES)
        return Result(
            f"{bring_home.table(rows)}\n\n{self._night.table()}",
            problems + self._night.problems,
            f"{sum(row.shares for row in rows)} shares for {len(CASES)} cases in {runs} runs, one answer lost; "
            f"{len(self._night.rows)} of the day before exported, twice alike; {stopped} left open and stopped.",
        )

    @property
    def _shares(self) -> list[dict[str, Any]]:
        return list(self._stage.control.state()["screenleap"]["shares"])

    def _support(self, case: Case, run_id: str) -> None:
        self._trigger(bring_home.DAG_ID, run_id, support_conf(case, self._begun))

    def _trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> None:
        self._runs.setdefault(dag_id, []).append(run_id)
        self._stage.stack.trigger(dag_id, run_id, conf)

    def _line(self) -> str:
        counts = Counter(
            task["task_id"]
            for run_id in self._runs[bring_home.DAG_ID]
            for task in self._stage.stack.tasks(bring_home.DAG_ID, run_id)
            if task["state"] == "success"
        )
        live = sum(bool(one["started_at"] and not one["ended_at"]) for one in self._shares)
        done = {
            "launched": "launch",
            "handed over": "hand_over",
            "ended": "wait_for_end",
            "usage": "retrieve_usage",
        }
        return f"{live} live; " + ", ".join(f"{counts[task]} {word}" for word, task in done.items())


def support_conf(case: Case, start: datetime) -> dict[str, Any]:
    """Return a case's form: the DAG as shipped, with a time limit, a no-show and a settling time of seconds.

    Args:
        case: The case.
        start: For a case that several runs are about: what makes them mean the same share.
    """
    return {
        "title": case.title,
        "ticket": case.ticket,
        "start": start.isoformat() if case.fate == STOPPED else "now",
        "minutes": case.minutes,
        "participants": [
            {"id": CUSTOMER, "name": "Cora Customer", "leader": True},
            {"id": HELPER, "name": "Hal Helper"},
        ],
        "no_show_minutes": case.no_show / 60,
        "settle_seconds": SETTLE,
        "poll_interval": 3,
        "timezone": "UTC",
    }


def night_conf(day: Yesterday, *, dry_run: bool) -> dict[str, Any]:
    """Return a night's form."""
    return {"timezone": day.zone, "dry_run": dry_run}
