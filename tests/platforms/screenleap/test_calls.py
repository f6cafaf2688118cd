"""Every call of the specification, with every parameter, as it goes over the wire; and what goes wrong there."""

from __future__ import annotations

import logging
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    LiveSessionError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.retry import RetryPolicy
from airflow_provider.live_sessions.platforms.screenleap.filters import ShareFilters
from airflow_provider.live_sessions.sandbox.wire import Response
from tests.platforms.screenleap.studio import PRESENTER, START, TOKEN, Studio, plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.live_sessions.sandbox.wire import Request

NOON = datetime(2026, 9, 1, 14, 0, 0, 1000, tzinfo=timezone(timedelta(hours=2)))
SENT = "1788264000001"
CODE = SecretStr("012345678")

FILTERS: dict[str, Any] = {
    "started_before": NOON,
    "started_after": NOON,
    "ended_before": NOON,
    "ended_after": NOON,
    "external_id": "case 7",
    "date_format": None,
}


def test_the_history_takes_every_documented_filter_in_milliseconds(studio: Studio) -> None:
    assert list(studio.client.shares(ShareFilters(**FILTERS))) == []
    times = dict.fromkeys(("startedBefore", "startedAfter", "endedBefore", "endedAfter"), SENT)
    assert studio.asked("/screen-shares$") == [{**times, "externalId": "case 7"}]
    assert set(FILTERS) == {one.name for one in fields(ShareFilters)}


def test_the_history_takes_a_date_format_and_the_times_follow_it(studio: Studio) -> None:
    pattern = "yyyy-MM-dd'T'HH:mm:ss.SSSX"
    filters = ShareFilters(ended_after=NOON, date_format=pattern)
    assert list(studio.client.shares(filters)) == []
    (query,) = studio.asked("/screen-shares$")
    assert query == {"endedAfter": "2026-09-01T12:00:00.001Z", "dateFormat": pattern}


def test_a_history_in_a_format_of_its_own_is_walked_as_well() -> None:
    with Studio.open(history_cap=2) as studio:
        for number in range(5):
            ref = studio.launch(plan(f"Number {number}")).ref
            studio.hold(ref, 60, ("v-1",))
        studio.wait(601)
        pattern = "yyyy-MM-dd HH:mm:ss Z"
        filters = ShareFilters(started_after=START - timedelta(days=1), date_format=pattern)
        assert len(list(studio.client.shares(filters))) == 5
        marks = [one["startedAfter"] for one in studio.asked("/screen-shares$")]
        assert marks[0] == "2026-08-31 08:00:00 +0000"
        assert marks == sorted(marks)


def test_each_filter_selects_and_a_row_that_contradicts_it_is_dropped(studio: Studio) -> None:
    refs = []
    for number in range(3):
        ref = studio.launch(plan(f"Number {number}", externalId=f"case {number}")).ref
        studio.hold(ref, 60, ("v-1",))
        refs.append(ref)
    studio.wait(601)

    def found(**filters: Any) -> list[int]:
        rows = studio.client.shares(ShareFilters(**filters))
        return [int((row.external_id or "")[5]) for row in rows]

    middle = START + timedelta(seconds=90)
    assert found() == [0, 1, 2]
    assert found(started_before=middle) == [0, 1]
    assert found(started_after=middle) == [2]
    assert found(ended_before=middle) == [0]
    assert found(ended_after=middle) == [1, 2]
    assert found(external_id=refs[1].detail("external_id")) == [1]
    unfiltered = studio.client._http.request("GET", "screen-shares", label="all").content
    studio.tap.answer = lambda _, response: Response(200, unfiltered, response.content_type)  # knows no filter
    assert found(started_before=middle, ended_before=middle) == [0]
    assert found(external_id=refs[1].detail("external_id"), ended_before=middle) == []


def test_a_create_takes_every_parameter_by_its_api_name(studio: Studio) -> None:
    named: dict[str, Any] = {
        "externalId": "case 7",
        "showScreenleapBranding": False,
        "presenterIpAddress": "8.8.8.8",
        "presenterCountryCode": "DE",
        "presenterFirstName": "Ada",
        "presenterLastName": "O'Hara & Söhne",
        "screenSharingMode": "SCREEN_WITH_EMBEDDED_VIDEO",
        "videoMode": "BROADCAST",
        "title": "Shown to viewers",
    }
    others = {"record": True, "autoRecord": False, "maxConcurrentViewers": 25, "presenterAppType": "NATIVE"}
    launched = studio.launch(plan(**named, parameters=others))
    (query,) = studio.asked("/screen-shares$", "POST")
    assert query == {
        **named,
        "showScreenleapBranding": "false",
        "externalId": f"case 7|als1:{launched.ref.key}",
        "record": "true",
        "autoRecord": "false",
        "maxConcurrentViewers": "25",
        "presenterAppType": "NATIVE",
    }


def test_one_share_the_recent_ones_and_a_stop_are_asked_for_as_documented(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.present(ref)
    code = studio.platform.code_of(ref)
    assert studio.client.share(code).code == code
    assert [one.code for one in studio.client.recent()] == [code]
    studio.client.stop(code)
    asked = [(one.method, one.path, one.query) for one in studio.tap.requests[2:]]
    root = "/screenleap/v2"
    assert asked == [
        ("GET", f"{root}/screen-shares/{code.get_secret_value()}", ""),
        ("GET", f"{root}/recent-screen-shares", ""),
        ("POST", f"{root}/screen-shares/{code.get_secret_value()}/stop", ""),
    ]


def test_a_viewers_link_names_the_viewer_and_keeps_the_pages_parameters(studio: Studio) -> None:
    launched = studio.launch(plan(viewer={"resize": "fit", "showStop": False, "redirectOnEnd": "https://x.test"}))
    assert launched.links is not None
    _, viewer, other = launched.links
    url = viewer.url.get_secret_value()
    known = studio.client.viewer_url(studio.platform.code_of(launched.ref)).get_secret_value()
    assert url.startswith(known + "&")
    assert url.endswith("resize=fit&showStop=false&redirectOnEnd=https%3A%2F%2Fx.test&externalId=v-1")
    assert other.url.get_secret_value().endswith("externalId=v-2")


def test_the_presenter_gets_the_launch_data_unchanged(studio: Studio) -> None:
    said: list[bytes] = []

    def spaced(request: Request, response: Response) -> Response:
        if request.method == "POST":
            said.append(response.body.replace(b",", b" , "))
            return Response(200, said[0], response.content_type)
        return response

    studio.tap.answer = spaced
    launched = studio.launch()
    assert launched.links is not None
    assert launched.links[0].participant == PRESENTER
    assert launched.links[0].url.get_secret_value().encode() == said[0]


def test_nested_launch_data_is_understood_as_well() -> None:
    with Studio.open(nested_create=True) as studio:
        launched = studio.launch()
        assert launched.links is not None
        assert '"presenterParams"' in launched.links[0].url.get_secret_value()
        assert "screenShareData" not in launched.links[0].url.get_secret_value()
        assert studio.status(launched.ref).state == "scheduled"


# ---- what goes wrong


def create(studio: Studio) -> Any:
    return studio.client.create({"externalId": "x"})


def recent(studio: Studio) -> Any:
    return studio.client.recent()


def past(studio: Studio) -> Any:
    return list(studio.client.shares(ShareFilters()))


def one(studio: Studio) -> Any:
    return studio.client.share(CODE)


def stop(studio: Studio) -> Any:
    return studio.client.stop(CODE)


@pytest.mark.parametrize("call", [create, recent, past, one, stop])
def test_a_refused_token_is_an_authentication_failure_in_the_platforms_words(
    studio: Studio, call: Callable[[Studio], Any]
) -> None:
    studio.sandbox.faults.add("expired")
    with pytest.raises(AuthenticationFailed) as caught:
        call(studio)
    assert caught.value.words == "The account ID or the auth token is missing or incorrect."
    assert caught.value.conn_id == studio.client.conn_id
    assert len(studio.log()) == 1


@pytest.mark.parametrize("kind", ["reset_after", "truncate", "malformed", "html"])
def test_a_create_whose_answer_is_lost_is_unknown_and_sent_once(studio: Studio, kind: str) -> None:
    rule = {"effect": True, "status": 200} if kind == "html" else {}
    studio.sandbox.faults.add(kind, method="POST", **rule)
    with pytest.raises(OutcomeUnknown):
        create(studio)
    assert len(studio.shares) == 1
    assert len(studio.log()) == 1


@pytest.mark.parametrize("body", ["[]", '"x"', "{}", '{"screenShareData": {}}', '{"screenShareCode": null}'])
def test_a_create_answered_with_something_else_is_unknown(studio: Studio, body: str) -> None:
    studio.tap.answer = lambda _, response: Response(200, body.encode(), response.content_type)
    with pytest.raises(OutcomeUnknown, match="no launch data"):
        create(studio)


def test_a_lost_stop_is_sent_again_because_a_second_one_does_no_more(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.present(ref)
    studio.sandbox.faults.add("reset_after", path="/stop$", count=1)
    studio.client.stop(studio.platform.code_of(ref))
    assert [one.status for one in studio.log(path="/stop$")] == [0, 200]


@pytest.mark.parametrize("call", [recent, past, one])
def test_a_read_is_repeated_and_then_unavailable(studio: Studio, call: Callable[[Studio], Any]) -> None:
    studio.sandbox.faults.add("status", status=502)
    with pytest.raises(Unavailable):
        call(studio)
    assert len(studio.log()) == 3


@pytest.mark.parametrize("as_date", [False, True])
def test_a_429_carries_the_wait_asked_for_in_either_form(studio: Studio, as_date: bool) -> None:
    studio.sandbox.faults.add("throttle", retry_after=120, retry_after_date=as_date)
    with pytest.raises(RateLimited) as caught:
        recent(studio)
    assert caught.value.retry_after == pytest.approx(120, abs=2)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("{}", "no list"),
        ('[{"sessionId": "1", "startTime": "noon"}]', "startTime"),
        ('[{"sessionId": ["1"]}]', "unexpected shape"),
        ("[7]", "the whole"),
        ('[{"sessionId": "1", "endTime": 1e300}]', "endTime"),
    ],
)
def test_a_list_of_another_shape_is_unavailable_and_the_field_is_named(
    studio: Studio, body: str, complaint: str
) -> None:
    studio.tap.answer = lambda _, response: Response(200, body.encode(), response.content_type)
    with pytest.raises(Unavailable, match=complaint):
        recent(studio)


def test_rows_without_a_code_and_past_ones_without_a_start_are_left_aside(studio: Studio) -> None:
    body = b'[{"startTime": 1}, {"sessionId": "123456789", "startTime": 0, "endTime": ""}]'
    studio.tap.answer = lambda _, response: Response(200, body, response.content_type)
    (row,) = recent(studio)
    assert (row.started_at, row.ended_at, row.watched) == (None, None, None)
    assert past(studio) == []


def test_an_answer_about_another_share_is_not_taken(studio: Studio) -> None:
    studio.tap.answer = lambda _, response: Response(200, b'{"sessionId": "999999999"}', response.content_type)
    with pytest.raises(Unavailable, match="another share"):
        one(studio)
    studio.tap.answer = lambda _, response: Response(200, b'{"dateCreated": 1}', response.content_type)
    with pytest.raises(Unavailable, match="another share"):
        one(studio)


@pytest.mark.parametrize("unknown", ["404", "403", "400", "empty"])
def test_an_unknown_code_is_not_found_however_it_is_said(unknown: str) -> None:
    with Studio.open(unknown_code=unknown) as studio, pytest.raises(NotFound):
        one(studio)


def test_a_server_that_has_no_such_call_refuses(studio: Studio) -> None:
    studio.sandbox.faults.add("status", status=405, body='{"errorMessage": "No."}')
    with pytest.raises(Refused) as caught:
        one(studio)
    assert (caught.value.status, caught.value.words) == (405, "No.")


def test_a_stop_of_an_unknown_code_is_not_found(studio: Studio) -> None:
    with pytest.raises(NotFound):
        stop(studio)


def test_a_create_refused_for_the_quota_says_so() -> None:
    with Studio.open(quota=1) as studio:
        create(studio)
        with pytest.raises(Refused, match="hours are used up") as caught:
            create(studio)
        assert (caught.value.status, caught.value.words) == (403, "You have exceeded your free hours.")


def test_a_create_refused_for_a_parameter_says_which(studio: Studio) -> None:
    with pytest.raises(Refused, match="Invalid value for parameter record") as caught:
        studio.client.create({"record": "perhaps"})
    assert caught.value.status == 400


def test_a_history_that_is_cut_and_in_no_order_is_refused_rather_than_read_in_part(studio: Studio) -> None:
    rows = b",".join(b'{"sessionId": "%d", "startTime": %d}' % (n, 5_000 - n) for n in range(1, 1001))
    studio.tap.answer = lambda _, response: Response(200, b"[" + rows + b"]", response.content_type)
    with pytest.raises(Refused, match="not in the order"):
        past(studio)


def test_no_error_and_no_log_line_shows_a_code_or_the_token(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ref = studio.launch().ref
    code = studio.platform.code_of(ref)
    studio.sandbox.faults.add(
        "status", path="/stop$", status=400, body=f'{{"errorMessage": "no {code.get_secret_value()} {TOKEN}"}}'
    )
    told = ""
    for call in (lambda: studio.client.stop(code), lambda: one(studio), lambda: studio.client.share(code)):
        try:
            call()
        except LiveSessionError as error:
            told += f"{error} {error!r}"
    studio.sandbox.faults.add("reset_after")
    with pytest.raises(LiveSessionError) as caught:
        studio.client.share(code)
    told += f"{caught.value}" + "".join(f"{line.getMessage()}{line.args}" for line in caplog.records)
    assert "no ***" in told
    for secret in studio.secrets:
        assert secret not in told


# ---- the account


@pytest.mark.parametrize("given", [{"account_id": " "}, {"authtoken": SecretStr("")}])
def test_a_connection_without_a_credential_is_a_configuration_error(studio: Studio, given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="lacks the account id or the auth token"):
        studio.new_client(**given)


def test_the_token_does_not_travel_over_plain_http_to_another_machine(studio: Studio) -> None:
    with pytest.raises(ConfigurationError, match="plain http"):
        studio.new_client(base_url="http://api.screenleap.com/v2")
    with studio.new_client(base_url="https://api.screenleap.com/v2") as client:
        url = client.viewer_url(CODE).get_secret_value()
    assert url == "https://api.screenleap.com/v2/viewer/012345678?accountid=studio"


def test_a_codes_digest_is_the_same_everywhere_and_no_plain_hash(studio: Studio) -> None:
    with studio.new_client() as same, studio.new_client(authtoken=SecretStr("another")) as other:
        assert same.digest(CODE) == studio.client.digest(CODE) != other.digest(CODE)
    assert studio.client.digest(CODE) != studio.client.digest(SecretStr("012345679"))
    assert CODE.get_secret_value() not in studio.client.digest(CODE)


def test_two_connections_of_an_account_share_one_budget(studio: Studio) -> None:
    with studio.new_client(conn_id="one") as one, studio.new_client(conn_id="other") as other:
        studio.sandbox.faults.add("throttle", retry_after=30, count=1)
        with pytest.raises(RateLimited):
            one.recent()
        with pytest.raises(RateLimited, match="nothing was sent"):
            other.recent()
    assert len(studio.log()) == 1


def test_a_client_told_to_try_once_tries_once(studio: Studio) -> None:
    with studio.new_client(retry=RetryPolicy(attempts=1)) as client:
        studio.sandbox.faults.add("status", status=503)
        with pytest.raises(Unavailable):
            client.recent()
    assert len(studio.log()) == 1
