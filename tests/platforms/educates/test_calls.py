"""Every call of the portal's API with every parameter, as documented; and what odd answers become."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.platforms.educates.client import STANDING
from airflow_provider.live_sessions.platforms.educates.models import Notification, Phase, Requested
from airflow_provider.live_sessions.platforms.educates.refusals import NoSession
from airflow_provider.live_sessions.sandbox.wire import Response
from tests.platforms.educates.lab import CREDENTIALS, HUB, Lab, plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.live_sessions.sandbox.wire import Request

W01, W02 = "lab-portal-w01", "lab-portal-w02"


def altered(path: str, change: Callable[[Any], Any]) -> Callable[[Request, Response], Response]:
    """Return a tap that changes the JSON of the answers to a path's end."""

    def rewrite(request: Request, response: Response) -> Response:
        if not request.path.endswith(path) or response.status != 200:
            return response
        return replace(response, body=json.dumps(change(json.loads(response.body))).encode())

    return rewrite


def request(lab: Lab, **more: Any) -> Requested:
    return lab.client.request_session(W01, **{"index_url": HUB, "user": "alice", **more})


# ---- logging in


def test_the_login_is_a_password_grant_with_the_client_in_the_header(lab: Lab) -> None:
    lab.client.log_in()
    (sent,) = lab.tap.requests
    assert (sent.method, sent.path) == ("POST", "/educates/oauth2/token/")
    assert sent.headers["authorization"].startswith("Basic ")
    form = sent.body.decode()
    assert form == "grant_type=password&username=robot%40educates&password=robot-password-0123456789"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": SecretStr("not-the-password")}, "the robot account was not accepted"),
        ({"username": "nobody"}, "the robot account was not accepted"),
        ({"client_secret": SecretStr("not-the-secret")}, "the credentials were not accepted"),
        ({"client_id": "nobody"}, "the credentials were not accepted"),
    ],
)
def test_wrong_credentials_fail_without_a_word_of_them(lab: Lab, wrong: dict[str, Any], words: str) -> None:
    client = lab.new_client(**wrong)
    with pytest.raises(AuthenticationFailed, match=words) as caught:
        client.workshops()
    for secret in (*CREDENTIALS.values(), "not-the-password", "not-the-secret"):
        assert secret not in str(caught.value) or secret == "robot@educates"
    client.close()


@pytest.mark.parametrize("name", ["username", "client_id", "password"])
def test_a_connection_that_lacks_a_credential_is_told_what(lab: Lab, name: str) -> None:
    empty: Any = SecretStr(" ") if name == "password" else " "
    with pytest.raises(ConfigurationError, match="The connection lacks"):
        lab.new_client(**{name: empty})


def test_a_login_without_a_token_in_its_answer_is_an_outage(lab: Lab) -> None:
    lab.tap.answer = altered("/oauth2/token/", lambda _: {"access_token": ""})
    with pytest.raises(Unavailable, match="unexpected shape"):
        lab.client.workshops()
    lab.tap.answer = altered("/oauth2/token/", lambda body: {"access_token": body["access_token"]})
    assert lab.client.workshops().workshops


def test_a_portal_that_is_still_starting_answers_the_login_with_503(lab: Lab) -> None:
    lab.sandbox.faults.add("html", path="/oauth2/token/", status=503)
    with pytest.raises(Unavailable):
        lab.client.workshops()


def test_closing_revokes_the_token(lab: Lab) -> None:
    with lab.new_client() as client:
        client.workshops()
        token = lab.tap.requests[-1].headers["authorization"].removeprefix("Bearer ")
    revoked = lab.tap.requests[-1]
    assert revoked.path == "/educates/oauth2/revoke-token/"
    assert revoked.body.decode() == f"token={token}"


def test_closing_asks_nothing_of_a_portal_that_was_never_used_or_is_away(lab: Lab) -> None:
    lab.new_client().close()
    client = lab.new_client()
    client.workshops()
    lab.sandbox.faults.add("reset_before")
    with pytest.raises(Unavailable):
        client.workshops()
    since = lab.mark()
    client.close()
    assert lab.calls(since) == []


def test_closing_revokes_after_a_refusal_and_bears_a_lost_answer(lab: Lab) -> None:
    client = lab.new_client()
    with pytest.raises(NotFound):
        client.schedule("nope")
    lab.sandbox.faults.add("reset_after", path="revoke")
    since = lab.mark()
    client.close()
    assert lab.calls(since) == [("POST", "/oauth2/revoke-token/")]


# ---- the catalogue


def test_environments_are_asked_for_with_states_names_labels_and_sessions(lab: Lab) -> None:
    lab.portal.add_workshop("deep", alias="Deep dive", labels={"level": "3", "my-label": "x"})
    catalogue = lab.client.environments(
        sessions=True, states=STANDING, names=["deep", "lab-basics"], labels={"level": "3"}
    )
    assert lab.asked("/catalog/environments/")[-1] == {
        "state": ["RUNNING", "STOPPING"],
        "name": ["deep", "lab-basics"],
        "labels[level]": ["3"],
        "sessions": ["true"],
    }
    (one,) = catalogue.environments
    assert (one.workshop.name, one.workshop.own_name, one.sessions) == ("Deep dive", "deep", ())
    assert catalogue.portal.uid
    assert lab.client.environments().environments[0].sessions is None
    assert lab.asked("/catalog/environments/")[-1] == {}


@pytest.mark.parametrize("labels", [{"my-label": "x"}, {"note": "two words"}, {"note": "a=b"}])
def test_labels_that_the_portal_misreads_are_filtered_here(lab: Lab, labels: dict[str, str]) -> None:
    lab.portal.add_workshop("deep", labels=labels)
    found = lab.client.environments(labels=labels).environments
    assert [one.workshop.own_name for one in found] == ["deep"]


def test_an_older_portal_names_no_resource(lab: Lab) -> None:
    def drop(body: Any) -> Any:
        for one in body["environments"]:
            del one["workshop"]["resource"]
            one["duration"] = None
        return body

    lab.tap.answer = altered("/catalog/environments/", drop)
    (one,) = lab.client.environments(names=["lab-basics"]).environments
    assert (one.workshop.own_name, one.duration) == ("lab-basics", 0)


def test_a_public_catalogue_without_sessions_is_a_login_and_then_an_outage() -> None:
    with Lab.open(catalog_public=True) as lab:
        lab.client.environments(sessions=True)
        lab.portal.revoke_tokens()
        since = lab.mark()
        assert lab.client.environments(sessions=True).environments[0].sessions == ()
        assert lab.calls(since, "token") == [("POST", "/oauth2/token/")]

        def without(body: Any) -> Any:
            for one in body["environments"]:
                one.pop("sessions", None)
            return body

        lab.tap.answer = altered("/catalog/environments/", without)
        with pytest.raises(Unavailable, match="left the sessions out"):
            lab.client.environments(sessions=True)


def test_an_empty_public_catalogue_proves_nothing_until_the_account_is_proved() -> None:
    with Lab.open(catalog_public=True) as lab:
        lab.client.environments()
        lab.tap.answer = altered("/catalog/environments/", lambda body: {**body, "environments": []})
        lab.portal.revoke_tokens()
        since = lab.mark()
        assert lab.client.environments(sessions=True).environments == ()
        assert ("GET", "/workshops/user/als-nobody/sessions/") in lab.calls(since)
        assert ("POST", "/oauth2/token/") in lab.calls(since)


def test_workshops_and_one_environment(lab: Lab) -> None:
    listed = lab.client.workshops()
    assert [(one.own_name, one.environment.name) for one in listed.workshops] == [
        ("lab-basics", W01),
        ("lab-ondemand", W02),
    ]
    assert lab.client.environment(W01).sessions is None
    request(lab)
    one = lab.client.environment(W01, sessions=True)
    assert lab.asked("/status/")[-1] == {"sessions": ["true"]}
    assert one.sessions is not None
    assert [(row.user, row.state) for row in one.sessions] == [("alice", Phase.WAITING)]
    lab.portal.starting_environment(W02)
    with pytest.raises(Unavailable):
        lab.client.environment(W02)


# ---- sessions


def test_a_request_carries_every_parameter_in_the_query_and_the_values_in_the_body(lab: Lab) -> None:
    made = request(lab)
    answer = request(
        lab,
        session=made.name,
        timeout=300,
        email="al@x.org",
        first_name="Al",
        last_name="Ice",
        analytics_url=SecretStr("https://hook.test/?token=t"),
        parameters={"WHO": SecretStr("alice")},
    )
    assert answer.name == made.name
    sent = lab.tap.requests[-1]
    assert sent.method == "POST"
    assert lab.asked("/request/")[-1] == {
        "index_url": [HUB],
        "user": ["alice"],
        "session": [made.name],
        "timeout": ["300"],
        "email": ["al@x.org"],
        "first_name": ["Al"],
        "last_name": ["Ice"],
        "analytics_url": ["https://hook.test/?token=t"],
    }
    assert json.loads(sent.body) == {"parameters": [{"name": "WHO", "value": "alice"}]}
    assert lab.tap.requests[-2].body == b""


def test_the_deprecated_session_property_stands_in_for_the_name(lab: Lab) -> None:
    lab.tap.answer = altered("/request/", lambda body: {key: one for key, one in body.items() if key != "name"})
    assert request(lab).name == f"{W01}-s001"


@pytest.mark.parametrize("url", ["https://evil.test/x", "//evil.test/x", "/other/"])
def test_a_link_that_leads_elsewhere_is_never_handed_on(lab: Lab, url: str) -> None:
    lab.tap.answer = altered("/request/", lambda body: {**body, "url": url})
    with pytest.raises(OutcomeUnknown, match=r"unexpected shape \(url\)"):
        request(lab)


def test_no_session_is_told_from_one_that_cannot_be_reacquired(lab: Lab) -> None:
    with pytest.raises(NoSession, match="No session available") as gone:
        request(lab, session="nope")
    assert gone.value.reacquirable
    lab.portal.web_session(W01, "walter")
    with pytest.raises(NoSession, match="Cannot be reacquired") as web:
        request(lab, user="walter")
    assert not web.value.reacquirable


def test_a_refused_request_carries_the_portal_s_words(lab: Lab) -> None:
    with pytest.raises(Refused, match="Session requests not permitted for user") as caught:
        request(lab, user="educates")
    assert caught.value.status == 400


def test_an_account_that_is_no_robot_is_told_so(lab: Lab) -> None:
    def as_learner(inner: Request, response: Response) -> Response:
        return (
            Response(403, b"Session requests not permitted", "text/html") if "/user/" in inner.path else response
        )

    lab.tap.answer = as_learner
    with pytest.raises(AuthenticationFailed, match="not the portal's robot"):
        lab.client.user_sessions("alice")


def test_a_403_of_another_kind_stays_what_it_is(lab: Lab) -> None:
    lab.tap.answer = lambda inner, response: (
        Response(403, b"Access to session not permitted", "text/html") if "/schedule/" in inner.path else response
    )
    with pytest.raises(Refused, match="Access to session not permitted"):
        lab.client.schedule("x")


def test_the_session_s_own_calls(lab: Lab) -> None:
    name = request(lab).name
    assert lab.client.authorize(name).owner == "alice"
    config = lab.client.configuration(name)
    assert config.url == f"http://{name}.labs.invalid"
    assert config.password is not None
    assert config.password.get_secret_value() not in repr(config)
    assert lab.client.extend(name).extended is False
    lab.client.send_event(name, "Airflow/Note", {"k": "v"})
    assert json.loads(lab.tap.requests[-1].body) == {"event": {"name": "Airflow/Note", "data": {"k": "v"}}}
    lab.client.send_event(name, "Airflow/Bare")
    (listed,) = lab.client.user_sessions("alice").sessions
    assert (listed.name, listed.workshop, listed.extendable) == (name, "lab-basics", False)
    assert lab.client.terminate(name).expires is not None
    with pytest.raises(NotFound):
        lab.client.schedule(name)
    paths = {path for _, path in lab.calls() if name in path}
    assert paths == {
        f"/workshops/session/{name}/{what}/"
        for what in ("authorize", "config", "extend", "event", "terminate", "schedule")
    }


def test_calls_with_an_effect_are_sent_once_and_reads_again(lab: Lab) -> None:
    name = request(lab).name
    lab.sandbox.faults.add("status", path="/(extend|terminate|event)/$", status=500)
    for act in (
        lambda: lab.client.extend(name),
        lambda: lab.client.terminate(name),
        lambda: lab.client.send_event(name, "A/B"),
    ):
        since = lab.mark()
        with pytest.raises(OutcomeUnknown):
            act()
        assert len(lab.calls(since)) == 1
    lab.sandbox.faults.add("status", path="/schedule/$", status=500, count=1)
    since = lab.mark()
    assert lab.client.schedule(name).status is Phase.WAITING
    assert len(lab.calls(since)) == 2


def test_an_answer_of_another_shape_is_an_outage_for_a_read_and_unknown_for_a_write(lab: Lab) -> None:
    name = request(lab).name
    lab.tap.answer = altered("/schedule/", lambda _: {"status": "DANCING"})
    with pytest.raises(Unavailable, match=r"unexpected shape \(status\)"):
        lab.client.schedule(name)
    lab.tap.answer = altered("/extend/", lambda _: [])
    with pytest.raises(OutcomeUnknown, match="the whole"):
        lab.client.extend(name)


def test_an_ingress_that_asks_for_quiet_is_obeyed(lab: Lab) -> None:
    lab.client.workshops()
    lab.sandbox.faults.add("throttle", retry_after=120)
    with pytest.raises(RateLimited) as caught:
        lab.client.workshops()
    assert caught.value.retry_after == 120


def test_the_client_keeps_the_portal_s_time(lab: Lab) -> None:
    lab.client.workshops()
    assert abs((lab.client.now() - datetime(2026, 9, 1, 8, 0, 3, tzinfo=UTC)).total_seconds()) < 5


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("https://hub.test/?notification=session-deleted", Notification.SESSION_DELETED),
        ("https://hub.test/?notification=workshop-invalid", Notification.WORKSHOP_INVALID),
        ("https://hub.test/?a=b&notification=session-unavailable", Notification.SESSION_UNAVAILABLE),
        ("https://hub.test/?notification=session-invalid", Notification.SESSION_INVALID),
        ("https://hub.test/?notification=startup-timeout", Notification.STARTUP_TIMEOUT),
        ("https://hub.test/?notification=news", None),
        ("https://hub.test/", None),
    ],
)
def test_what_a_browser_comes_back_with_is_read(url: str, meant: Notification | None) -> None:
    assert Notification.of(url) is meant


def test_no_secret_and_no_link_is_logged(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    lab.launch(plan(analytics_url="https://hook.test/?token=hook-secret", parameters={"SECRET": "s3cret-value"}))
    lab.sandbox.faults.add("reset_after", path="/request/$")
    with pytest.raises(OutcomeUnknown) as caught:
        lab.launch(plan(title="Other", analytics_url="https://hook.test/?token=hook-secret"))
    told = "".join(f"{line.getMessage()}{line.args}" for line in caplog.records) + str(caught.value)
    given = lab.portal.secrets()
    secrets = [*given["links"], *given["parameters"], "hook-secret", *CREDENTIALS.values()]
    assert len(secrets) >= 6
    for one in secrets:
        assert one not in told or one == "robot@educates"
