from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.retry import (
    NO_RETRY,
    Again,
    Event,
    Failure,
    GiveUp,
    Happened,
    RetryPolicy,
    Safety,
    backoff,
    decide,
    in_doubt,
    parse_http_date,
    parse_retry_after,
)

NOW = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
POLICY = RetryPolicy()
RNG = random.Random(1)  # noqa: S311 - a test's dice

statuses = st.integers(300, 599)
waits = st.one_of(st.none(), st.floats(0, 3600))
events = st.one_of(
    st.sampled_from([Event(Happened.NEVER_SENT), Event(Happened.LOST), Event(Happened.MALFORMED, 200)]),
    st.builds(Event, st.just(Happened.ANSWERED), statuses, waits),
)


def dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a test's dice


def answered(status: int, retry_after: float | None = None) -> Event:
    return Event(Happened.ANSWERED, status, retry_after)


def verdict(safety: Safety, event: Event, *, attempt: int = 1, doubted: bool = False) -> Again | GiveUp:
    return decide(POLICY, safety, event, attempt=attempt, doubted=doubted, rng=RNG)


@pytest.mark.parametrize(
    ("method", "safety"),
    [
        ("get", Safety.READ),
        ("HEAD", Safety.READ),
        ("OPTIONS", Safety.READ),
        ("PUT", Safety.IDEMPOTENT),
        ("delete", Safety.IDEMPOTENT),
        ("POST", Safety.ONCE),
        ("PATCH", Safety.ONCE),
        ("INVENTED", Safety.ONCE),
    ],
)
def test_a_method_promises_what_its_definition_says(method: str, safety: Safety) -> None:
    assert Safety.of(method) is safety


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("safety", [Safety.READ, Safety.IDEMPOTENT])
def test_a_passing_failure_of_what_may_be_repeated_is_repeated(safety: Safety, status: int) -> None:
    assert isinstance(verdict(safety, answered(status)), Again)


@pytest.mark.parametrize("happened", [Happened.NEVER_SENT, Happened.LOST, Happened.MALFORMED])
@pytest.mark.parametrize("safety", [Safety.READ, Safety.IDEMPOTENT])
def test_a_missing_answer_to_what_may_be_repeated_is_repeated(safety: Safety, happened: Happened) -> None:
    assert isinstance(verdict(safety, Event(happened)), Again)


@pytest.mark.parametrize(
    "event",
    [Event(Happened.LOST), Event(Happened.MALFORMED, 200), *(answered(s) for s in (408, 500, 502, 503, 504))],
)
def test_a_write_with_a_lost_answer_is_unknown_at_once_and_never_repeated(event: Event) -> None:
    assert verdict(Safety.ONCE, event) == GiveUp(Failure.UNKNOWN)


def test_a_503_that_names_a_time_leaves_a_write_unknown_all_the_same() -> None:
    assert verdict(Safety.ONCE, answered(503, 1.0)) == GiveUp(Failure.UNKNOWN)


def test_a_write_is_repeated_only_when_never_sent_or_turned_away() -> None:
    assert isinstance(verdict(Safety.ONCE, Event(Happened.NEVER_SENT)), Again)
    assert isinstance(verdict(Safety.ONCE, answered(429)), Again)


def test_a_write_told_off_as_too_early_did_not_happen() -> None:
    assert verdict(Safety.ONCE, answered(425)) == GiveUp(Failure.UNAVAILABLE)


@given(st.sampled_from(Safety), st.integers(300, 499).filter(lambda s: s not in (408, 425, 429)), st.booleans())
def test_a_refusal_is_never_repeated(safety: Safety, status: int, doubted: bool) -> None:
    assert verdict(safety, answered(status), doubted=doubted) == GiveUp(Failure.REFUSED)


@pytest.mark.parametrize(
    ("safety", "event", "failure"),
    [
        (Safety.READ, Event(Happened.LOST), Failure.UNAVAILABLE),
        (Safety.READ, Event(Happened.MALFORMED, 200), Failure.UNAVAILABLE),
        (Safety.READ, answered(429), Failure.RATE_LIMITED),
        (Safety.READ, answered(503), Failure.UNAVAILABLE),
        (Safety.IDEMPOTENT, Event(Happened.LOST), Failure.UNKNOWN),
        (Safety.IDEMPOTENT, answered(500), Failure.UNKNOWN),
        (Safety.IDEMPOTENT, answered(503, 2.0), Failure.UNAVAILABLE),
        (Safety.IDEMPOTENT, answered(429), Failure.RATE_LIMITED),
        (Safety.IDEMPOTENT, Event(Happened.NEVER_SENT), Failure.UNAVAILABLE),
        (Safety.ONCE, Event(Happened.NEVER_SENT), Failure.UNAVAILABLE),
        (Safety.ONCE, answered(429), Failure.RATE_LIMITED),
    ],
)
def test_the_last_attempt_tells_what_is_known(safety: Safety, event: Event, failure: Failure) -> None:
    assert verdict(safety, event, attempt=POLICY.attempts) == GiveUp(failure)


@given(st.sampled_from([Event(Happened.NEVER_SENT), answered(429, 5.0), answered(503, 5.0)]))
def test_an_earlier_doubt_is_not_forgotten_when_the_last_attempt_is_harmless(event: Event) -> None:
    final = verdict(Safety.IDEMPOTENT, event, attempt=POLICY.attempts, doubted=True)
    assert final == GiveUp(Failure.UNKNOWN)


@given(st.sampled_from([Safety.READ, Safety.IDEMPOTENT]), st.sampled_from([429, 503]), st.floats(60.1, 3600))
def test_a_wait_that_is_too_long_is_handed_over_at_once(safety: Safety, status: int, asked: float) -> None:
    failure = Failure.RATE_LIMITED if status == 429 else Failure.UNAVAILABLE
    assert verdict(safety, answered(status, asked)) == GiveUp(failure)


@given(st.sampled_from([429, 503]), st.floats(0, 60), st.integers(1, 3))
def test_no_retry_comes_before_the_time_asked_for(status: int, asked: float, attempt: int) -> None:
    again = verdict(Safety.READ, answered(status, asked), attempt=attempt)
    assert isinstance(again, Again)
    assert again.wait >= asked
    assert again.wait <= max(asked + POLICY.base, POLICY.cap)


@given(st.sampled_from(Safety), events, st.integers(4, 50), st.booleans())
def test_attempts_are_bounded(safety: Safety, event: Event, attempt: int, doubted: bool) -> None:
    assert isinstance(verdict(safety, event, attempt=attempt, doubted=doubted), GiveUp)


@given(events, st.integers(1, 3), st.booleans())
def test_nothing_that_may_have_happened_is_sent_a_second_time_where_that_does_harm(
    event: Event, attempt: int, doubted: bool
) -> None:
    if in_doubt(Safety.ONCE, event):
        assert verdict(Safety.ONCE, event, attempt=attempt, doubted=doubted) == GiveUp(Failure.UNKNOWN)


@given(events)
def test_a_read_is_never_in_doubt(event: Event) -> None:
    assert not in_doubt(Safety.READ, event)
    final = verdict(Safety.READ, event, attempt=POLICY.attempts)
    assert isinstance(final, GiveUp)
    assert final.failure is not Failure.UNKNOWN


def test_no_retry_sends_once() -> None:
    event = Event(Happened.NEVER_SENT)
    assert decide(NO_RETRY, Safety.READ, event, attempt=1, rng=RNG) == GiveUp(Failure.UNAVAILABLE)


@given(st.integers(1, 10_000), st.integers())
def test_backoff_stays_between_nothing_and_the_cap_and_doubles(attempt: int, seed: int) -> None:
    wait = backoff(POLICY, attempt, dice(seed))
    assert 0 <= wait <= min(POLICY.cap, POLICY.base * 2 ** min(attempt - 1, 60))


def test_backoff_spreads_over_its_whole_range() -> None:
    drawn = [backoff(POLICY, 3, dice(seed)) for seed in range(300)]
    assert min(drawn) < 0.2 < 1.8 < max(drawn)


@pytest.mark.parametrize(
    "values",
    [{"attempts": 0}, {"base": -1.0}, {"cap": float("nan")}, {"max_wait": float("inf")}],
)
def test_a_policy_without_sense_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        RetryPolicy(**values)  # type: ignore[arg-type]  # the point of the test


@given(st.floats(-1e9, 1e9))
def test_seconds_are_read_and_clamped(seconds: float) -> None:
    wait = parse_retry_after(f" {seconds:.3f} ", now=NOW)
    assert wait == pytest.approx(min(max(seconds, 0.0), 3600.0), abs=0.001)


@given(st.integers(-200_000, 200_000))
def test_a_date_is_read_relative_to_the_servers_clock(seconds: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(header, now=NOW) == min(max(seconds, 0), 3600)


@pytest.mark.parametrize(
    "form",
    ["Tue, 01 Sep 2026 09:00:30 GMT", "Tuesday, 01-Sep-26 09:00:30 GMT", "Tue Sep  1 09:00:30 2026"],
)
def test_all_three_forms_of_a_date_are_read(form: str) -> None:
    assert parse_retry_after(form, now=NOW) == 30.0


@pytest.mark.parametrize("junk", ["", "soon", "nan", "inf", "-inf", "1e3", "0x10", "٣", "12 s", "1 2 3", "\0"])
def test_junk_is_no_wait(junk: str) -> None:
    assert parse_retry_after(junk, now=NOW) is None


def test_a_missing_header_is_no_wait() -> None:
    assert parse_retry_after(None, now=NOW) is None
    assert parse_http_date(None) is None


def test_a_number_beyond_all_measure_is_clamped() -> None:
    assert parse_retry_after("9" * 6000, now=NOW, limit=100) == 100


@given(st.text(), st.floats(0, 1e6))
def test_no_header_can_break_the_reader(text: str, limit: float) -> None:
    wait = parse_retry_after(text, now=NOW, limit=limit)
    assert wait is None or 0 <= wait <= limit


@given(st.text())
def test_no_date_can_break_the_reader(text: str) -> None:
    moment = parse_http_date(text)
    assert moment is None or moment.tzinfo is UTC
