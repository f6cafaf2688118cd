"""The judge of ``make distributed``, with tasks and sessions made up: it has to see what it is there for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crash.judge import Verdict
from crash.venues import VENUES
from crash.venues.coviu import Coviu
from crash.venues.venue import Held
from distributed.__main__ import report
from distributed.classes import LASTS, LAUNCH, WAIT, Lesson, batch
from distributed.judging import judge, stood
from distributed.mishaps import Mishap, Mishaps
from distributed.progress import MISSING, Progress, Task

if TYPE_CHECKING:
    from collections.abc import Mapping

START = datetime(2026, 9, 1, 8, tzinfo=UTC)
LESSON = Lesson("coviu", "coviu-1-0", "batch-1", 0, START)
RECORD = {"ref": {"session_id": "s-1"}}
LEFT = 1000.0
LAUNCHED, TOLD = Task("success", 1, 0.0, 5.0), Task("success", 1, 6.0, LEFT + 10)


class Practice(Coviu):
    def held(self, state: Any) -> list[Held]:
        return list(state)


def held(identity: str, *, gone: bool = True, started: bool = True, lane: str = LESSON.title) -> Held:
    return Held(lane, identity, gone, 0, started)


def judged(
    *sessions: Held,
    launch: Task = LAUNCHED,
    wait: Task = TOLD,
    left: Mapping[str, float] | None = None,
    conclusion: str = "reached",
    came: Any = RECORD,
) -> Verdict:
    verdict = Verdict()
    key = (LESSON.dag_id, LESSON.run_id)
    crowd: Any = SimpleNamespace(came={LESSON.title: came}, left={LESSON.title: LEFT} if left is None else left)
    judge(
        verdict,
        [LESSON],
        state={"coviu": sessions},
        venues={"coviu": Practice()},
        crowd=crowd,
        progress=Progress({(*key, LAUNCH, 0): launch, (*key, WAIT, 0): wait}),
        told=lambda _, task: RECORD if task == "launch" else {"conclusion": conclusion, "why": ""},
    )
    return verdict


def test_a_class_that_was_held_once_and_to_its_end_is_as_promised() -> None:
    verdict = judged(held("s-1"))
    assert verdict.kept, verdict.said


def test_a_second_session_counts_unless_it_was_given_up_before_anybody_came() -> None:
    assert judged(held("s-1"), held("s-2", started=False)).kept
    assert judged(held("s-1"), held("s-2")).duplicates == 1
    assert judged(held("s-1"), held("s-2", gone=False, started=False)).duplicates == 1
    assert judged(held("s-1"), held("s-2", lane="another class")).kept


@pytest.mark.parametrize("state", ["failed", "skipped", "upstream_failed", ""])
def test_a_task_that_does_not_succeed_loses_its_class(state: str) -> None:
    assert judged(held("s-1"), launch=replace(LAUNCHED, state=state), wait=MISSING).lost == 1
    assert judged(held("s-1"), wait=replace(TOLD, state=state)).lost == 1


def test_a_launch_without_its_session_is_lost() -> None:
    assert judged().lost == 1
    assert judged(held("s-2")).lost == 1


def test_a_result_that_is_another_session_than_people_were_in_is_lost() -> None:
    assert judged(held("s-1"), came={"ref": {"session_id": "s-0"}}).lost == 1


def test_another_conclusion_than_the_end_is_lost() -> None:
    assert judged(held("s-1"), conclusion="never_held").lost == 1


def test_an_end_that_is_told_while_people_are_inside_is_wrong() -> None:
    assert judged(held("s-1"), wait=replace(TOLD, ended=LEFT - 1)).wrongly_ended == 1
    assert judged(held("s-1"), left={}).wrongly_ended == 1


def test_a_session_that_ended_before_anybody_came_is_wrong() -> None:
    assert judged(held("s-1", started=False)).wrongly_ended == 1


@given(st.builds(Held, st.text(), st.text(), st.booleans(), st.integers(0, 9), st.booleans()))
def test_only_what_nobody_was_in_is_gone(one: Held) -> None:
    assert stood(one).gone == (one.gone and not one.started)


# ---- the rest of a run


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0.5, 10))
def test_classes_of_a_batch_have_titles_of_their_own_and_begin_one_after_the_other(
    number: int, size: int, apart: float
) -> None:
    lessons = batch(number, tuple(VENUES), size, START, apart)
    assert len({one.title for one in lessons}) == len(lessons) == size * len(VENUES)
    assert len({(one.dag_id, one.map_index) for one in lessons}) == len(lessons)
    assert min(one.start for one in lessons) == START
    last = timedelta(seconds=len(lessons) * apart + 1)
    assert all(START <= one.start < one.end == one.start + LASTS and one.start - START < last for one in lessons)
    assert all(one.for_dag()["session"]["title"] == one.title for one in lessons)


def test_mishaps_come_one_after_the_other_and_each_once() -> None:
    happened: list[str] = []

    def one(name: str) -> Mishap:
        def told(what: str) -> str:
            happened.append(f"{name} {what}")
            return what

        return Mishap(name, lambda seen: seen.launched > 0, lambda: told("struck"), 0.0, lambda: told("mended"))

    all_of_them = Mishaps((one("a"), one("b")), lambda _: None)
    for _ in range(3):
        all_of_them.act(Progress({}))
    assert happened == []
    assert all_of_them.pending == ["a", "b"]
    for _ in range(9):
        all_of_them.act(Progress({("dag", "run", LAUNCH, 0): LAUNCHED}))
    assert happened == ["a struck", "a mended", "b struck", "b mended"]
    assert all_of_them.pending == []


@pytest.mark.parametrize("broken", ["", "duplicates", "lost", "wrongly_ended", "unclear"])
def test_the_last_line_has_the_figures_and_the_exit_status_is_theirs(
    broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = Verdict()
    if broken:
        verdict.count(broken, "for a reason")
    names = ("classes", "duplicates", "lost", "wrongly_ended", "unclear", "allowed")
    figures = dict.fromkeys((*names, "tries_repeated", "waits_taken_over", "seconds"), 7)
    assert report(verdict, figures) == (1 if broken else 0)
    told = capsys.readouterr().out.splitlines()
    assert told[-1].startswith("7 classes, 7 duplicates, 7 lost, 7 wrongly ended, 7 unclear;")
    assert any("for a reason" in line for line in told) == bool(broken)
