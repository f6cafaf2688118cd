"""The sandbox's Screenleap as its documents describe it, and every switch where they are silent."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.sandbox import ControlError, SandboxControl, ScreenleapOptions
from airflow_provider.live_sessions.sandbox.__main__ import parser
from airflow_provider.live_sessions.sandbox.screenleap.shapes import read_time
from tests.sandbox_screenleap.studio import ACCOUNT, MS, START, TOKEN, Studio

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def studio() -> Iterator[Studio]:
    with Studio.open() as opened:
        yield opened


# ---- credentials, methods, errors


@pytest.mark.parametrize(
    ("headers", "params", "status"),
    [
        ({"accountid": ACCOUNT, "authtoken": TOKEN}, {}, 200),
        ({"AccountId": ACCOUNT, "AuthToken": TOKEN}, {}, 200),
        ({"authtoken": TOKEN}, {"accountid": ACCOUNT}, 200),
        ({"accountid": ACCOUNT}, {"authtoken": TOKEN}, 401),
        ({"accountid": ACCOUNT, "authtoken": "wrong"}, {}, 401),
        ({"accountid": "other", "authtoken": TOKEN}, {}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, {}, 401),
        ({}, {}, 401),
    ],
)
def test_the_token_is_a_header_and_the_account_a_header_or_a_parameter(
    studio: Studio, headers: dict[str, str], params: dict[str, str], status: int
) -> None:
    url = f"{studio.people.url}/recent-screen-shares"
    answer = requests.get(url, headers=headers, params=params, timeout=10)
    assert answer.status_code == status
    if status == 401:
        assert set(answer.json()) == {"errorMessage"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/screen-shares", 405),
        ("DELETE", "/screen-shares/123456789", 405),
        ("GET", "/screen-shares/123456789/stop", 405),
        ("POST", "/recent-screen-shares", 405),
        ("GET", "/recordings", 404),
        ("GET", "/screen-shares/", 404),
    ],
)
def test_a_wrong_method_or_path_is_an_error_with_a_message(
    studio: Studio, method: str, path: str, status: int
) -> None:
    answer = studio.ask(method, path)
    assert (answer.status_code, set(answer.json())) == (status, {"errorMessage"})


# ---- create


def test_a_create_answers_200_with_flat_launch_data_and_starts_nothing(studio: Studio) -> None:
    data = studio.create(externalId="case-7", title="Demo")
    assert set(data) == {
        *("screenShareCode", "presenterParams", "viewerUrl", "origin", "useV2"),
        *("participantId", "token", "hostname", "accountId"),
    }
    assert len(data["screenShareCode"]) == 9
    (row,) = studio.recent()
    assert row == {
        "sessionId": data["screenShareCode"],
        "dateCreated": MS,
        "accountId": ACCOUNT,
        "isSecure": True,
        "showScreenleapBranding": False,
        "isActive": False,
        "externalId": "case-7",
        "title": "Demo",
    }


def test_each_create_is_another_share_whatever_its_external_id(studio: Studio) -> None:
    assert len({studio.code(externalId="same") for _ in range(3)}) == 3


def test_parameters_count_in_the_query_only(studio: Studio) -> None:
    answer = studio.ask("POST", "/screen-shares", json={"externalId": "body"})
    assert answer.status_code == 200
    assert "externalId" not in studio.recent()[0]


@pytest.mark.parametrize(
    "params",
    [{"externalId": "x" * 193}, {"videoMode": "HUGE"}, {"record": "True"}, {"showScreenleapBranding": "1"}],
)
def test_a_parameter_that_does_not_fit_is_a_400(studio: Studio, params: dict[str, str]) -> None:
    assert studio.ask("POST", "/screen-shares", params=params).status_code == 400
    assert studio.recent() == []


def test_a_create_without_a_content_length_is_a_400(studio: Studio) -> None:
    connection = http.client.HTTPConnection(studio.sandbox.url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/screenleap/v2/screen-shares")
    connection.putheader("accountid", ACCOUNT)
    connection.putheader("authtoken", TOKEN)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, b"content length error" in answer.read()) == (400, True)
    connection.close()


def test_beyond_the_quota_a_create_is_a_403() -> None:
    with Studio.open(quota=1) as studio:
        studio.create()
        assert studio.ask("POST", "/screen-shares").status_code == 403


def test_launch_data_can_come_nested_and_codes_under_their_other_name() -> None:
    with Studio.open(nested_create=True, code_field="screenShareCode") as studio:
        data = studio.create()
        assert set(data) == {"screenShareData", "viewerUrl"}
        assert studio.recent()[0]["screenShareCode"] == data["screenShareData"]["screenShareCode"]


# ---- a share's life


def test_is_active_lags_and_end_time_does_not(studio: Studio) -> None:
    code = studio.code()
    studio.people.present(code)
    assert (studio.one(code)["isActive"], "endTime" in studio.one(code)) == (False, False)
    studio.people.view(code, "v-1")
    assert studio.one(code)["isActive"] is True
    studio.people.end(code)
    assert (studio.one(code)["isActive"], studio.one(code)["endTime"]) == (True, MS)
    studio.wait(181)
    assert studio.one(code)["isActive"] is False


def test_minutes_and_cost_are_told_of_watched_shares_that_ended(studio: Studio) -> None:
    code = studio.hold(600, showScreenleapBranding="true")
    row = studio.one(code)
    assert (row["userMinutes"], row["costInCents"], row["totalViewers"]) == (20, 6.0, 1)
    presenter, viewer = row["participants"]
    assert (presenter["isPresenter"], viewer["isPresenter"], viewer["externalId"]) == (True, False, "v-1")
    assert (viewer["sharingStartTime"], viewer["sharingEndTime"]) == (MS, MS + 600_000)
    assert viewer["durationInMinutes"] == 10
    alone = studio.code()
    studio.people.present(alone)
    studio.people.end(alone)
    assert not {"userMinutes", "costInCents"} & set(studio.one(alone))


def test_a_viewer_who_comes_back_is_counted_again_but_listed_once(studio: Studio) -> None:
    code = studio.code()
    studio.people.present(code)
    studio.people.view(code, "v-1")
    studio.people.leave(code, "v-1")
    studio.people.view(code, "v-1")
    studio.people.view(code)
    studio.people.end(code)
    row = studio.one(code)
    assert (row["totalViewers"], len(row["participants"])) == (3, 3)


def test_a_crash_can_be_undone_for_5_minutes_and_a_stop_cannot(studio: Studio) -> None:
    code = studio.code()
    studio.people.present(code)
    studio.people.crash(code)
    studio.wait(300)
    studio.people.present(code)
    assert "endTime" not in studio.one(code)
    studio.people.crash(code)
    studio.wait(301)
    with pytest.raises(ControlError, match="has ended"):
        studio.people.present(code)
    stopped = studio.hold()
    with pytest.raises(ControlError, match="has ended"):
        studio.people.present(stopped)


def test_what_cannot_happen_is_refused(studio: Studio) -> None:
    code = studio.code()
    with pytest.raises(ControlError, match="Nobody is presenting"):
        studio.people.view(code, "v-1")
    with pytest.raises(ControlError, match="not running"):
        studio.people.end(code)
    studio.people.present(code)
    with pytest.raises(ControlError, match="presenting already"):
        studio.people.present(code)
    with pytest.raises(ControlError, match="not inside"):
        studio.people.leave(code, "v-1")
    with pytest.raises(ControlError, match="no such share") as caught:
        studio.people.present("000")
    assert caught.value.status == 404


# ---- stop


def test_a_stop_is_a_message_and_a_second_one_a_404(studio: Studio) -> None:
    code = studio.code()
    studio.people.present(code)
    assert (studio.stop(code), studio.stop(code)) == (200, 200)
    assert "endTime" not in studio.one(code)
    studio.wait(2)
    assert studio.one(code)["endTime"] == MS + 2000
    assert studio.stop(code) == 404
    assert studio.stop("000000000") == 404


def test_a_stop_can_take_effect_at_once() -> None:
    with Studio.open(stop_after=0.0) as studio:
        code = studio.code()
        studio.people.present(code)
        assert studio.stop(code) == 200
        assert studio.one(code)["endTime"] == MS


@pytest.mark.parametrize(
    ("how", "status", "ended"), [("404", 404, False), ("ignored", 200, False), ("ended", 200, True)]
)
def test_what_a_stop_does_before_the_start_is_a_switch(how: str, status: int, ended: bool) -> None:
    with Studio.open(stop_unstarted=how) as studio:
        code = studio.code()
        assert studio.stop(code) == status
        assert ("endTime" in studio.one(code)) is ended


def test_a_share_of_the_widget_may_not_be_stopped(studio: Studio) -> None:
    code = studio.people.widget("elsewhere")["code"]
    assert studio.stop(code) == 403
    assert studio.recent()[0]["externalId"] == "elsewhere"


# ---- lists


def test_the_recent_list_keeps_what_ended_for_5_minutes_and_what_nobody_started_for_an_hour(
    studio: Studio,
) -> None:
    waiting, ended = studio.code(), studio.hold(0)
    studio.wait(300)
    assert {row["sessionId"] for row in studio.recent()} == {waiting, ended}
    studio.wait(1)
    assert [row["sessionId"] for row in studio.recent()] == [waiting]
    studio.wait(3300)
    assert studio.recent() == []
    assert studio.one(waiting)["sessionId"] == waiting


def test_for_a_while_no_list_shows_a_share_then_the_history_does(studio: Studio) -> None:
    watched = studio.hold(60)
    alone = studio.code()
    studio.people.present(alone)
    studio.people.end(alone)
    studio.wait(400)
    assert (studio.recent(), studio.past()) == ([], [])
    studio.wait(200)
    assert studio.past() == [watched]


def test_the_history_filters_on_times_in_three_forms_and_on_the_external_id(studio: Studio) -> None:
    first = studio.hold(60, externalId="a")
    second = studio.hold(60, externalId="b")
    studio.wait(600)
    assert studio.past() == [first, second]
    assert studio.past(startedAfter=MS) == [second]
    assert studio.past(startedAfter=MS - 1) == [first, second]
    assert studio.past(startedBefore=MS + 60_000) == [first]
    assert studio.past(endedAfter=MS + 60_000) == [second]
    assert studio.past(endedBefore=MS + 60_001) == [first]
    assert studio.past(externalId="b") == [second]
    assert studio.past(startedAfter="01/09/26") == [first, second]
    assert studio.past(startedAfter="01/09/26 08:00:30 UTC") == [second]
    assert studio.past(startedAfter="2026-09-01 08:00:30", dateFormat="yyyy-MM-dd HH:mm:ss") == [second]
    for wrong in (
        {"startedAfter": "2026-09-01"},
        {"endedAfter": "x", "dateFormat": "QQ"},
        {"endedBefore": "9" * 30},
    ):
        assert studio.ask("GET", "/screen-shares", params=wrong).status_code == 400


def test_dates_are_read_day_first() -> None:
    assert read_time("03/04/26") == datetime(2026, 4, 3, tzinfo=UTC)
    assert read_time("03/04/26 05:06:07 +0200", "dd/MM/yy HH:mm:ss Z") == datetime(2026, 4, 3, 3, 6, 7, tzinfo=UTC)


def test_the_history_is_cut_without_a_word() -> None:
    with Studio.open(history_cap=2) as studio:
        held = [studio.hold(60) for _ in range(3)]
        studio.wait(600)
        assert studio.past() == held[:2]


@pytest.mark.parametrize(("unknown", "status"), [("404", 404), ("403", 403), ("400", 400), ("empty", 200)])
def test_how_an_unknown_code_is_answered_is_a_switch(unknown: str, status: int) -> None:
    with Studio.open(unknown_code=unknown, readable_for=60.0) as studio:
        answer = studio.ask("GET", "/screen-shares/000000000")
        assert (answer.status_code, bool(answer.content)) == (status, unknown != "empty")
        code = studio.hold()
        studio.wait(360)
        assert studio.one(code)["sessionId"] == code
        studio.wait(1)
        assert studio.ask("GET", f"/screen-shares/{code}").status_code == status


def test_the_undocumented_share_state_is_a_switch() -> None:
    with Studio.open(share_state=True) as studio:
        code = studio.code()
        states = [studio.one(code)["shareState"]]
        studio.people.present(code)
        states.append(studio.one(code)["shareState"])
        studio.people.end(code)
        assert [*states, studio.one(code)["shareState"]] == ["NOT_STARTED", "STARTED", "ENDED"]


def test_the_viewer_page_wants_the_account_alone_and_a_share_that_is_open(studio: Studio) -> None:
    data = studio.create()
    assert requests.get(data["viewerUrl"], timeout=10).status_code == 200
    assert requests.get(data["viewerUrl"].partition("?")[0], timeout=10).status_code == 401
    studio.people.present(data["screenShareCode"])
    studio.people.end(data["screenShareCode"])
    assert requests.get(data["viewerUrl"], timeout=10).status_code == 403


# ---- the sandbox's own


def test_scripted_people_present_watch_and_leave(studio: Studio) -> None:
    events: list[dict[str, Any]] = [
        {"user": "leader", "do": "join", "after": 60},
        {"user": "v-1", "do": "join", "after": 30},
        {"user": "v-1", "do": "join", "after": 120},
        {"user": "v-1", "do": "leave", "after": 240},
        {"user": "v-2", "do": "chat", "after": 250, "text": "hello"},
        {"user": "leader", "do": "leave", "after": 600},
        {"user": "leader", "do": "end", "after": 700},
    ]
    studio.sandbox.scripts.add({"match": {"name": "Demo"}, "events": events})
    code, other = studio.code(title="Demo"), studio.code(title="Other")
    studio.wait(900)
    row = studio.one(code)
    assert (row["startTime"], row["endTime"], row["userMinutes"]) == (MS + 60_000, MS + 600_000, 11)
    assert "startTime" not in studio.one(other)
    refused = [one["refused"] for one in studio.sandbox.state()["screenleap"]["happened"]]
    assert refused == [
        "Nobody is presenting.",
        "",
        "",
        "",
        "Screenleap has no such thing.",
        "",
        "This share is not running.",
    ]


def test_state_and_log_show_no_secret_and_the_control_api_drives_it(studio: Studio) -> None:
    control = SandboxControl(studio.sandbox.url)
    info = control.info()["screenleap"]
    assert info == {"url": studio.people.url, "account_id": ACCOUNT, "authtoken": TOKEN}
    code = studio.code(externalId="case-7|als1:0")
    control.do("screenleap", "present", share="case-7")
    control.do("screenleap", "view", share=code, viewer="v-1")
    assert control.do("screenleap", "codes", external_id="case-7") == [code]
    studio.one(code)
    studio.stop(code)
    told = str(control.state()) + str(control.log())
    secrets = control.do("screenleap", "secrets")
    assert len(secrets["codes"]) == len(secrets["tokens"]) == len(secrets["viewer_urls"]) == 1
    for secret in (TOKEN, *secrets["codes"], *secrets["tokens"], *secrets["viewer_urls"]):
        assert secret not in told
    (shown,) = control.state()["screenleap"]["shares"]
    assert (shown["external_id"], shown["inside"], shown["total_viewers"]) == ("case-7|als1:0", ["v-1"], 1)
    assert len({one["key"] for one in control.log()}) == 1
    control.reset()
    assert (control.state()["screenleap"]["shares"], studio.recent()) == ([], [])


@pytest.mark.parametrize("as_date", [False, True])
def test_a_throttle_carries_the_wait_in_either_form_or_none(studio: Studio, as_date: bool) -> None:
    studio.sandbox.faults.add("throttle", retry_after=30, retry_after_date=as_date, count=1)
    told = studio.ask("GET", "/recent-screen-shares").headers["Retry-After"]
    assert told == ("Tue, 01 Sep 2026 08:00:30 GMT" if as_date else "30")
    studio.sandbox.faults.add("throttle", count=1)
    answer = studio.ask("GET", "/recent-screen-shares")
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, False)
    studio.sandbox.faults.add("expired", count=1)
    assert studio.ask("GET", "/recent-screen-shares").status_code == 401


def test_every_option_is_an_argument_of_the_command_line() -> None:
    given = vars(parser().parse_args(["--screenleap-history-cap", "3", "--screenleap-stop-unstarted", "ended"]))
    assert (given["screenleap_history_cap"], given["screenleap_stop_unstarted"]) == (3, "ended")
    assert ScreenleapOptions().authtoken != ScreenleapOptions().authtoken
    assert "authtoken" not in repr(ScreenleapOptions())


def test_people_and_the_clock_are_one_the_end_is_at_its_own_moment(studio: Studio) -> None:
    code = studio.code()
    studio.people.present(code)
    studio.stop(code)
    studio.wait(3600)
    assert studio.one(code)["endTime"] == MS + 2000
    assert START + timedelta(hours=1) == studio.sandbox.clock.now()


# ---- the time before


def test_a_past_share_is_in_the_history_as_if_it_had_been_held_then(studio: Studio) -> None:
    begun, over = START - timedelta(hours=5), START - timedelta(hours=4)
    studio.people.past("case-1", begun.isoformat(), over.isoformat(), ["v"], title="Demo")
    (share,) = studio.get("/screen-shares")
    assert (share["startTime"], share["endTime"]) == (MS - 5 * 3_600_000, MS - 4 * 3_600_000)
    assert (share["userMinutes"], share["costInCents"], share["title"]) == (120, 120, "Demo")
    (shown,) = studio.people.state()["shares"]
    assert (shown["user_minutes"], shown["cost_in_cents"], shown["total_viewers"]) == (120, 120, 1)
    assert studio.recent() == []


def test_a_past_share_without_an_end_runs_since_then(studio: Studio) -> None:
    studio.people.past("open", (START - timedelta(hours=9)).isoformat(), api=False)
    (share,) = studio.recent()
    assert share["startTime"] == MS - 9 * 3_600_000
    assert "endTime" not in share
    assert studio.ask("POST", f"/screen-shares/{share['sessionId']}/stop").status_code == 403


@pytest.mark.parametrize(("begun", "over"), [(60, None), (-60, 60), (-60, -120)])
def test_a_past_share_lies_in_the_past(studio: Studio, begun: int, over: int | None) -> None:
    first, last = ("" if one is None else (START + timedelta(seconds=one)).isoformat() for one in (begun, over))
    with pytest.raises(ControlError, match="before now"):
        studio.people.past("case-1", first, last)
    assert studio.people.state()["shares"] == []
