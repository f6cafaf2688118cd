from __future__ import annotations

import hashlib
import hmac
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.sandbox.delivery import Deliverer, Delivery, is_loopback
from tests.sandbox.school import School

if TYPE_CHECKING:
    from tests.sandbox.catcher import Catcher

EVENTS = {
    "session": ("start", "idle", "end"),
    "user": ("join", "idle", "leave"),
    "transcription": ("finish",),
    "summary": ("finish",),
    "cobrowser": ("start", "stop"),
    "chat": ("message",),
}


def everything(url: str) -> dict[str, Any]:
    return {group: dict.fromkeys(names, url) for group, names in EVENTS.items()}


def delivered(school: School) -> list[dict[str, Any]]:
    assert school.sandbox.lessonspace.wait_for_webhooks(60)
    return school.sandbox.lessonspace.webhooks()


def test_a_class_tells_everything_in_order_each_with_its_signature(school: School, catcher: Catcher) -> None:
    meta = {"custom_jwt_parameters": {"meta": {"lesson": "7"}}}
    hooks = everything(f"{catcher.url}/hook?token=secret")
    launched = school.launch(
        "a", "t", person={"leader": True, **meta}, webhooks=hooks, transcribe=True, summarise=True
    )
    school.launch("a", "s", transcribe=True, summarise=True)
    school.join("a", "t", "s")
    school.sandbox.lessonspace.chat("a", "t", text="Hello")
    school.wait(600)
    school.leave("a", "s")
    school.sandbox.lessonspace.idle("a", "t")
    school.leave("a", "t")
    school.wait(150)
    assert {one["outcome"] for one in delivered(school)} == {"delivered"}
    assert catcher.events() == [
        "session.start", "user.join", "user.join", "chat.message", "user.leave", "user.idle", "session.idle",
        "user.leave", "session.end", "transcription.finish", "summary.finish",
    ]  # fmt: skip
    for one in catcher.caught:
        seal = hmac.new(launched["secret"].encode(), one.body, hashlib.sha256).hexdigest()
        assert one.headers["x-webhook-signature"] == seal
        assert one.path == "/hook?token=secret"
    assert len({one.headers["x-webhook-id"] for one in catcher.caught}) == len(catcher.caught)
    bodies = {event: json.loads(one.body) for event, one in zip(catcher.events(), catcher.caught, strict=True)}
    room, session = {"id": launched["room_id"]}, launched["session_id"]
    assert bodies["session.start"] == {"id": session, "room": room}
    (row,) = school.sessions()
    assert bodies["session.end"] == {
        "id": session,
        "room": room,
        "summary": {"start": row["start_time"], "end": row["end_time"]},
        "reason": "empty",
    }
    assert catcher.caught[8].headers["x-webhook-timestamp"] == row["end_time"]
    assert bodies["chat.message"]["message"] == {"text": "Hello"}
    assert bodies["user.leave"]["user"] == {
        "id": launched["user_id"], "name": "T", "role": "teacher", "leader": True, "meta": {"lesson": "7"},
    }  # fmt: skip
    assert bodies["transcription.finish"]["transcriptionUrl"].startswith(school.sandbox.url)
    assert "Expires=86400" in bodies["transcription.finish"]["transcriptionUrl"]
    assert bodies["summary.finish"]["room"] == room


def test_nothing_is_sent_that_was_not_asked_for(school: School, catcher: Catcher) -> None:
    school.hold(webhooks={"session": {"end": catcher.url}})
    delivered(school)
    assert catcher.events() == ["session.end"]


def test_no_transcript_is_announced_that_was_deleted_or_never_comes(school: School, catcher: Catcher) -> None:
    hooks = {"transcription": {"finish": catcher.url}}
    school.hold("a", webhooks=hooks)
    row = school.hold("b", webhooks=hooks, transcribe=True)
    school.sandbox.lessonspace.delete_recording(row["uuid"])
    school.wait(3600)
    assert delivered(school) == []


def test_a_transcripts_webhook_comes_without_a_summary(school: School, catcher: Catcher) -> None:
    school.hold(webhooks=everything(catcher.url), transcribe=True)
    school.wait(120)
    delivered(school)
    assert catcher.events()[-1] == "transcription.finish"


def test_a_failed_delivery_is_tried_again_under_its_id_before_later_ones(catcher: Catcher) -> None:
    catcher.statuses.extend([500, 404])
    with School.open(webhook_backoff=0.01) as school:
        school.hold(webhooks={"session": {"start": catcher.url, "end": catcher.url}})
        start, end = delivered(school)
    assert catcher.events() == ["session.start"] * 3 + ["session.end"]
    assert len({one.headers["x-webhook-id"] for one in catcher.caught}) == 2
    assert [one["status"] for one in start["attempts"]] == [500, 404, 200]
    assert (start["outcome"], end["outcome"]) == ("delivered", "delivered")
    first, second, third = (one["real"] for one in start["attempts"])
    assert second - first >= 0.01
    assert third - second >= 0.02


def test_after_five_tries_a_delivery_is_given_up_and_later_ones_still_come(catcher: Catcher) -> None:
    catcher.statuses.extend([503] * 5)
    with School.open(webhook_backoff=0.001) as school:
        school.hold(webhooks={"session": {"start": catcher.url, "end": catcher.url}})
        outcomes = [(one["outcome"], len(one["attempts"])) for one in delivered(school)]
    assert outcomes == [("failed", 5), ("delivered", 1)]


def test_a_receiver_that_is_not_there_is_an_error_of_each_try() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with School.open(webhook_backoff=0.001, webhook_tries=2) as school:
            school.hold(webhooks={"session": {"end": url}})
            (one,) = delivered(school)
    assert one["outcome"] == "failed"
    assert [attempt["error"] for attempt in one["attempts"]] == ["ConnectionRefusedError"] * 2


def test_a_url_that_leads_elsewhere_is_refused_and_recorded(school: School) -> None:
    school.hold(webhooks={"session": {"start": "http://example.org/x?token=1", "end": "https://127.0.0.1/"}})
    found = delivered(school)
    assert [(one["outcome"], one["url"], one["attempts"]) for one in found] == [
        ("refused", "http://example.org/x", []),
        ("refused", "https://127.0.0.1/", []),
    ]


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:80/", True),
        ("http://127.9.9.9/", True),
        ("http://[::1]:8080/x", True),
        ("http://localhost/", True),
        ("http://localhost.example.org/", False),
        ("http://127.0.0.1.example.org/", False),
        ("http://10.0.0.1/", False),
        ("http://0.0.0.0/", False),
        ("http://127.0.0.1:99999/", False),
        ("http://127.0.0.1:0/", False),
        ("https://127.0.0.1/", False),
        ("http:///x", False),
    ],
)
def test_only_plain_http_to_this_machine_is_loopback(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_events_may_carry_the_prefixed_names(catcher: Catcher) -> None:
    with School.open(webhook_events="prefixed") as school:
        school.hold(webhooks=everything(catcher.url), transcribe=True)
        school.wait(120)
        delivered(school)
    assert {"webhooks.user.joined", "webhooks.session.started", "webhooks.transcription.finish"} <= set(
        catcher.events()
    )


def test_the_first_join_may_come_before_the_start(catcher: Catcher) -> None:
    with School.open(join_before_start=True) as school:
        school.hold(webhooks=everything(catcher.url))
        delivered(school)
    assert catcher.events()[:3] == ["user.join", "session.start", "user.join"]


def test_guests_are_told_by_their_uuid(school: School, catcher: Catcher) -> None:
    school.launch("a", "t", webhooks={"user": {"join": catcher.url}})
    school.join("a", "t", "guest")
    delivered(school)
    user = json.loads(catcher.caught[1].body)["user"]
    assert (user["id"], user["role"]) == (school.sessions()[0]["guests"][0]["uuid"], "guest")


def test_lanes_do_not_wait_for_each_other_and_a_clear_forgets_what_is_under_way(catcher: Catcher) -> None:
    deliverer = Deliverer(tries=5, backoff=3600, timeout=5)

    def send(number: int, lane: str) -> None:
        deliverer.put(Delivery(str(number), "e", catcher.url, (lane, ""), b"{}", {"x-webhook-event": lane}))

    try:
        catcher.statuses.append(500)
        send(1, "stuck")
        catcher.wait_for(1)
        send(2, "stuck")
        send(3, "free")
        assert [one.headers["x-webhook-event"] for one in catcher.wait_for(2)] == ["stuck", "free"]
        assert not deliverer.wait_idle(0.05)
        deliverer.clear()
        assert deliverer.wait_idle(0)
        assert deliverer.listed() == []
        send(4, "stuck")
        catcher.wait_for(3)
        assert deliverer.wait_idle(60)
    finally:
        deliverer.stop()


def test_a_delivery_that_is_forgotten_on_the_wire_is_not_scheduled_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as slow:
        deliverer = Deliverer(tries=5, backoff=0, timeout=5)
        url = f"http://127.0.0.1:{slow.getsockname()[1]}/"
        one = Delivery("1", "e", url, ("a", ""), b"{}", {})
        deliverer.put(one)
        connection, _ = slow.accept()
        deliverer.clear()
        with connection:
            # Closing with something unread would reset the connection.
            asked = b""
            while not asked.endswith(b"{}"):
                asked += connection.recv(65536)
            connection.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        deliverer.stop()
        assert [attempt["status"] for attempt in one.attempts] == [500]
        assert one.outcome == "pending"
        assert deliverer.wait_idle(0)
