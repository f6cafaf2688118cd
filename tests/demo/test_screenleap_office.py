"""The demo's account of the day before, whatever the hour it is played at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from demo.screenleap.office import CASES, HELPED, People, yesterday

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone


@given(MOMENTS)
def test_the_day_before_is_over_for_longer_than_an_export_waits(now: datetime) -> None:
    day = yesterday(now)
    assert timedelta(minutes=59) <= now - day.until <= timedelta(hours=24)
    zone = ZoneInfo(day.zone)
    local = (day.since.astimezone(zone), day.until.astimezone(zone))
    assert [(one.hour, one.minute) for one in local] == [(0, 0), (0, 0)]
    assert local[1].date() - local[0].date() == timedelta(days=1)


@given(MOMENTS)
def test_what_is_to_be_exported_was_watched_and_ended_on_the_day(now: datetime) -> None:
    day = yesterday(now)
    wanted = {one.title for one in day.shares if one.ended and one.viewers and day.since <= one.ended < day.until}
    assert wanted == day.exported
    assert all(one.started < now and (one.ended is None or one.ended <= now) for one in day.shares)


@given(MOMENTS)
def test_what_is_overdue_runs_for_longer_than_eight_hours(now: datetime) -> None:
    day = yesterday(now)
    running = {one.external_id for one in day.shares if one.ended is None}
    overdue = {one.external_id for one in day.shares if not one.ended and now - one.started > timedelta(hours=8)}
    assert overdue == set(day.overdue) < running


def test_people_begin_with_the_code_they_were_given_and_nobody_twice() -> None:
    done: list[tuple[str, str]] = []
    off: list[str] = []
    people = People(lambda verb, share, **_: done.append((verb, share)), off.append)
    for number, case in enumerate(CASES):
        for presenter in (True, False):
            data = {"launch_data": {"screenShareCode": str(number)}} if presenter else {"url": "x"}
            people.arrived({"title": case.title, "presenter": presenter, **data})
    begun = {share for verb, share in done if verb == "present"}
    assert begun == {str(number) for number, case in enumerate(CASES) if case.held}
    assert off == [str(number) for number, case in enumerate(CASES) if case.fate == "called off"]
    people.act()
    assert all(verb in ("present", "view") for verb, _ in done)  # nothing more is due at once
    assert all(people.has_begun(case) for case in CASES if case.fate == HELPED)
