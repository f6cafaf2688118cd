"""Launching a class: one session a learner, found again, taken over, completed; and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.contract import Absent, Found, Unprovable
from airflow_provider.live_sessions.core.errors import ConfigurationError, OutcomeUnknown, Refused, Unavailable
from airflow_provider.live_sessions.core.launching import LaunchPolicy, OnExisting, create_or_find
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.sealing import seal
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.educates.models import Phase
from airflow_provider.live_sessions.platforms.educates.seats import seats_of
from tests.platforms.educates.lab import ADA, BO, CLASS, CLEO, DAN, HUB, START, Lab, key_of, links, plan
from tests.platforms.educates.test_calls import altered

CLASS_OF_THREE = (ADA, BO, CLEO)


class Memory:
    """A task's memory: what outlives its tries."""

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}

    def recall(self) -> dict[str, Any]:
        return dict(self.value)

    def record(self, value: dict[str, Any]) -> None:
        self.value = value


# ---- launch


def test_each_learner_gets_a_session_and_a_link_of_their_own(lab: Lab) -> None:
    launched = lab.launch(plan(*CLASS_OF_THREE))
    assert launched.created
    assert [one.participant for one in links(launched)] == list(CLASS_OF_THREE)
    assert len({one.url.get_secret_value() for one in links(launched)}) == 3
    assert [one.learner for one in seats_of(launched.ref)] == ["ada", "bo", "cleo"]
    assert [one.user for one in seats_of(launched.ref)] == [one.user_id for one in links(launched)]
    assert sorted(row["user"] for row in lab.live_rows) == sorted(one.user_id for one in links(launched))
    assert launched.warnings == ()


def test_a_class_without_participants_is_one_session_for_whoever_gets_the_link(lab: Lab) -> None:
    from airflow_provider.live_sessions.core.models import Plan

    the_plan = Plan("Open", CLASS, CLASS + timedelta(hours=1), (), {"workshop": "lab-basics"})
    (link,) = links(lab.launch(the_plan))
    assert (link.participant.id, link.participant.name) == ("guest", "Guest")


def test_the_window_to_come_in_reaches_beyond_the_planned_start(lab: Lab) -> None:
    lab.launch()
    lab.wait(1500)
    lab.launch(plan(title="Late"))
    lab.launch(plan(title="Own", timeout=90))
    lab.launch(plan(title="Unbounded", timeout=0, workshop="lab-ondemand"))
    assert [int(one["timeout"][0]) for one in lab.asked("/request/")] == [
        pytest.approx(600 + 900, abs=2),
        900,
        90,
        0,
    ]


def test_the_ref_says_from_when_to_when_the_class_is_watched(lab: Lab) -> None:
    launched = lab.launch()
    ref = launched.ref
    assert parse_time(ref.detail("window_start")) - START < timedelta(seconds=5)
    # Two hours from 08:10; the grace is half an hour.
    assert parse_time(ref.detail("window_end")) == CLASS + timedelta(hours=2.5)
    assert (ref.detail("planned_start"), ref.detail("planned_end")) == (
        CLASS.isoformat(),
        (CLASS + timedelta(hours=2)).isoformat(),
    )
    late = lab.launch(plan(title="Short", minutes=5)).ref
    # Who comes in the last second of the window has the whole workshop before them.
    expected = CLASS + timedelta(seconds=900 + 1800 + 30 + 1800)
    assert abs(parse_time(late.detail("window_end")) - expected) < timedelta(seconds=3)
    (link,) = links(launched)
    assert link.not_after == seats_of(ref)[0].expires


def test_values_go_to_everybody_and_a_learner_s_own_go_before_them(lab: Lab) -> None:
    sealed = seal(SecretStr("s3cret-value"), lab.cipher)
    people = (
        ADA,
        Participant("bo", "Bo", email="bo@x.org", options={"parameters": {"WHO": "bo"}, "first_name": "Bo"}),
        Participant("cleo", "Cleo", options={"email": "own@x.org", "last_name": "Patra"}),
    )
    lab.launch(
        plan(
            *people,
            parameters={"WHO": "all", "SECRET": sealed},
            analytics_url="https://hook.test/{key}/{user}",
            share_emails=True,
        )
    )
    bodies = [{one["name"]: one["value"] for one in body["parameters"]} for body in lab.bodies("/request/")]
    assert bodies == [
        {"WHO": "all", "SECRET": "s3cret-value"},
        {"WHO": "bo", "SECRET": "s3cret-value"},
        {"WHO": "all", "SECRET": "s3cret-value"},
    ]
    asked = lab.asked("/request/")
    assert [one.get("email") for one in asked] == [None, ["bo@x.org"], ["own@x.org"]]
    assert [(one.get("first_name"), one.get("last_name")) for one in asked] == [
        (None, None),
        (["Bo"], None),
        (None, ["Patra"]),
    ]
    key = key_of(plan()).digest
    assert [one["analytics_url"][0] for one in asked] == [
        f"https://hook.test/{key}/{one['user'][0]}" for one in asked
    ]


def test_the_key_is_fetched_only_where_something_came_sealed(lab: Lab) -> None:
    lab.launch(plan(parameters={"WHO": "x"}))
    assert lab.ciphers == 0
    lab.launch(plan(title="Sealed", analytics_url=seal(SecretStr("https://hook.test/"), lab.cipher)))
    assert lab.ciphers == 1


def test_e_mails_stay_here_unless_they_are_to_be_shared(lab: Lab) -> None:
    lab.launch(plan(Participant("ada", "Ada", email="ada@x.org")))
    assert "email" not in lab.asked("/request/")[0]


def test_the_index_url_is_the_plan_s_or_the_connection_s_or_missed(lab: Lab) -> None:
    lab.launch()
    lab.launch(plan(title="Own", index_url="https://own.test/"))
    assert [one["index_url"] for one in lab.asked("/request/")] == [[HUB], ["https://own.test/"]]
    bare = lab.new_platform(index_url="")
    with pytest.raises(ConfigurationError, match="Where a browser goes"):
        bare.launch(plan(title="None"), key_of(plan()))


# ---- which environment


def test_a_workshop_s_name_is_resolved_at_every_launch_and_never_kept(lab: Lab) -> None:
    first = lab.launch().ref
    lab.portal.replace_environment("lab-portal-w01")
    second = lab.launch(plan(title="Second")).ref
    assert [seats_of(one)[0].environment for one in (first, second)] == ["lab-portal-w01", "lab-portal-w03"]
    assert "lab-portal-w03" not in str(plan().options)


def test_an_unknown_workshop_fails_and_names_those_on_offer(lab: Lab) -> None:
    with pytest.raises(ConfigurationError, match=r"no workshop 'nope'.*offers lab-basics, lab-ondemand"):
        lab.launch(plan(workshop="nope"))


def test_an_alias_is_told_from_the_workshop_s_own_name(lab: Lab) -> None:
    lab.portal.add_workshop("deep", alias="deep-dive")
    with pytest.raises(ConfigurationError, match="the workshop itself is 'deep'"):
        lab.launch(plan(workshop="deep-dive"))
    assert links(lab.launch(plan(workshop="deep")))


def test_a_workshop_that_is_being_replaced_is_worth_a_retry(lab: Lab) -> None:
    lab.launch(plan(DAN, title="Keeps it in the list"))
    lab.portal.starting_environment(lab.portal.replace_environment("lab-portal-w01")["environment"])
    with pytest.raises(Unavailable, match="No environment runs the workshop 'lab-basics'"):
        lab.launch()


# ---- find and adopt


def test_a_launch_that_was_never_made_cannot_be_told_from_one_that_is_over(lab: Lab) -> None:
    found = lab.platform.find(key_of(plan()), plan())
    assert isinstance(found, Unprovable)
    assert not isinstance(found, Absent)


def test_a_launch_is_found_by_its_users_in_one_request(lab: Lab) -> None:
    the_plan = plan(*CLASS_OF_THREE)
    ref = lab.launch(the_plan).ref
    lab.activate(ref, "bo")
    since = lab.mark()
    found = lab.found(the_plan)
    assert len(lab.calls(since)) == 1
    assert [one.session for one in seats_of(found.ref)] == [one.session for one in seats_of(ref)]
    assert found.status.state is State.LIVE
    assert found.ref.key == ref.key


def test_a_failed_look_up_raises_and_makes_nothing(lab: Lab) -> None:
    lab.sandbox.faults.add("reset_before", path="/catalog/")
    with pytest.raises(Unavailable):
        create_or_find(lab.platform, plan(), key_of(plan()), now=START)
    assert lab.rows == []


def test_adopting_gives_the_same_links_and_restarts_the_windows(lab: Lab) -> None:
    the_plan = plan(*CLASS_OF_THREE)
    first = lab.launch(the_plan)
    lab.wait(300)
    again = create_or_find(lab.platform, the_plan, key_of(the_plan), now=START)
    assert not again.created
    assert [one.url for one in links(again)] == [one.url for one in links(first)]
    assert len(lab.live_rows) == 3
    sessions = [one.session for one in seats_of(first.ref)]
    assert [one["session"] for one in lab.asked("/request/")[-3:]] == [[one] for one in sessions]
    assert again.ref.detail("shared") == ""


def test_adopting_makes_the_sessions_that_are_missing(lab: Lab) -> None:
    the_plan = plan(*CLASS_OF_THREE)
    lab.sandbox.faults.add("reset_before", path="/request/$", nth=2)
    with pytest.raises(OutcomeUnknown):
        lab.launch(the_plan)
    again = lab.adopt(the_plan)
    assert [one.learner for one in seats_of(again.ref)] == ["ada", "bo", "cleo"]
    assert len(lab.live_rows) == len(links(again)) == 3


def test_after_the_planned_end_adopting_makes_none(lab: Lab) -> None:
    the_plan = plan(*CLASS_OF_THREE, minutes=15, timeout=7200)
    ref = lab.launch(the_plan).ref
    lab.finish(ref, "bo")
    lab.wait(1600)
    again = lab.adopt(the_plan)
    assert [one.learner for one in seats_of(again.ref)] == ["ada", "cleo"]
    assert again.warnings == ("bo has no session; after the planned end none is made.",)


def test_a_learner_whom_the_task_remembers_as_served_is_not_served_anew(lab: Lab) -> None:
    the_plan = plan(ADA, BO)
    ref = lab.launch(the_plan).ref
    lab.activate(ref, "ada", "bo")
    lab.finish(ref, "bo")
    remembered = Found(ref, lab.status(ref))
    again = lab.platform.adopt(remembered, the_plan, key_of(the_plan))
    assert [one.participant.id for one in links(again)] == ["ada"]
    assert [one.learner for one in seats_of(again.ref)] == ["ada", "bo"]
    assert again.warnings == ("The session of bo is over; it was not made again.",)
    assert len(lab.live_rows) == 1


def test_who_finished_early_gets_no_second_session_when_the_launch_is_cleared(lab: Lab) -> None:
    memory = Memory()
    the_plan = plan(ADA, BO)
    first = create_or_find(lab.platform, the_plan, key_of(the_plan), now=START, memory=memory)
    lab.activate(first.ref, "bo")
    lab.finish(first.ref, "bo")
    for _ in range(2):  # what a repeat records is no worse than what the first try did
        again = create_or_find(lab.new_platform(), the_plan, key_of(the_plan), now=START, memory=memory)
        assert [one.participant.id for one in links(again)] == ["ada"]
        assert again.warnings == ("The session of bo is over; it was not made again.",)
        assert [one.session for one in seats_of(again.ref)] == [one.session for one in seats_of(first.ref)]
    assert len(lab.live_rows) == 1


def test_what_a_task_remembers_of_another_portal_keeps_nobody_out(lab: Lab) -> None:
    memory = Memory()
    the_plan = plan(ADA, BO)
    create_or_find(lab.platform, the_plan, key_of(the_plan), now=START, memory=memory)
    lab.portal.redeploy()
    lab.launch(plan(ADA))  # one try more, which no memory was left to write down
    again = create_or_find(lab.new_platform(), the_plan, key_of(the_plan), now=START, memory=memory)
    assert [one.participant.id for one in links(again)] == ["ada", "bo"]


def test_a_finished_class_is_never_begun_again_by_a_retry(lab: Lab) -> None:
    memory = Memory()
    the_plan = plan()
    first = create_or_find(lab.platform, the_plan, key_of(the_plan), now=START, memory=memory)
    lab.activate(first.ref)
    lab.finish(first.ref)
    again = create_or_find(lab.new_platform(), the_plan, key_of(the_plan), now=START, memory=memory)
    assert (again.links, again.created) == (None, False)
    assert again.status is not None
    assert again.status.state.over
    assert lab.live_rows == []


def test_a_big_class_that_is_over_is_told_in_one_look_by_a_worker() -> None:
    people = tuple(Participant(f"learner-{number}", "X") for number in range(25))
    with Lab.open(capacity=30, reserved=0, platform={"direct_reads": 10_000}) as lab:
        memory = Memory()
        the_plan = plan(*people)
        first = create_or_find(lab.platform, the_plan, key_of(the_plan), now=START, memory=memory)
        lab.platform.cancel(first.ref)
        again = create_or_find(lab.platform, the_plan, key_of(the_plan), now=START, memory=memory)
        assert again.links is None


def test_while_a_session_is_being_ended_a_retry_makes_no_other() -> None:
    with Lab.open(delete_after=5.0) as lab:
        ref = lab.launch().ref
        lab.portal.finish(ref.session_id)
        found = lab.found()
        assert found.status.state is State.ENDED
        again = create_or_find(lab.platform, plan(), key_of(plan()), now=START)
        assert again.links is None
        assert [one["state"] for one in lab.live_rows] == ["STOPPING"]


def test_of_a_class_only_those_sessions_that_stand_are_taken_over() -> None:
    with Lab.open(delete_after=5.0) as lab:
        the_plan = plan(ADA, BO)
        ref = lab.launch(the_plan).ref
        lab.portal.finish(lab.session(ref, "bo"))
        again = lab.adopt(the_plan)
        assert [one.participant.id for one in links(again)] == ["ada"]
        assert again.warnings == ("The session of bo is being ended; it was not made again.",)


def test_a_session_that_ends_between_look_and_request_is_not_made_again(lab: Lab) -> None:
    ref = lab.launch().ref
    found = lab.found()
    handle = lab.tap.answer

    def ends_meanwhile(request: Any, response: Any) -> Any:
        if request.path.endswith("/environments/") and lab.live_rows:
            lab.portal.finish(ref.session_id)
        return handle(request, response)

    lab.tap.answer = ends_meanwhile
    again = lab.platform.adopt(found, plan(), key_of(plan()))
    assert links(again) == ()
    assert again.warnings == ("The session of ada ended just now; it was not made again.",)
    assert len(lab.rows) == 1


def test_values_that_an_existing_session_does_not_take_are_reported(lab: Lab) -> None:
    the_plan = plan(parameters={"WHO": "x"})
    assert lab.launch(the_plan).warnings == ()
    (warning,) = lab.adopt(the_plan).warnings
    assert "keeps the parameters" in warning


def test_replacing_ends_the_old_session_and_launches_anew(lab: Lab) -> None:
    first = lab.launch()
    policy = LaunchPolicy(on_existing=OnExisting.REPLACE, generation=1)
    second = create_or_find(lab.platform, plan(), key_of(plan()), now=START, memory=Memory(), policy=policy)
    assert second.created
    assert seats_of(second.ref)[0].user != seats_of(first.ref)[0].user
    assert len(lab.live_rows) == 1


def test_of_two_sessions_in_two_environments_the_one_that_can_be_used_is_taken() -> None:
    with Lab.open(delete_after=5.0) as lab:
        lab.launch(plan(users="learner"))
        lab.portal.replace_environment("lab-portal-w01")
        lab.client.request_session("lab-portal-w03", index_url=HUB, user="ada")
        assert seats_of(lab.found(plan(users="learner")).ref)[0].environment == "lab-portal-w01"
        lab.portal.finish("lab-portal-w01-s001")
        assert seats_of(lab.found(plan(users="learner")).ref)[0].environment == "lab-portal-w03"


# ---- a user that stays


def test_a_learner_s_user_stays_over_launches_and_an_existing_session_is_shared(lab: Lab) -> None:
    first = lab.launch(plan(users="learner"))
    assert seats_of(first.ref)[0].user == "ada"
    assert first.ref.detail("shared") == ""
    other = plan(title="Other class", users="learner")
    found = lab.platform.find(key_of(other), other)
    assert isinstance(found, Found)
    again = lab.platform.adopt(found, other, key_of(other))
    assert again.ref.detail("shared") == "yes"
    assert links(again)[0].url == links(first)[0].url
    assert len(lab.live_rows) == 1


def test_a_learner_s_session_of_another_workshop_is_another(lab: Lab) -> None:
    lab.launch(plan(users="learner"))
    other = plan(title="Other", users="learner", workshop="lab-ondemand")
    assert isinstance(lab.platform.find(key_of(other), other), Unprovable)
    lab.launch(other)
    assert len(lab.live_rows) == 2


def test_a_session_of_the_web_page_is_refused(lab: Lab) -> None:
    lab.portal.web_session("lab-portal-w01", "ada")
    found = lab.found(plan(users="learner"))
    with pytest.raises(Refused, match="made on the portal's web page"):
        lab.platform.adopt(found, plan(users="learner"), key_of(plan()))


# ---- no room


def test_a_class_that_does_not_fit_is_completed_by_the_retry(lab: Lab) -> None:
    other = lab.launch(plan(DAN, title="Other", workshop="lab-ondemand")).ref
    the_plan = plan(*CLASS_OF_THREE, workshop="lab-ondemand")
    with pytest.raises(Unavailable, match="There is no session for cleo"):
        lab.launch(the_plan)
    with pytest.raises(Unavailable, match="2 of 3 learners have one"):
        lab.adopt(the_plan)
    lab.finish(other, "dan")
    assert [one.participant.id for one in links(lab.adopt(the_plan))] == ["ada", "bo", "cleo"]
    assert len(lab.live_rows) == 3


def test_a_class_may_go_on_with_those_who_have_a_session(lab: Lab) -> None:
    launched = lab.launch(plan(ADA, BO, CLEO, DAN, workshop="lab-ondemand", allow_partial=True))
    assert [one.participant.id for one in links(launched)] == ["ada", "bo", "cleo"]
    assert [one.learner for one in seats_of(launched.ref)] == ["ada", "bo", "cleo"]
    (warning,) = launched.warnings
    assert warning.endswith("3 of 4 learners have a session.")


def test_nobody_served_is_no_class_even_if_partial_ones_are_allowed(lab: Lab) -> None:
    lab.launch(plan(ADA, BO, CLEO, title="First", workshop="lab-ondemand"))
    with pytest.raises(Unavailable, match="0 of 1 learners"):
        lab.launch(plan(DAN, workshop="lab-ondemand", allow_partial=True))


def test_an_environment_that_cannot_be_read_leaves_the_reason_short(lab: Lab) -> None:
    lab.launch(plan(ADA, BO, CLEO, title="First", workshop="lab-ondemand"))
    lab.sandbox.faults.add("status", path="/status/$", status=500)
    with pytest.raises(Unavailable, match="There is no session for dan; 0 of 1"):
        lab.launch(plan(DAN, workshop="lab-ondemand"))


# ---- dead sessions


def test_a_session_that_is_slow_to_come_up_is_left_to_do_so(lab: Lab) -> None:
    the_plan = plan(workshop="lab-ondemand")
    lab.portal.refuse_creates()
    with pytest.raises(OutcomeUnknown):
        lab.launch(the_plan)

    def comes_up() -> None:
        lab.tap.answer = altered("/schedule/", lambda body: {**body, "status": "WAITING"})

    lab.while_sleeping = comes_up
    launched = lab.adopt(the_plan)
    assert launched.warnings == ()
    assert seats_of(launched.ref)[0].session == "lab-portal-w02-s001"


def test_a_dead_session_that_is_gone_meanwhile_is_replaced_as_well(lab: Lab) -> None:
    the_plan = plan(workshop="lab-ondemand")
    lab.portal.refuse_creates()
    with pytest.raises(OutcomeUnknown):
        lab.launch(the_plan)
    lab.while_sleeping = lambda: lab.wait(2000)
    launched = lab.adopt(the_plan)
    assert seats_of(launched.ref)[0].session == "lab-portal-w02-s002"


def test_a_cluster_that_makes_nothing_at_all_is_an_outage(lab: Lab) -> None:
    the_plan = plan(workshop="lab-ondemand")
    lab.portal.refuse_creates()
    with pytest.raises(OutcomeUnknown):
        lab.launch(the_plan)
    lab.tap.answer = altered("/schedule/", lambda body: {**body, "status": Phase.STARTING.value})
    with pytest.raises(Unavailable, match="a second time"):
        lab.adopt(the_plan)


def test_another_user_s_session_in_the_answer_is_refused(lab: Lab) -> None:
    lab.tap.answer = altered("/request/", lambda body: {**body, "user": "mallory"})
    with pytest.raises(Refused, match="another user's session"):
        lab.launch()


# ---- options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workshop": ""}, "workshop"),
        ({"timeout": -5}, "timeout"),
        ({"timeout": "abc"}, "timeout"),
        ({"activate_within": 5}, "activate_within"),
        ({"users": "everybody"}, "users"),
        ({"nonsense": 1}, "nonsense"),
        ({"parameters": {"X": 1}}, "parameters"),
    ],
)
def test_options_that_do_not_fit_are_named(lab: Lab, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        lab.launch(plan(**options))
    with pytest.raises(ConfigurationError, match=words):
        lab.platform.find(key_of(plan()), plan(**options))
    assert lab.tap.requests == []


def test_a_learner_s_options_are_checked_too_and_never_repeated_in_the_error(lab: Lab) -> None:
    person = Participant("ada", "Ada", options={"parameters": {"X": ["s3cret-value"]}})
    with pytest.raises(ConfigurationError) as caught:
        lab.launch(plan(person))
    assert "s3cret-value" not in str(caught.value)
