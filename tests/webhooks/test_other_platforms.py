"""Coviu, Screenleap and Educates: nothing they send is signed, nothing is told before it was asked for."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider.live_sessions.core.deliveries import Delivery, Fact
from airflow_provider.live_sessions.core.happening import Happening
from airflow_provider.live_sessions.core.signatures import Signature
from airflow_provider.live_sessions.hooks.base import hook_class_of, hook_path_of
from airflow_provider.live_sessions.platforms.coviu import deliveries
from airflow_provider.live_sessions.platforms.coviu.models import Session, Summary
from airflow_provider.live_sessions.webhooks.desk import Desk
from airflow_provider.live_sessions.webhooks.queue import Job
from airflow_provider.live_sessions.webhooks.tokens import Addressee
from airflow_provider.live_sessions.webhooks.urls import url_of
from tests.airflow_side.stage import TaskInstance, context
from tests.airflow_side_coviu.practice import Practice
from tests.airflow_side_educates.lab import Lab
from tests.airflow_side_screenleap.stage import Studio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.webhooks.post import Airflow, Post


def look(airflow: Airflow, addressee: Addressee, body: dict[str, Any]) -> float | None:
    """Look once at what a platform sent."""
    raw = json.dumps(body).encode()
    delivery = hook_class_of(hook_path_of(addressee.platform)).read_delivery({}, raw)
    return Desk(airflow, signature=Signature()).handle(Job(addressee, delivery))


# ---- Screenleap


@pytest.fixture
def studio(post: Post, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """An account whose settings name the URL that was made for its connection."""
    with ExitStack() as stack:
        # The connection's name is known only when it is open: the URL of the next one is taken.
        first = stack.enter_context(Studio.open(monkeypatch))
        name, _, number = first.conn_id.rpartition("_")
        url = url_of(Addressee("screenleap", f"{name}_{int(number) + 1}"))
        yield stack.enter_context(Studio.open(monkeypatch, webhook=url))


def shared(studio: Studio, **arguments: Any) -> str:
    studio.launcher(**arguments).execute(context(TaskInstance()))
    (code,) = studio.people.codes()
    return code


def test_a_share_s_start_and_end_are_told_by_a_digest_of_its_code(
    studio: Studio, post: Post, airflow: Airflow
) -> None:
    code = shared(studio)
    studio.people.present(code)
    studio.people.view(code, "v-1")
    assert studio.people.wait_for_webhooks(20)
    post.settle()
    studio.sandbox.clock.advance(600)
    studio.people.end(code)
    studio.sandbox.clock.advance(400)
    me = Addressee("screenleap", studio.conn_id)
    assert look(airflow, me, {"eventType": "SHARE_END", "screenShareCode": code}) is None
    assert {what for what, _ in airflow.facts()} == {"session-started", "session-ended"}
    assert [one["event"] for one in studio.people.webhooks()] == ["PRESENTER_CONNECT", "SHARE_END"]
    assert len({extra["session_id"] for _, extra, _ in airflow.told}) == 1
    assert code not in json.dumps([airflow.told, str(post.receiver.queue)])
    assert airflow.told[-1][1]["held"] == "yes"


def test_a_share_that_may_be_reopened_is_not_over(studio: Studio, airflow: Airflow) -> None:
    code = shared(studio)
    me, ended = Addressee("screenleap", studio.conn_id), {"eventType": "SHARE_END", "screenShareCode": code}
    studio.people.present(code)
    assert look(airflow, me, ended) is not None, "it goes on"
    studio.people.crash(code)
    wait = look(airflow, me, ended)
    assert wait is not None
    assert 250 < wait <= 303  # the Date header has whole seconds
    studio.people.present(code)
    studio.sandbox.clock.advance(wait)
    assert look(airflow, me, ended) is not None, "it was reopened"
    assert look(airflow, me, {"eventType": "SHARE_END", "screenShareCode": "000000000"}) is None
    assert "session-ended" not in [what for what, _ in airflow.facts()]


# ---- Coviu

AT: Final = "2026-09-01T09:00:00Z"


@contextmanager
def practice(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Practice]:
    with Practice.open(monkeypatch, **options) as opened:
        yield opened


def test_who_joins_and_who_leaves_last_is_told(
    post: Post, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    with practice(monkeypatch) as clinic:
        record = clinic.launch()
        session = record["ref"]["session_id"]
        me = Addressee("coviu", clinic.conn_id)

        def said(what: str) -> dict[str, Any]:
            return {"type": what, "createdAt": 1, "payload": {"sessionId": session, "participantId": "p"}}

        assert look(airflow, me, said("participant:join")) is not None, "nobody is there yet"
        clinic.go_to(record["start"])
        clinic.join(record, "dr-1", "p-1")
        assert look(airflow, me, said("participant:join")) is None
        clinic.wait(600)
        clinic.leave(record, "p-1")
        assert look(airflow, me, said("participant:leave")) is not None, "the other one is still there"
        clinic.leave(record, "dr-1")
        wait = look(airflow, me, said("participant:leave"))
        assert wait is not None, "it may be a break"
        clinic.wait(wait)
        assert look(airflow, me, said("participant:leave")) is None
        assert airflow.facts() == [("session-started", session), ("session-ended", session)]
        made_up = {"type": "participant:leave", "payload": {"sessionId": "00000000-0000-0000-0000-000000000000"}}
        assert look(airflow, me, made_up) is None
        assert len(airflow.facts()) == 2


class Loose:
    """A Coviu that finds a session under more than one spelling of its id."""

    def session(self, session_id: str) -> Session:
        whole = {"session_id": session_id.casefold(), "start_time": AT, "end_time": AT}
        return Session.model_validate(whole)

    def summary(self, session_id: str) -> Summary:
        return Summary.model_validate({"participants": [{"participant_id": "p", "entry_time": AT}]})


def test_a_start_is_told_under_the_session_s_own_id() -> None:
    told = [
        deliveries.confirm(
            cast("Any", Loose()), Delivery("participant:join", "d", Happening.STARTED, spelled), settle=1
        )
        for spelled in ("a-1", "A-1")
    ]
    assert [one.session_id for one in told if isinstance(one, Fact)] == ["a-1", "a-1"]


def test_what_coviu_sends_reaches_the_desk(post: Post, airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(monkeypatch) as first:
        name, _, number = first.conn_id.rpartition("_")
        url = url_of(Addressee("coviu", f"{name}_{int(number) + 1}"))
        with practice(monkeypatch, webhook=url) as clinic:
            record = clinic.launch()
            clinic.go_to(record["start"])
            clinic.join(record, "dr-1")
            assert clinic.sandbox.coviu.wait_for_webhooks(20)
            assert [one["outcome"] for one in clinic.sandbox.coviu.webhooks()] == ["delivered"]
            post.settle()
            assert airflow.facts() == [("session-started", record["ref"]["session_id"])]


# ---- Educates


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with Lab.open(monkeypatch) as opened:
        yield opened


def workshop(lab: Lab, airflow: Airflow, **arguments: Any) -> dict[str, Any]:
    operator = lab.launcher(webhooks="auto", **arguments)
    return dict(json.loads(json.dumps(operator.execute(context(store=airflow.store())))))


def test_each_learner_s_session_is_told_when_it_is_opened_and_when_it_is_gone(
    lab: Lab, post: Post, airflow: Airflow
) -> None:
    record = workshop(lab, airflow)
    sessions = lab.sessions(record)
    lab.activate(record, "ada")
    assert lab.portal.wait_for_webhooks(20)
    post.settle()
    assert airflow.facts() == [("session-started", sessions["ada"])]
    lab.finish(record, "ada")
    me = Addressee("educates", lab.conn_id, "class_day", "run-1", "launch")
    ended = {"event": {"name": "Session/Deleted", "session": sessions["ada"]}}
    assert lab.portal.wait_for_webhooks(20)
    look(airflow, me, ended)
    assert ("session-ended", sessions["ada"]) in airflow.facts()
    assert {extra["held"] for uri, extra, _ in airflow.told if "ended" in uri} == {"unknown"}


def test_a_portal_that_has_forgotten_a_name_proves_nothing_of_another_launch(
    lab: Lab, post: Post, airflow: Airflow
) -> None:
    workshop(lab, airflow)
    made_up = {"event": {"name": "Session/Deleted", "session": "lab-basics-w01-s999"}}
    me = Addressee("educates", lab.conn_id, "class_day", "run-1", "launch")
    for addressee in (
        me,
        Addressee("educates", lab.conn_id),
        Addressee("educates", lab.conn_id, "other", "r", "t"),
    ):
        look(airflow, addressee, made_up)
    assert airflow.told == []


def test_a_session_that_nobody_opened_has_not_started_and_one_that_stands_is_not_gone(
    lab: Lab, post: Post, airflow: Airflow
) -> None:
    record = workshop(lab, airflow)
    me = Addressee("educates", lab.conn_id, "class_day", "run-1", "launch")
    session = lab.sessions(record)["bo"]
    assert look(airflow, me, {"event": {"name": "Session/Started", "session": session}}) is None
    assert look(airflow, me, {"event": {"name": "Session/Deleted", "session": session}}) is not None
    assert airflow.told == []


def test_a_session_has_one_address(lab: Lab, post: Post) -> None:
    operator = lab.launcher(webhooks="auto", analytics_url="https://hub.test/events")
    with pytest.raises(AirflowFailException, match="one address"):
        operator.execute(context())
    assert lab.standing == 0
