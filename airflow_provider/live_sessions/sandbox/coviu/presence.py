"""People who come and go, by control call, by link and by script."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.coviu.state import Visit
from airflow_provider.live_sessions.sandbox.scripts import LEADER, OTHERS, Anchor, Do, Facts

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.agenda import Agenda
    from airflow_provider.live_sessions.sandbox.coviu.options import Options
    from airflow_provider.live_sessions.sandbox.coviu.state import Participant, Session
    from airflow_provider.live_sessions.sandbox.coviu.webhooks import Webhooks
    from airflow_provider.live_sessions.sandbox.scripts import Event, Scripts

KEPT = 20_000


class NotAdmitted(Exception):  # noqa: N818 - a closed door, not a failure of the sandbox
    """The link does not let its bearer in; the sentence says why."""


class Presence:
    """Lets people in and out.

    Args:
        options: When a link admits.
        agenda: For what is going to happen.
        scripts: The people that come by themselves.
        webhooks: Reports who comes and goes.
    """

    def __init__(self, options: Options, agenda: Agenda, scripts: Scripts, webhooks: Webhooks) -> None:
        self._options = options
        self._agenda = agenda
        self._scripts = scripts
        self._webhooks = webhooks
        self.happened: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def admit(self, session: Session, person: Participant, now: datetime) -> None:
        """Raise unless the link admits now.

        Raises:
            NotAdmitted: The session is cancelled, not open, or the person was removed.
        """
        if session.canceled is not None:
            raise NotAdmitted("The session was cancelled.")
        if person.deleted_at is not None:
            raise NotAdmitted("The participant was removed.")
        if now < session.start - timedelta(seconds=self._options.early_entry):
            raise NotAdmitted("The session has not started.")
        if session.finished(now):
            raise NotAdmitted("The session is over.")

    def enter(self, session: Session, person: Participant, now: datetime) -> None:
        """Let a person in; who comes back makes the end of the call undone.

        Raises:
            NotAdmitted: The link does not admit.
        """
        self.admit(session, person, now)
        person.visits.append(Visit(now))
        session.actual_end = None
        self._webhooks.participant("join", person, now)

    def leave(self, session: Session, person: Participant, now: datetime) -> None:
        """Let a person out; the last one's leave is the end of the call.

        Raises:
            LookupError: They are not inside.
        """
        if not person.inside:
            raise LookupError("This person is not inside.")
        for visit in person.visits:
            visit.left = visit.left or now
        if not any(one.inside for one in session.participants):
            session.actual_end = now
        self._webhooks.participant("leave", person, now)

    def closed(self, session: Session, now: datetime) -> None:
        """Put everybody out at the end, where this Coviu does so."""
        if self._options.end_ejects and session.finished(now):
            for person in session.participants:
                if person.inside:
                    self.leave(session, person, now)

    def planned(self, session: Session, now: datetime) -> None:
        """Set scripted people in motion for a session that was made or moved; what was set before is dropped."""
        for appointment in session.script:
            appointment.drop()
        session.script.clear()
        session.script.append(self._agenda.add(session.end, lambda at: self.closed(session, at)))
        for person in session.participants:
            self.invited(session, person, now)

    def invited(self, session: Session, person: Participant, now: datetime) -> None:
        """Set a scripted person in motion; what lies in the past of a session that was moved is not repeated."""
        state = (person.state or "").partition("|")[0]
        facts = Facts("coviu", session.id, session.name or "", state, {})
        for script in self._scripts.matching(facts):
            anchor = {
                Anchor.NOT_BEFORE: session.start,
                Anchor.OPEN: max(session.start, now),
                Anchor.NOT_AFTER: session.end,
            }.get(script.anchor, now)
            for event in script.events:
                if _is_about(event, person) and event.moment(anchor) >= now:
                    play = partial(self._play, session, person, event.do)
                    session.script.append(self._agenda.add(event.moment(anchor), play))

    def _play(self, session: Session, person: Participant, do: Do, now: datetime) -> None:
        why = ""
        try:
            if do is Do.JOIN:
                self.enter(session, person, now)
            elif do is Do.LEAVE:
                self.leave(session, person, now)
            else:
                why = f"Nobody can {do} here."
        except (NotAdmitted, LookupError) as refused:
            why = str(refused)
        who = (person.state or person.display_name or "").partition("|")[0]
        self.happened.append({"at": iso(now), "session": session.id, "user": who, "do": do.value, "refused": why})


def _is_about(event: Event, person: Participant) -> bool:
    host = person.role == "HOST"
    if event.user in (LEADER, OTHERS):
        return host == (event.user == LEADER)
    return person.is_called(event.user)
