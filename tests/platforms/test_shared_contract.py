"""One suite for all platforms: what the mechanisms rely on, over the wire, with one parametrised file.

Each platform's own tests say how it does these things; this one says that they all do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.contract import Found, SessionPlatform, Watch
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    LiveSessionError,
    OutcomeUnknown,
    Transient,
)
from airflow_provider.live_sessions.core.launching import create_or_find
from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.status import SessionStatus, State
from tests.core.cipher import FernetCipher
from tests.platforms import kit
from tests.platforms.coviu import clinic
from tests.platforms.educates import lab
from tests.platforms.lessonspace import academy
from tests.platforms.screenleap import studio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import Launched, Plan


@dataclass(frozen=True)
class Partner:
    """One platform with its sandbox.

    Args:
        open: Opens the kit of the platform's own tests.
        plan: Makes a plan it can launch.
        key_of: The plan's key.
        create: Method and path of the request that creates.
        read: Method and path of the requests that a look-up makes.
        standing: How many sessions the platform itself counts that have not been called off.
        enter: Lets people in.
        watch: A wait of the session.
    """

    open: Callable[[], Any]
    plan: Callable[[], Plan]
    key_of: Callable[[Plan], LaunchKey]
    create: dict[str, str]
    read: dict[str, str]
    standing: Callable[[Any], int]
    enter: Callable[[Any, SessionRef], None]
    watch: Callable[[SessionRef], Watch]


def _academy_enters(kit: academy.Academy, ref: SessionRef) -> None:
    kit.go_to(academy.CLASS)
    kit.join(ref, "t-1", "s-1")


def _clinic_enters(kit: clinic.Clinic, ref: SessionRef) -> None:
    kit.go_to(clinic.START + timedelta(seconds=1))
    kit.join(ref)


PARTNERS = {
    "lessonspace": Partner(
        academy.Academy.open,
        academy.plan,
        academy.key_of,
        {"method": "POST", "path": "/spaces/launch/$"},
        {"method": "GET", "path": "/(sessions|spaces)/$"},
        lambda kit: len(kit.spaces),
        _academy_enters,
        kit.watch,
    ),
    "coviu": Partner(
        clinic.Clinic.open,
        clinic.plan,
        clinic.key_of,
        {"method": "POST", "path": "/sessions$"},
        {"method": "GET", "path": "/sessions$"},
        lambda kit: len(kit.alive),
        _clinic_enters,
        clinic.watch,
    ),
    "screenleap": Partner(
        studio.Studio.open,
        studio.plan,
        studio.key_of,
        {"method": "POST", "path": "/screen-shares$"},
        {"method": "GET", "path": "screen-shares"},
        # A share whose launch data was lost with the answer can be started by nobody: what counts is the identity.
        lambda kit: len({one["external_id"] for one in kit.shares}),
        lambda kit, ref: kit.present(ref, "v-1"),
        studio.watch,
    ),
    "educates": Partner(
        lab.Lab.open,
        lab.plan,
        lab.key_of,
        {"method": "POST", "path": "/request/$"},
        {"method": "GET", "path": "/catalog/environments/$"},
        lambda kit: len(kit.live_rows),
        lambda kit, ref: kit.activate(ref),
        kit.watch,
    ),
}


class Stand:
    """A partner with its doors open."""

    def __init__(self, partner: Partner, kit: Any) -> None:
        self.partner = partner
        self.kit = kit
        self.plan = partner.plan()
        self.key = partner.key_of(self.plan)

    @property
    def platform(self) -> Any:
        return self.kit.platform

    def launch(self) -> Launched:
        return create_or_find(self.platform, self.plan, self.key, now=self.plan.start - timedelta(hours=1))

    def status(self, ref: SessionRef) -> SessionStatus:
        (status,) = self.platform.statuses([self.partner.watch(ref)], self.plan.start)
        assert isinstance(status, SessionStatus)
        return status

    def fail(self, kind: str, request: dict[str, str], **how: Any) -> None:
        self.kit.sandbox.faults.add(kind, **request, **how)


@pytest.fixture(params=PARTNERS)
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    partner = PARTNERS[request.param]
    with partner.open() as kit:
        yield Stand(partner, kit)


def test_it_meets_the_contract(stand: Stand) -> None:
    assert isinstance(stand.platform, SessionPlatform)
    assert stand.platform.name
    assert stand.platform.abilities


def test_what_was_never_launched_is_never_found(stand: Stand) -> None:
    assert not isinstance(stand.platform.find(stand.key, stand.plan), Found)


def test_what_was_launched_is_found_under_its_key(stand: Stand) -> None:
    launched = stand.launch()
    assert launched.created
    found = stand.platform.find(stand.key, stand.plan)
    assert isinstance(found, Found)
    assert not found.status.state.over
    assert found.ref.key == launched.ref.key == stand.key.digest


def test_a_second_launch_adopts_and_doubles_nothing(stand: Stand) -> None:
    first = stand.launch()
    second = stand.launch()
    assert stand.partner.standing(stand.kit) == 1
    assert (first.created, second.ref.key) == (True, first.ref.key)


def test_a_ref_tells_when_to_wait_and_crosses_processes(stand: Stand) -> None:
    ref = stand.launch().ref
    for name in ("window_start", "window_end", "planned_start", "planned_end"):
        assert ref.detail(name)
    assert SessionRef.from_json(ref.to_json()) == ref


def test_a_record_shows_no_link_in_clear_text(stand: Stand) -> None:
    launched = stand.launch()
    assert launched.links
    told = str(SessionRecord.of(launched, stand.plan, FernetCipher()).to_json()) + repr(launched)
    for link in launched.links:
        assert link.url.get_secret_value() not in told


@pytest.mark.parametrize("kind", ["reset_after", "reset_before"])
def test_a_lost_answer_of_a_create_is_unknown_and_the_retry_leaves_one_session(stand: Stand, kind: str) -> None:
    stand.fail(kind, stand.partner.create, count=1)
    with pytest.raises(OutcomeUnknown):
        stand.launch()
    stand.kit.sandbox.faults.clear()
    stand.launch()
    assert stand.partner.standing(stand.kit) == 1


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("status", {"status": 503}),
        ("malformed", {}),
        ("truncate", {"sent": 1}),
        ("html", {}),
        ("reset_before", {}),
        ("throttle", {"retry_after": 3600}),
    ],
)
def test_a_look_up_that_fails_raises_and_nothing_is_created(stand: Stand, kind: str, how: dict[str, Any]) -> None:
    stand.fail(kind, stand.partner.read, **how)
    with pytest.raises(Transient):
        stand.launch()
    assert stand.partner.standing(stand.kit) == 0


def test_credentials_that_are_no_longer_good_are_refused_and_nothing_is_created(stand: Stand) -> None:
    stand.fail("expired", {"path": ".*"})
    with pytest.raises(LiveSessionError) as told:
        stand.launch()
    assert isinstance(told.value, AuthenticationFailed | Transient)
    assert stand.partner.standing(stand.kit) == 0


def test_a_wait_sees_it_scheduled_then_live(stand: Stand) -> None:
    ref = stand.launch().ref
    assert stand.status(ref).state is State.SCHEDULED
    stand.partner.enter(stand.kit, ref)
    assert stand.status(ref).state is State.LIVE


def test_a_cancel_before_anybody_came_says_what_it_did(stand: Stand) -> None:
    ref = stand.launch().ref
    outcome = stand.platform.cancel(ref, handed_over=False)
    assert outcome.state_before is State.SCHEDULED
    assert outcome.done
    assert outcome.confirmed or outcome.not_done


def test_a_poll_that_fails_raises_one_of_our_errors(stand: Stand) -> None:
    ref = stand.launch().ref
    stand.fail("status", {"path": ".*"}, status=500)
    with pytest.raises(Transient):
        stand.platform.statuses([stand.partner.watch(ref)], stand.plan.start)
