"""Zones by name, and the two odd hours of a year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.schedules.zones import find_zone, local_to_utc


@pytest.mark.parametrize("name", ["Europe/Berlin", "europe/berlin", " EUROPE/BERLIN "])
def test_a_zone_is_found_in_any_case(name: str) -> None:
    assert find_zone(name).key == "Europe/Berlin"


@pytest.mark.parametrize(
    "name",
    ["", "Europe", "../../etc/passwd", "/etc/passwd", "localtime", "right/Europe/Berlin", "x" * 5000, "a\x00b"],
)
def test_what_is_no_zone_is_a_configuration_error_and_never_another_one(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no time zone"):
        find_zone(name)


def test_a_misspelt_zone_names_the_near_one() -> None:
    with pytest.raises(ConfigurationError, match=r"Did you mean.*Europe/Berlin"):
        find_zone("Europe/Berln")


@pytest.mark.parametrize(
    ("zone", "local", "shown"),
    [
        ("Europe/Berlin", "2027-03-28T02:30", "2027-03-28T03:30:00+02:00"),
        ("America/New_York", "2027-03-14T02:30", "2027-03-14T03:30:00-04:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-04T02:45:00+11:00"),
    ],
)
def test_a_skipped_time_moves_forward_by_the_gap(zone: str, local: str, shown: str) -> None:
    moment, skipped = local_to_utc(datetime.fromisoformat(local), ZoneInfo(zone))
    assert skipped
    assert moment.astimezone(ZoneInfo(zone)).isoformat() == shown


@pytest.mark.parametrize(
    ("zone", "local", "shown"),
    [
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T02:30:00+02:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T01:30:00-04:00"),
        ("Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-04T01:45:00+11:00"),
    ],
)
def test_a_repeated_time_is_its_first_occurrence(zone: str, local: str, shown: str) -> None:
    moment, skipped = local_to_utc(datetime.fromisoformat(local), ZoneInfo(zone))
    assert not skipped
    assert moment.astimezone(ZoneInfo(zone)).isoformat() == shown


@given(
    local=st.datetimes(datetime.fromisoformat("1975-01-01"), datetime.fromisoformat("2100-01-01")),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
)
def test_every_local_time_is_shown_again_unless_it_was_skipped(local: datetime, zone: str) -> None:
    moment, skipped = local_to_utc(local, ZoneInfo(zone))
    shown = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    assert moment.tzinfo is UTC
    if skipped:
        assert timedelta(0) < shown - local <= timedelta(hours=1)
    else:
        assert shown == local
