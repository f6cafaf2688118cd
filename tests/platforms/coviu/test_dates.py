"""Times in and out: whatever moment is sent comes back, whole and never earlier."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.live_sessions.platforms.coviu.dates import (
    MARGIN,
    SECOND,
    future_second,
    http_date,
    read_date,
    whole_second,
)

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=zones,
)


@given(moments)
def test_what_is_sent_is_read_back_as_the_whole_second(moment: datetime) -> None:
    assert read_date(http_date(moment)) == whole_second(moment)
    assert http_date(moment).endswith(" GMT")


@given(moments)
def test_a_whole_second_is_never_earlier_and_less_than_a_second_later(moment: datetime) -> None:
    whole = whole_second(moment)
    assert whole.microsecond == 0
    assert timedelta(0) <= whole - moment < SECOND
    assert whole.tzinfo is UTC


@given(moments, moments)
def test_a_start_lies_ahead_of_now_and_never_before_its_plan(planned: datetime, now: datetime) -> None:
    start = future_second(planned, now)
    assert start >= now + MARGIN
    assert start >= planned
    assert start.microsecond == 0
    assert start == whole_second(planned) or start < now + MARGIN + SECOND


@given(moments)
def test_iso_with_any_offset_is_read(moment: datetime) -> None:
    assert read_date(moment.isoformat()) == moment
    assert read_date(moment.astimezone(UTC).isoformat().replace("+00:00", "Z")) == moment


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Wed, 08 Jun 2016 04:07:11 GMT", datetime(2016, 6, 8, 4, 7, 11, tzinfo=UTC)),
        ("2016-06-18T12:37:59.000Z", datetime(2016, 6, 18, 12, 37, 59, tzinfo=UTC)),
        ("2016-06-18T12:37:59", datetime(2016, 6, 18, 12, 37, 59, tzinfo=UTC)),
        ("Wed, 08 Jun 2016 04:07:11 -0000", datetime(2016, 6, 8, 4, 7, 11, tzinfo=UTC)),
        ("Wed, 08 Jun 2016 14:07:11 +1000", datetime(2016, 6, 8, 4, 7, 11, tzinfo=UTC)),
    ],
)
def test_the_forms_seen_in_documents_are_read(text: str, told: datetime) -> None:
    assert read_date(text) == told


@given(st.text(max_size=40))
@example("0001-01-01T00:00:00+23:00")
@example("Mon, 01 Jan 0001 00:00:00 +2300")
def test_any_other_text_is_a_value_error_and_nothing_else(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert read_date(text).tzinfo is UTC
