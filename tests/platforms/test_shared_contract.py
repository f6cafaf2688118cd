"""One contract for all platforms, over the wire: what the mechanisms rely on, for the four and the toy.

Each platform's own tests say how it does these things; this file says that they all do. The platforms are told in
``partners.py``, also where one cannot do something and why.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.contract import Ability, Found, SessionPlatform
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    OutcomeUnknown,
    RateLimited,
    Transient,
)
from airflow_provider.live_sessions.core.launching import create_or_find
from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.core.polling import Conclusion, Goal, GoalKind
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.status import Absence, Held, Seen, State
from tests.core.cipher import FernetCipher
from tests.core.launch_task import Remembering
from tests.platforms.partners import PARTNERS, WRONG
from tests.platforms.stand import Stand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.core.models import Launched
    from airflow_provider.live_sessions.sandbox.wire import Request, Response

START, END = Goal(GoalKind.START), Goal(GoalKind.END)


@pytest.fixture(params=PARTNERS)
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    partner = PARTNERS[request.param]
    with partner.open() as kit:
        yield Stand(partner, kit)


ANYWHERE = {"path": ".*"}
ODD_SHAPES = {
    "text": '"a text"',
    "number": "17",
    "rows of rows": "[[1]]",
    "no rows": '{"results": 1, "content": 1, "environments": 1, "sessions": 1}',
    "deep": "[" * 9000,
}
"""Whole answers, with a status of success, that are of no platform's shape."""

ODD = pytest.mark.parametrize("body", ODD_SHAPES.values(), ids=list(ODD_SHAPES))


def test_it_meets_the_contract(stand: Stand) -> None:
    assert isinstance(stand.platform, SessionPlatform)
    assert stand.platform.name
    assert stand.platform.abilities


# ---- launch, find


def test_what_was_never_launched_is_never_found(stand: Stand) -> None:
    assert not isinstance(stand.platform.find(stand.key, stand.plan), Found)


def test_what_was_launched_is_found_under_its_key(stand: Stand) -> None:
    launched = stand.launch()
    assert launched.created
    found = stand.platform.find(stand.key, stand.plan)
    assert isinstance(found, Found)
    assert not found.status.state.over
    assert found.ref.key == launched.ref.key == stand.key.digest


def test_a_ref_tells_when_to_wait_and_crosses_processes(stand: Stand) -> None:
    ref = stand.launch().ref
    for name in ("window_start", "window_end", "planned_start", "planned_end"):
        assert ref.detail(name)
    assert SessionRef.from_json(json.loads(json.dumps(ref.to_json()))) == ref


def test_a_record_shows_no_link_in_clear_text(stand: Stand) -> None:
    launched = stand.launch()
    assert launched.links
    told = str(SessionRecord.of(launched, stand.plan, FernetCipher()).to_json()) + repr(launched)
    for link in launched.links:
        assert link.url.get_secret_value() not in told


# ---- adopt


def test_a_second_launch_adopts_and_doubles_nothing(stand: Stand) -> None:
    first = stand.launch()
    second = stand.launch()
    assert stand.standing == 1
    assert (first.created, second.ref.key) == (True, first.ref.key)
    assert second.created is bool(stand.partner.no_second_links)  # then another takes the place of the first
    assert second.links


def test_a_launch_of_another_process_adopts_what_people_are_in(stand: Stand) -> None:
    first = stand.launch()
    stand.partner.enter(stand.kit, first.ref)
    second = stand.launch(platform=stand.partner.another(stand.kit, True))
    assert (second.created, second.ref.session_id) == (False, first.ref.session_id)
    assert second.status is not None
    assert second.status.state is State.LIVE
    assert (second.links is None) is bool(stand.partner.no_second_links)
    assert stand.standing == 1


def test_a_recorded_ref_is_adopted_where_the_look_up_shows_nothing(stand: Stand) -> None:
    memory = Remembering()
    first = stand.launch(memory)
    stand.partner.enter(stand.kit, first.ref)
    stand.partner.hide(stand.kit)
    second = stand.launch(memory)
    assert (second.created, second.ref.session_id) == (False, first.ref.session_id)
    assert stand.standing == 1


def test_what_is_over_is_adopted_as_ended_and_never_created_again(stand: Stand) -> None:
    memory = Remembering()
    first = stand.launch(memory)
    stand.partner.enter(stand.kit, first.ref)
    stand.poll(first.ref)
    stand.partner.leave(stand.kit, first.ref)
    writes = len(stand.kit.log(**stand.partner.create))
    again = stand.launch(memory)
    assert (again.created, again.ref.key) == (False, first.ref.key)
    assert again.status is not None
    assert again.status.state is State.ENDED
    assert len(stand.kit.log(**stand.partner.create)) == writes


# ---- wait


def test_a_wait_sees_it_scheduled_then_live_then_ended(stand: Stand) -> None:
    ref = stand.launch().ref
    status = stand.poll(ref)
    assert status.state is State.SCHEDULED
    assert (stand.concluded(START, ref, status), stand.concluded(END, ref, status)) == (None, None)
    stand.partner.enter(stand.kit, ref)
    status = stand.poll(ref)
    assert status.state is State.LIVE
    assert stand.concluded(END, ref, status) is None
    stand.partner.leave(stand.kit, ref)
    status = stand.poll(ref)
    assert (status.state, status.held) == (State.ENDED, Held.YES)
    assert stand.concluded(END, ref, status) is Conclusion.REACHED


def test_a_wait_of_another_process_goes_on_from_what_was_remembered(stand: Stand) -> None:
    ref = stand.launch().ref
    stand.partner.enter(stand.kit, ref)
    stand.poll(ref)
    stand.seen[ref.session_id] = Seen.from_json(json.loads(json.dumps(stand.seen[ref.session_id].to_json())))
    stand.partner.leave(stand.kit, ref)
    status = stand.poll(ref, stand.partner.another(stand.kit, True))
    assert status.state is State.ENDED
    assert status.held is not Held.NO


def test_what_nobody_came_to_is_never_held(stand: Stand) -> None:
    ref = stand.launch().ref
    status = stand.wait_out(ref)
    assert (status.state, status.held, status.absence) == (State.NEVER_HELD, Held.NO, Absence.NOBODY)
    assert stand.concluded(END, ref, status) is Conclusion.NEVER_HELD


def test_what_was_held_is_not_called_a_no_show(stand: Stand) -> None:
    ref = stand.launch().ref
    stand.partner.enter(stand.kit, ref)
    stand.poll(ref)
    stand.partner.leave(stand.kit, ref)
    status = stand.wait_out(ref)
    assert (status.state, status.held, status.absence) == (State.ENDED, Held.YES, None)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_poll_that_fails_raises_a_transient_error_and_the_next_one_goes_on(stand: Stand, status: int) -> None:
    ref = stand.launch().ref
    stand.poll(ref)
    stand.fail("status", ANYWHERE, status=status)
    with pytest.raises(Transient):
        stand.poll(ref)
    stand.heal()
    stand.partner.enter(stand.kit, ref)
    assert stand.poll(ref).state is State.LIVE


# ---- cancel


def test_a_cancel_before_anybody_came_says_what_it_did_and_the_wait_sees_it(stand: Stand) -> None:
    ref = stand.launch().ref
    stand.poll(ref)
    outcome = stand.platform.cancel(ref, handed_over=False)
    assert outcome.state_before is State.SCHEDULED
    assert outcome.done
    assert outcome.confirmed
    status = stand.poll(ref)
    assert status.state is stand.after_cancel
    told = None if stand.partner.no_trace_of_a_cancel else Conclusion.CANCELLED
    assert stand.concluded(END, ref, status) is told


def test_a_second_cancel_does_no_harm(stand: Stand) -> None:
    ref = stand.launch().ref
    stand.poll(ref)
    stand.platform.cancel(ref, handed_over=False)
    assert stand.platform.cancel(ref, handed_over=False).confirmed
    assert stand.poll(ref).state is stand.after_cancel


def test_a_cancel_of_what_is_live_ends_it_or_says_why_not_and_puts_nobody_out(stand: Stand) -> None:
    ref = stand.launch().ref
    stand.partner.enter(stand.kit, ref)
    stand.poll(ref)
    assert (Ability.END_LIVE in stand.platform.abilities) is not bool(stand.partner.no_end)
    if not stand.partner.no_end:
        outcome = stand.platform.cancel(ref)
        assert (outcome.state_before, outcome.confirmed) == (State.LIVE, True)
        stand.kit.wait(stand.kit.settle + 1)
        assert stand.poll(ref).state is State.ENDED
        return
    assert stand.advice_of_a_cancel(ref)
    assert stand.poll(ref).state is State.LIVE


def test_a_cancel_of_what_is_over_does_nothing_and_says_so(stand: Stand) -> None:
    ref = stand.launch().ref
    stand.partner.enter(stand.kit, ref)
    stand.poll(ref)
    stand.partner.leave(stand.kit, ref)
    outcome = stand.platform.cancel(ref)
    assert outcome.state_before is State.ENDED
    assert outcome.confirmed
    assert stand.poll(ref).state is State.ENDED


@pytest.mark.parametrize("kind", ["reset_after", "reset_before"])
def test_a_cancel_whose_answer_was_lost_is_settled_by_the_next(stand: Stand, kind: str) -> None:
    ref = stand.launch().ref
    stand.poll(ref)
    stand.fail(kind, stand.partner.end, count=1)

    def confirmed() -> bool:
        try:
            return bool(stand.platform.cancel(ref, handed_over=False).confirmed)
        except OutcomeUnknown:
            return False

    assert confirmed() or confirmed()
    assert stand.poll(ref).state is stand.after_cancel


# ---- a lost answer, a 5xx, a malformed body


@pytest.mark.parametrize("kind", ["reset_after", "reset_before", "truncate", "malformed"])
def test_a_lost_answer_of_a_create_is_unknown_and_the_retry_leaves_one_session(stand: Stand, kind: str) -> None:
    stand.fail(kind, stand.partner.create, count=1)
    with pytest.raises(OutcomeUnknown):
        stand.launch()
    stand.launch()
    assert stand.standing == 1


@pytest.mark.parametrize("effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_5xx_of_a_create_is_unknown_and_the_retry_leaves_one_session(
    stand: Stand, status: int, effect: bool
) -> None:
    stand.fail("status", stand.partner.create, status=status, effect=effect, count=1)
    with pytest.raises(OutcomeUnknown):
        stand.launch()
    assert stand.standing == int(effect)
    stand.launch()
    assert stand.standing == 1


@ODD
def test_an_odd_answer_to_a_create_is_unknown(stand: Stand, body: str) -> None:
    stand.fail("malformed", stand.partner.create, body=body, count=1)
    with pytest.raises(OutcomeUnknown):
        stand.launch()
    stand.launch()
    assert stand.standing == 1


FAILED_LOOK_UPS: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": 500}),
    ("status", {"status": 503}),
    ("malformed", {}),
    *(("malformed", {"body": one}) for one in ODD_SHAPES.values()),
    ("truncate", {"sent": 1}),
    ("html", {"status": 200}),
    ("reset_before", {}),
]


@pytest.mark.parametrize(("kind", "how"), FAILED_LOOK_UPS, ids=lambda one: str(one)[:40])
def test_a_look_up_that_fails_raises_and_nothing_is_created(stand: Stand, kind: str, how: dict[str, Any]) -> None:
    stand.fail(kind, stand.partner.read, **how)
    with pytest.raises(Transient):
        stand.launch()
    assert stand.standing == 0


def test_a_look_up_that_fails_once_is_repeated(stand: Stand) -> None:
    stand.fail("status", stand.partner.read, status=503, count=1)
    assert stand.launch().created
    assert stand.standing == 1


@ODD
def test_an_odd_answer_to_a_poll_ends_no_wait(stand: Stand, body: str) -> None:
    ref = stand.launch().ref
    stand.poll(ref)
    stand.fail("malformed", {"method": "GET"}, body=body)
    with pytest.raises(Transient):
        stand.poll(ref)
    stand.heal()
    assert stand.poll(ref).state is State.SCHEDULED


def test_unknown_fields_change_nothing(stand: Stand) -> None:
    def more(data: Any) -> Any:
        if isinstance(data, list):
            return [more(one) for one in data]
        if not isinstance(data, dict):
            return data
        # Labels are whatever their owner named so: their names are no fields.
        told = {name: value if name == "labels" else more(value) for name, value in data.items()}
        return {**told, "brand_new": {"of": ["tomorrow", 1]}}

    def with_more(_: Request, response: Response) -> Response:
        if not response.body.startswith((b"{", b"[")):
            return response
        return replace(response, body=json.dumps(more(json.loads(response.body))).encode())

    stand.kit.tap.answer = with_more
    ref = stand.launch().ref
    assert isinstance(stand.platform.find(stand.key, stand.plan), Found)
    assert stand.poll(ref).state is State.SCHEDULED
    stand.partner.enter(stand.kit, ref)
    assert stand.poll(ref).state is State.LIVE
    stand.partner.leave(stand.kit, ref)
    assert stand.wait_out(ref).state is State.ENDED


# ---- credentials


def test_wrong_credentials_are_told_as_such_without_being_shown(stand: Stand) -> None:
    ref = stand.launch().ref
    stranger = stand.partner.another(stand.kit, False)
    with pytest.raises(AuthenticationFailed) as of_launch:
        stand.launch(platform=stranger)
    with pytest.raises(AuthenticationFailed) as of_poll:
        stand.poll(ref, stranger)
    for told in (of_launch.value, of_poll.value):
        assert WRONG not in f"{told} {told.words} {told!r}"
    assert stand.standing == 1


@pytest.mark.parametrize("call", ["read", "create"])
def test_an_expired_token_is_renewed_where_there_are_new_ones_and_told_where_not(stand: Stand, call: str) -> None:
    stand.poll(stand.launch().ref)  # the token is an old one
    another = replace(stand.plan, title="Another")
    key = stand.partner.key_of(another)
    stand.fail("expired", getattr(stand.partner, call), count=1)

    def launch() -> Launched:
        return create_or_find(stand.platform, another, key, now=another.start - timedelta(hours=1))

    if not stand.partner.no_renewal:
        assert launch().created
        assert stand.standing == 2
        return
    with pytest.raises(AuthenticationFailed):
        launch()
    assert stand.standing == 1


def test_an_expired_token_ends_no_poll_where_there_are_new_ones(stand: Stand) -> None:
    ref = stand.launch().ref
    stand.fail("expired", ANYWHERE, count=1)
    if not stand.partner.no_renewal:
        assert stand.poll(ref).state is State.SCHEDULED
        return
    with pytest.raises(AuthenticationFailed):
        stand.poll(ref)


def test_credentials_that_are_no_longer_good_are_refused_and_nothing_is_created(stand: Stand) -> None:
    stand.fail("expired", ANYWHERE)
    with pytest.raises(AuthenticationFailed):
        stand.launch()
    assert stand.standing == 0


# ---- 429

FORMS = pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])


@FORMS
def test_a_long_pause_asked_for_is_told_and_kept(stand: Stand, as_date: bool) -> None:
    stand.fail("throttle", stand.partner.read, retry_after=120, retry_after_date=as_date)
    with pytest.raises(RateLimited) as told:
        stand.launch()
    assert 118 <= told.value.retry_after <= 120
    stand.heal()
    sent = stand.kit.mark()
    with pytest.raises(RateLimited):
        stand.launch()
    assert stand.kit.mark() == sent
    assert stand.standing == 0


@FORMS
def test_no_poll_is_sent_before_the_pause_has_passed(stand: Stand, as_date: bool) -> None:
    ref = stand.launch().ref
    stand.fail("throttle", ANYWHERE, retry_after=60, retry_after_date=as_date)
    sent = stand.kit.mark()
    for _ in range(3):
        with pytest.raises(RateLimited):
            stand.poll(ref)
    assert stand.kit.mark() == sent + 1


@FORMS
@pytest.mark.parametrize("call", ["read", "create"])
def test_a_short_pause_asked_for_is_waited_and_nothing_is_doubled(stand: Stand, call: str, as_date: bool) -> None:
    stand.fail("throttle", getattr(stand.partner, call), retry_after=0, retry_after_date=as_date, count=1)
    assert stand.launch().created
    assert stand.standing == 1
