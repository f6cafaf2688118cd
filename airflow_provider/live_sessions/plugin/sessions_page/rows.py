"""From a launch and its session's state to a row of the page. Pure."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.status import Seen, State
from airflow_provider.live_sessions.core.times import format_optional_time, format_time, parse_time, told

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from airflow_provider.live_sessions.core.pages import LaunchPlace
    from airflow_provider.live_sessions.core.record import SessionRecord
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.plugin.sessions_page.launches import Launch

SIGNED_UNTIL = "links_end"
"""The detail of a session until when its links work whatever becomes of it: the end is signed into them."""

SETTLE = 600.0
"""Seconds for which an early end must stand; the waits' own default."""

AFTER_WINDOW = timedelta(minutes=15)
"""So long after its window a session that nobody knows the end of is still asked about."""

HAND_OVER = "hand_over"
"""What every lane and example calls the task that hands its links over."""

FAILED = frozenset({"failed", "upstream_failed"})
TRIED_IN_VAIN = frozenset({"failed", "up_for_retry"})
AT_WORK = frozenset({"queued", "running", "deferred", "up_for_retry", "up_for_reschedule", "restarting"})
CLOSING = frozenset({"closing time", "clean up", "report"})
"""What lanes and examples call, in words, the tasks that bring nothing home."""

FINISHED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


class Stage(StrEnum):
    """Where a session stands for who runs it: its own state, and the tasks' behind its launch."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    EMPTY = "empty"
    """Everybody left; it is over unless somebody comes back."""
    WAITING = "waiting"
    FAILED = "failed"
    DONE = "done"
    CANCELLED = "cancelled"
    NOT_HELD = "not_held"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a row says.

    Args:
        stage: Where the session stands.
        why: One sentence.
    """

    stage: Stage
    why: str


def is_asked_about(launch: Launch, now: datetime) -> bool:
    """Return whether only the platform can say how the session stands.

    A session may outlast its window: as long as a task behind it is at work, that may be who waits for its end.
    """
    record = launch.record
    if record is None or record.state.over or _final(launch) is not None:
        return False
    at_work = not launch.run_over and any(one.state in AT_WORK for one in launch.behind)
    return at_work or now <= _window_end(launch) + AFTER_WINDOW


def seen_of(launch: Launch) -> Seen:
    """Return what the page remembers of a session at first: what its record says."""
    record = launch.record
    if record is None:
        raise AssertionError("only what was launched is asked about")
    return Seen(
        planned_start=record.start,
        planned_end=record.end,
        deadline=_window_end(launch),
        settle=SETTLE,
    )


def standing(launch: Launch, live: SessionStatus | None, *, now: datetime) -> Standing:
    """Say where a session stands.

    A failure of a task outranks everything: it is what somebody has to do something about. What who waited saw
    outranks what the platform says later, because some forget.

    Args:
        launch: The launch and what is behind it.
        live: What the platform said last; None where it was not asked.
        now: The time.
    """
    stands = _standing(launch, live, now)
    joinable = stands.stage in (Stage.SCHEDULED, Stage.LIVE, Stage.EMPTY)
    if joinable and not launch.run_over and _hand_over_is(launch, "up_for_retry"):
        return replace(stands, why=f"Its links are not all handed over yet: {HAND_OVER} tries again. {stands.why}")
    return stands


def _standing(launch: Launch, live: SessionStatus | None, now: datetime) -> Standing:
    if launch.unreadable:
        return Standing(Stage.FAILED, launch.unreadable)
    record = launch.record
    if record is None:
        return _launching(launch)
    status = _final(launch) or live
    state = record.state if status is None else status.state
    failed = sorted({one.task_id for one in launch.behind if one.state == "failed"})
    if failed:
        told = f" The session: {status.why}" if status is not None and status.why else ""
        return Standing(Stage.FAILED, f"{_failures(launch, failed)}{told}")
    why = _sentence("" if status is None else status.why)
    if state is State.CANCELLED:
        return Standing(Stage.CANCELLED, why or "It was cancelled.")
    if state is State.NEVER_HELD:
        return Standing(Stage.NOT_HELD, why or "Nobody came.")
    if state is State.ENDED:
        waiting = _unfinished(launch)
        if waiting:
            return Standing(_stage_of(waiting), f"It is over; still to do: {', '.join(waiting)}.")
        return Standing(Stage.DONE, why or "It is over.")
    if status is not None and status.empty:
        return Standing(Stage.EMPTY, why or "Everybody left; somebody may come back.")
    if state is State.LIVE:
        return Standing(Stage.LIVE, why or "People are in.")
    if now > _window_end(launch) + AFTER_WINDOW:
        waiting = _unfinished(launch)
        if waiting:
            return Standing(_stage_of(waiting), f"Its time is over; still to do: {', '.join(waiting)}.")
        return Standing(
            Stage.DONE, "Its time is over, and no task waited for its end: what became of it is not known."
        )
    unseen = "how it stands was not asked yet" if status is None else "nobody has come yet"
    return Standing(Stage.SCHEDULED, why or f"It is launched; {unseen}.")


def read_label(label: str) -> tuple[str, datetime | None]:
    """Return the title and the planned start that the label of a lane's task is made of.

    Args:
        label: As ``flows.lane`` writes it, or any other: that one is all title.
    """
    title, _, start = label.rpartition(", ")
    if title:
        with suppress(ConfigurationError):
            return title, parse_time(start)
    return label, None


def is_cancelled(launch: Launch, live: SessionStatus | None) -> bool:
    """Return whether a session was cancelled, whatever became of the tasks behind its launch."""
    if launch.record is None:
        return False
    status = _final(launch) or live
    return (launch.record.state if status is None else status.state) is State.CANCELLED


def row_of(
    launch: Launch,
    live: SessionStatus | None,
    *,
    label: str,
    doors: Collection[Door],
    below: str,
    now: datetime,
    reason: str = "",
) -> dict[str, Any]:
    """Return a row as JSON.

    Args:
        launch: The launch.
        live: What the platform said last.
        label: The platform's name as people write it.
        doors: What whoever asks may open.
        below: What Airflow is served below.
        now: The time.
        reason: Why it was cancelled, where somebody said so.
    """
    stands = standing(launch, live, now=now)
    record, place = launch.record, launch.place
    labelled, starts = read_label(launch.label)
    status = _final(launch) or live
    # Who was in alone is told by the sentence: no class was held by that.
    met = None if stands.stage in (Stage.SCHEDULED, Stage.NOT_HELD) else status
    fitting = {door for door in doors if record is not None and _fits(door, stands.stage)}
    opening = ""
    if Door.ROOM in fitting and (opens := _opens_at(record)) is not None and now < opens:
        fitting.remove(Door.ROOM)  # a link made now would let nobody in yet
        opening = "" if told(opens) in stands.why else f"The room opens at {told(opens)}."
    return {
        "stage": stands.stage.value,
        "why": " ".join(filter(None, (stands.why, opening, _left_open(launch, stands, now), _sentence(reason)))),
        "title": (record.title if record else "") or labelled or f"Session of {place.dag_id}",
        "platform": label,
        "conn_id": record.ref.conn_id if record else "",
        "start": format_optional_time(record.start if record else starts),
        "end": format_time(record.end) if record else None,
        "started_at": format_optional_time(met.started_at) if met else None,
        "ended_at": format_optional_time(met.ended_at) if met else None,
        "people": status.people if status else None,
        "expected": len(record.participants) if record else None,
        "dag_id": place.dag_id,
        "run_id": place.run_id,
        "task_id": place.task_id,
        "map_index": place.map_index,
        "run": below + run_address(place.dag_id, place.run_id),
        "log": below + task_address(place) if record is None and launch.state in TRIED_IN_VAIN else None,
        "doors": {door.value: below + place.opening(door) for door in sorted(fitting)},
    }


def run_address(dag_id: str, run_id: str) -> str:
    """Return the address of a run in Airflow's UI."""
    return f"/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def task_address(place: LaunchPlace) -> str:
    """Return the address of a launch's task in Airflow's UI, which shows its log."""
    mapped = f"/mapped/{place.map_index}" if place.map_index >= 0 else ""
    return f"{run_address(place.dag_id, place.run_id)}/tasks/{quote(place.task_id, safe='')}{mapped}"


def _fits(door: Door, stage: Stage) -> bool:
    fitting = (Stage.WAITING, Stage.DONE) if door is Door.RECORDING else (Stage.SCHEDULED, Stage.LIVE, Stage.EMPTY)
    return stage in (*fitting, Stage.FAILED)  # a task that failed does not say how the session stands


def _opens_at(record: SessionRecord | None) -> datetime | None:
    """Return from when links of a session work; None where that is not bounded, or not told."""
    links = (record.links if record is not None else None) or ()
    return min((link.not_before for link in links if link.not_before is not None), default=None)


def _left_open(launch: Launch, stands: Standing, now: datetime) -> str:
    """Say until when a session that was cancelled is open all the same, to who has a link already."""
    record = launch.record
    if stands.stage is not Stage.CANCELLED or record is None or not record.handed_over(now):
        return ""
    until = record.ref.detail(SIGNED_UNTIL)
    if not until or parse_time(until) <= now:
        return ""
    states = {one.state for one in launch.behind if _hands_over(one.task_id)}
    if states == {"skipped"}:  # its moment came after the cancel
        return ""
    return f"A link that was handed over still opens the room until {told(parse_time(until))}."


def _launching(launch: Launch) -> Standing:
    if launch.state in FAILED:
        return Standing(Stage.FAILED, "The launch failed; its task's log says why.")
    if launch.state == "success":
        return Standing(Stage.FAILED, "The launch is done, but its record is gone.")
    if launch.state == "up_for_retry":
        return Standing(Stage.SCHEDULED, "The launch failed and will be tried again.")
    if launch.state == "deferred":
        return Standing(Stage.SCHEDULED, "The launch waits for its time.")
    return Standing(Stage.SCHEDULED, "It is being launched.")


def _failures(launch: Launch, failed: list[str]) -> str:
    others = [one for one in failed if not _hands_over(one)]
    links = f"Its links were not all handed over: {HAND_OVER} failed." if _hand_over_is(launch, "failed") else ""
    return f"{links} Failed: {', '.join(others)}.".lstrip() if others else links


def _hand_over_is(launch: Launch, state: str) -> bool:
    return any(one.state == state and _hands_over(one.task_id) for one in launch.behind)


def _hands_over(task_id: str) -> bool:
    return task_id.rpartition(".")[2] == HAND_OVER


def _final(launch: Launch) -> SessionStatus | None:
    """Return what a task that waited saw at the end, where one did."""
    return next((one for one in launch.outcomes if one.state.over), None)


def _unfinished(launch: Launch) -> list[str]:
    """Return what is still to do, in words; what failed is called by its id, for somebody has to find it."""
    if launch.run_over:
        return []
    left = {one.task_id for one in launch.behind if one.state not in FINISHED}
    return sorted({one.rpartition(".")[2].replace("_", " ") for one in left})


def _stage_of(waiting: list[str]) -> Stage:
    return Stage.DONE if CLOSING.issuperset(waiting) else Stage.WAITING


def _window_end(launch: Launch) -> datetime:
    record = launch.record
    if record is None:
        return launch.run_after
    return record.window_end


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
