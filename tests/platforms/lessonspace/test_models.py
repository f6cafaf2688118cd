"""What answers may look like in one generation of the documentation or another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.platforms.lessonspace import models
from tests.platforms.lessonspace.academy import steady


@pytest.mark.parametrize(
    "text", ["2026-09-01T09:00:00Z", "2026-09-01T11:00:00+02:00", "2026-09-01T09:00:00", "2026-09-01T09:00"]
)
def test_a_naive_time_of_an_answer_is_read_as_utc_and_others_by_their_offset(text: str) -> None:
    row = models.Session.model_validate({"uuid": "u", "start_time": text})
    assert row.start_time == datetime(2026, 9, 1, 9, tzinfo=UTC)
    assert row.start_time.tzinfo is UTC


@pytest.mark.parametrize("value", ["soon", [], {}])
def test_what_is_no_time_is_an_error(value: Any) -> None:
    with pytest.raises(ValidationError):
        models.Session.model_validate({"uuid": "u", "start_time": value})


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
    assert models.Session.model_validate({"uuid": "u", "tags": value}).tags == read


@steady
@given(st.text())
def test_no_text_of_tags_breaks_a_list(text: str) -> None:
    try:
        models.Session.model_validate({"uuid": "u", "tags": text})
    except ValidationError:  # JSON, but no object: it cannot be told what it means
        assert text.strip()[:1] not in ("", "{")


def test_a_space_is_a_room_by_slug_or_id_and_its_address_is_a_secret() -> None:
    row = models.Space.model_validate({"id": 7, "slug": "room", "url": "https://x.test/?user=hush"})
    assert (row.id, row.is_room("7"), row.is_room("room"), row.is_room("x")) == ("7", True, True, False)
    assert "hush" not in repr(row)


def test_a_wrong_answer_does_not_show_its_values() -> None:
    with pytest.raises(ValidationError) as caught:
        models.LaunchAnswer.model_validate({"client_url": ["hush"], "room_id": "hush"})
    assert "hush" not in str(caught.value)


def test_a_misspelt_request_field_is_refused_without_its_value() -> None:
    with pytest.raises(ValidationError, match="lauguage") as caught:
        models.LaunchRequest.model_validate({"id": "a", "lauguage": "hush"})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("ident", ["", "x" * 65])
def test_an_id_has_one_to_64_characters(ident: str) -> None:
    with pytest.raises(ValidationError):
        models.LaunchRequest(id=ident)
    assert models.LaunchRequest(id="x" * 64).body() == {"id": "x" * 64}


def test_a_playback_password_is_a_secret() -> None:
    row = models.Session.model_validate({"uuid": "u", "playback_password": "hush"})
    assert isinstance(row.playback_password, SecretStr)
    assert "hush" not in repr(row)


def test_people_are_counted_once() -> None:
    row = models.Session.model_validate(
        {"uuid": "u", "profiles": [{"user": 1}, {"user": 1}, {"user": 2}], "guests": [{"uuid": "g"}]}
    )
    assert row.people == {"1", "2", "guest:g"}


def test_a_person_without_a_user_id_is_a_person_and_spoils_no_list() -> None:
    row = models.Session.model_validate({"uuid": "u", "profiles": [{"user": None, "name": "Ada"}, {"user": 7}]})
    assert row.people == {"name:Ada", "7"}
