"""Whether every class was held once and to its end, by the sandbox's own records: the crash matrix's judge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crash.judge import judge_doubles, judge_standing
from distributed.classes import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from crash.judge import Verdict
    from crash.venues.venue import Held, Venue
    from distributed.classes import Lesson
    from distributed.people import Crowd
    from distributed.progress import Progress


def judge(
    verdict: Verdict,
    lessons: Iterable[Lesson],
    *,
    state: Mapping[str, Any],
    venues: Mapping[str, Venue],
    crowd: Crowd,
    progress: Progress,
    told: Callable[[Lesson, str], Any],
) -> None:
    """Judge all classes once everything is over.

    Args:
        verdict: Where it is counted what must not be.
        lessons: What had to be held.
        state: The sandbox's records.
        venues: How to read them.
        crowd: When people came and went.
        progress: The tasks' ends.
        told: Returns what a class's ``launch`` or ``wait`` gave.
    """
    held = {name: [stood(one) for one in venue.held(state[name])] for name, venue in venues.items()}
    for one in lessons:
        judge_tasks(verdict, one, progress, crowd.left.get(one.title))
        if progress.launch(one).state != "success":
            continue
        record, venue = told(one, "launch"), venues[one.platform]
        sessions: Sequence[Held] = held[one.platform]
        judge_doubles(verdict, venue, sessions, {one.title: record}, people=PEOPLE, late=False)
        judge_standing(verdict, venue, sessions, {one.title: record}, people=PEOPLE, inside=False)
        came = crowd.came.get(one.title)
        if came is not None and venue.recorded(came) != venue.recorded(record):
            verdict.count("lost", f"the result of {one.title} is another session than the one people were in")
        outcome = told(one, "wait") or {}
        if progress.wait(one).state == "success" and outcome.get("conclusion") != "reached":
            verdict.count("lost", f"{one.title} was told as {outcome.get('conclusion')}: {outcome.get('why')}")


def judge_tasks(verdict: Verdict, lesson: Lesson, progress: Progress, left: float | None) -> None:
    """Count a class whose tasks did not succeed, and one whose end was told while people were in it.

    Args:
        verdict: Where it is counted.
        lesson: The class.
        progress: The tasks' ends.
        left: When people went, in seconds; None where they did not.
    """
    launch, wait = progress.launch(lesson), progress.wait(lesson)
    if launch.state != "success":
        verdict.count("lost", f"the launch of {lesson.title} ended as {launch.state or 'nothing'}")
    elif wait.state != "success":
        verdict.count("lost", f"the wait for {lesson.title} ended as {wait.state or 'nothing'}")
    elif left is None or wait.ended is None or wait.ended < left:
        verdict.count("wrongly_ended", f"the end of {lesson.title} was told before people had left")


def stood(session: Held) -> Held:
    """Return a session as it was while people could come: over is only what ended before anybody was in it."""
    return replace(session, gone=session.gone and not session.started)
