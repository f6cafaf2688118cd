"""Two classes whose ends are told three ways: ``on_session_end`` and the DAGs that wake on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from demo import clear_text
from demo.lessonspace.day import DayOfClasses
from demo.scenario import Result, Stage
from demo.table import columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.sandbox.client import SandboxControl

PRODUCER = "on_session_end"
PLAIN, EACH, WATCHED = f"{PRODUCER}_plain", f"{PRODUCER}_each", f"{PRODUCER}_watched"
TITLES = ("Assembly", "Orchestra")
IN_MINUTES, MINUTES = 1.0, 0.5
"""From a run to its class, and how long that is planned to last; a launch takes some seconds of the first."""

COME, GO = 50.0, 110.0
"""Seconds after the launch when people come and go: after the planned end, so that the class is over with them."""

APART = 40.0
"""Seconds that each class goes on longer than the one before: more than the watched connection's poll interval,
so two ends are told by two polls (what Airflow makes of two events at once is in docs/events.md)."""


@dataclass
class Told:
    """What a consumer was told.

    Args:
        runs: How often it ran.
        sessions: The sessions that its runs named, as often as they did.
        events: The sessions that the asset's events named; only of the watched one.
        going_on: How many of its runs are not over yet.
    """

    runs: int = 0
    sessions: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    going_on: int = 0


class EventsOfClasses:
    """Lessonspace's events in the demo."""

    name = "events"
    dags = (PRODUCER, PLAIN, EACH, WATCHED)
    sandbox_options = DayOfClasses.sandbox_options

    def settings(self, url: str) -> Mapping[str, str]:
        """Return the connection, the same as the day of classes has."""
        return DayOfClasses().settings(url)

    def play(self, stage: Stage) -> Result:
        """Hold two classes and wait until every consumer has been told of both."""
        for number, title in enumerate(TITLES):
            stage.control.add_script(script(title, GO + number * APART))
        for dag_id in self.dags:
            stage.stack.unpause(dag_id)
        stage.follow(lambda: "The triggerer begins to watch the connection.", lambda: watching(stage))
        for title in TITLES:
            stage.stack.trigger(PRODUCER, title, {"title": title, "in_minutes": IN_MINUTES, "minutes": MINUTES})
        stage.say(f"{len(TITLES)} classes, {IN_MINUTES:g} minute from now. Three DAGs wait for their ends.")
        told: dict[str, Told] = {}

        def progress() -> str:
            told.update({dag_id: told_to(stage, dag_id) for dag_id in (PLAIN, EACH, WATCHED)})
            ended = stage.ended(PRODUCER, *TITLES)
            return f"classes {'over' if ended else 'to come'}; " + ", ".join(
                f"{dag_id}: {len(set(one.sessions))} told" for dag_id, one in told.items()
            )

        stage.follow(progress, lambda: stage.ended(PRODUCER, *TITLES) and all_told(told))
        told[WATCHED].events = watched_events(stage)
        classes = {title: launched(stage, title) for title in TITLES}
        states = {title: stage.stack.run_state(PRODUCER, title) for title in TITLES}
        problems = [
            f"run {title} of {PRODUCER} is {state}" for title, state in states.items() if state != "success"
        ]
        return Result(
            table(told),
            problems + compare(set(classes.values()), told),
            f"{len(TITLES)} ends, told to three DAGs by {sum(one.runs for one in told.values())} runs.",
        )

    def secrets(self, control: SandboxControl) -> Sequence[str]:
        """Return the links and the spaces' secrets."""
        return clear_text.secrets_of(control.do("lessonspace", "secrets"))


def script(title: str, go: float = GO) -> dict[str, Any]:
    """Return what people do in a class, for the sandbox; they go so many seconds after its launch."""
    moves = [("join", COME), ("leave", go)]
    events = [{"user": user, "do": do, "after": after} for do, after in moves for user in ("leader", "others")]
    return {"match": {"name": title}, "anchor": "launch", "events": events}


def watching(stage: Stage) -> bool:
    """Return whether the triggerer has written down from when on it watches."""
    return any(
        stage.stack.call("GET", f"/api/v2/assets/{one}/state-store")["total_entries"] for one in watched(stage)
    )


def watched(stage: Stage) -> list[int]:
    """Return the ids of the connection's asset in Airflow."""
    found = stage.stack.call("GET", "/api/v2/assets?uri_pattern=session-ended-watched")["assets"]
    return [int(one["id"]) for one in found]


def watched_events(stage: Stage) -> list[str]:
    """Return the sessions that the connection's asset has events of.

    Airflow 3.3.2 answers 500 while a run that was made of one has not begun, so ask when all are over.
    """
    return [
        str(event["extra"]["payload"]["session"])
        for asset in watched(stage)
        for event in stage.stack.call("GET", f"/api/v2/assets/events?asset_id={asset}&limit=100")["asset_events"]
    ]


def launched(stage: Stage, title: str) -> str:
    """Return the key that a class was launched under: how its events name it."""
    record = stage.stack.xcom(PRODUCER, title, "launch", -1) or {"ref": {"key": f"{title}: not launched"}}
    return str(record["ref"]["key"])


def told_to(stage: Stage, dag_id: str) -> Told:
    """Return what a consumer's runs have reported so far."""
    runs = stage.stack.call("GET", f"/api/v2/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
    told = Told(len(runs), going_on=sum(one["state"] not in ("success", "failed") for one in runs))
    for run in (one for one in runs if one["state"] == "success"):
        if run["partition_key"]:
            told.sessions.append(run["partition_key"])
            continue
        said = stage.stack.xcom(dag_id, run["dag_run_id"], "report", -1) or []
        told.sessions += [str(one["session"]) if isinstance(one, dict) else str(one) for one in said]
    return told


def all_told(told: Mapping[str, Told]) -> bool:
    """Return whether every consumer has been told of as many sessions as there were classes, and rests."""
    return all(len(set(one.sessions)) >= len(TITLES) and not one.going_on for one in told.values())


def compare(classes: set[str], told: Mapping[str, Told]) -> list[str]:
    """Return what is not as it should be: each consumer knows each class, and one of them by a run of its own."""
    problems = [
        f"{dag_id} was told of {sorted(one.sessions)}, should be {sorted(classes)}"
        for dag_id, one in told.items()
        if set(one.sessions) != classes
    ]
    if set(told[WATCHED].events) != classes:
        events = sorted(told[WATCHED].events)
        problems.append(f"the asset of {WATCHED} has events of {events}, should be {sorted(classes)}")
    each = told[EACH]
    if (each.runs, len(each.sessions)) != (len(classes), len(classes)):
        problems.append(f"{EACH} ran {each.runs} times for {len(each.sessions)} sessions, should be once a class")
    return problems


def table(told: Mapping[str, Told]) -> str:
    """Return the table for people."""
    how = {PLAIN: "the sensor's plain asset", EACH: "the asset by session", WATCHED: "the watched connection"}
    lines = [("dag", "woken by", "runs", "sessions")]
    lines += [(name, how[name], str(one.runs), str(len(set(one.sessions)))) for name, one in told.items()]
    return columns(lines)
