"""A recording is an interactive replay behind a short-lived bearer link, never a file."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - a person's browser

from airflow_provider.live_sessions.core.contract import Ability, Readiness
from airflow_provider.live_sessions.core.errors import NotFound
from tests.platforms.kit import said
from tests.platforms.lessonspace.academy import CLASS, Academy, bounds, plan

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.lessonspace.recordings import Recording

PLAYBACK = "/playback/$"


def held(academy: Academy, **options: Any) -> tuple[SessionRef, str]:
    ref = academy.launch(plan(**options)).ref
    academy.go_to(CLASS)
    return ref, academy.hold(ref)


def recording(academy: Academy, ref: SessionRef, uuid: str, hours: float = 0) -> Recording:
    academy.wait(hours * 3600)
    return academy.platform.recording(ref, uuid, bounds(CLASS + timedelta(minutes=20)))


def test_a_recording_is_ready_once_a_link_to_it_can_be_had(academy: Academy) -> None:
    ref, uuid = held(academy)
    academy.wait(60)
    found = recording(academy, ref, uuid)
    assert (found.verdict.readiness, found.session.uuid) == (Readiness.READY, uuid)
    assert found.link is not None
    assert academy.platform.readiness(Ability.RECORDING, ref, uuid, bounds(CLASS)).readiness is Readiness.READY


def test_the_playback_url_is_an_api_address_and_the_recording_url_a_bearer_link(academy: Academy) -> None:
    ref, uuid = held(academy)
    academy.wait(60)
    found = recording(academy, ref, uuid)
    assert found.link is not None
    playback_url = found.session.playback_url
    assert playback_url == f"{academy.sandbox.lessonspace.url}/sessions/{uuid}/playback/"
    assert requests.get(playback_url, timeout=30).status_code == 401  # it wants the API key
    link = found.link.get_secret_value()
    assert requests.get(link, timeout=30).status_code == 200  # and this wants nothing
    assert link not in repr(found)
    assert link not in str(found)
    academy.wait(3 * 3600 + 1)
    assert requests.get(link, timeout=30).status_code == 403


def test_each_question_makes_a_fresh_link(academy: Academy) -> None:
    ref, uuid = held(academy)
    academy.wait(60)
    first = recording(academy, ref, uuid)
    second = recording(academy, ref, uuid, hours=4)
    assert first.link is not None
    assert second.link is not None
    assert first.link.get_secret_value() != second.link.get_secret_value()


@pytest.mark.parametrize("newer_fields", [True, False])
@pytest.mark.parametrize("preparing", ["404", "empty"])
def test_a_recording_in_the_making_is_pending_and_after_its_deadline_failed(
    preparing: str, newer_fields: bool
) -> None:
    with Academy.open(recording_after=10**9, recording_preparing=preparing, newer_fields=newer_fields) as academy:
        ref, uuid = held(academy)
        assert recording(academy, ref, uuid).verdict.readiness is Readiness.PENDING
        found = recording(academy, ref, uuid, hours=24)
        assert (found.verdict.readiness, found.link) == (Readiness.FAILED, None)
        asked = len(academy.log(path=PLAYBACK))
        assert asked == (0 if newer_fields else 2)  # recording_available=false says it without a call


def test_an_answer_without_a_link_is_pending(academy: Academy) -> None:
    ref, uuid = held(academy)
    academy.wait(60)
    academy.tap.answer = lambda request, response: (
        said(200, {}) if request.path.endswith("/playback/") else response
    )
    assert recording(academy, ref, uuid).verdict.readiness is Readiness.PENDING


def test_a_session_in_progress_has_no_recording_yet(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    uuid = academy.join(ref, "t-1")
    assert recording(academy, ref, uuid).verdict.readiness is Readiness.PENDING
    assert academy.log(path=PLAYBACK) == []


@pytest.mark.parametrize(
    ("flags", "readiness"),
    [
        ({"record_av": False, "record_content": False}, Readiness.NEVER),
        ({"record_av": False, "record_content": True}, Readiness.READY),
        ({"record_av": True, "record_content": False}, Readiness.READY),
        ({}, Readiness.READY),
    ],
)
def test_a_class_with_both_flags_off_is_never_recorded(
    academy: Academy, flags: dict[str, bool], readiness: Readiness
) -> None:
    ref, uuid = held(academy, **flags)
    academy.wait(60)
    assert recording(academy, ref, uuid).verdict.readiness is readiness
    assert len(academy.log(path=PLAYBACK)) == (readiness is Readiness.READY)
    untold = ref.with_details(room_settings="{}")
    assert recording(academy, untold, uuid).verdict.readiness is readiness


def test_what_the_room_took_over_counts_more_than_what_was_asked(academy: Academy) -> None:
    ref, uuid = held(academy, record_av=True)
    refused = ref.with_details(room_settings=json.dumps({"record_av": False, "record_content": False}))
    assert recording(academy, refused, uuid).verdict.readiness is Readiness.NEVER


def test_a_deleted_recording_never_comes(academy: Academy) -> None:
    ref, uuid = held(academy)
    academy.sandbox.lessonspace.delete_recording(uuid)
    assert recording(academy, ref, uuid).verdict.readiness is Readiness.NEVER
    assert academy.log(path=PLAYBACK) == []


def test_a_session_that_does_not_exist_is_not_found(academy: Academy) -> None:
    ref, _ = held(academy)
    with pytest.raises(NotFound):
        recording(academy, ref, "0b1c7a52-1c52-4b9e-9d84-0a2a3f1f0001")
