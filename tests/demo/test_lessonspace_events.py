"""The demo's events: its people are understood by the sandbox, and a consumer told wrongly does not pass."""

from __future__ import annotations

import pytest

from airflow_provider.live_sessions.sandbox.scripts import Script
from demo.lessonspace.events import (
    APART,
    COME,
    EACH,
    GO,
    IN_MINUTES,
    MINUTES,
    PLAIN,
    WATCHED,
    Told,
    compare,
    script,
)

CLASSES = {"a", "b"}


def all_right() -> dict[str, Told]:
    return {PLAIN: Told(1, ["a", "b"]), EACH: Told(2, ["b", "a"]), WATCHED: Told(2, ["a", "b", "b"], ["a", "b"])}


def test_people_stay_beyond_the_planned_end_so_that_the_class_ends_with_them() -> None:
    moves = Script.from_json(1, script("Assembly")).events
    assert {one.after for one in moves} == {COME, GO}
    assert {one.after for one in Script.from_json(1, script("Orchestra", GO + APART)).events} == {COME, GO + APART}
    assert 60 * (IN_MINUTES + MINUTES) <= GO, "launched as soon as its run begins, it is over when they go"


def test_what_was_told_as_planned_passes() -> None:
    assert compare(CLASSES, all_right()) == []


@pytest.mark.parametrize(
    ("dag_id", "told"),
    [
        (PLAIN, Told(1, ["a"])),
        (PLAIN, Told(1, ["a", "b", "c"])),
        (WATCHED, Told()),
        (WATCHED, Told(2, ["a"], ["a", "b"])),
        (EACH, Told(1, ["a", "b"])),
        (EACH, Told(3, ["a", "b", "b"])),
    ],
)
def test_a_consumer_that_was_told_wrongly_is_named(dag_id: str, told: Told) -> None:
    problems = compare(CLASSES, {**all_right(), dag_id: told})
    assert problems
    assert all(dag_id in one for one in problems)


def test_an_event_of_the_watched_connection_that_is_missing_is_named() -> None:
    assert any("watched" in one for one in compare(CLASSES, {**all_right(), WATCHED: Told(2, ["a", "b"], ["a"])}))
