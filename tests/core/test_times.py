from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import (
    EARLIEST,
    LATEST,
    aware,
    format_optional_time,
    format_time,
    in_zone,
    later,
    moment,
    parse_optional_time,
    parse_time,
    seconds_of,
    told,
    within_reason,
)
from tests.core.strategies import BEYOND_THE_CALENDAR, json_values, moments, read_or_refused, times


@given(times())
def test_a_time_comes_back_as_the_same_moment_in_utc(instant: datetime) -> None:
    again = parse_time(format_time(instant))
    assert again == instant.astimezone(UTC)
    assert again.tzinfo is UTC


@given(times())
def test_a_time_is_told_to_the_second_and_reads_back_as_that_second(instant: datetime) -> None:
    assert parse_time(told(instant)) == instant.astimezone(UTC).replace(microsecond=0)


@given(times(), st.text(alphabet="ab .:T-+0"))
def test_a_sentence_s_times_are_in_words_of_a_zone_and_all_else_stays(instant: datetime, rest: str) -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    if instant > LATEST - timedelta(days=1):
        return
    at = instant.astimezone(tokyo)
    words = f"{at:%H:%M:%S} on {at:%A %d %B %Y} (Asia/Tokyo)"
    for written in (told(instant), format_time(instant)):
        assert in_zone(f"{rest} it ended at {written}; {rest}", tokyo) == f"{rest} it ended at {words}; {rest}"
    assert in_zone(rest, tokyo) == rest


def test_what_only_looks_like_a_time_stays_as_it_is() -> None:
    assert in_zone("at 2026-13-41T25:99:00+00:00", ZoneInfo("UTC")) == "at 2026-13-41T25:99:00+00:00"


@given(times())
def test_what_is_written_always_carries_the_offset_of_utc(instant: datetime) -> None:
    assert format_time(instant).endswith("+00:00")


@given(st.none() | moments())
def test_a_time_that_may_be_missing_stays_missing_or_the_same(instant: datetime | None) -> None:
    assert parse_optional_time(format_optional_time(instant)) == instant


@given(st.datetimes())
def test_a_naive_time_is_a_guess_and_refused(instant: datetime) -> None:
    for refusing in (aware, format_time, format_optional_time):
        with pytest.raises(ConfigurationError, match="no time zone"):
            refusing(instant)
    with pytest.raises(ConfigurationError, match=r"no time zone.*explicit offset"):
        parse_time(instant.isoformat())


@given(st.text(max_size=20) | json_values())
@example("2026-09-01")
@example("2026-09-01T09:00:00")
@example("")
@example(None)
@example(7)
@example(BEYOND_THE_CALENDAR[0])
@example(BEYOND_THE_CALENDAR[1])
def test_what_is_no_time_is_a_configuration_error_and_nothing_else(value: Any) -> None:
    instant = read_or_refused(parse_time, value)
    assert instant is None or instant.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", BEYOND_THE_CALENDAR)
def test_a_moment_outside_the_calendar_is_refused_in_words(text: str) -> None:
    with pytest.raises(ConfigurationError, match="before 1900 or after 2999"):
        parse_time(text)


@pytest.mark.parametrize("text", ["2026-09-01T09:00:00Z", "2026-09-01T11:00:00+02:00", "20260901T090000+0000"])
def test_any_offset_is_understood(text: str) -> None:
    assert parse_time(text) == datetime(2026, 9, 1, 9, tzinfo=UTC)


def test_the_second_half_past_two_of_a_long_night_is_an_hour_later() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    assert aware(first.replace(fold=1)) - aware(first) == timedelta(hours=1)


@given(moments())
def test_an_argument_may_be_a_time_or_its_text(one: datetime) -> None:
    assert moment(one, "start") == moment(one.isoformat(), "start") == one


@pytest.mark.parametrize("value", [datetime(2026, 9, 1, 9), "2026-09-01T09:00:00"])  # noqa: DTZ001 - the point
def test_a_naive_argument_is_refused_with_what_to_write(value: datetime | str) -> None:
    with pytest.raises(ConfigurationError, match=r"^start: .* no time zone\. Give an explicit offset"):
        moment(value, "start")


@pytest.mark.parametrize("value", ["tomorrow", "", None, 7])
def test_an_argument_that_is_no_time_is_refused_by_its_name(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^start: .* is not an ISO 8601 time\. Write it like"):
        moment(value, "start")


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False) | st.integers(1, 10**9))
def test_seconds_may_be_a_number_or_its_text(value: float) -> None:
    assert seconds_of(value, "grace") == seconds_of(str(value), "grace") == float(value)


@given(json_values() | st.text(max_size=5))
@example(float("nan"))
@example(float("inf"))
@example(-1)
@example("0")
@example(True)
@example(10**400)
def test_what_is_no_length_of_time_is_a_configuration_error_and_nothing_else(value: Any) -> None:
    seconds = read_or_refused(lambda one: seconds_of(one, "grace"), value)
    assert seconds is None or 0 < seconds < float("inf")


def test_a_length_of_time_that_makes_no_sense_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigurationError, match=r"grace has to be a number of seconds above 0, not '-5'"):
        seconds_of("-5", "grace")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("0001-01-01T00:00:00+14:00", EARLIEST),
        ("0001-01-01T00:00:00", EARLIEST),
        ("9999-12-31T23:59:59.999999-14:00", LATEST),
        ("2026-09-01T10:00:00", datetime(2026, 9, 1, 10, tzinfo=UTC)),
    ],
)
def test_a_platforms_word_for_never_is_no_overflow(text: str, kept: datetime) -> None:
    assert within_reason(datetime.fromisoformat(text)) == kept
    assert parse_time(format_time(kept)) == kept


@pytest.mark.parametrize("seconds", [10.0**300, -(10.0**300), 1e12, -1e12, 0.0])
def test_no_length_leads_out_of_the_calendar(seconds: float) -> None:
    assert EARLIEST <= later(datetime(2026, 9, 1, tzinfo=UTC), seconds) <= LATEST
