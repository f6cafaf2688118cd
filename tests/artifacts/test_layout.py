from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.layout import session_folder, slug
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.storage import check_name

KEY = "1f0c88d2" + "0" * 24
START = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)
SAFE = re.compile(r"\d{4}-\d{2}-\d{2}/\d{4}-[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{8}")

titles = st.text(max_size=200)
starts = st.datetimes(
    min_value=datetime(1900, 1, 2),  # noqa: DTZ001 - hypothesis wants its bounds naive
    max_value=datetime(2999, 12, 29),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def folder(title: str = "Algebra", key: str = KEY, start: datetime = START) -> str:
    return session_folder(title=title, key=key, planned_start=start, zone=ZoneInfo("Europe/Berlin"))


def test_a_folder_tells_day_time_title_and_key() -> None:
    assert folder("Algebra for Year 9") == "2026-09-01/0900-algebra-for-year-9-1f0c88d2"


def test_the_day_is_that_of_the_given_zone() -> None:
    late = datetime(2026, 8, 31, 22, 30, tzinfo=UTC)
    assert folder(start=late).startswith("2026-09-01/0030-")


def test_the_same_moment_in_another_zone_is_the_same_folder() -> None:
    assert folder(start=START.astimezone(ZoneInfo("Asia/Tokyo"))) == folder()


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        folder(start=datetime(2026, 9, 1, 9, 0))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("  Crème brûlée!  ", "creme-brulee"),
        ("Übung für Groß & Klein", "ubung-fur-gross-klein"),
        ("Łódź, Æble og Ø", "lodz-aeble-og-o"),
        ("İstanbul \u0131s\u0131", "istanbul-isi"),
        ("../../etc/passwd", "etc-passwd"),
        ("Урок 5", "5"),
        ("Математика", "session"),
        ("数学", "session"),
        ("", "session"),
        ("CON", "con"),
        ("a" * 100, "a" * 48),
        ("word " * 20, "word-word-word-word-word-word-word-word-word-wor"),
    ],
)
def test_a_slug_keeps_what_latin_letters_can_say(title: str, expected: str) -> None:
    assert slug(title) == expected


@given(titles, st.text(max_size=80), starts, zones)
def test_a_folder_is_safe_bounded_and_never_leaves_the_root(
    title: str, key: str, start: datetime, zone: timezone
) -> None:
    name = session_folder(title=title, key=key, planned_start=start, zone=zone)
    assert SAFE.fullmatch(name)
    assert check_name(name) == name
    assert len(name) <= len("2026-09-01/0900-") + 48 + len("-1f0c88d2")


@given(titles, titles, st.integers(0, 10**6), st.integers(0, 10**6))
def test_different_keys_never_share_a_folder(title: str, other: str, one: int, two: int) -> None:
    keys = [hashlib.sha256(str(number).encode()).hexdigest()[:32] for number in (one, two)]
    same_key = keys[0][:8] == keys[1][:8]
    same_folder = folder(title, keys[0]) == folder(other, keys[1])
    assert not same_folder or same_key


@pytest.mark.parametrize(("one", "two"), [("lesson-1234-a", "lesson-1234-b"), ("ABCDEF12" * 4, "abcdef12" * 4)])
def test_keys_of_another_form_are_told_apart_too(one: str, two: str) -> None:
    assert folder(key=one) != folder(key=two)


@given(titles, st.integers(7, 60))
def test_a_slug_is_bounded_and_stays_as_it_is(title: str, length: int) -> None:
    once = slug(title, length=length)
    assert 0 < len(once) <= length
    assert slug(once, length=length) == once
