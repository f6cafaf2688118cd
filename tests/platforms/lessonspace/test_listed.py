"""What rows of lists may look like in one generation of the documentation or another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.reading import misfitting_in
from airflow_provider.live_sessions.core.times import EARLIEST, LATEST
from airflow_provider.live_sessions.platforms.lessonspace.listed import LogEntry, Session, Space
from tests.platforms.lessonspace.academy import steady


@pytest.mark.parametrize(
    "text", ["2026-09-01T09:00:00Z", "2026-09-01T11:00:00+02:00", "2026-09-01T09:00:00", "2026-09-01T09:00"]
)
def test_a_naive_time_of_an_answer_is_read_as_utc_and_others_by_their_offset(text: str) -> None:
    row = Session.model_validate({"uuid": "u", "start_time": text})
    assert row.start_time == datetime(2026, 9, 1, 9, tzinfo=UTC)
    assert row.start_time.tzinfo is UTC


@pytest.mark.parametrize("value", ["soon", [], {}])
def test_what_is_no_time_is_an_error(value: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        Session.model_validate({"uuid": "u", "start_time": value})


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"a": "b", "n": 1, "z": None}, {"a": "b", "n": "1", "z": ""}),
        ('{"a": "b"}', {"a": "b"}),
        ("", {}),
        (None, {}),
        ("not json", {}),
    ],
)
def test_tags_come_as_an_object_or_as_text(value: Any, read: dict[str, str]) -> None:
    assert Session.model_validate({"uuid": "u", "tags": value}).tags == read


@steady
@given(st.text())
def test_no_text_of_tags_breaks_a_list(text: str) -> None:
    try:
        Session.model_validate({"uuid": "u", "tags": text})
    except msgspec.ValidationError:  # JSON, but no object: it cannot be told what it means
        assert text.strip()[:1] not in ("", "{")


def test_a_space_is_a_room_by_slug_or_id_and_its_address_is_a_secret() -> None:
    row = Space.model_validate({"id": 7, "slug": "room", "url": "https://x.test/?user=hush"})
    assert (row.id, row.is_room("7"), row.is_room("room"), row.is_room("x")) == ("7", True, True, False)
    assert "hush" not in repr(row)


def test_a_playback_password_is_a_secret() -> None:
    row = Session.model_validate({"uuid": "u", "playback_password": "hush"})
    assert isinstance(row.playback_password, SecretStr)
    assert "hush" not in repr(row)


def test_people_are_counted_once() -> None:
    row = Session.model_validate(
        {"uuid": "u", "profiles": [{"user": 1}, {"user": 1}, {"user": 2}], "guests": [{"uuid": "g"}]}
    )
    assert row.people == {"1", "2", "guest:g"}


def test_a_person_without_a_user_id_is_a_person_and_spoils_no_list() -> None:
    row = Session.model_validate({"uuid": "u", "profiles": [{"user": None, "name": "Ada"}, {"user": 7}]})
    assert row.people == {"name:Ada", "7"}


@pytest.mark.parametrize(
    ("told", "read"), [("7", "7"), (7, "7"), ({"user": 7}, "7"), ({"id": "g"}, "g"), (None, None)]
)
def test_whom_a_log_line_is_about_may_be_text_a_number_or_an_object(told: Any, read: str | None) -> None:
    entry = LogEntry.model_validate({"log_type": "user-joined", "date": "2026-09-01T09:00Z", "profile": told})
    assert (entry.profile, entry.date) == (read, datetime(2026, 9, 1, 9, tzinfo=UTC))


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"uuid": ["hush"]}, "uuid"),
        ({"uuid": "u", "playback_password": ["hush"]}, "playback_password"),
        ({"uuid": "u", "space": {"slug": {"hush": "hush"}}}, "space.slug"),
        ({"uuid": "u", "tags": ["hush"]}, "tags"),
    ],
)
def test_a_row_of_another_shape_is_told_by_its_field_and_never_by_its_value(row: Any, field: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        Session.rows([{"uuid": "u"}, row])
    assert "hush" not in str(caught.value)
    assert misfitting_in(str(caught.value)) == field
    with pytest.raises(msgspec.ValidationError):
        Session.model_validate(row)


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_time_out_of_all_reason_is_drawn_in(year: str) -> None:
    row = Session.model_validate({"uuid": "u", "start_time": f"{year}-01-01T00:00:00Z"})
    assert row.start_time in (EARLIEST, LATEST)


as_documented = st.fixed_dictionaries(
    {"uuid": st.text()},
    optional={
        "name": st.none() | st.text(),
        "start_time": st.none() | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
        "profiles": st.lists(st.fixed_dictionaries({"user": st.integers(1, 9), "name": st.text()}), max_size=2),
        "tags": st.dictionaries(st.text(), st.text(), max_size=2),
        "space": st.none() | st.fixed_dictionaries({"id": st.text(), "slug": st.text()}),
        "logs": st.lists(
            st.fixed_dictionaries({"log_type": st.text(), "date": st.just("2026-09-01T09:00:00Z")}), max_size=2
        ),
        "something_new": st.integers(),
    },
)


@given(st.lists(as_documented, max_size=4))
def test_a_row_says_the_same_whether_it_had_to_be_put_into_shape_or_not(rows: list[dict[str, Any]]) -> None:
    one_odd = [*rows, {"uuid": "odd", "tags": "", "space": {"id": 7}}]
    assert Session.rows(rows) == Session.rows(one_odd)[:-1] == [Session.model_validate(row) for row in rows]
