"""The workshops' day: what is planned can happen, and what the portal recorded is read for what it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from demo.educates.bring_home import Records
from demo.educates.day import DURATION, RECONCILE
from demo.educates.school import BASICS, SHORTEST_MINUTES, Course, Fate, others, refused

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
DAY = (refused(NOW), *others(NOW + timedelta(seconds=10)))
FIRST = DAY[1]


def session(gone: float, *, opened: float | None = None, state: str = "STOPPED") -> dict[str, Any]:
    """Return a session as the portal's records show it, in seconds from the class's start."""
    began = FIRST.start + timedelta(seconds=-30 if opened is None else opened)
    return {
        "name": "w01-s001",
        "state": state,
        "activated": opened is not None,
        "started": began.isoformat(),
        "expires": (FIRST.start + timedelta(seconds=gone)).isoformat(),
    }


@pytest.mark.parametrize(
    ("found", "terminated", "became"),
    [
        (session(5.0 + DURATION, opened=5), False, Fate.STAYED),
        (session(5.0 + DURATION + RECONCILE, opened=5), False, Fate.STAYED),
        (session(12, opened=5), False, Fate.EARLY),
        (session(12, opened=5), True, Fate.CLOSED),
        (session(60 * SHORTEST_MINUTES), False, Fate.NEVER),
        (session(20), False, Fate.CANCELLED),
        (session(20), True, Fate.UNOPENED),
        (session(20, opened=5, state="RUNNING"), False, "still RUNNING"),
    ],
)
def test_what_became_of_a_session_is_read_from_the_portal_s_records(
    found: dict[str, Any], terminated: bool, became: str
) -> None:
    records = Records([found], {"w01-s001"} if terminated else set(), DURATION)
    assert records.became(found, FIRST) == became


@pytest.mark.parametrize("course", DAY, ids=lambda course: course.run_id)
def test_what_is_planned_for_a_class_can_happen_before_its_closing_time(course: Course) -> None:
    assert course.provision <= course.start < course.closing
    for one in course.learners:
        assert (one.opens is None) == (one.fate in (Fate.NEVER, Fate.UNOPENED, Fate.CANCELLED))
        assert (one.leaves is None) == (one.fate is not Fate.EARLY)
        if one.opens is not None:
            assert course.provision + timedelta(seconds=one.opens) < course.lapse
        if one.fate is Fate.NEVER:
            assert course.lapse + timedelta(seconds=RECONCILE) < course.closing
        if one.fate is Fate.UNOPENED:
            assert course.closing < course.lapse
        if one.fate is Fate.STAYED:
            assert course.workshop == BASICS


def test_the_day_has_every_fate_and_somebody_in_two_classes_that_overlap() -> None:
    everybody = [one for course in DAY for one in course.learners]
    assert {one.fate for one in everybody} == set(Fate)
    assert len({one.id for one in everybody}) < len(everybody)
    by_start = sorted(DAY, key=lambda course: course.start)
    assert all(later.start < earlier.closing for earlier, later in pairwise(by_start))
