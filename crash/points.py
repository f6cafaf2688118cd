"""Where tasks are struck: every point by name, the sentence that says where it lies, and how a seed makes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from crash.strikes import AtMessage, AtRequest, Fault, InFile, Strike, Then, Within

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from crash.venues.venue import Venue

DEFERRABLE: Final = "deferrable"
SYNC: Final = "sync"


class Phase(StrEnum):
    """When a strike falls due."""

    LAUNCH = "launch"  # from the first try on
    INSIDE = "inside"  # once people have come
    END = "end"  # once they have gone
    HOME = "home"  # in the task that brings files home


@dataclass(frozen=True)
class Aim:
    """Whom a strike is made for.

    Args:
        venue: The platform.
        mode: ``sync`` or ``deferrable``.
        people: How many participants.
        rng: The seed's own numbers.
    """

    venue: Venue
    mode: str
    people: int
    rng: Random

    @property
    def nth_create(self) -> int:
        """Which of the creates."""
        return self.rng.randint(1, self.people) if self.venue.creates_each else 1


@dataclass(frozen=True)
class Point:
    """One place where things go wrong.

    Args:
        name: In the table and on the command line.
        where: In words.
        phase: When it falls due.
        make: Makes the strike of a seed.
        kill: A process is killed there; else the platform or the delivery misbehaves.
        new_try: A new try follows, so that it can be struck again.
    """

    name: str
    where: str
    phase: Phase
    make: Callable[[Aim], Strike]
    kill: bool = True
    new_try: bool = True

    def lies_on(self, venue: Venue) -> bool:
        """Return whether a platform has this place."""
        return self.phase is not Phase.HOME or bool(venue.retrieve)


def _message(name: str, about: str = "", *, nth: int = 1, handled: bool = False) -> Callable[[Aim], Strike]:
    return lambda _: AtMessage(name, nth=nth, handled=handled, about=about)


def _create(*, done: bool, then: Then = Then.KILL) -> Callable[[Aim], Strike]:
    def make(aim: Aim) -> Strike:
        crowd = then in (Then.ZOMBIE, Then.TWIN) and aim.rng.random() < 0.5
        held = done if then is Then.KILL or then is Then.KILL_LATE else aim.rng.random() < 0.5
        return AtRequest({**aim.venue.create, "nth": aim.nth_create}, done=held, then=then, crowd=crowd)

    return make


def _look_held(then: Then) -> Callable[[Aim], Strike]:
    """Hold the look-up's answer: who waits for it has seen nothing, and will create."""
    return lambda aim: AtRequest(aim.venue.look, done=True, then=then, crowd=aim.rng.random() < 0.5)


def _poll(*, done: bool | None, waiting: bool = True, last: bool = False) -> Callable[[Aim], Strike]:
    def make(aim: Aim) -> Strike:
        held = aim.rng.random() < 0.5 if done is None else done
        nth = 1 if last else aim.rng.randint(1, 3)
        return AtRequest({"path": aim.venue.api, "nth": nth}, done=held, waiting=waiting)

    return make


def _by_mode(deferrable: Callable[[Aim], Strike], sync: Callable[[Aim], Strike]) -> Callable[[Aim], Strike]:
    return lambda aim: (deferrable if aim.mode == DEFERRABLE else sync)(aim)


def _any_request(aim: Aim) -> Strike:
    return AtRequest({"path": aim.venue.api, "nth": aim.rng.randint(1, 3)}, done=aim.rng.random() < 0.5)


def _fetch(aim: Aim) -> Strike:
    nth = aim.rng.randint(1, aim.venue.fetches)
    return AtRequest({"path": f"/{aim.venue.name}/", "nth": nth}, done=aim.rng.random() < 0.5)


def _file(*where: Within, manifest: bool = False) -> Callable[[Aim], Strike]:
    def make(aim: Aim) -> Strike:
        nth = aim.venue.files if manifest else aim.rng.randint(1, aim.venue.files - 1)
        return InFile(nth, aim.rng.choice(where))

    return make


def _fault(kind: str, **rule: object) -> Callable[[Aim], Strike]:
    return lambda aim: Fault({"kind": kind, **aim.venue.create, "nth": aim.nth_create, **rule})


def _expired(aim: Aim) -> Strike:
    where = {**aim.venue.create, "nth": aim.nth_create} if aim.rng.random() < 0.5 else {**aim.venue.look, "nth": 1}
    return Fault({"kind": "expired", **where})


def _error_after(aim: Aim) -> Strike:
    status = aim.rng.choice((500, 502, 503, 504))
    rule = {"kind": "status", "status": status, "effect": True}
    return Fault({**rule, **aim.venue.create, "nth": aim.nth_create})


_STORE, _RECALL, _XCOM = "SetTaskStateStore", "GetTaskStateStore", "SetXCom"

POINTS: Final = (
    Point("before-look-up", "before anything was asked", Phase.LAUNCH, _message(_RECALL)),
    Point("after-look-up", "the platform was asked and showed nothing", Phase.LAUNCH, _message(_RECALL, nth=2)),
    Point("before-create", "the intent is recorded, nothing is sent", Phase.LAUNCH,
          _message(_STORE, '"intent"', handled=True)),
    Point("create-lost", "the create was sent and never arrived", Phase.LAUNCH, _create(done=False)),
    Point("create-late", "the create is done when its sender is dead and the retry has launched", Phase.LAUNCH,
          _create(done=False, then=Then.KILL_LATE)),
    Point("created", "the platform did it, its answer is not there", Phase.LAUNCH, _create(done=True)),
    Point("answered", "the answer is there, the session is not recorded", Phase.LAUNCH,
          _message(_STORE, '"ref"')),
    Point("recorded", "the session is recorded, the result is not pushed", Phase.LAUNCH,
          _message(_STORE, '"ref"', handled=True)),
    Point("before-xcom", "just before the result goes to XCom", Phase.LAUNCH, _message(_XCOM, "return_value")),
    Point("after-xcom", "just after it", Phase.LAUNCH, _message(_XCOM, "return_value", handled=True)),
    Point("before-deferral", "before the deferral; sync: before the first poll", Phase.LAUNCH,
          _by_mode(_message("DeferTask"), _poll(done=False))),
    Point("after-deferral", "after the deferral; sync: after a poll", Phase.LAUNCH,
          _by_mode(_message("DeferTask", handled=True), _poll(done=True)), new_try=False),
    Point("any-request", "at any of the first requests, before or after it was done", Phase.LAUNCH, _any_request),
    Point("waiting", "the triggerer, or the waiting worker, while people are inside", Phase.INSIDE,
          _poll(done=None, waiting=False), new_try=False),
    Point("execute-complete", "in execute_complete; sync: as the end is told", Phase.END,
          _by_mode(_message("GetXCom", "return_value"), _poll(done=True, waiting=False, last=True)),
          new_try=False),
    Point("fetching", "while an artifact is fetched", Phase.HOME, _fetch),
    Point("in-a-file", "while a file is written, or as it becomes visible", Phase.HOME,
          _file(Within.CONTENT, Within.BEFORE_RENAME, Within.AFTER_RENAME)),
    Point("between-files", "after one file, before the next", Phase.HOME, _file(Within.WRITTEN)),
    Point("in-the-manifest", "while the manifest is written", Phase.HOME,
          _file(Within.CONTENT, Within.BEFORE_RENAME, Within.AFTER_RENAME, manifest=True)),
    Point("home-unreported", "all is home, the manifest is not in XCom", Phase.HOME,
          _message(_XCOM, "return_value")),
    Point("answer-lost", "the create was done, its answer lost", Phase.LAUNCH, _fault("reset_after"), kill=False),
    Point("connection-reset", "the create's connection was reset", Phase.LAUNCH, _fault("reset_before"),
          kill=False),
    Point("token-expired", "the credentials were refused once", Phase.LAUNCH, _expired, kill=False),
    Point("error-after", "the create was done and answered with a 5xx", Phase.LAUNCH, _error_after, kill=False),
    Point("delivered-twice", "the same try runs twice at the same time", Phase.LAUNCH, _look_held(Then.TWIN),
          kill=False),
    Point("zombie-looked", "a try taken for dead has looked, and goes on beside its retry", Phase.LAUNCH,
          _look_held(Then.ZOMBIE), kill=False),
    Point("zombie-created", "the same, at its create", Phase.LAUNCH, _create(done=True, then=Then.ZOMBIE),
          kill=False),
)  # fmt: skip

BY_NAME: Final = {one.name: one for one in POINTS}
LEAVES_NOTHING: Final = tuple(BY_NAME[name] for name in ("before-look-up", "after-look-up", "before-create"))
"""Kills that may come before the strike that is meant: it can still be reached."""
ANYWHERE: Final = tuple(
    BY_NAME[name]
    for name in (
        "before-look-up", "after-look-up", "answered", "recorded", "before-xcom", "after-xcom", "before-deferral",
        "any-request",
    )
)  # fmt: skip
"""Kills that may befall any retry, whatever it finds."""
