"""Sessions live as they were seen to live: windows, the reaper, races, replaced environments, limits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.sandbox import ControlError
from tests.sandbox_educates.portal import HUB, Portal

if TYPE_CHECKING:
    from tests.sandbox.catcher import Catcher, Caught

W01, W02 = "lab-portal-w01", "lab-portal-w02"


def rows(portal: Portal) -> list[dict[str, Any]]:
    return list(portal.sandbox.state()["educates"]["sessions"])


def told(one: Caught) -> dict[str, Any]:
    return dict(json.loads(one.body))


def refused(portal: Portal, user: str, environment: str = W02) -> int:
    return portal.get(f"/workshops/environment/{environment}/request/", index_url=HUB, user=user).status_code


# ---- the activation window


def test_a_window_that_lapsed_is_noticed_up_to_a_reconcile_later(portal: Portal) -> None:
    portal.wait(5)
    name = portal.request("alice")["name"]
    portal.wait(60)
    late = portal.schedule(name)
    assert late is not None
    assert (late["status"], late["countdown"]) == ("WAITING", 0)
    portal.wait(9)
    assert portal.status(name) == "WAITING"
    portal.wait(1)
    assert portal.status(name) == "gone"


def test_a_repeated_request_restarts_the_window_with_its_own_timeout(portal: Portal) -> None:
    name = portal.request("alice")["name"]
    portal.wait(50)
    assert portal.request("alice", timeout=300)["name"] == name
    portal.wait(295)
    assert portal.status(name) == "WAITING"


def test_no_timeout_means_the_workshop_s_whole_length_or_no_end(portal: Portal) -> None:
    first = portal.request("alice", timeout=0)["name"]
    assert portal.schedule(first)["countdown"] == 1800  # type: ignore[index]
    place = portal.educates.add_workshop("endless", duration=0)["environment"]
    second = portal.request("bob", place, timeout=0)["name"]
    assert portal.schedule(second) == {
        "status": "WAITING",
        "started": "2026-11-20T17:12:11.723Z",
        "expires": None,
        "expiring": False,
    }
    assert portal.get("/workshops/user/bob/sessions/").json()["sessions"][0].get("expires") is None
    portal.educates.activate(second)
    portal.wait(100_000)
    portal.log_in()
    assert portal.status(second) == "RUNNING"


def test_a_window_in_the_past_is_over_at_the_reaper_s_next_pass(portal: Portal) -> None:
    name = portal.request("alice", timeout=-5)["name"]
    portal.wait(15)
    assert portal.status(name) == "gone"


# ---- the end


def test_an_expiry_never_shows_stopping(portal: Portal) -> None:
    name = portal.request("alice")["name"]
    portal.educates.activate("alice")
    seen = []
    for _ in range(130):
        portal.wait(15)
        seen.append(portal.status(name))
    assert seen[-1] == "gone"
    assert set(seen) == {"RUNNING", "gone"}


def test_an_extension_is_given_only_near_the_end_and_up_to_the_deadline() -> None:
    with Portal.open(deadline=2700) as portal:
        name = portal.request("alice")["name"]
        portal.educates.activate(name)
        path = f"/workshops/session/{name}/extend/"
        assert portal.get(path).json()["extended"] is False
        portal.wait(1740)
        answer = portal.get(path).json()
        assert (answer["extended"], answer["countdown"]) == (True, 510)
        assert portal.get(path).json()["extended"] is False  # again at once: too far from the end now
        portal.wait(400)
        assert portal.get(path).json()["countdown"] == 560  # the deadline cuts the second one short
        portal.wait(500)
        assert portal.get(path).json()["extended"] is False


def test_overtime_sets_what_an_extension_adds() -> None:
    with Portal.open(deadline=7200, overtime=600) as portal:
        name = portal.request("alice")["name"]
        portal.educates.activate(name)
        portal.wait(1300)
        assert portal.get(f"/workshops/session/{name}/extend/").json()["countdown"] == 1100


def test_a_session_that_is_stopping_can_be_brought_back_and_ends_all_the_same(portal: Portal) -> None:
    given = portal.request("alice")
    portal.educates.finish("alice")
    assert portal.status(given["name"]) == "STOPPING"
    assert portal.raw("GET", given["url"]).status_code == 302
    portal.http.cookies.clear()
    assert portal.status(given["name"]) == "RUNNING"
    assert portal.sessions("alice") == [given["name"]]
    portal.wait(1)
    assert portal.status(given["name"]) == "gone"


def test_terminating_again_and_again_does_no_harm(portal: Portal) -> None:
    name = portal.request("alice")["name"]
    path = f"/workshops/session/{name}/terminate/"
    assert [portal.get(path).status_code for _ in range(3)] == [200, 200, 200]
    portal.wait(1)
    assert portal.get(path).status_code == 404


def test_a_vanished_session_is_running_until_the_next_pass(portal: Portal) -> None:
    name = portal.request("alice")["name"]
    portal.educates.activate(name)
    portal.wait(1)
    portal.educates.vanish(name)
    assert portal.status(name) == "RUNNING"
    portal.wait(15)
    assert portal.status(name) == "gone"


# ---- what goes wrong


def test_a_create_that_the_cluster_refuses_leaves_a_dead_session(portal: Portal) -> None:
    portal.wait(4)
    portal.educates.refuse_creates()
    path = f"/workshops/environment/{W02}/request/"
    assert portal.get(path, index_url=HUB, user="ida").status_code == 500
    again = portal.request("ida", W02)
    name = again["name"]
    assert name == f"{W02}-s001"
    for _ in range(3):
        portal.wait(10)
        assert portal.status(name) == "STARTING"
    assert portal.raw("GET", again["url"]).status_code == 302
    portal.http.cookies.clear()
    assert portal.status(name) == "RUNNING"
    portal.wait(15)
    assert portal.status(name) == "gone"


def test_a_dead_session_that_nobody_opens_lapses(portal: Portal) -> None:
    portal.educates.refuse_creates()
    refused(portal, "ida")
    portal.wait(75)
    assert [one["state"] for one in rows(portal) if one["user"] == "ida"] == ["STOPPED"]


def test_a_refused_reserve_is_no_500(portal: Portal) -> None:
    portal.educates.refuse_creates()
    portal.request("alice")
    assert [one["state"] for one in rows(portal)] == ["WAITING", "STARTING"]


def test_an_environment_that_starts_is_a_500(portal: Portal) -> None:
    portal.educates.starting_environment(W02)
    assert refused(portal, "ida") == 500
    assert portal.get(f"/workshops/environment/{W02}/status/").status_code == 500
    assert portal.get("/workshops/catalog/environments/", state="starting").status_code == 500
    assert portal.get("/workshops/catalog/environments/").status_code == 200
    portal.educates.starting_environment(W02, starting=False)
    assert refused(portal, "ida") == 200


def test_without_a_user_every_request_makes_one_more(portal: Portal) -> None:
    assert portal.request(None, W02)["user"] != portal.request(None, W02)["user"]
    assert len([one for one in rows(portal) if one["environment"] == W02]) == 2


# ---- environments and limits


def test_a_replaced_environment_keeps_its_sessions_and_takes_no_new_ones(portal: Portal) -> None:
    old = portal.request("alice", W02)["name"]
    assert portal.educates.replace_environment(W02) == {"environment": "lab-portal-w03"}
    listed = portal.get("/workshops/catalog/environments/").json()["environments"]
    assert [one["name"] for one in listed] == [W01, "lab-portal-w03"]
    query = {"state": ["RUNNING", "stopping"], "sessions": "true"}
    both = portal.call("GET", "/workshops/catalog/environments/", params=query).json()["environments"]
    assert [(one["name"], one["state"], one["capacity"], one["allocated"]) for one in both] == [
        (W01, "RUNNING", 3, 0),
        (W02, "STOPPING", 0, 1),
        ("lab-portal-w03", "RUNNING", 3, 0),
    ]
    assert portal.request("alice", W02)["name"] == old
    assert refused(portal, "bob") == 503
    assert portal.request("alice", "lab-portal-w03")["name"] == "lab-portal-w03-s001"
    assert portal.sessions("alice") == [old, "lab-portal-w03-s001"]


def test_replacing_an_environment_drops_its_reserve(portal: Portal) -> None:
    portal.educates.replace_environment(W01)
    assert [(one["environment"], one["state"]) for one in rows(portal)] == [
        (W01, "STOPPED"),
        ("lab-portal-w03", "WAITING"),
    ]


def test_a_user_s_cap_counts_over_the_whole_portal() -> None:
    with Portal.open(anonymous=1) as portal:
        portal.request("alice")
        assert refused(portal, "alice") == 503
        assert refused(portal, "bob") == 200


def test_the_portal_s_maximum_goes_before_an_environment_s_capacity() -> None:
    with Portal.open(maximum=2, reserved=1) as portal:
        assert refused(portal, "a") == 200
        assert refused(portal, "b") == 200  # the reserve of the other workshop makes way
        assert rows(portal)[0]["state"] == "STOPPING"
        assert refused(portal, "c") == 503


def test_a_portal_deployed_anew_gives_the_same_names_to_strangers(portal: Portal) -> None:
    before = portal.sandbox.state()["educates"]["uid"]
    name = portal.request("alice")["name"]
    uid = portal.educates.redeploy()["uid"]
    assert uid != before
    assert portal.get("/workshops/catalog/environments/").status_code == 403
    portal.log_in()
    assert portal.status(name) == "WAITING"  # in reserve, nobody's
    assert portal.request("mallory")["name"] == name


# ---- analytics


def test_a_session_s_own_webhook_hears_what_happens_after_the_request(portal: Portal, catcher: Catcher) -> None:
    portal.request("carol", W02, analytics_url=f"{catcher.url}/hook?token=secret")
    portal.educates.activate("carol")
    portal.educates.finish("carol")
    portal.wait(1)
    caught = catcher.wait_for(6)
    names = [told(one)["event"]["name"] for one in caught]
    # "Started" at the creation as well, before anybody came: no proof of a person.
    assert names == [
        "Session/Pending",
        "Session/Created",
        "Session/Started",
        "Session/Started",
        "Session/Stopping",
        "Session/Deleted",
    ]
    body = told(caught[0])
    assert list(body["portal"]) == ["name", "url", "uid", "generation"]
    assert body["event"] == {
        "name": "Session/Pending",
        "timestamp": "2026-11-20T17:12:11.723000+00:00",
        "user": "carol",
        "session": f"{W02}-s001",
        "environment": W02,
        "workshop": "lab-ondemand",
        "data": {},
    }


def test_the_first_events_of_a_session_without_a_user_are_lost(catcher: Catcher) -> None:
    with Portal.open(webhook=f"{catcher.url}/portal") as portal:
        given = portal.request(None, W02)
        portal.educates.activate(given["name"])
        portal.educates.wait_for_webhooks()
        about = [told(one)["event"] for one in catcher.caught if told(one)["event"].get("user") == given["user"]]
        assert {one["name"] for one in about} == {"User/Create", "Session/Started"}


def test_pending_from_the_reserve_names_no_user_and_events_of_one_s_own_are_passed_on(catcher: Catcher) -> None:
    with Portal.open(webhook=f"{catcher.url}/portal", deadline=7200) as portal:
        name = portal.request("alice")["name"]
        portal.educates.activate(name)
        portal.call("POST", f"/workshops/session/{name}/event/", json={"event": {"name": "A/B", "data": {"k": 1}}})
        portal.wait(1740)
        portal.get(f"/workshops/session/{name}/extend/")
        assert portal.educates.wait_for_webhooks()
        heard = {told(one)["event"]["name"]: told(one)["event"] for one in catcher.caught}
        assert heard["Session/Pending"]["user"] is None
        assert heard["A/B"]["data"] == {"k": 1}
        assert "Session/Extended" in heard
        assert {one["outcome"] for one in portal.educates.webhooks()} == {"delivered"}


# ---- control


def test_scripts_open_links_and_finish(portal: Portal) -> None:
    portal.sandbox.scripts.add(
        {
            "match": {"name": "lab-basics"},
            "events": [
                {"user": "others", "do": "join", "after": 20},
                {"user": "alice", "do": "end", "after": 90},
                {"user": "bob", "do": "join", "after": 1},
                {"user": "others", "do": "leave", "after": 2},
                {"user": "others", "do": "join", "after": 200},
            ],
        }
    )
    name = portal.request("alice")["name"]
    portal.wait(25)
    assert portal.status(name) == "RUNNING"
    portal.wait(300)
    assert portal.status(name) == "gone"
    happened = portal.sandbox.state()["educates"]["happened"]
    assert [(one["do"], one["refused"]) for one in happened] == [
        ("join", ""),
        ("end", ""),
        ("join", "The session is gone."),
    ]


def test_control_verbs_name_what_is_not_there(portal: Portal) -> None:
    for act in (portal.educates.activate, portal.educates.finish, portal.educates.vanish):
        with pytest.raises(ControlError, match="There is no session 'x'"):
            act("x")
    with pytest.raises(ControlError, match="There is no environment 'x'"):
        portal.educates.replace_environment("x")
    for user in ("a", "b", "c"):
        portal.request(user, W02)
    with pytest.raises(ControlError, match="No session available"):
        portal.educates.web_session(W02, "walter")


def test_the_log_and_the_state_hold_no_secret(portal: Portal) -> None:
    given = portal.request("alice", analytics_url="http://127.0.0.1:9/x?token=hook-secret")
    portal.raw("GET", given["url"])
    secrets = portal.educates.secrets()
    told = repr([one.to_json() for one in portal.sandbox.log.entries()]) + repr(portal.sandbox.state())
    assert len(secrets["links"]) == 1
    assert portal.token in secrets["tokens"]
    for one in (*secrets["links"], *secrets["secrets"], *secrets["tokens"], "hook-secret"):
        assert one not in told
    assert "analytics_url=***" in told


def test_parameters_that_the_workshop_does_not_declare_are_dropped(portal: Portal) -> None:
    body = {"parameters": [{"name": "WHO", "value": "alice"}, {"name": "OTHER", "value": "x"}]}
    path = f"/workshops/environment/{W01}/request/?index_url={HUB}&user=alice"
    assert portal.call("POST", path, json=body).status_code == 200
    assert portal.educates.secrets()["parameters"] == ["alice"]


def test_faults_speak_educates(portal: Portal) -> None:
    portal.sandbox.faults.add("expired", count=1)
    answer = portal.get("/workshops/catalog/workshops/")
    assert (answer.status_code, answer.text) == (403, "")
    portal.sandbox.faults.add("throttle", count=1, retry_after=7)
    answer = portal.get("/workshops/catalog/workshops/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    portal.sandbox.faults.add("throttle", count=1)
    assert "Retry-After" not in portal.get("/workshops/catalog/workshops/").headers


def test_a_reset_forgets_sessions_and_keeps_the_credentials(portal: Portal) -> None:
    portal.request("alice")
    portal.sandbox.reset()
    assert [one["user"] for one in rows(portal)] == [None]
    portal.log_in()
    portal.educates.revoke_tokens()
    assert portal.get("/workshops/catalog/workshops/").status_code == 403
    assert portal.educates.info()["client_id"] == "client-0123456789"
    assert "activate" in portal.educates.verbs()
