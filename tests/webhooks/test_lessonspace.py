"""From a launch to what Airflow is told, over the wire: Lessonspace sends, is asked, and its answer is told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - a test, not a DAG file
from airflow.providers.common.compat.sdk import AirflowFailException
from pydantic import SecretStr  # noqa: TID253 - a test, not a DAG file

from airflow_provider.live_sessions.assets.addresses import read
from airflow_provider.live_sessions.compat.features import TASK_KEY
from airflow_provider.live_sessions.core.deliveries import Delivery
from airflow_provider.live_sessions.core.happening import Happening
from airflow_provider.live_sessions.core.sealing import is_sealed
from airflow_provider.live_sessions.core.signatures import Signature
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher, reveal, seal
from airflow_provider.live_sessions.platforms.lessonspace.deliveries import AROUND, PATIENT
from airflow_provider.live_sessions.webhooks.desk import AGAIN, UNWRITTEN, Desk
from airflow_provider.live_sessions.webhooks.queue import TRIES, Job
from airflow_provider.live_sessions.webhooks.tokens import Addressee, write
from airflow_provider.live_sessions.webhooks.urls import SEALED
from tests.airflow_side.stage import School, TaskInstance, context

if TYPE_CHECKING:
    from tests.webhooks.post import Airflow, Post


def launch(school: School, airflow: Airflow, **arguments: Any) -> dict[str, Any]:
    """Launch a class that registers its webhooks, with a task state store as on Airflow 3.3."""
    operator = school.launcher(webhooks="auto", **arguments)
    return dict(json.loads(json.dumps(operator.execute(context(store=airflow.store())))))


def delivered(school: School, post: Post) -> list[dict[str, Any]]:
    assert school.sandbox.lessonspace.wait_for_webhooks(20)
    post.settle()
    return list(school.sandbox.lessonspace.webhooks())


def sent(addressee: Addressee, event: str, body: dict[str, Any], **headers: str) -> Job:
    """A delivery as the receiver hands it on."""
    from airflow_provider.live_sessions.hooks.lessonspace import LessonspaceHook

    raw = json.dumps(body).encode()
    found = LessonspaceHook.read_delivery({"x-webhook-event": event}, raw)
    return Job(addressee, found, headers, raw)


def me(school: School) -> Addressee:
    return Addressee("lessonspace", school.conn_id, "class_day", "run-1", "launch")


def signed(airflow: Airflow, job: Job) -> Job:
    """Sign as the space does whose secret the launch left."""
    secret = SecretStr(reveal(airflow.store().get(TASK_KEY)[SEALED], mask=False))
    job.headers = {"x-webhook-signature": Signature().sign(secret, job.body)}
    return job


# ---- the whole way


def test_start_end_and_transcript_of_a_class_are_each_told_once_to_both_assets(
    school: School, post: Post, airflow: Airflow
) -> None:
    record = launch(school, airflow, transcribe=True)
    school.hold(record)
    school.wait(600)
    assert {one["outcome"] for one in delivered(school, post)} == {"delivered"}
    (row,) = school.sandbox.state()["lessonspace"]["sessions"]
    session = row["uuid"]
    happened = ("session-ended", "session-started", "transcript-ready")  # confirmed side by side, in any order
    assert sorted(airflow.facts()) == [(what, session) for what in happened]
    by_session = [(read(uri), key) for uri, _, key in airflow.told if key is not None]
    assert sorted(by_session) == [
        (("lessonspace", school.conn_id, f"{what}-delivered-by-session"), session) for what in happened
    ]
    ended = next(extra for _, extra, _ in airflow.told if extra["happening"] == "session-ended")
    assert (ended["session"], ended["held"]) == (record["ref"]["key"], "yes")


def test_what_is_registered_tells_nothing_of_people(school: School, post: Post, airflow: Airflow) -> None:
    record = launch(school, airflow)
    school.hold(record)
    assert {one["event"] for one in delivered(school, post)} == {"session.start", "session.end"}


def test_the_secret_rests_sealed_and_stands_in_no_result(school: School, post: Post, airflow: Airflow) -> None:
    record = launch(school, airflow)
    store = airflow.store().get(TASK_KEY)
    assert is_sealed(store[SEALED])
    assert reveal(store[SEALED], mask=False) in school.sandbox.lessonspace.secrets()["secrets"]
    for secret in school.secrets:
        assert secret not in json.dumps([record, store])
    assert SEALED not in json.dumps(record)


def test_a_launch_without_webhooks_registers_nothing_and_keeps_no_secret(
    school: School, post: Post, airflow: Airflow
) -> None:
    for number, webhooks in enumerate(("off", None)):
        operator = school.launcher(school.lesson(str(webhooks), ahead=1200 + 7200 * number), webhooks=webhooks)
        record = operator.execute(context(store=airflow.store()))
        school.hold(record)
        assert SEALED not in airflow.store().get(TASK_KEY)
        airflow.stores.clear()
    assert delivered(school, post) == []


def test_webhooks_that_are_not_set_up_fail_before_anything_is_launched(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW__LIVE_SESSIONS__WEBHOOKS_URL", raising=False)
    with pytest.raises(AirflowFailException, match="webhooks_url"):
        school.launch(webhooks="auto")
    with pytest.raises(AirflowFailException, match="'auto' or 'off'"):
        school.launch(webhooks="automatic")
    assert school.launches == 0


def test_a_retry_registers_again_and_what_is_sent_still_fits(school: School, post: Post, airflow: Airflow) -> None:
    lesson = school.lesson()
    launch(school, airflow, lesson=lesson)
    record = launch(school, airflow, lesson=lesson)
    school.hold(record)
    delivered(school, post)
    assert sorted(what for what, _ in airflow.facts()) == ["session-ended", "session-started"]


def test_without_a_task_state_store_the_token_alone_admits(school: School, post: Post, airflow: Airflow) -> None:
    airflow.remembers = False
    record = school.launcher(webhooks="auto").execute(context(TaskInstance()))
    school.hold(record)
    delivered(school, post)
    assert sorted(what for what, _ in airflow.facts()) == ["session-ended", "session-started"]


def test_a_session_whose_id_is_not_the_one_announced_is_found_by_its_room_and_time(
    monkeypatch: pytest.MonkeyPatch, post: Post, airflow: Airflow
) -> None:
    with School.open(monkeypatch, session_id_differs=True) as school:
        record = launch(school, airflow)
        school.hold(record)
        delivered(school, post)
        (row,) = school.sandbox.state()["lessonspace"]["sessions"]
        assert sorted(airflow.facts()) == [("session-ended", row["uuid"]), ("session-started", row["uuid"])]


@pytest.mark.parametrize(("pause", "requests_sent"), [(900, 2), (60, 3)])
def test_a_room_of_many_sessions_is_not_walked_for_a_delivery(
    monkeypatch: pytest.MonkeyPatch, post: Post, airflow: Airflow, pause: float, requests_sent: int
) -> None:
    with School.open(monkeypatch, session_id_differs=True, page_size=1) as school:
        record = launch(school, airflow)
        school.go_to(record["start"])
        for _ in range(4):  # everybody leaves, and comes again: each time is a session of the room
            school.join(record, "t-1", "s-1")
            school.wait(60)
            school.leave(record, "t-1", "s-1")
            school.wait(pause)
        delivered(school, post)
        airflow.told.clear()
        sessions = school.sandbox.state()["lessonspace"]["sessions"]
        last = max(sessions, key=lambda one: one["end_time"])
        body = {"id": "unknown", "room": {"id": record["ref"]["details"]["space"]}}
        job = signed(airflow, sent(me(school), "session.end", {**body, "summary": {"end": last["end_time"]}}))
        before = len(school.log(path="/sessions/"))
        assert Desk(airflow, signature=Signature()).handle(job) is None
        assert (len(sessions), len(school.log(path="/sessions/")) - before) == (4, requests_sent)
        assert airflow.facts() == ([("session-ended", last["uuid"])] if pause > AROUND else [])


# ---- nothing is believed


def test_a_delivery_that_its_space_did_not_sign_is_refused(
    school: School, post: Post, airflow: Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    record = launch(school, airflow)
    school.hold(record)
    delivered(school, post)
    told = len(airflow.told)
    url = f"{post.base}/{write(me(school), AirflowCipher())}"
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    before = len(school.log())
    for number, signature in enumerate(("", "00", "00" * 32, "ß")):
        headers = {"x-webhook-event": "session.end", "x-webhook-id": str(number)}
        headers["x-webhook-signature"] = signature
        answer = requests.post(url, json=body, headers={n: v.encode() for n, v in headers.items()}, timeout=20)
        assert answer.status_code == 202
    post.settle()
    assert len(airflow.told) == told
    assert len(school.log()) == before, "a delivery that was refused costs no request"
    assert caplog.text.count("its signature is not that of its space") == 4


def test_a_signed_delivery_is_told_only_as_far_as_the_platform_bears_it_out(
    school: School, post: Post, airflow: Airflow
) -> None:
    record = launch(school, airflow)
    desk = Desk(airflow, signature=Signature())
    room = record["ref"]["details"]["space"]
    never = {"id": record["ref"]["session_id"], "room": {"id": room}}
    assert desk.handle(signed(airflow, sent(me(school), "session.end", never))) is not None, "asked again later"
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    assert desk.handle(signed(airflow, sent(me(school), "session.end", never))) is not None, "it goes on"
    elsewhere = {**never, "room": {"id": "another-room"}}
    assert desk.handle(signed(airflow, sent(me(school), "session.start", elsewhere))) is None
    other = school.launch(school.lesson("Another class", ahead=1800))
    school.join(other, "t-1", "s-1")
    another = {"id": other["ref"]["session_id"]}
    for more in ({}, {"room": {"id": room}}):
        assert desk.handle(signed(airflow, sent(me(school), "session.start", {**another, **more}))) is None
    delivered(school, post)
    assert airflow.facts() == [("session-started", record["ref"]["session_id"])]


def test_two_deliveries_of_one_fact_are_told_once(school: School, post: Post, airflow: Airflow) -> None:
    record = launch(school, airflow)
    school.hold(record)
    delivered(school, post)
    desk = Desk(airflow, signature=Signature())
    airflow.told.clear()
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    for _ in range(2):
        assert desk.handle(signed(airflow, sent(me(school), "session.end", body))) is None
    assert [what for what, _ in airflow.facts()] == ["session-ended"]


def test_a_second_delivery_tells_the_asset_that_the_first_one_failed_to_tell(
    school: School, post: Post, airflow: Airflow
) -> None:
    record = launch(school, airflow)
    school.hold(record)
    delivered(school, post)
    airflow.told.clear()
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    desk = Desk(airflow, signature=Signature())
    first = signed(airflow, sent(me(school), "session.end", body))
    airflow.deaf_from = 2
    assert desk.handle(first) == AGAIN
    assert desk.handle(first) == AGAIN  # and then the queue lets it go
    airflow.deaf_from = 0
    assert desk.handle(signed(airflow, sent(me(school), "session.end", body))) is None
    assert [key is None for _, _, key in airflow.told] == [True, False]


def test_a_secret_that_was_sealed_with_another_key_admits_nothing(
    school: School, post: Post, airflow: Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    record = launch(school, airflow)
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    job = signed(airflow, sent(me(school), "session.start", body))
    store = airflow.store()
    store.set(TASK_KEY, {**store.get(TASK_KEY), SEALED: "sealed:v1:gAAAAnothers"})
    assert Desk(airflow, signature=Signature()).handle(job) is None
    assert "cannot be checked" in caplog.text
    assert airflow.told == []


def test_another_way_to_sign_is_a_setting(school: School, post: Post, airflow: Airflow) -> None:
    record = launch(school, airflow)
    school.hold(record)
    delivered(school, post)
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    for signature, told in ((Signature("sha512", "base64"), 0), (Signature(), 2), (None, 2)):
        airflow.told.clear()
        job = signed(airflow, sent(me(school), "session.end", body))
        Desk(airflow, signature=signature).handle(job)
        assert len(airflow.told) == told, signature


# ---- what cannot be asked now is asked later


def test_a_launch_that_is_still_writing_down_is_waited_for(school: School, post: Post, airflow: Airflow) -> None:
    record = launch(school, airflow)
    school.hold(record)
    delivered(school, post)
    airflow.told.clear()
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    job = signed(airflow, sent(me(school), "session.end", body))
    kept = airflow.stores.copy()
    airflow.stores.clear()
    desk = Desk(airflow, signature=Signature())
    again = desk.handle(job)
    assert again is not None
    assert again < UNWRITTEN
    assert job.body, "kept until its signature was checked"
    assert job.tries == -1, "the look that the queue counts is given back: the platform was not asked"
    airflow.stores.update(kept)
    assert desk.handle(job) is None
    assert len(airflow.told) == 2


def test_a_secret_that_is_gone_from_the_store_is_warned_of(
    school: School, post: Post, airflow: Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    record = launch(school, airflow)
    school.hold(record)
    delivered(school, post)
    airflow.stores.clear()  # [state_store] clear_on_success, or the end of its retention
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    for remembers, warnings in ((True, 1), (False, 0)):
        airflow.remembers = remembers
        caplog.clear()
        job = sent(me(school), "session.end", body)
        job.taken_at -= UNWRITTEN
        assert Desk(airflow, signature=Signature()).handle(job) is None
        said = [one for one in caplog.records if "signature cannot be checked" in one.getMessage()]
        assert len([one for one in said if one.levelname == "WARNING"]) == warnings


def test_an_airflow_or_a_platform_that_is_away_is_asked_again_and_told_once(
    school: School, post: Post, airflow: Airflow
) -> None:
    record = launch(school, airflow)
    school.hold(record)
    delivered(school, post)
    airflow.told.clear()
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    job = signed(airflow, sent(me(school), "session.end", body))
    desk = Desk(airflow, signature=Signature())
    airflow.away = 1
    assert desk.handle(job) == AGAIN
    school.connect(host="http://127.0.0.1:9")
    assert desk.handle(job) == AGAIN
    school.connect()
    school.sandbox.faults.add("throttle", path="/sessions/")
    assert (desk.handle(job) or 0) >= AGAIN
    school.sandbox.faults.clear()
    airflow.deaf = 1
    assert desk.handle(job) == AGAIN
    assert desk.handle(job) is None
    assert len(airflow.told) == 2


def test_a_platform_or_an_airflow_that_is_away_for_half_an_hour_loses_no_delivery(
    school: School, post: Post, airflow: Airflow
) -> None:
    record = launch(school, airflow)
    school.hold(record)
    delivered(school, post)
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    desk = Desk(airflow, signature=Signature())
    for platform_is_away in (False, True):
        job, waited = signed(airflow, sent(me(school), "session.end", body)), 0.0
        airflow.told.clear()
        school.connect(**({"host": "http://127.0.0.1:9"} if platform_is_away else {}))
        airflow.away = 0 if platform_is_away else TRIES
        while waited < 1800:
            job.tries += 1  # as the queue does
            assert job.tries < TRIES
            waited += desk.handle(job) or 0
        school.connect()
        airflow.away = 0
        job.tries += 1
        assert desk.handle(job) is None
        assert len(airflow.told) == 2
        desk = Desk(airflow, signature=Signature())  # which has told nobody yet


def test_an_end_that_is_written_as_late_as_a_watcher_waits_for_is_told(
    school: School, post: Post, airflow: Airflow
) -> None:
    record = launch(school, airflow)
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    school.wait(600)
    delivered(school, post)
    airflow.told.clear()
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    job, waited = signed(airflow, sent(me(school), "session.end", body)), 0.0
    job.delivery = replace(job.delivery, at=school.sandbox.clock.now())
    desk = Desk(airflow, signature=Signature())
    while waited < PATIENT:
        job.tries += 1  # as the queue does
        assert job.tries < TRIES
        again = desk.handle(job)
        assert again is not None
        waited += again
        school.wait(again)
    school.leave(record, "t-1", "s-1")
    school.wait(60)
    delivered(school, post)  # the receiver that is up tells of the end as well
    airflow.told.clear()
    assert desk.handle(job) is None
    assert [extra["happening"] for _, extra, _ in airflow.told] == 2 * ["session-ended"]


def test_a_connection_that_is_wrong_is_said_and_let_go(
    school: School, post: Post, airflow: Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    record = launch(school, airflow)
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    school.connect(key="wrong")
    job = signed(airflow, sent(me(school), "session.start", body))
    assert Desk(airflow, signature=Signature()).handle(job) is None
    assert "could not be confirmed" in caplog.text
    assert airflow.told == []


def test_a_connection_that_is_not_found_is_said_and_asked_for_again(
    school: School, post: Post, airflow: Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    record = launch(school, airflow)
    school.hold(record)
    delivered(school, post)
    airflow.told.clear()
    body = {"id": record["ref"]["session_id"], "room": {"id": record["ref"]["details"]["space"]}}
    job = signed(airflow, sent(me(school), "session.start", body))
    desk, found = Desk(airflow, signature=Signature()), job.addressee
    job.addressee = replace(found, conn_id="no_such_connection")  # or a secrets backend that is away
    assert desk.handle(job) == AGAIN
    assert "no_such_connection" in caplog.text
    job.addressee = found
    assert desk.handle(job) is None
    assert len(airflow.told) == 2


def test_no_secret_no_token_and_no_link_stands_in_the_log(
    school: School, post: Post, airflow: Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    record = launch(school, airflow, transcribe=True)
    school.hold(record)
    school.wait(600)
    delivered(school, post)
    ours = [line for line in caplog.records if line.name.startswith("airflow_provider")]
    told = "".join(f"{line.getMessage()}{line.args}" for line in ours)
    assert "Confirmed: lessonspace" in told
    for secret in (*school.secrets, post.base + "/"):
        assert secret not in told


def test_the_address_says_what_happened_and_how_it_was_learnt() -> None:
    from urllib.parse import urlsplit

    from airflow_provider.live_sessions.assets.addresses import sanitize_uri
    from airflow_provider.live_sessions.assets.delivering import delivered as asset

    for happening in Happening:
        for by_session in (False, True):
            uri = asset("coviu", "a/b c", happening, by_session=by_session).uri
            assert sanitize_uri(urlsplit(uri)) == urlsplit(uri)
            assert read(uri) == ("coviu", "a/b c", f"{happening}-delivered" + "-by-session" * by_session)


def test_a_delivery_does_not_show_its_session() -> None:
    assert "s-1" not in repr(Delivery("session.end", "d-1", Happening.ENDED, "s-1"))


def test_a_seal_of_ours_is_what_the_desk_opens() -> None:
    assert reveal(seal(SecretStr("abc")), mask=False) == "abc"
