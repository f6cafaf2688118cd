from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import (
    aware,
    format_optional_time,
    format_time,
    parse_optional_time,
    parse_time,
)
from tests.core.strategies import BEYOND_THE_CALENDAR, json_values, moments, read_or_refused, times


@given(times())
def test_a_time_comes_back_as_the_same_moment_in_utc(moment: datetime) -> None:
    again = parse_time(format_time(moment))
    assert again == moment.astimezone(UTC)
    assert again.tzinfo is UTC


@given(times())
def test_what_is_written_always_carries_the_offset_of_utc(moment: datetime) -> None:
    assert format_time(moment).endswith("+00:00")


@given(st.none() | moments())
def test_a_time_that_may_be_missing_stays_missing_or_the_same(moment: datetime | None) -> None:
    assert parse_optional_time(format_optional_time(moment)) == moment


@given(st.datetimes())
def test_a_naive_time_is_a_guess_and_refused(moment: datetime) -> None:
    for refusing in (aware, format_time, format_optional_time):
        with pytest.raises(ConfigurationError, match="no time zone"):
            refusing(moment)
    with pytest.raises(ConfigurationError, match=r"no time zone.*explicit offset"):
        parse_time(moment.isoformat())


@given(st.text(max_size=20) | json_values())
@example("2026-09-01")
@example("2026-09-01T09:00:00")
@example("")
@example(None)
@example(7)
@example(BEYOND_THE_CALENDAR[0])
@example(BEYOND_THE_CALENDAR[1])
def test_what_is_no_time_is_a_configuration_error_and_nothing_else(value: Any) -> None:
    moment = read_or_refused(parse_time, value)
    assert moment is None or moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", BEYOND_THE_CALENDAR)
def test_a_moment_outside_the_calendar_is_refused_in_words(text: str) -> None:
    with pytest.raises(ConfigurationError, match="outside the calendar"):
        parse_time(text)


@pytest.mark.parametrize("text", ["2026-09-01T09:00:00Z", "2026-09-01T11:00:00+02:00", "20260901T090000+0000"])
def test_any_offset_is_understood(text: str) -> None:
    assert parse_time(text) == datetime(2026, 9, 1, 9, tzinfo=UTC)


def test_the_second_half_past_two_of_a_long_night_is_an_hour_later() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    assert aware(first.replace(fold=1)) - aware(first) == timedelta(hours=1)
