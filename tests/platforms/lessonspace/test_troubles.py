"""What goes wrong on the wire, and what is told of it: the platform's words, and never a secret."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    LiveSessionError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.platforms.lessonspace.filters import SessionFilters
from airflow_provider.live_sessions.platforms.lessonspace.models import LaunchRequest, LaunchUser
from tests.platforms.kit import said
from tests.platforms.lessonspace.academy import KEY, Academy, bounds, key_of, plan

if TYPE_CHECKING:
    from collections.abc import Callable


ROOM = "0b1c7a52-1c52-4b9e-9d84-0a2a3f1f0001"


def read_list(academy: Academy) -> Any:
    return list(academy.client.sessions(SessionFilters()))


def read_one(academy: Academy) -> Any:
    return academy.client.session(ROOM)


def launch(academy: Academy) -> Any:
    return academy.client.launch(LaunchRequest(id="a"))


def rename(academy: Academy) -> Any:
    return academy.client.update_session(ROOM, name="x")


@pytest.mark.parametrize("call", [read_list, read_one, launch, rename])
def test_an_expired_key_is_an_authentication_failure_in_the_platforms_words(
    academy: Academy, call: Callable[[Academy], Any]
) -> None:
    academy.sandbox.faults.add("expired")
    with pytest.raises(AuthenticationFailed) as caught:
        call(academy)
    assert (caught.value.status, caught.value.words) == (401, "Invalid API key.")
    assert caught.value.conn_id == academy.client.conn_id
    assert len(academy.log()) == 1


def test_another_organisation_is_refused_in_the_platforms_words(academy: Academy) -> None:
    with academy.new_client(organisation=1) as client, pytest.raises(Refused) as caught:
        list(client.sessions(SessionFilters()))
    assert (type(caught.value), caught.value.status) == (Refused, 403)
    assert caught.value.words == "You do not have permission to perform this action."


def test_a_field_that_does_not_fit_is_named_in_the_platforms_words(academy: Academy) -> None:
    academy.client.launch(LaunchRequest(id="a", user=LaunchUser(id="t-1", name="Ada", email="a@b.test")))
    with pytest.raises(Refused) as caught:
        academy.client.launch(LaunchRequest(id="a", user=LaunchUser(id="t-2", name="Ida", email="a@b.test")))
    assert caught.value.status == 400
    assert "email: A user with this email already exists." in caught.value.words
    with pytest.raises(Refused, match="Summaries need transcribe to be enabled"):
        academy.client.launch(LaunchRequest(id="a", summarise=True))


@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.parametrize("call", [read_list, launch])
def test_a_429_carries_the_wait_asked_for_in_either_form(
    academy: Academy, call: Callable[[Academy], Any], as_date: bool
) -> None:
    academy.sandbox.faults.add("throttle", retry_after=30, retry_after_date=as_date)
    with pytest.raises(RateLimited) as caught:
        call(academy)
    assert caught.value.retry_after == 30
    assert len(academy.log()) == 1


def test_a_pause_asked_for_holds_for_every_limited_call_and_sends_nothing(academy: Academy) -> None:
    academy.sandbox.faults.add("throttle", retry_after=30, count=1)
    with pytest.raises(RateLimited):
        read_list(academy)
    with pytest.raises(RateLimited, match="nothing was sent") as caught:
        read_one(academy)
    assert 0 < caught.value.retry_after <= 30
    assert len(academy.log()) == 1
    academy.client.hello()  # not a limited endpoint


def test_the_own_budget_keeps_below_the_real_rate_limit() -> None:
    with Academy.open(rate_limit=5, rate=4.5) as academy:
        academy.client.hello()  # the connection's first request would be a slow one
        for _ in range(7):
            read_list(academy)
        assert [one.status for one in academy.log(path="/sessions/")] == [200] * 7


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503},
        {"kind": "html", "status": 502},
        {"kind": "html", "status": 200},
        {"kind": "malformed"},
        {"kind": "truncate"},
        {"kind": "reset_before"},
        {"kind": "reset_after"},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}",
)
class TestAnAnswerThatCannotBeUsed:
    def test_fails_a_read_as_unavailable_after_some_tries(self, academy: Academy, fault: dict[str, Any]) -> None:
        academy.sandbox.faults.add(**fault)
        with pytest.raises(Unavailable):
            read_list(academy)
        assert len(academy.log()) == 3

    def test_costs_a_read_nothing_when_the_next_one_is_good(self, academy: Academy, fault: dict[str, Any]) -> None:
        academy.sandbox.faults.add(**fault, count=1)
        assert read_list(academy) == []
        assert len(academy.log()) == 2

    def test_leaves_a_launch_unknown_and_is_not_sent_again(self, academy: Academy, fault: dict[str, Any]) -> None:
        academy.sandbox.faults.add(**fault)
        with pytest.raises(OutcomeUnknown):
            launch(academy)
        assert len(academy.log()) == 1


def test_a_lost_answer_of_a_launch_is_unknown_never_absent_and_the_look_up_finds_it(academy: Academy) -> None:
    the_plan = plan()
    academy.sandbox.faults.add("reset_after", path="/launch/", nth=1)
    with pytest.raises(OutcomeUnknown):
        academy.launch(the_plan)
    found = academy.platform.find(key_of(the_plan), the_plan)
    (space,) = academy.spaces
    launched = academy.platform.adopt(found, the_plan, key_of(the_plan))  # type: ignore[arg-type] # Found, or it fails
    assert launched.ref.detail("space") == space["id"]
    assert len(academy.spaces) == 1
    assert launched.links is not None
    assert len(launched.links) == 2


@pytest.mark.parametrize(
    "body", [[1], {"count": 1}, {"results": {}}, "x", 7, None, {"results": [{"id": 1}]}, {"results": [None]}]
)
def test_a_list_of_an_unexpected_shape_is_unavailable(academy: Academy, body: Any) -> None:
    academy.tap.answer = lambda _request, _response: said(200, body)
    with pytest.raises(Unavailable):
        read_list(academy)


@pytest.mark.parametrize(
    "body", [{}, [], None, {"client_url": "https://x.test/", "room_id": 7, "session_id": "s"}]
)
def test_a_launch_answer_of_an_unexpected_shape_is_unknown(academy: Academy, body: Any) -> None:
    academy.tap.answer = lambda _request, _response: said(201, body)
    with pytest.raises(OutcomeUnknown):
        launch(academy)


def test_an_unexpected_shape_names_fields_and_never_values(academy: Academy) -> None:
    secret = "https://go.room.sh/?user=eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0"
    body = {"client_url": secret, "room_id": [secret], "session_id": None, secret: 1}
    academy.tap.answer = lambda _request, _response: said(201, body)
    with pytest.raises(OutcomeUnknown, match="room_id, session_id") as caught:
        launch(academy)
    assert "eyJ" not in f"{caught.value!r} {caught.value} {caught.value.__context__!r}"


def everything(error: BaseException) -> str:
    """Return whatever a log or a traceback could show of an error."""
    shown = ""
    chain: BaseException | None = error
    while chain is not None:
        shown += f"{chain!s} {chain!r} {vars(chain)} "
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    return shown


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_no_error_repeats_a_secret_that_the_platform_echoes(academy: Academy, status: int) -> None:
    launched = academy.launch()
    assert launched.links is not None
    link = launched.links[0].url.get_secret_value()
    token = link.partition("user=")[2].partition("&")[0]
    echo = {
        "detail": f"Bad: {KEY}! Organisation {KEY}, {link}, token {token}, https://s3.test/x?X-Amz-Signature=abc123"
    }
    academy.sandbox.faults.add("status", status=status, body=json.dumps(echo))
    for call in (read_list, launch):
        with pytest.raises(LiveSessionError) as caught:
            call(academy)
        shown = everything(caught.value)
        assert not [secret for secret in (KEY, token, "abc123", "inviteUrl") if secret in shown]


def test_nothing_that_opens_a_door_is_shown_or_logged(academy: Academy, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        the_plan = plan(lead=7200, transcribe=True)
        launched = academy.launch(the_plan)
        uuid = academy.hold(launched.ref)
        academy.wait(300)
        answer = academy.client.launch(LaunchRequest(id="other"))
        found = academy.platform.transcript(launched.ref, uuid, bounds(the_plan.end))
        recording = academy.platform.recording(launched.ref, uuid, bounds(the_plan.end))
        pointer = academy.client.transcript(uuid)
        space = academy.client.session(uuid).space
        academy.sandbox.faults.add("status", status=403, path="/s3/")
        with pytest.raises(Refused) as caught:
            academy.client.fetch(pointer.url)  # type: ignore[arg-type] # it is there
    assert launched.links is not None
    assert answer.secret is not None
    assert recording.link is not None
    assert pointer.url is not None
    assert space is not None
    assert space.url is not None
    secrets = [
        KEY,
        answer.secret.get_secret_value(),
        *(link.url.get_secret_value().partition("?")[2] for link in launched.links),
        answer.client_url.get_secret_value().partition("?")[2],
        recording.link.get_secret_value().partition("?")[2],
        pointer.url.get_secret_value().partition("X-Amz-Signature=")[2],
        "X-Amz-Signature",
    ]
    shown = f"{launched} {answer!r} {academy.client!r} {found.verdict} {recording!r} {pointer!r} {space!r}"
    shown += caplog.text + everything(caught.value)
    assert all(secrets)
    assert [one for one in secrets if one in shown] == []
    assert "**********" in repr(recording)


def test_a_signed_url_is_fetched_without_the_api_key(academy: Academy) -> None:
    uuid = academy.hold(academy.launch(plan(lead=7200, transcribe=True)).ref)
    academy.wait(300)
    url = academy.client.transcript(uuid).url
    assert url is not None
    assert json.loads(academy.client.fetch(url))
    fetched = academy.tap.requests[-1]
    assert "/s3/" in fetched.path
    assert "authorization" not in fetched.headers
    assert "cookie" not in fetched.headers


def test_a_signed_url_on_plain_http_is_refused_where_the_api_speaks_https(academy: Academy) -> None:
    uuid = academy.hold(academy.launch(plan(lead=7200, transcribe=True)).ref)
    academy.wait(300)
    url = academy.client.transcript(uuid).url
    assert url is not None
    with (
        academy.new_client(base_url="https://127.0.0.1:9/v2") as client,
        pytest.raises(Refused, match="not https"),
    ):
        client.fetch(url)
