"""The forms: shared fields, the platforms' limits, and what a run is made of."""

from __future__ import annotations

import copy
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.compat.features import defaults_have_to_fit
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.forms.known import check_names, refuse_unknown_fields
from airflow_provider.live_sessions.forms.people import people_of_form
from airflow_provider.live_sessions.forms.session import session_of_form
from airflow_provider.live_sessions.forms.start import is_soon, read_start
from tests.airflow_side.test_dags import DAGS
from tests.airflow_versions import DagBag, ParamValidationError
from tests.core.strategies import addresses

if TYPE_CHECKING:
    from airflow.sdk import Param


@pytest.fixture(scope="module")
def examples(airflow_db: None) -> DagBag:
    return DagBag(str(DAGS))


ASKED = datetime(2026, 9, 1, 22, 59, 7, tzinfo=UTC)


def accepts(param: Param, value: Any) -> bool:
    try:
        param.resolve(value)
    except ParamValidationError:
        return False
    return True


# ---- fields


@given(moment=st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2900, 1, 1)), zone=st.timezones())  # noqa: DTZ001 - the zone comes beside it
def test_a_start_with_an_offset_is_taken_and_means_the_same_to_the_launch(moment: datetime, zone: Any) -> None:
    aware = moment.replace(tzinfo=zone)
    offset = aware.utcoffset()
    if offset is None or offset.total_seconds() % 60:
        return  # a zone's mean time of long ago, which ISO 8601 does not write
    text = aware.isoformat()
    assert accepts(fields.start("now"), text)
    assert read_start(text, asked_at=ASKED, zone="Asia/Tokyo") == aware.replace(microsecond=0)


UNREADABLE = [
    *("tomorrow", "2026-09-01", "09:00+02:00", "", " ", "soon", "in a while", "in 2 days", "nowhere"),
    *("2026/02/31 25:99", "2026-09-01 25:00", "2026-09-01 09:60", "1.9.2026 09:00", "now 09:00", "in -5 minutes"),
]


@pytest.mark.parametrize("value", [*UNREADABLE, None, 7])
def test_a_start_that_could_not_be_read_became_now_without_a_word(value: object) -> None:
    with pytest.raises(
        ParamValidationError, match=r"'now, in 20 minutes, .* 2026-09-01 09:00' was expected|of type"
    ):
        fields.start("now").resolve(value)
    if isinstance(value, str):
        with pytest.raises(ConfigurationError, match=r"cannot be read\. Write now, in 20 minutes"):
            read_start(value, asked_at=ASKED, zone="UTC")


@pytest.mark.parametrize(
    ("text", "zone", "begins"),
    [
        ("now", "UTC", ASKED),
        (" Now ", "Asia/Tokyo", ASKED),
        ("in 1 minute", "UTC", ASKED + timedelta(minutes=1)),
        ("in 20 minutes", "UTC", ASKED + timedelta(minutes=20)),
        ("In 2 hours", "UTC", ASKED + timedelta(hours=2)),
        ("today 09:30", "Europe/Berlin", datetime(2026, 9, 2, 7, 30, tzinfo=UTC)),  # it is tomorrow there
        ("tomorrow 9:30", "America/New_York", datetime(2026, 9, 2, 13, 30, tzinfo=UTC)),
        ("2026-12-01 09:00", "Europe/Berlin", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-12-01T09:00", "UTC", datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("2026-12-01T09:00:00.000Z", "Europe/Berlin", datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("2026-12-01 09:00+05:30", "Europe/Berlin", datetime(2026, 12, 1, 3, 30, tzinfo=UTC)),
    ],
)
def test_a_start_is_read_in_the_form_s_zone(text: str, zone: str, begins: datetime) -> None:
    assert accepts(fields.start("now"), text)
    assert read_start(text, asked_at=ASKED, zone=zone) == begins
    assert is_soon(text) is (not re.search(r"\d:\d\d", text))


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("2026-02-31 09:00", "UTC", "no day and time of the calendar"),
        ("2026-13-01 09:00", "UTC", "no day and time of the calendar"),
        ("2026-09-01 09:00+99:99", "UTC", "no day and time of the calendar"),
        ("2026-03-29 02:30", "Europe/Berlin", "The clock of Europe/Berlin skips 2026-03-29 02:30:00"),
        ("today 09:00", "Europe/Bonn", "There is no time zone 'Europe/Bonn'"),
        ("1066-10-14 09:00", "UTC", "before 1900"),
    ],
)
def test_a_start_that_is_on_no_calendar_launches_nothing(text: str, zone: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_start(text, asked_at=ASKED, zone=zone)


@given(st.text("nowi 0123456789-:T+Zminutesday", max_size=24), st.sampled_from(["UTC", "America/St_Johns"]))
def test_any_text_is_a_start_to_the_form_only_if_its_run_can_read_it_or_say_why_not(text: str, zone: str) -> None:
    if not accepts(fields.start("now"), text):
        with pytest.raises(ConfigurationError):
            read_start(text, asked_at=ASKED, zone=zone)
        return
    try:
        begins = read_start(text, asked_at=ASKED, zone=zone)
    except ConfigurationError as error:
        assert re.search("of the calendar|before 1900|skips", str(error))  # noqa: PT017
    else:
        assert (begins.tzinfo, begins.microsecond) == (UTC, 0)


def test_a_school_s_zone_is_set_in_one_place_for_all_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fields.timezone("Europe/Berlin").value == "Europe/Berlin"
    monkeypatch.setenv("AIRFLOW__LIVE_SESSIONS__TIMEZONE", "Europe/Vienna")
    assert fields.timezone("Europe/Berlin").value == "Europe/Vienna"


def test_a_text_that_may_stay_empty_is_sent_as_null_by_airflow_s_form_and_taken(examples: DagBag) -> None:
    refused = [
        f"{dag.dag_id}.{name}"
        for dag in examples.dags.values()
        for name in dag.params
        if dag.params.get_param(name).value == "" and not accepts(copy.deepcopy(dag.params.get_param(name)), None)
    ]
    assert refused == []


def test_a_field_is_new_for_each_form() -> None:
    people = ["Ada"]
    first, second = (fields.participants(people) for _ in range(2))
    first.value.append("Bo")
    assert second.value == people == ["Ada"]


def test_people_are_a_plain_text_box_and_programs_may_still_send_mappings(examples: DagBag) -> None:
    # Airflow 3.1 to 3.3 make a text box of an array whose items have no type, of others a JSON editor.
    for name, field in (("class_now", "participants"), ("workshop_day", "learners")):
        param = examples.dags[name].params.get_param(field)
        assert param.schema["type"] == "array"
        assert "type" not in param.schema["items"]
        assert all(isinstance(line, str) for line in param.value)
        both = [{"id": "a", "name": "Ada"}, "b|Bo <bo@home.example>", ""]
        assert accepts(copy.deepcopy(param), both)


@pytest.mark.parametrize(
    "line",
    [
        "Bo <bo",
        "Bo <bo@>",
        "Bo <@x>",
        "a|b|c",
        "ghost: Bo",
        "Bo>",
        "<bo@x> Bo",
        7,
        None,
        "a@x.org, b@x.org",
        "a@b@c",
        "x@(y)",
        "Zoë <zoë@x.org>",
        "teacher: Bo bo@x.org",
        "id|a@b@c",
        "Bo <x@(y)>",
    ],
)
def test_a_line_that_names_nobody_is_refused_by_the_form_which_quotes_it(line: object) -> None:
    param = fields.participants(["Ada"], roles=["teacher", "student"])
    with pytest.raises(ParamValidationError, match=re.escape(repr(line))) as refused:
        param.resolve(["Ada", line])
    told = str(refused.value)
    assert "'One person a line: Name <email>. teacher: (or student:, leader:) before" in told
    assert "does not match" not in told, "a regular expression is no answer to a slip of the pen"
    assert len(told.splitlines()) < 12


@given(st.lists(st.text("ab |<>@:;.", max_size=12), min_size=1, max_size=3))
def test_a_form_takes_no_more_than_what_its_run_can_read_but_for_people_named_twice(lines: list[str]) -> None:
    if not accepts(fields.participants(["Ada"]), lines):
        return
    try:
        people = people_of_form(lines)
    except ConfigurationError as error:
        assert re.search("stands there already|neither a name|names nobody", str(error))  # noqa: PT017
    else:
        assert people


@given(st.text("aZ 1-_'.ß", min_size=1, max_size=12), st.data())
def test_a_role_that_a_form_offers_is_the_one_its_line_says(role: str, data: st.DataObject) -> None:
    try:
        param = fields.participants(["Ada"], roles=[role, "student"])
    except ConfigurationError as error:
        assert role != role.strip().casefold() or "ß" in role
        assert "cannot be a role" in str(error)  # noqa: PT017
        return
    typed = data.draw(st.sampled_from([role, role.upper(), f" {role} ", role.capitalize()]))
    line = f"{typed}: Ada <ada@x.org>"
    assert accepts(param, [line])
    (ada,) = people_of_form([line], role="student")
    assert (ada.name, ada.role) == ("Ada", role)


@pytest.mark.parametrize("role", ["Tutor", "", " ", "leader", "a:b", "a|b", "a@b", " tutor", "a<"])
def test_a_role_that_no_line_could_say_is_refused_where_the_form_is_written(role: str) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be a role.*Write it in lower case"):
        fields.participants(["Ada"], roles=[role])


@pytest.mark.parametrize(
    "line", ["bo@x.org", " bo@x.org ; ada@x.org", "b@x|Bo <bo@x.org>", "id|bo@x.org", "teacher:bo@x.org"]
)
def test_a_line_with_one_address_for_each_person_is_taken(line: str) -> None:
    assert accepts(fields.participants(["Ada"], roles=["teacher"]), [line])
    assert people_of_form([line])[0].email == "bo@x.org"


def test_what_most_people_leave_alone_is_folded_up(examples: DagBag) -> None:
    params = examples.dags["class_now"].params
    shown = [name for name in params if "section" not in params.get_param(name).schema]
    assert shown == ["title", "start", "minutes", "participants", "transcribe", "hard_stop_minutes"]


@pytest.mark.parametrize(
    ("name", "most"), [("telehealth_day", 4), ("class_day", 5), ("workshop_day", 6), ("screen_share_support", 6)]
)
def test_a_form_showed_more_than_a_person_needs(examples: DagBag, name: str, most: int) -> None:
    params = examples.dags[name].params
    assert len([one for one in params if "section" not in params.get_param(one).schema]) <= most


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("class_day", {"horizon_hours": 37}),
        ("class_day", {"on_missed": "wait"}),
        ("class_day", {"timetable_name": ""}),
        ("class_day", {"check_delays": []}),
        ("class_day", {"rules": {"max_seconds": 1}}),
        ("telehealth_day", {"horizon_hours": 0}),
        ("telehealth_day", {"settle_seconds": 0}),
        ("screen_share_support", {"poll_interval": 121}),
        ("screen_share_support", {"ticket": "x" * 151}),
        ("screen_share_support", {"participants": [{"name": "x"}] * 51}),
        ("workshop_day", {"start": "2026-09-01"}),
        ("workshop_day", {"learners": [{"name": "Ada"}]}),
        ("workshop_day", {"learners": ["Ada"]}),
        ("workshop_day", {"learners": ["leader: a|Ada"]}),
        ("workshop_day", {"learners": [{"id": "a", "name": "Ada", "leader": True}]}),
        ("session_cancel", {"dag_id": "screen_share_night"}),
        ("session_cancel", {"end_live": "yes"}),
        ("call_now", {"minutes": 721}),
        ("call_now", {"minutes": 0}),
        ("call_now", {"participants": []}),
        ("call_now", {"participants": ["teacher: Ada"]}),
        ("call_now", {"start": None}),
        ("call_now", {"title": "x" * 201}),
        ("class_now", {"participants": [{"name": "Tess", "email": "tess@x.test, everybody@x.test"}]}),
        ("class_now", {"participants": [{"name": "Tess", "email": "tess"}]}),
        ("workshop_day", {"learners": [{"id": "a", "name": "Ada", "email": "a@x.test;b@x.test"}]}),
        ("screen_share_support", {"participants": [{"name": "Ada", "email": "Ada <ada@x.test>"}]}),
        ("session_cancel", {"run_id": ""}),
        ("session_cancel", {"run_id": "manual__"}),
        ("session_retrieve_again", {"run_id": " scheduled__ "}),
        ("session_cancel", {"reason": "x" * 501}),
        ("session_retrieve_again", {"kinds": []}),
        ("session_retrieve_again", {"kinds": ["attendance", "attendance"]}),
        ("session_retrieve_again", {"kinds": ["links"]}),
    ],
)
def test_what_a_platform_or_an_operator_would_refuse_is_refused_by_the_form(
    examples: DagBag, name: str, form: dict[str, Any]
) -> None:
    assert examples.import_errors == {}
    params = copy.deepcopy(examples.dags[name].params)
    if "run_id" in params:
        params["run_id"] = "manual__2026-09-01T07:00:00+00:00"
    params.validate()

    def filled_in() -> None:
        params.update(form)
        params.validate()

    with pytest.raises(ParamValidationError):
        filled_in()


def test_a_form_that_names_no_run_was_sent_with_the_beginning_that_stood_in_it() -> None:
    field = fields.launched_by(["class_now"])["run_id"]
    assert not accepts(copy.copy(field), "manual__")
    assert accepts(copy.copy(field), None) is defaults_have_to_fit()
    for run_id in ("manual__2026-09-01T07:00:00+00:00", "scheduled__2026-09-01", "my own run", "manual__x"):
        assert accepts(copy.copy(field), run_id)


@given(addresses() | st.just(""))
def test_an_address_that_the_form_takes_is_taken_by_the_launch(address: str) -> None:
    person = {"name": "Ada", "email": address}
    assert accepts(fields.participants([]), [person])
    assert Participant.from_json(person).email == address


@given(st.text(max_size=12) | st.lists(addresses(), min_size=2, max_size=3).map(", ".join))
def test_an_address_that_the_launch_refuses_is_refused_by_the_form(text: str) -> None:
    person = {"name": "Ada", "email": text}
    try:
        Participant.from_json(person)
    except ConfigurationError:
        assert not accepts(fields.participants([]), [person])


# ---- from a form to a session


FIELDS = ("title", "start", "minutes", "timezone", "participants", "hard_stop_minutes")


def form(**changes: Any) -> dict[str, Any]:
    filled = {"title": "Extra", "start": None, "minutes": 45, "timezone": "Europe/Berlin"}
    params = {**filled, "participants": [{"name": "Ada"}], **changes}
    run_after = datetime(2026, 9, 1, 7, 0, 0, 5, tzinfo=UTC)
    run = SimpleNamespace(dag_id="class_now", run_id="r1", run_after=run_after, conf=changes)
    return {"params": params, "dag_run": run, "dag": SimpleNamespace(params=FIELDS)}


def test_an_empty_start_counts_from_the_run_so_that_a_retry_means_the_same_session() -> None:
    first, again = (session_of_form(form(), starts_in=timedelta(minutes=2)) for _ in range(2))
    assert first == again
    assert (first.uid, first.start) == ("class_now/r1", datetime(2026, 9, 1, 7, 2, tzinfo=UTC))
    assert first.end - first.start == timedelta(minutes=45)


def test_a_given_start_and_another_identity_are_taken_as_they_are() -> None:
    session = session_of_form(form(start="2026-09-01T09:00:00+02:00", minutes=0.25), uid="ticket-1")
    assert (session.uid, session.start.hour) == ("ticket-1", 7)
    assert session.end - session.start == timedelta(seconds=15)


def test_people_are_read_as_in_a_timetable_one_a_line() -> None:
    lines = [
        "teacher: Tess <Tess@School.example>",
        "",
        "s-1|Sam; Bo",
        {"name": "Ada", "role": "guest"},
        "leader: Lea",
    ]
    people = session_of_form(form(participants=lines), role="student").participants
    assert [(one.id, one.name, one.email, one.role, one.leader) for one in people] == [
        ("tess@school.example", "Tess", "Tess@School.example", "teacher", True),
        ("s-1", "Sam", "", "student", False),
        ("Bo", "Bo", "", "student", False),
        ("Ada", "Ada", "", "guest", False),
        ("Lea", "Lea", "", "", True),
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["Ada", "", "Bo <bo"], "Line 3 of the people: 'Bo <bo' is not one person"),
        (["Ada", "Ada"], "Line 2 of the people: 'Ada' stands there already"),
        ([" ", ""], "names nobody"),
        (None, "names nobody"),
    ],
)
def test_a_mistake_among_the_people_is_told_by_its_line(lines: Any, said: str) -> None:
    with pytest.raises(AirflowFailException, match=said) as caught:
        session_of_form(form(participants=lines))
    assert "connection" not in str(caught.value), "it is the form that has to be put right"


def test_a_form_that_describes_no_session_fails_without_retry() -> None:
    with pytest.raises(AirflowFailException, match="ConfigurationError"):
        session_of_form(form(start="2026-02-31 09:00"))


def test_a_class_without_a_teacher_was_launched_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    session_of_form(form(participants=["teacher: Tess", "Bo"]), leads="teacher")
    assert caplog.messages == []
    session_of_form(form(participants=["Bo"]), leads="teacher")
    assert caplog.messages == ["Nobody leads 'Extra': write teacher: before the one who does."]


def test_a_start_from_now_counts_from_the_run_so_that_a_retry_means_the_same_session() -> None:
    first, again = (session_of_form(form(start="in 2 minutes")) for _ in range(2))
    assert first == again
    assert first.start == datetime(2026, 9, 1, 7, 2, tzinfo=UTC)


# ---- fields that a form has not


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("hard_stop_seconds", r"'hard_stop_seconds' \(it is hard_stop_minutes now, in minutes\)\. Its fields are"),
        ("particpants", r"'particpants' \(is participants meant\?\)"),
        ("colour", r"no such field: 'colour'\. Its fields are .*timezone, title"),
    ],
)
def test_a_field_that_the_form_has_not_was_ignored_without_a_word(field: str, said: str) -> None:
    with pytest.raises(AirflowFailException, match=said):
        session_of_form(form(**{field: 600}))


def test_a_scheduled_run_has_no_conf_and_is_taken() -> None:
    given = form()
    given["dag_run"].conf = None
    assert session_of_form(given).title == "Extra"


@given(names=st.lists(st.text(max_size=9)), known=st.lists(st.text(max_size=9)))
def test_exactly_the_names_of_the_form_pass(names: list[str], known: list[str]) -> None:
    if set(names) <= set(known):
        check_names(names, known)
    else:
        with pytest.raises(ConfigurationError):
            check_names(names, known)


def test_every_form_that_launches_finds_or_ends_sessions_looks_for_fields_it_has_not(examples: DagBag) -> None:
    # Those without a `pre_execute` make their session of the form, and look there.
    looking = {
        "class_day": "select",
        "telehealth_day": "table",
        "session_cancel": "find",
        "session_retrieve_again": "find",
    }
    for name, first in looking.items():
        task = examples.dags[name].get_task(first)
        assert task._pre_execute_hook is refuse_unknown_fields
        assert not task.upstream_task_ids
