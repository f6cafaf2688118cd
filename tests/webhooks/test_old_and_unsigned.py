"""What a URL's holder cannot do: have old truth told again, or, where that is refused, do without a signature."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - a test, not a DAG file
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.compat.features import TASK_KEY
from airflow_provider.live_sessions.core.deliveries import Delivery, Fact
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.happening import Happening
from airflow_provider.live_sessions.core.signatures import Signature
from airflow_provider.live_sessions.core.status import Held
from airflow_provider.live_sessions.webhooks.desk import Desk
from airflow_provider.live_sessions.webhooks.queue import Job
from airflow_provider.live_sessions.webhooks.standing import Receiver
from airflow_provider.live_sessions.webhooks.tokens import Addressee
from airflow_provider.live_sessions.webhooks.urls import SEALED, url_of
from tests.airflow_side.stage import School, context
from tests.airflow_side_coviu.practice import Practice
from tests.airflow_side_screenleap.stage import Studio
from tests.exports.lessonspace_past import fill
from tests.exports.other_pasts import fill_coviu, fill_screenleap
from tests.exports.spoken_past import speak
from tests.webhooks.post import Airflow, Post, opened

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

SETTINGS = "AIRFLOW__LIVE_SESSIONS__"
AGES = {"of last year": timedelta(days=400), "of last week": timedelta(days=7), "of an outage": timedelta(days=3)}
TOLD = {"of last year": False, "of last week": False, "of an outage": True}

Sent = tuple[str, dict[str, Any], dict[str, str]]
"""A connection, a body and headers."""


def at_lessonspace(school: School, begin: datetime, happening: Happening) -> Sent:
    fill(school.sandbox, begin, begin + timedelta(minutes=1), 30)
    spoken = speak(school.sandbox)
    named = {
        Happening.STARTED: "session.start",
        Happening.ENDED: "session.end",
        Happening.TRANSCRIPT: "transcription.finish",
    }[happening]
    session = next(
        one
        for one in school.sandbox.lessonspace._store.sessions
        if spoken.get(one.uuid)
        and one.ended_at is not None
        and one.ended_at - one.started_at == timedelta(hours=1)
    )
    body = {"session": {"id": session.uuid}} if happening is Happening.TRANSCRIPT else {"id": session.uuid}
    return school.conn_id, {**body, "room": {"id": session.space.id}}, {"x-webhook-event": named}


def at_coviu(practice: Practice, begin: datetime, happening: Happening) -> Sent:
    truth = fill_coviu(practice.sandbox, begin, begin + timedelta(minutes=1), 30)
    session = next(one for one in truth.values() if one["held"] == "yes")["session_id"]
    named = "participant:join" if happening is Happening.STARTED else "participant:leave"
    return practice.conn_id, {"type": named, "payload": {"sessionId": session}}, {}


def at_screenleap(studio: Studio, begin: datetime, happening: Happening) -> Sent:
    fill_screenleap(studio.sandbox, begin, begin + timedelta(minutes=1), 10)
    code = studio.people.codes()[0]
    named = "PRESENTER_CONNECT" if happening is Happening.STARTED else "SHARE_END"
    return studio.conn_id, {"eventType": named, "screenShareCode": code}, {}


PASTS: list[Any] = [
    pytest.param(School, at_lessonspace, "lessonspace", Happening.STARTED, id="lessonspace-start"),
    pytest.param(School, at_lessonspace, "lessonspace", Happening.ENDED, id="lessonspace-end"),
    pytest.param(School, at_lessonspace, "lessonspace", Happening.TRANSCRIPT, id="lessonspace-transcript"),
    pytest.param(Practice, at_coviu, "coviu", Happening.STARTED, id="coviu-start"),
    pytest.param(Practice, at_coviu, "coviu", Happening.ENDED, id="coviu-end"),
    pytest.param(Studio, at_screenleap, "screenleap", Happening.STARTED, id="screenleap-start"),
    pytest.param(Studio, at_screenleap, "screenleap", Happening.ENDED, id="screenleap-end"),
]


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize(("place", "past", "platform", "happening"), PASTS)
def test_a_url_s_holder_cannot_have_old_truth_told_again(
    place: Any,
    past: Any,
    platform: str,
    happening: Happening,
    age: str,
    post: Post,
    airflow: Airflow,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What the platform bears out was told however long ago it had happened."""
    entered: AbstractContextManager[Any] = place.open(monkeypatch)
    with entered as account:
        conn_id, body, headers = past(account, datetime.now(UTC) - AGES[age], happening)
        answer = requests.post(url_of(Addressee(platform, conn_id)), json=body, headers=headers, timeout=20)
        assert answer.status_code == 202
        post.settle()
    assert [what for what, _ in airflow.facts()] == ([happening.value] if TOLD[age] else [])
    assert ("webhooks_max_age_days" in caplog.text) is not TOLD[age]


@given(
    age=st.timedeltas(timedelta(days=-30), timedelta(days=30)),
    limit=st.timedeltas(timedelta(days=2), timedelta(days=30)),
    waited=st.floats(0, 3 * 86_400),
    dated=st.sampled_from(["at", "session_ended_at", "never"]),
)
def test_a_fact_is_as_old_as_it_was_when_its_delivery_came(
    age: timedelta, limit: timedelta, waited: float, dated: str
) -> None:
    job = Job(Addressee("coviu", "clinic"), Delivery("participant:leave", "d"))
    job.taken_at -= waited
    at = datetime.now(UTC) - age
    fact = Fact(
        Happening.ENDED,
        "s-1",
        at if dated == "at" else None,
        Held.UNKNOWN,
        session_ended_at=at if dated == "session_ended_at" else None,
    )
    over = age - timedelta(seconds=waited) - limit
    if abs(over) > timedelta(minutes=1):  # the clock goes on
        desk = Desk(Airflow(), signature=None, max_age=limit)
        assert desk._is_old(job, fact) is (dated != "never" and over > timedelta())


@pytest.mark.parametrize(("days", "told"), [("7.5", 1), ("2", 0)])
def test_how_old_a_fact_may_be_is_a_setting(
    days: str, told: int, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{SETTINGS}WEBHOOKS_MAX_AGE_DAYS", days)
    with opened(airflow, monkeypatch) as post, Practice.open(monkeypatch) as clinic:
        conn_id, body, _ = at_coviu(clinic, datetime.now(UTC) - timedelta(days=7), Happening.ENDED)
        requests.post(url_of(Addressee("coviu", conn_id)), json=body, timeout=20)
        post.settle()
    assert len(airflow.facts()) == told


@pytest.mark.parametrize(
    ("setting", "value"),
    [("MAX_AGE_DAYS", one) for one in ("0", "1.9", "-4", "31", "nan", "inf", "4 days")]
    + [("UNSIGNED", one) for one in ("accept", "off", "true")],
)
def test_a_setting_that_cannot_be_meant_is_refused(
    setting: str, value: str, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{SETTINGS}WEBHOOKS_{setting}", value)
    with pytest.raises(ConfigurationError, match=f"webhooks_{setting.casefold()}"):
        Receiver(airflow)


def test_signatures_are_not_left_aside_and_demanded_at_once(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{SETTINGS}WEBHOOKS_UNSIGNED", "refuse")
    Receiver(airflow)
    monkeypatch.setenv(f"{SETTINGS}WEBHOOKS_SIGNATURE", "off")
    with pytest.raises(ConfigurationError, match="webhooks_signature is off"):
        Receiver(airflow)


# ---- signatures that cannot be checked


def held(school: School, airflow: Airflow) -> dict[str, Any]:
    """Hold a class that was launched with webhooks, and return what is sent when it ends."""
    record = school.launcher(webhooks="auto").execute(context(store=airflow.store()))
    school.hold(record)
    assert school.sandbox.lessonspace.wait_for_webhooks(20)
    return {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}


def end_of(school: School, body: dict[str, Any], addressee: Addressee | None = None) -> Job:
    from airflow_provider.live_sessions.hooks.lessonspace import LessonspaceHook

    found = LessonspaceHook.read_delivery({"x-webhook-event": "session.end"}, json.dumps(body).encode())
    return Job(addressee or Addressee("lessonspace", school.conn_id, "class_day", "run-1", "launch"), found)


@pytest.mark.parametrize("remembers", [True, False])
def test_with_refuse_a_delivery_whose_signature_cannot_be_checked_is_not_even_asked_about(
    remembers: bool, school: School, airflow: Airflow, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Without its launch's secret, as always below Airflow 3.3, the URL alone admitted it after a minute."""
    with opened(airflow, monkeypatch) as post:
        body = held(school, airflow)
        post.settle()
    store = airflow.store()
    store.set(TASK_KEY, {name: value for name, value in store.get(TASK_KEY).items() if name != SEALED})
    airflow.told.clear()
    airflow.remembers = remembers
    before = len(school.log())
    strict = Desk(airflow, signature=Signature(), refuse_unchecked=True)
    job = end_of(school, body)
    if remembers:
        assert strict.handle(job) is not None, "the launch may still be writing its secret down"
        job.taken_at -= 3600
    assert strict.handle(job) is None
    assert strict.handle(end_of(school, body, Addressee("lessonspace", school.conn_id))) is None
    assert (airflow.told, len(school.log())) == ([], before)
    refused = [one for one in caplog.records if "webhooks_unsigned" in one.getMessage()]
    assert [one.levelno for one in refused] == [logging.WARNING] * 2
    lenient = end_of(school, body)
    lenient.taken_at -= 3600
    assert Desk(airflow, signature=Signature()).handle(lenient) is None
    assert [what for what, _ in airflow.facts()] == ["session-ended"], "the default asks the platform"


def test_with_refuse_what_is_signed_is_told_and_so_is_what_platforms_send_that_never_sign(
    school: School, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{SETTINGS}WEBHOOKS_UNSIGNED", "Refuse")
    with opened(airflow, monkeypatch) as post:
        held(school, airflow)
        post.settle()
        assert sorted(what for what, _ in airflow.facts()) == ["session-ended", "session-started"]
        airflow.told.clear()
        with Practice.open(monkeypatch) as clinic:
            conn_id, body, _ = at_coviu(clinic, datetime.now(UTC) - timedelta(days=1), Happening.ENDED)
            requests.post(url_of(Addressee("coviu", conn_id)), json=body, timeout=20)
            post.settle()
    assert [what for what, _ in airflow.facts()] == ["session-ended"]
