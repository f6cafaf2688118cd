"""What platforms send, read: what they are documented to say, and whatever else somebody may send."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.deliveries import LONGEST_ID, Delivery, UnreadableDeliveryError
from airflow_provider.live_sessions.core.happening import Happening
from airflow_provider.live_sessions.hooks.base import hook_class_of, hook_path_of
from tests.core.strategies import json_values, spoiled

AT = datetime(2026, 9, 1, 9, 45, tzinfo=UTC)

LESSONSPACE = {
    "id": "s-1",
    "room": {"id": "r-1"},
    "summary": {"start": "2026-09-01T09:00:00+00:00", "end": AT.isoformat()},
}
COVIU = {
    "type": "participant:leave",
    "createdAt": AT.timestamp(),
    "payload": {"teamId": "t", "sessionId": "s-1", "waitingQueueId": None, "participantId": "p-1"},
}
SCREENLEAP = {
    "eventType": "SHARE_END",
    "screenShareCode": "012345678",
    "startTime": (AT.timestamp() - 60) * 1000,
    "endTime": AT.timestamp() * 1000,
}
EDUCATES: dict[str, Any] = {
    "portal": {"name": "lab", "uid": "u", "generation": 1, "url": "http://lab.test"},
    "event": {
        "name": "Session/Deleted",
        "timestamp": "2026-09-01T09:45:00.000000+00:00",
        "user": "als-1",
        "session": "lab-w01-s001",
        "data": {},
    },
}
BODIES: dict[str, dict[str, Any]] = {
    "lessonspace": LESSONSPACE,
    "coviu": COVIU,
    "screenleap": SCREENLEAP,
    "educates": EDUCATES,
}
HEADERS = {"x-webhook-event": "session.end", "x-webhook-id": "d-1"}


def read(platform: str, body: Any, headers: dict[str, str] | None = None) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return hook_class_of(hook_path_of(platform)).read_delivery(HEADERS if headers is None else headers, raw)


@pytest.mark.parametrize(
    ("platform", "session"),
    [("lessonspace", "s-1"), ("coviu", "s-1"), ("screenleap", "012345678"), ("educates", "lab-w01-s001")],
)
def test_an_end_is_read_as_documented(platform: str, session: str) -> None:
    found = read(platform, BODIES[platform])
    assert (found.happening, found.session_id, found.at) == (Happening.ENDED, session, AT)


@pytest.mark.parametrize("name", ["session.end", "webhooks.session.ended", "webhooks.session.end"])
def test_lessonspace_s_events_may_come_under_either_name(name: str) -> None:
    assert read("lessonspace", LESSONSPACE, {"x-webhook-event": name}).happening is Happening.ENDED


@pytest.mark.parametrize("name", ["x-webhook-timestamp", "x-webhook-time"])
def test_lessonspace_s_time_may_stand_in_either_header(name: str) -> None:
    headers = {"x-webhook-event": "session.start", name: AT.isoformat()}
    assert read("lessonspace", {"id": "s-1"}, headers).at == AT


def test_a_transcript_names_its_session_inside() -> None:
    body = {"room": {"id": "r-1"}, "session": {"id": "s-1"}, "transcriptionUrl": "https://storage.test/secret"}
    found = read("lessonspace", body, {"x-webhook-event": "transcription.finish"})
    assert (found.happening, found.session_id, found.room) == (Happening.TRANSCRIPT, "s-1", "r-1")
    assert "storage" not in repr(found)


@pytest.mark.parametrize("field", ["screenShareCode", "sessionId"])
@pytest.mark.parametrize("code", ["012345678", 12345678])
def test_a_code_keeps_its_zeros_under_either_name_and_does_not_show(field: str, code: str | int) -> None:
    found = read("screenleap", {"eventType": "PRESENTER_CONNECT", field: code})
    assert (found.happening, found.session_id) == (Happening.STARTED, "012345678")
    assert "12345678" not in repr(found)


@pytest.mark.parametrize(
    ("platform", "body"),
    [
        ("screenleap", {**SCREENLEAP, "eventType": "RECORDING_COMPLETE"}),
        ("coviu", {**COVIU, "type": "call:end"}),
        ("educates", {**EDUCATES, "event": {**EDUCATES["event"], "name": "Workshop/View"}}),
    ],
)
def test_what_nobody_is_told_of_says_so(platform: str, body: dict[str, Any]) -> None:
    assert read(platform, body).happening is None


def test_the_same_delivery_has_the_same_id_and_another_another() -> None:
    for platform, body in BODIES.items():
        headers = {"x-webhook-event": "session.end"}
        first, again = read(platform, body, headers), read(platform, body, headers)
        assert first.id == again.id
        assert read(platform, {**body, "more": 1}, headers).id != first.id
    assert read("lessonspace", LESSONSPACE).id == "d-1"


@given(st.sampled_from(sorted(BODIES)), st.binary(max_size=100))
def test_whatever_bytes_are_read_or_refused(platform: str, raw: bytes) -> None:
    try:
        read(platform, raw)
    except UnreadableDeliveryError:
        return


@settings(max_examples=50)
@given(st.data(), st.sampled_from(sorted(BODIES)))
def test_whatever_stands_in_a_delivery_it_is_read_or_refused(data: st.DataObject, platform: str) -> None:
    body = data.draw(spoiled(BODIES[platform]) | json_values())
    header = data.draw(st.sampled_from(["session.end", "transcription.finish", "", "x" * 1000]))
    try:
        found = read(platform, body, {"x-webhook-event": header, "x-webhook-id": data.draw(st.text(max_size=300))})
    except UnreadableDeliveryError:
        return
    assert len(found.session_id) <= LONGEST_ID
    assert 0 < len(found.id) <= LONGEST_ID
    assert found.at is None or found.at.tzinfo is not None
