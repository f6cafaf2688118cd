"""The lists' fast reader against another one, of pydantic's models: the same rows, or both refuse."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationError  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.reading import load_json, misfitting_in
from airflow_provider.live_sessions.core.times import within_reason
from airflow_provider.live_sessions.platforms.lessonspace.listed import Session
from tests.platforms.lessonspace.academy import steady

HUSH = "hush"
"""What stands for somebody's name wherever a value is of the wrong kind; no error may repeat it."""


def moment(value: Any) -> Any:
    try:
        value = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value
    return within_reason(value) if isinstance(value, datetime) else value


def tags(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value) if value else {}
        except ValueError:
            return {}
    if isinstance(value, dict):
        return {key: "" if item is None else str(item) for key, item in value.items()}
    return {} if value is None else value


def text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def person(value: Any) -> Any:
    return text(value.get("user", value.get("id")) if isinstance(value, dict) else value)


Moment = Annotated[datetime, BeforeValidator(moment)]
Tags = Annotated[dict[str, str], BeforeValidator(tags)]


class Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Room(Model):
    id: Annotated[str, BeforeValidator(text)] = ""
    slug: str = ""
    alias: str | None = None
    name: str | None = None
    organisation: int | None = None
    tags: Tags = {}
    url: SecretStr | None = None
    created_at: Moment | None = None
    region: str | None = None
    record_av: bool | None = None
    transcribe: bool | None = None


class Person(Model):
    user: int | None = None
    name: str | None = None
    email: str | None = None
    role: str | None = None


class Visitor(Model):
    uuid: str


class Line(Model):
    log_type: str
    date: Moment
    id: int | None = None
    profile: Annotated[str | None, BeforeValidator(person)] = None
    guest_uuid: str | None = None
    user_socket_id: str | None = None


class Row(Model):
    uuid: str
    id: int | None = None
    name: str | None = None
    space: Room | None = None
    start_time: Moment | None = None
    end_time: Moment | None = None
    profiles: tuple[Person, ...] = ()
    guests: tuple[Visitor, ...] = ()
    logs: tuple[Line, ...] = ()
    billable_seconds: int | None = None
    tags: Tags = {}
    playback_url: str | None = None
    recording_access_policy: tuple[str, ...] | None = None
    recording_available: bool | None = None
    recording_deleted: bool | None = None
    playback_password: SecretStr | None = None


ODD_TEXT = st.sampled_from(["\ud800", "\x00", "\u202e\u2028", "é\u0301", "👩‍🏫", "`$.x`", ""])
some_text = st.text(max_size=5) | ODD_TEXT
zones = st.sampled_from([None, UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=9, minutes=30))])
clocks = st.datetimes(datetime.fromisoformat("1890-01-01"), datetime.fromisoformat("3010-01-01"))
times = st.builds(
    lambda at, digits, zone: f"{at:%Y-%m-%dT%H:%M:%S}{digits}{zone}",
    clocks,
    st.just("") | st.from_regex(r"\.[0-9]{1,6}", fullmatch=True),
    st.sampled_from(["", "Z", "+00:00", "+02:00", "-09:30", "+14:00"]),
) | st.builds(lambda at, zone: at.replace(tzinfo=zone).isoformat(), clocks, zones)
whole = st.integers(-(10**30), 10**30) | st.integers(0, 9).map(str)
flags = st.booleans() | st.sampled_from(["true", "false"])
wrong = st.sampled_from([HUSH, [HUSH], {HUSH: HUSH}, {"a": [HUSH]}, [[HUSH]], 1.5, -7, None])
SURE = ("uuid", "log_type", "date")


def told(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Each field there, null or missing, where it may be; others beside them."""
    sure = {name: kind for name, kind in fields.items() if name in SURE}
    odd = {name: kind if name in LISTS else kind | st.none() for name, kind in fields.items() if name not in SURE}
    return st.fixed_dictionaries(sure, optional={**odd, "something_new": wrong, "\ud800": wrong})


LISTS = ("profiles", "guests", "logs", "id", "slug")
"""What is not null where it is there."""


def few(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=2)


labels = st.dictionaries(some_text, some_text | st.none() | st.integers(), max_size=2) | some_text
room = told(
    id=some_text | st.integers(),
    slug=some_text,
    name=some_text,
    organisation=whole,
    tags=labels,
    url=some_text,
    created_at=times,
    record_av=flags,
)
line = told(log_type=some_text, date=times, id=whole, profile=some_text | st.integers(), guest_uuid=some_text)
right = told(
    uuid=some_text,
    id=whole,
    name=some_text,
    space=room,
    start_time=times,
    end_time=times,
    profiles=few(told(user=whole, name=some_text, email=some_text, role=some_text)),
    guests=few(told(uuid=some_text)),
    logs=few(line),
    billable_seconds=whole,
    tags=labels,
    recording_access_policy=few(some_text),
    recording_available=flags,
    playback_password=some_text,
)


@st.composite
def one_wrong(draw: st.DrawFn) -> dict[str, Any]:
    """A row of which a field is missing, or of another kind, on whatever level."""
    row = deepcopy(draw(right))  # what was sampled is shared by all rows
    parts = [row, *(one for value in row.values() for one in (value if isinstance(value, list) else [value]))]
    part = draw(st.sampled_from([one for one in parts if isinstance(one, dict) and one]))
    name = draw(st.sampled_from(sorted(part)))
    part[name] = draw(wrong)
    if draw(st.booleans()):
        del part[name]
    return row


session = right | one_wrong()


def plain(value: Any) -> Any:
    """What either reader made, as values that compare."""
    if isinstance(value, SecretStr):
        return ["secret", value.get_secret_value()]
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def of_models(row: Any) -> Any:
    try:
        return plain(Row.model_validate(row))
    except ValidationError:
        return "refused"


def of_rows(page: list[Any]) -> Any:
    try:
        return plain(Session.rows(page))
    except msgspec.ValidationError as error:
        problem = str(error)
    assert HUSH not in problem
    assert misfitting_in(problem) != "the whole" or "Unicode" in problem, "it names the field"
    return "refused"


ODD = {"uuid": "odd", "tags": "", "space": {"id": 7}}
"""A row that has to be put into shape, and the page with it."""


@steady
@given(session)
@example({"uuid": "u", "end_time": "\ud800"})
@example({"uuid": "u", "tags": "\ud800"})
@example({"uuid": "u", "tags": '"\\ud800"'})
@example({"uuid": "u", "\ud800": 1})
@example({"uuid": "u", "billable_seconds": 2**64})
def test_a_row_is_what_a_model_of_it_says_or_is_refused_by_both(row: dict[str, Any]) -> None:
    expected = of_models(row)
    assert of_rows([row]) == ("refused" if expected == "refused" else [expected])
    beside = of_rows([row, ODD])
    assert (beside if beside == "refused" else beside[0]) == expected
    body = json.dumps(row)
    assert of_models(load_json(body.encode())) == expected


@given(st.lists(session, max_size=3))
def test_a_page_is_refused_where_one_of_its_rows_is(page: list[dict[str, Any]]) -> None:
    expected = [of_models(row) for row in page]
    assert of_rows(page) == ("refused" if "refused" in expected else expected)


@given(
    clocks,
    st.from_regex(r"[0-9]{7,12}", fullmatch=True),
    st.sampled_from(["", "Z", "+02:00"]),
)
@example(datetime.fromisoformat("2026-09-01T08:59:59"), "9999999", "Z")
def test_an_end_does_not_hang_on_what_stands_beside_it_on_the_page(at: datetime, digits: str, zone: str) -> None:
    row = {"uuid": "u", "end_time": f"{at:%Y-%m-%dT%H:%M:%S}.{digits}{zone}"}
    (alone,) = Session.rows([row])
    assert alone == Session.rows([row, ODD])[0] == Session.model_validate(row)
    expected = Row.model_validate(row).end_time
    assert alone.end_time is not None
    assert expected is not None
    assert abs(alone.end_time - expected) <= timedelta(microseconds=1)


@pytest.mark.parametrize("field", ["uuid", "guests.uuid", "logs.date", "logs.log_type"])
def test_a_field_that_is_missing_is_named(field: str) -> None:
    part, _, name = field.rpartition(".")
    whole_line = {"uuid": "g", "date": "2026-09-01T09:00:00Z", "log_type": "user-joined"}
    lacking = {key: value for key, value in whole_line.items() if key != name}
    row = {"uuid": "u", part: [lacking]} if part else {"name": HUSH}
    for page in ([row], [ODD, row]):
        with pytest.raises(msgspec.ValidationError) as caught:
            Session.rows(page)
        assert misfitting_in(str(caught.value)) == (f"{part}[0].{name}" if part else name)
