"""A fifth platform over a dictionary: what a platform has to bring so that every mechanism works with it.

``toy_wire.py`` puts the dictionary at the other end of a wire, for what only a wire can do wrong.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.contract import Ability, Absent, Found, Unprovable, unsupported
from airflow_provider.live_sessions.core.errors import NotFound
from airflow_provider.live_sessions.core.keys import fingerprint
from airflow_provider.live_sessions.core.models import CancelOutcome, JoinLink, Launched, People, SessionRef
from airflow_provider.live_sessions.core.status import Absence, Held, SessionStatus, State
from airflow_provider.live_sessions.core.times import format_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.core.contract import Lookup, Watch
    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import Plan

LINK = "https://toy.example/join?token=door-opener-"
"""How every join link of the toy begins."""


@dataclass
class ToySession:
    """One row of the toy's records."""

    id: str
    key: str
    fingerprint: str
    title: str
    inside: set[str] = field(default_factory=set)
    came: set[str] = field(default_factory=set)
    ended: bool = False
    cancelled: bool = False


@dataclass
class ToyWorld:
    """What outlives a client: the records, and what goes wrong next.

    ``script["launch sent"]`` fails before the effect, ``script["launch answered"]`` after it; ``find`` may meet an
    ``Unprovable``; ``statuses`` may meet a None, an answer that has to wait.
    """

    sessions: dict[str, ToySession] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    script: dict[str, deque[Exception | Unprovable | None]] = field(default_factory=lambda: defaultdict(deque))
    forgets_cancelled: bool = False
    keeps_history: bool = True
    shows_fingerprint: bool = True

    def fail(self, step: str, *what: Exception | Unprovable | None) -> None:
        """Let the next calls that come to the step meet this."""
        self.script[step].extend(what)

    def meet(self, step: str) -> Unprovable | bool:
        """Raise or return what was scripted for the step; False for an answer that has to wait, else True."""
        if not self.script[step]:
            return True
        met = self.script[step].popleft()
        if isinstance(met, Exception):
            raise met
        return False if met is None else met

    def create(self, key: str, mark: str, title: str) -> ToySession:
        """Make a row."""
        row = ToySession(f"toy-{len(self.sessions) + 1}", key, mark, title)
        self.sessions[row.id] = row
        return row

    def rows(self) -> dict[str, ToySession]:
        """Return every row by its id."""
        return self.sessions

    def change(self, row: ToySession) -> None:
        """Keep what a row says now of its title, its fingerprint and whether it was struck off."""
        self.sessions[row.id] = row

    def standing(self) -> list[ToySession]:
        """Return the sessions that somebody could still enter or is in."""
        return [one for one in self.sessions.values() if not one.cancelled and not one.ended]

    def enter(self, session_id: str, *people: str) -> None:
        """Let people come in."""
        self.sessions[session_id].inside.update(people)
        self.sessions[session_id].came.update(people)

    def end(self, session_id: str) -> None:
        """Let everybody leave for good."""
        self.sessions[session_id].inside.clear()
        self.sessions[session_id].ended = True


class ToyPlatform:
    """An account on the toy platform."""

    name = "Toy"
    abilities = frozenset({Ability.CANCEL_SCHEDULED})

    def __init__(self, world: ToyWorld, conn_id: str = "toy") -> None:
        self.world = world
        self.conn_id = conn_id
        self.keeps_history = world.keeps_history
        self.closed = False

    def launch(self, plan: Plan, key: LaunchKey) -> Launched:
        self.world.calls.append("launch")
        self.world.meet("launch sent")
        row = self.world.create(key.digest, fingerprint(plan), plan.title)
        self.world.meet("launch answered")
        return Launched(self._ref(row, plan), self._links(row, plan), created=True)

    def adopt(self, found: Found, plan: Plan, key: LaunchKey) -> Launched:
        self.world.calls.append("adopt")
        row = self.world.rows()[found.ref.session_id]
        row.title, row.cancelled, row.fingerprint = plan.title, False, fingerprint(plan)
        self.world.change(row)
        return Launched(found.ref, self._links(row, plan), created=False, status=found.status)

    def find(self, key: LaunchKey, plan: Plan) -> Lookup:
        self.world.calls.append("find")
        met = self.world.meet("find")
        if isinstance(met, Unprovable):
            return met
        for row in self.world.rows().values():
            if row.key == key.digest and not (row.cancelled and self.world.forgets_cancelled):
                shown = row.fingerprint if self.world.shows_fingerprint else ""
                return Found(self._ref(row, plan), self._status(row, plan.start), shown)
        return Absent()

    def statuses(self, watches: Sequence[Watch], now: datetime) -> Sequence[SessionStatus | None]:
        self.world.calls.append(f"statuses of {len(watches)}")
        if not self.world.meet("statuses"):
            return [None for _ in watches]
        rows = self.world.rows()
        return [self._status(rows[one.ref.session_id], now, one.seen.deadline) for one in watches]

    def cancel(self, ref: SessionRef, *, force: bool = False, handed_over: bool = True) -> CancelOutcome:
        self.world.calls.append("cancel")
        self.world.meet("cancel")
        row = self.world.rows().get(ref.session_id)
        if row is None:
            raise NotFound(f"There is no session {ref.session_id}.", platform=self.name, conn_id=self.conn_id)
        if row.inside:
            unsupported(self.name, self.conn_id, "A session with people in it cannot be ended.", "Ask its leader.")
        before = State.ENDED if row.ended else State.CANCELLED if row.cancelled else State.SCHEDULED
        row.cancelled = row.cancelled or not row.ended
        self.world.change(row)
        return CancelOutcome(before, done=("It was struck off.",), confirmed=True, people_inside=People.NO)

    def close(self) -> None:
        self.closed = True

    def _ref(self, row: ToySession, plan: Plan) -> SessionRef:
        start, end = format_time(plan.start), format_time(plan.end)
        times = {"planned_start": start, "planned_end": end, "window_start": start, "window_end": end}
        return SessionRef("toy", self.conn_id, row.id, row.key).with_details(**times)

    def _links(self, row: ToySession, plan: Plan) -> tuple[JoinLink, ...]:
        from pydantic import SecretStr

        return tuple(
            JoinLink(one, SecretStr(f"{LINK}{row.id}-{one.id}"), user_id=f"u-{one.id}")
            for one in plan.participants
        )

    def _status(self, row: ToySession, now: datetime, deadline: datetime | None = None) -> SessionStatus:
        absence = None
        if row.cancelled:
            state, held, why = State.CANCELLED, Held.NO, "it was struck off"
        elif row.ended:
            state, held, why = State.ENDED, Held.YES, "everybody left"
        elif row.inside:
            state, held, why = State.LIVE, Held.YES, f"{len(row.inside)} inside"
        elif deadline is not None and now >= deadline:
            state, held, why, absence = State.NEVER_HELD, Held.NO, "nobody came", Absence.NOBODY
        else:
            state, held, why = State.SCHEDULED, Held.UNKNOWN, "nobody is in"
        present = frozenset(row.inside)
        return SessionStatus(state, held, why, now, people=len(row.came), present=present, absence=absence)
