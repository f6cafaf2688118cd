"""Handing links over: over a real SMTP conversation, each to their own, once, and never in the clear."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from airflow.providers.standard.triggers.temporal import DateTimeTrigger

from airflow_provider.live_sessions.core.errors import OutcomeUnknown, Unavailable
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.forms.people import people_of_form
from airflow_provider.live_sessions.hooks.sealing import reveal
from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceCancelSessionOperator,
    LessonspaceHandOverLinksOperator,
)
from tests.airflow_side.post_office import PostOffice, open_post_office
from tests.airflow_side.stage import OTHER, PEOPLE, School, Store, context, deferral, resume

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    with open_post_office(monkeypatch) as office:
        yield office


def operator(record: Mapping[str, Any], folder: Path, **more: Any) -> LessonspaceHandOverLinksOperator:
    given = {"smtp_conn_id": "post", "destination": str(folder), "timezone": "Europe/Berlin", **more}
    return LessonspaceHandOverLinksOperator(task_id="hand_over", session=record, **given)


def hand_over(record: Mapping[str, Any], folder: Path, **more: Any) -> dict[str, Any]:
    return dict(json.loads(json.dumps(operator(record, folder, **more).execute(context()))))


def ledger(folder: Path) -> list[dict[str, Any]]:
    """Return what was written down of who was served."""
    return [json.loads(path.read_text()) for path in (folder / "handed-over").rglob("*.json")]


# ---- by mail


def test_everybody_gets_a_mail_with_their_own_link_and_nobody_else_s(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = school.launch()
    result = hand_over(record, tmp_path)
    own = {link["participant"]["email"]: reveal(link["url"], mask=False) for link in record["links"]}
    assert {address: post.link(address) for address in post.addresses} == own
    for address, message in post.mails:
        assert message["To"] == address
        others = set(own.values()) - {own[address]}
        assert not any(link in unescape(message.as_string()) for link in others)
    assert [(one["participant"], one["by"]) for one in result["handed_over"]] == [
        ("t-1", "mail"),
        ("s-1", "mail"),
    ]
    assert "url" not in result["handed_over"][0]


def test_no_link_stands_in_the_result_the_ledger_or_the_log(
    school: School, post: PostOffice, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="airflow")
    told = json.dumps(hand_over(school.launch(), tmp_path)) + json.dumps(ledger(tmp_path))
    told += "".join(line.getMessage() for line in caplog.records)
    assert len(post.mails) == len(ledger(tmp_path)) == 2
    for secret in school.secrets:
        assert secret not in told


def test_names_and_titles_are_escaped_in_the_body_and_cannot_break_the_subject(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    person = Participant("x", '<script>alert("x")</script>', email="x@home.test")
    record = school.launch(school.lesson('Maths & <b>"more"</b>', people=(person,)))
    record["title"] += "\nBcc: everybody@school.test"
    hand_over(record, tmp_path)
    body = post.body("x@home.test")
    assert "<script>" not in body
    assert "&lt;script&gt;" in body
    assert "Maths &amp; &lt;b&gt;" in body
    (_, message) = post.mails[0]
    assert message["Bcc"] is None
    assert "Maths & <b>" in message["Subject"]


def test_times_are_told_in_the_zone_that_was_named(school: School, post: PostOffice, tmp_path: Path) -> None:
    record = school.launch()
    record["start"], record["end"] = "2099-07-01T08:00:00+00:00", "2099-07-01T09:00:00+00:00"
    hand_over(record, tmp_path)
    assert "01 July 2099, 10:00 (Europe/Berlin)" in post.body("ada@school.test")


def test_subject_body_and_sender_are_the_caller_s(school: School, post: PostOffice, tmp_path: Path) -> None:
    hand_over(
        school.launch(),
        tmp_path,
        subject="$role $name: $title",
        html_body="<a href='$url'>$name</a> $unknown",
        from_email="office@school.test",
    )
    (_, message) = post.mails[0]
    assert message["Subject"] == "teacher Ada Teacher: Algebra 1"
    assert message["From"] == "office@school.test"
    assert "$unknown" in post.body("ada@school.test")


@pytest.mark.parametrize("line_break", ["\r", "\n", "\r\n", "\x0b", "\x1c", "\x85", "\u2028"])
def test_a_carriage_return_in_a_title_made_every_try_of_the_mail_fail(
    school: School, post: PostOffice, tmp_path: Path, line_break: str
) -> None:
    record = school.launch()
    record["title"] = f"Algebra{line_break}Bcc: everybody@school.test"
    hand_over(record, tmp_path, subject=f"$title{line_break} at last")
    assert post.addresses == ["ada@school.test", "bo@home.test"]
    for _, message in post.mails:
        assert message["Subject"] == "Algebra Bcc: everybody@school.test at last"
        assert message["Bcc"] is None


# ---- to one address


@pytest.mark.parametrize("between", [", ", ";", "\n", " "])
def test_one_person_s_link_went_to_several_addresses(
    school: School, post: PostOffice, tmp_path: Path, capfd: pytest.CaptureFixture[str], between: str
) -> None:
    record = school.launch()
    record["links"][0]["participant"]["email"] = f"ada@school.test{between}everybody@school.test"
    with pytest.raises(Unavailable, match="1 of 2 mails could not be sent: t-1"):
        hand_over(record, tmp_path)
    assert post.addresses == ["bo@home.test"]
    log = capfd.readouterr().out
    assert "'t-1' is not one address" in log
    assert "Write one address and nothing else" in log


def test_an_address_that_no_mail_can_be_sent_to_was_taken_and_failed_every_try(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    with pytest.raises(AirflowFailException, match="before the @ in plain letters"):
        school.launch(school.lesson(people=(replace(PEOPLE[0], email="zoë@home.test"), PEOPLE[1])))
    hand_over(school.launch(school.lesson(people=(replace(PEOPLE[0], email="ada@müller.test"),))), tmp_path)
    assert post.addresses == ["ada@xn--mller-kva.test"]


def test_two_addresses_for_one_person_are_refused_before_anything_is_launched(school: School) -> None:
    people = (replace(PEOPLE[0], email="ada@school.test, everybody@school.test"), PEOPLE[1])
    with pytest.raises(AirflowFailException, match="'t-1' is not one address"):
        school.launch(school.lesson(people=people))
    assert school.launches == 0


def test_a_record_without_addresses_is_handed_over_as_before(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = school.launch()
    del record["links"][0]["participant"]["email"]
    record["links"][1]["participant"]["email"] = ""
    for person in record["participants"]:
        del person["email"]
    assert [one["by"] for one in hand_over(record, tmp_path)["handed_over"]] == ["xcom", "xcom"]
    assert not post.mails


# ---- a text for each role


def test_a_teacher_and_a_student_each_get_their_role_s_mail(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = school.launch(school.lesson('Maths & <b>"more"</b>'))
    hand_over(
        record,
        tmp_path,
        subject={"teacher": "You teach $title", "default": "Your class $title"},
        html_body={
            "teacher": '<p>$name, <a href="$url">open the room</a> ten minutes early: $title</p>',
            "student": '<p>Hi $name, <a href="$url">come in</a> to $title</p>',
        },
        from_email="office@school.test",
    )
    own = {link["participant"]["email"]: reveal(link["url"], mask=False) for link in record["links"]}
    assert {address: post.link(address) for address in post.addresses} == own
    mails = dict(post.mails)
    assert {address: str(mail["Subject"]) for address, mail in mails.items()} == {
        "ada@school.test": 'You teach Maths & <b>"more"</b>',
        "bo@home.test": 'Your class Maths & <b>"more"</b>',
    }
    assert {str(mail["From"]) for mail in mails.values()} == {"office@school.test"}
    assert "ten minutes early" in post.body("ada@school.test")
    assert "Hi Bo Student" in post.body("bo@home.test")
    for address in mails:
        assert "Maths &amp; &lt;b&gt;&quot;more&quot;" in post.body(address)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ("for $name", {"teacher": "for Ada", "helper": "for Cy", "": "for Di"}),
        ({"teacher": "T", "default": "D"}, {"teacher": "T", "helper": "D", "": "D"}),
        ({"teacher": "T", "": "E"}, {"teacher": "T", "helper": "E", "": "E"}),
        ({"default": "D", "": "E"}, {"teacher": "D", "helper": "D", "": "E"}),
        ({"teacher": "T"}, {"teacher": "T", "helper": "Your link for Talk", "": "Your link for Talk"}),
    ],
)
def test_a_role_without_a_text_gets_the_default_and_without_one_the_usual(
    school: School, post: PostOffice, tmp_path: Path, texts: Any, said: dict[str, str]
) -> None:
    names = {"teacher": "Ada", "helper": "Cy", "": "Di"}
    people = tuple(Participant(name, name, f"{name}@home.test", role) for role, name in names.items())
    hand_over(school.launch(school.lesson("Talk", people=people)), tmp_path, subject=texts)
    subjects = {address: str(mail["Subject"]) for address, mail in post.mails}
    for role, name in names.items():
        assert subjects[f"{name}@home.test"].startswith(said[role])


def test_who_leads_without_a_role_could_have_no_text_of_their_own(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    people = people_of_form(["leader: Ada <ada@x.test>", "Bo <bo@x.test>"])
    record = school.launch(school.lesson("Talk", people=people))
    hand_over(record, tmp_path, subject={"leader": "You lead", "default": "You listen"})
    assert [str(mail["Subject"]) for _, mail in post.mails] == ["You lead", "You listen"]


def test_a_role_of_more_than_letters_was_lost_between_the_form_and_the_mail(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    people = people_of_form(["Teaching assistant: Ada <ada@x.test>", "Bo <bo@x.test>"], role="student")
    subjects = {"teaching assistant": "You help", "default": "You learn"}
    hand_over(school.launch(school.lesson("Maths", people=people)), tmp_path, subject=subjects)
    assert [str(mail["Subject"]) for _, mail in post.mails] == ["You help", "You learn"]
    assert "Hello Ada," in post.body("ada@x.test")


@pytest.mark.parametrize(
    "arguments", [{"subject": 5}, {"html_body": {"teacher": None}}, {"html_body": {1: "x"}}, {"subject": ["x"]}]
)
def test_a_mail_s_text_that_is_none_fails_before_anybody_is_mailed(
    school: School, post: PostOffice, tmp_path: Path, arguments: dict[str, Any]
) -> None:
    with pytest.raises(AirflowFailException, match="has to be a text, or a text for each role"):
        hand_over(school.launch(), tmp_path, **arguments)
    assert not post.mails


# ---- once


def test_a_failing_address_stops_nobody_and_the_retry_serves_only_that_one(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = school.launch()
    post.refused.add("ada@school.test")
    with pytest.raises(Unavailable, match="1 of 2 mails could not be sent: t-1") as told:
        hand_over(record, tmp_path)
    assert "http" not in str(told.value)
    assert post.addresses == ["bo@home.test"]
    post.refused.clear()
    result = hand_over(record, tmp_path)
    assert post.addresses == ["bo@home.test", "ada@school.test"]
    assert [one["by"] for one in result["handed_over"]] == ["mail", "mail"]
    hand_over(record, tmp_path)
    assert len(post.mails) == 2


def four(school: School) -> dict[str, Any]:
    people = tuple(Participant(f"p{number}", f"P{number}", email=f"p{number}@home.test") for number in range(4))
    return school.launch(school.lesson("Maths", people=people))


def test_an_address_at_which_the_server_hung_up_cost_everybody_behind_it_their_mail(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = four(school)
    post.hung_up.add("p1@home.test")
    with pytest.raises(Unavailable, match="1 of 4 mails could not be sent: p1"):
        hand_over(record, tmp_path)
    assert post.addresses == ["p0@home.test", "p2@home.test", "p3@home.test"]
    post.hung_up.clear()
    result = hand_over(record, tmp_path)
    assert post.addresses[3:] == ["p1@home.test"]
    assert [one["participant"] for one in result["handed_over"]] == ["p0", "p1", "p2", "p3"]


def test_a_mail_whose_answer_is_lost_is_tried_again_after_everybody_else_s(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = four(school)
    post.unanswered.add("p0@home.test")
    post.refused.add("p3@home.test")
    with pytest.raises(Unavailable, match="2 of 4 mails could not be sent: p0, p3"):
        hand_over(record, tmp_path)
    assert post.addresses == ["p0@home.test", "p1@home.test", "p2@home.test"]
    record["links"].append(four(school)["links"][0])
    record["links"][-1]["participant"].update(id="p4", email="p4@home.test")
    post.unanswered.clear()
    post.refused.clear()
    hand_over(record, tmp_path)
    assert post.addresses[3:] == ["p4@home.test", "p0@home.test", "p3@home.test"]


def test_a_list_that_could_not_be_written_had_the_first_person_mailed_at_every_try(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = school.launch()
    (tmp_path / "handed-over").write_text("in the way of the folder")
    for _ in range(3):
        with pytest.raises(OSError, match="handed-over"):
            hand_over(record, tmp_path)
    assert not post.mails
    (tmp_path / "handed-over").unlink()
    hand_over(record, tmp_path)
    assert post.addresses == ["ada@school.test", "bo@home.test"]


def test_a_task_that_died_after_a_mail_goes_on_with_the_others_first(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = school.launch()
    hand_over(record, tmp_path)
    (entry,) = [one for one in (tmp_path / "handed-over").rglob("*.json") if "ada@" in one.read_text()]
    entry.write_text(entry.read_text().replace('"mail"', '"begun"'))
    record["links"][1]["participant"]["email"] = "new@home.test"
    hand_over(record, tmp_path)
    assert post.addresses[2:] == ["new@home.test", "ada@school.test"]


def test_another_run_that_meets_the_same_class_mails_nobody_twice(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    lesson = school.lesson()
    hand_over(school.launch(lesson), tmp_path)
    hand_over(school.launch(lesson), tmp_path)
    assert len(post.mails) == 2


def test_links_are_sent_once_more_on_purpose_when_the_list_of_who_was_served_is_taken_away(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record, other = school.launch(), school.launch(school.lesson("Latin"))
    key = hand_over(record, tmp_path)["key"]
    hand_over(other, tmp_path)
    shutil.rmtree(tmp_path / "handed-over" / key)
    for one in (record, other):
        hand_over(one, tmp_path)
    assert len(post.mails) == 6


def test_two_people_of_one_address_each_get_their_own_link_there(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    people = tuple(Participant(one, one.title(), email="family@home.test") for one in ("ann", "bea"))
    record = school.launch(school.lesson(people=people))
    for _ in range(2):
        hand_over(record, tmp_path)
    parts = [mail.get_body(("html",)) for _, mail in post.mails]
    bodies = [unescape(str(part.get_content())) for part in parts if part is not None]
    assert len(bodies) == 2
    links = [reveal(link["url"], mask=False) for link in record["links"]]
    assert [[link in body for link in links] for body in bodies] == [[True, False], [False, True]]


@pytest.mark.parametrize("broken", [b"", b"[]", b"{", b'{"by": 7}', b"\xff", b'{"by": "mail", "email": null}'])
def test_a_list_that_cannot_be_read_mails_again_and_is_mended(
    school: School, post: PostOffice, tmp_path: Path, broken: bytes
) -> None:
    record = school.launch()
    hand_over(record, tmp_path)
    first = sorted((tmp_path / "handed-over").rglob("*.json"))[0]
    first.write_bytes(broken)
    for _ in range(2):
        hand_over(record, tmp_path)
    assert len(post.mails) == 3
    assert {entry["by"] for entry in ledger(tmp_path)} == {"mail"}


def test_an_entry_of_an_earlier_release_still_counts(school: School, post: PostOffice, tmp_path: Path) -> None:
    record = school.launch()
    hand_over(record, tmp_path)
    for path in (tmp_path / "handed-over").rglob("*.json"):
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "from"}))
    hand_over(record, tmp_path)
    assert len(post.mails) == 2


def test_a_corrected_address_gets_a_mail_of_its_own(school: School, post: PostOffice, tmp_path: Path) -> None:
    record = school.launch()
    hand_over(record, tmp_path)
    record["links"][1]["participant"]["email"] = "new@home.test"
    hand_over(record, tmp_path)
    assert post.addresses == ["ada@school.test", "bo@home.test", "new@home.test"]


def test_a_server_that_is_away_is_retried_and_nobody_counts_as_served(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "a@b.test", "retry_limit": 1, "timeout": 2}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": 1, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_POST", json.dumps(connection))
    record = school.launch()
    with pytest.raises(Exception, match=r"(?i)smtp|connect|refused") as told:
        hand_over(record, tmp_path)
    assert not isinstance(told.value, AirflowFailException)
    assert ledger(tmp_path) == []


# ---- without mail


def test_without_an_smtp_connection_the_links_stay_sealed_in_xcom(
    school: School, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="airflow")
    record = school.launch()
    result = hand_over(record, tmp_path, smtp_conn_id="nowhere")
    told = capsys.readouterr().out + "".join(line.getMessage() for line in caplog.records)
    assert "no connection 'nowhere'. Nobody is sent anything" in told
    assert (
        "Link 1 of 2, Ada Teacher: stays sealed inside Airflow; nobody was sent it. Make the connection that "
        "smtp_conn_id names and clear this task" in told
    )
    assert [one["url"] for one in result["handed_over"]] == [link["url"] for link in record["links"]]
    assert {one["by"] for one in result["handed_over"]} == {"xcom"}
    again = hand_over(record, tmp_path, smtp_conn_id=None)
    assert [one["at"] for one in again["handed_over"]] == [one["at"] for one in result["handed_over"]]


def test_who_has_no_address_gets_a_sealed_link_while_the_others_are_mailed(
    school: School, post: PostOffice, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = school.launch(school.lesson(people=(*PEOPLE, OTHER)))
    result = hand_over(record, tmp_path)
    log = capsys.readouterr().out
    assert f"Link 3 of 3, {OTHER.name}: stays sealed inside Airflow; nobody was sent it. Give an address" in log
    assert not any(secret in log for secret in school.secrets)
    assert [one["by"] for one in result["handed_over"]] == ["mail", "mail", "xcom"]
    assert result["handed_over"][2]["url"].startswith("sealed:v1:")
    assert len(post.mails) == 2


def test_who_was_only_served_in_xcom_still_gets_a_mail_once_there_is_a_server(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = school.launch()
    hand_over(record, tmp_path, smtp_conn_id=None)
    hand_over(record, tmp_path)
    assert len(post.mails) == 2


# ---- when, and whether


def test_links_wait_for_their_moment_without_a_slot(school: School, post: PostOffice, tmp_path: Path) -> None:
    record = school.launch(hand_over_before=60)
    moment = datetime.now(UTC) + timedelta(minutes=10)
    record["hand_over_at"] = moment.isoformat()
    one, where = operator(record, tmp_path, deferrable=True), context()
    deferred = deferral(one, where)
    assert deferred.method_name == "execute_hand_over"
    assert isinstance(deferred.trigger, DateTimeTrigger)
    assert deferred.trigger.moment == moment
    assert not post.mails
    resume(one, where, deferred, event=moment)
    assert len(post.mails) == 2


def test_links_wait_for_their_moment_in_the_slot(school: School, post: PostOffice, tmp_path: Path) -> None:
    record = school.launch()
    moment = datetime.now(UTC) + timedelta(seconds=1)
    record["hand_over_at"] = moment.isoformat()
    hand_over(record, tmp_path, deferrable=False)
    assert datetime.now(UTC) >= moment
    assert len(post.mails) == 2


def test_a_class_cancelled_while_its_links_waited_sends_none(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = school.launch(hand_over_before=60)
    one, where = operator(record, tmp_path, deferrable=True), context()
    deferred = deferral(one, where)
    LessonspaceCancelSessionOperator(task_id="cancel", session=record).execute(context())
    with pytest.raises(AirflowSkipException, match="is cancelled: nobody gets a link"):
        resume(one, where, deferred, event=record["hand_over_at"])
    assert not post.mails


def ended(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record as of a class whose planned end is a minute ago."""
    start, end = (datetime.now(UTC) - timedelta(minutes=minutes) for minutes in (61, 1))
    return {**record, "start": start.isoformat(), "end": end.isoformat()}


def test_a_class_that_is_over_sends_none(school: School, post: PostOffice, tmp_path: Path) -> None:
    lesson = school.lesson()
    record = school.launch(lesson)
    hand_over(record, tmp_path)
    school.hold(record)
    with pytest.raises(AirflowSkipException, match="is ended"):
        hand_over(record, tmp_path)
    with pytest.raises(AirflowSkipException, match="there are no links"):
        hand_over(school.launch(lesson), tmp_path)
    assert len(post.mails) == 2


def test_a_class_whose_links_reached_nobody_ended_green(school: School, post: PostOffice, tmp_path: Path) -> None:
    record = school.launch()
    post.refused |= {"ada@school.test", "bo@home.test"}
    with pytest.raises(Unavailable, match="2 of 2 mails"):
        hand_over(record, tmp_path)
    post.refused.clear()
    school.hold(record)
    with pytest.raises(AirflowFailException) as told:
        hand_over(record, tmp_path)
    assert str(told.value) == (
        "TooLate: 'Algebra 1' is ended, and 2 of 2 people never got a link: t-1, s-1. "
        "No link is sent any more: a retry changes nothing."
    )
    assert not post.mails


def test_who_alone_never_got_a_link_is_named_once_the_time_has_passed(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = school.launch()
    post.refused.add("bo@home.test")
    with pytest.raises(Unavailable):
        hand_over(record, tmp_path)
    with pytest.raises(AirflowFailException, match=r"was to end at .*, and 1 of 2 people never got a link: s-1\."):
        hand_over(ended(record), tmp_path)
    assert post.addresses == ["ada@school.test"]


def test_a_hand_over_that_began_after_the_end_left_the_run_green(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    with pytest.raises(AirflowFailException, match="2 of 2 people never got a link: t-1, s-1"):
        hand_over(ended(school.launch()), tmp_path)
    assert not post.mails


def test_a_class_whose_launch_was_finished_only_after_its_end_left_the_run_green(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    lesson, store = school.lesson(), Store()
    school.sandbox.faults.add("reset_after", path="/launch/", nth=2)
    with pytest.raises(OutcomeUnknown):  # the class is made, and its links are lost with the answer
        school.launcher(lesson).execute(context(store=store))
    school.wait(3600 * 5)
    record = school.launcher(lesson).execute(context(store=store))
    assert (record["state"], record["links"]) == ("never_held", None)
    begun = {**record, "start": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    with pytest.raises(AirflowFailException, match="is never_held, and 2 of 2 people never got a link: t-1, s-1"):
        hand_over(begun, tmp_path)
    with pytest.raises(AirflowSkipException, match="there are no links"):  # over before its time: called off
        hand_over(record, tmp_path)
    assert not post.mails


def test_who_was_served_in_another_way_or_at_an_earlier_address_counts_as_served_once_it_is_over(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = school.launch()
    hand_over(record, tmp_path, smtp_conn_id=None)
    with pytest.raises(AirflowSkipException, match="was to end at"):
        hand_over(ended(record), tmp_path)
    hand_over(record, tmp_path)
    record["links"][1]["participant"]["email"] = "new@home.test"
    with pytest.raises(AirflowSkipException, match="was to end at"):
        hand_over(ended(record), tmp_path)


def test_a_cancelled_class_whose_links_reached_nobody_is_skipped(
    school: School, post: PostOffice, tmp_path: Path
) -> None:
    record = school.launch()
    LessonspaceCancelSessionOperator(task_id="cancel", session=record).execute(context())
    for one in (record, ended(record)):
        with pytest.raises(AirflowSkipException, match="is cancelled"):
            hand_over(one, tmp_path)
    assert not post.mails


def test_a_skipped_hand_over_did_not_say_why_in_its_log(
    school: School, post: PostOffice, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = school.launch()
    hand_over(record, tmp_path)
    with pytest.raises(AirflowSkipException):
        hand_over(ended(record), tmp_path)
    assert "Nothing is handed over: 'Algebra 1' was to end at" in capsys.readouterr().out


def test_a_zone_that_is_none_fails_without_a_mail(school: School, post: PostOffice, tmp_path: Path) -> None:
    with pytest.raises(AirflowFailException, match="Atlantis"):
        hand_over(school.launch(), tmp_path, timezone="Atlantis")
    assert not post.mails
