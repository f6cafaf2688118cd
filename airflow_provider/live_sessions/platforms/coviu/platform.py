"""Coviu as the mechanisms see it: the contract, met with the client and the rules beside this file."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.contract import (
    Ability,
    Absent,
    ArtifactWait,
    Found,
    Lookup,
    Verdict,
    Watch,
    unsupported,
)
from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.errors import NotFound, Refused, Transient
from airflow_provider.live_sessions.core.models import CancelOutcome, JoinLink, Launched, Plan, SessionRef
from airflow_provider.live_sessions.core.status import SessionStatus, State
from airflow_provider.live_sessions.platforms.coviu import (
    attendance,
    cancelling,
    deliveries,
    doors,
    exporting,
    finding,
    launching,
    marks,
    people,
)
from airflow_provider.live_sessions.platforms.coviu.ended import OVERLAP, ended_since
from airflow_provider.live_sessions.platforms.coviu.judging import Sighting, gone, judge, with_summary
from airflow_provider.live_sessions.platforms.coviu.launching import CoviuOptions
from airflow_provider.live_sessions.platforms.coviu.models import ParticipantRequest, SessionUpdate
from airflow_provider.live_sessions.platforms.coviu.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from airflow_provider.live_sessions.artifacts.attendance import Presence
    from airflow_provider.live_sessions.core.deliveries import Delivery, Finding
    from airflow_provider.live_sessions.core.ended import EndedSession
    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import Participant
    from airflow_provider.live_sessions.core.session_rows import ExportAsk, SessionRow, Tally
    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
    from airflow_provider.live_sessions.platforms.coviu.models import Session

log = logging.getLogger(__name__)

SETTLE = 300.0
"""Seconds for which a recorded end before the planned one must stand."""


@dataclass(frozen=True, slots=True)
class Attended:
    """What a session's summary tells.

    Args:
        status: How it stands, with who was there.
        presences: Who was there, from when to when.
        told: False when there was no summary to read.
    """

    status: SessionStatus
    presences: tuple[Presence, ...] = ()
    told: bool = True


class CoviuPlatform:
    """One team on Coviu.

    Args:
        client: The team's client; closed with the platform.
        settle: Seconds for which a recorded end before the planned one must stand.
    """

    name = launching.NAME
    keeps_history = True
    ended_overlap = OVERLAP
    export_rules = exporting.RULES
    abilities = frozenset({Ability.CANCEL_SCHEDULED, Ability.UPDATE, Ability.EXTEND, Ability.ATTENDANCE})

    def __init__(self, client: CoviuClient, *, settle: float = SETTLE) -> None:
        self.client = client
        self._settle = settle
        self._watching = Watching(client)

    def close(self) -> None:
        """Give back the connection."""
        self.client.close()

    # ---- export

    def now(self) -> datetime:
        """Return Coviu's time."""
        return self.client.now()

    def ended_sessions(self, ask: ExportAsk, tally: Tally) -> Iterator[SessionRow]:
        """Yield every session of the team that ended within a time, also those made elsewhere."""
        return exporting.ended_sessions(self.client, ask, tally)

    # ---- launch

    def launch(self, plan: Plan, key: LaunchKey) -> Launched:
        """Create the session with all its participants, then look whether somebody else did so too.

        Raises:
            ConfigurationError: The plan's options do not fit, or nothing is left of it.
            OutcomeUnknown: The answer was lost; the retry finds the session by its key.
        """
        options = CoviuOptions.of(plan, self.client.conn_id)
        session = self.client.create_session(launching.session_request(plan, key, options, self.client.now()))
        warnings: list[str] = []
        kept = session
        try:
            kept, warnings = finding.settle_doubles(self.client, session, launching.search_state(plan, key), key)
        except Transient as error:
            warnings.append(f"Whether the session was launched twice could not be looked up: {error.what}")
        return self._launched(kept, plan, key, warnings, created=kept.session_id == session.session_id)

    def adopt(self, found: Found, plan: Plan, key: LaunchKey) -> Launched:
        """Bring name, times and people up to date and return the links that the session has.

        Nobody is removed: who is not in the plan may have been added on purpose. A cancelled session cannot be
        brought back, so another one is made in its place.
        """
        if found.status.state is State.CANCELLED:
            return self.launch(plan, key)
        options = CoviuOptions.of(plan, self.client.conn_id)
        session_id = found.ref.session_id
        session = self.client.session(session_id, deleted_participants=True)
        update = launching.difference(session, plan, options, self.client.now())
        if update is not None:
            self.client.update_session(session_id, update)
        for person in plan.participants:
            there = marks.named(session.participants, launching.state_of(person))
            if there is None:
                self.client.add_participant(session_id, launching.participant_request(person))
            elif there.deleted_at is None and (there.display_name or "") != person.name:
                self.client.update_participant(there.participant_id, ParticipantRequest(display_name=person.name))
        session = self.client.session(session_id, deleted_participants=True)
        launched = self._launched(session, plan, key, [], created=False)
        return replace(launched, status=found.status)

    def find(self, key: LaunchKey, plan: Plan) -> Lookup:
        """Look for the session by its key: by the exact state of its bearer, then in the planned time.

        Both lists are asked with cancelled sessions and removed participants, so nothing found is an answer.
        """
        options = CoviuOptions.of(plan, self.client.conn_id)
        session, cancelled = finding.find(self.client, plan, key)
        if session is None:
            return Absent()
        ref = launching.make_ref(plan, key, options, conn_id=self.client.conn_id, session_id=session.session_id)
        now = self.client.now()
        if cancelled:
            return Found(ref, gone(session.session_id, now, was_live=False))
        status = judge(Sighting.of(session), now, settle=self._settle, grace=0.0)
        return Found(ref, status, launching.plan_mark(session, plan))

    def _launched(
        self, session: Session, plan: Plan, key: LaunchKey, warnings: Sequence[str], *, created: bool
    ) -> Launched:
        options = CoviuOptions.of(plan, self.client.conn_id)
        told, links = list(warnings), []
        if not any(one.deleted_at is None and one.role.casefold() == "host" for one in session.participants):
            told.append("Nobody leads: no participant is a host, and guests wait until a host lets them in.")
        for person in plan.participants:
            there = marks.named(session.participants, launching.state_of(person))
            if there is None or there.deleted_at is not None:
                told.append(f"{person.name} was removed from the session and gets no link.")
                continue
            links.append(join_link(person, there.entry_url, session))
        ours = {launching.state_of(one) for one in plan.participants}
        others = [
            one
            for one in session.participants
            if one.deleted_at is None and marks.own_state(one.state) not in ours
        ]
        if others:
            told.append(f"{len(others)} participants of the session are not in the plan; their links stay good.")
        ref = launching.make_ref(plan, key, options, conn_id=self.client.conn_id, session_id=session.session_id)
        return Launched(ref=ref, links=tuple(links), created=created, warnings=tuple(told))

    # ---- wait, cancel

    def statuses(self, watches: Sequence[Watch], now: datetime) -> Sequence[SessionStatus | None]:
        """Return how the sessions stand, from one list. Coviu's clock counts, not ``now``."""
        del now
        return self._watching.statuses(watches)

    def ended_since(self, since: datetime, until: datetime | None = None) -> tuple[list[EndedSession], datetime]:
        """Return the team's sessions that were over from a moment on, whoever launched them."""
        return ended_since(self.client, since, until, settle=self._settle)

    def confirm(self, delivery: Delivery, ref: SessionRef | None) -> Finding:
        """Ask whether what a delivery says is so. Its address is the team's, so no launch is known."""
        del ref
        return deliveries.confirm(self.client, delivery, settle=self._settle)

    def cancel(self, ref: SessionRef, *, force: bool = False, handed_over: bool = True) -> CancelOutcome:
        """Cancel a session that has not started; say what cannot be done about one that has."""
        return cancelling.cancel(self.client, ref, settle=self._settle, force=force, handed_over=handed_over)

    def current(self, ref: SessionRef, *, settle: float | None = None) -> SessionStatus:
        """Return how a session stands, read directly.

        Args:
            ref: The session.
            settle: Seconds for which a recorded end before the planned one must stand; None for the connection's.
        """
        settle = self._settle if settle is None else settle
        try:
            session = self.client.session(ref.session_id)
        except NotFound:
            return gone(ref.session_id, self.client.now(), was_live=False)
        return judge(Sighting.of(session), self.client.now(), settle=settle, grace=0.0)

    def open_door(self, door: Door, ref: SessionRef, visitor: Participant) -> SecretStr:
        """Return a link into the session's room as a guest.

        Raises:
            Unsupported: A recording.
        """
        if door is not Door.ROOM:
            unsupported(
                launching.LABEL,
                self.client.conn_id,
                "There is no call that opens a recording.",
                "Recordings lie in the team's collections, where Coviu's own site shows them.",
            )
        return doors.open_room(self.client, ref, visitor)

    # ---- update

    def update(self, ref: SessionRef, changes: SessionUpdate) -> Session:
        """Change a session's name, times or picture.

        Args:
            ref: The session.
            changes: What is to be different.

        Raises:
            Refused: The session has finished, or would be longer than Coviu allows.
        """
        session = self.client.session(ref.session_id)
        start, end = changes.start_time or session.start_time, changes.end_time or session.end_time
        problem = ""
        if end <= start:
            problem = "It would end before it starts."
        elif end - start > launching.LONGEST:
            problem = "It would be longer than the 12 hours that Coviu allows."
        elif changes.start_time not in (None, session.start_time) and session.start_time <= self.client.now():
            problem = "It has started: only its end can still be moved."
        if problem:
            raise Refused(problem, platform=launching.LABEL, conn_id=ref.conn_id)
        return self.client.update_session(ref.session_id, changes)

    def add_participant(self, ref: SessionRef, person: Participant) -> tuple[JoinLink, bool]:
        """Add a participant, or find the one that an earlier try added.

        Returns:
            The link, and whether the participant was made now.
        """
        made, created = people.add(self.client, ref.session_id, person)
        session = self.client.session(ref.session_id)
        return join_link(person, made.entry_url, session), created

    def update_participant(self, ref: SessionRef, state: str, request: ParticipantRequest) -> None:
        """Change a participant, named by their state; the launch key stays where it is."""
        people.change(self.client, ref, state, request)

    def remove_participant(self, ref: SessionRef, state: str) -> list[str]:
        """Remove a participant, named by their state; return what was done."""
        return people.remove(self.client, ref, state)

    # ---- artifacts

    def readiness(self, ability: Ability, ref: SessionRef | None, session_id: str, asked: ArtifactWait) -> Verdict:
        """Coviu leaves nothing that has to be waited for.

        Raises:
            Unsupported: Always.
        """
        del ref, session_id, asked
        instead = {
            Ability.TRANSCRIPT: "No call, event or field of Coviu's holds one; attendance is what can be read.",
            Ability.RECORDING: "CoviuRetrieveRecordingOperator looks for them, and again with `wait_for`.",
        }
        return unsupported(
            launching.LABEL,
            self.client.conn_id,
            f"There are no {ability} to wait for.",
            instead.get(ability, "Attendance is read directly, once the session is over."),
        )

    def attended(self, ref: SessionRef, participants: Mapping[str, str], status: SessionStatus) -> Attended:
        """Return who was in a session that is over: its summary, read once.

        Args:
            ref: The session.
            participants: The caller's participant id for each state.
            status: How it stands.
        """
        try:
            summary = self.client.summary(ref.session_id)
            everybody = self.client.session(ref.session_id, deleted_participants=True).participants
        except NotFound as error:
            log.info("There is no summary: %s", error.what)
            return Attended(status, told=False)
        states = {one.participant_id.get_secret_value(): marks.own_state(one.state) for one in everybody}
        return Attended(
            with_summary(status, summary, states),
            tuple(attendance.presences(summary, everybody, participants)),
        )


def join_link(person: Participant, url: SecretStr, session: Session) -> JoinLink:
    """Return a participant's link; it works from the session's start to its end, and its id is as secret."""
    return JoinLink(
        participant=person,
        url=url,
        user_id=launching.state_of(person),
        not_before=session.start_time,
        not_after=session.end_time,
    )
