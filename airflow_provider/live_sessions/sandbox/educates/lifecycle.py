"""How sessions come and go: allocation, activation, extension, the reaper, the cluster that may refuse."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.sandbox.educates.options import characters
from airflow_provider.live_sessions.sandbox.educates.state import ANONYMOUS, Environment, Session, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.agenda import Agenda
    from airflow_provider.live_sessions.sandbox.educates.events import Events
    from airflow_provider.live_sessions.sandbox.educates.options import Options
    from airflow_provider.live_sessions.sandbox.educates.state import Store, Workshop

DEFAULT_WINDOW = 60
"""Seconds in which a requested session has to be activated, unless the request says otherwise."""


class Lifecycle:
    """Lets sessions live.

    Args:
        store: What exists.
        options: How this portal behaves.
        agenda: For what will happen.
        events: Reports it.
        allocated: Called when a session was given to a user.
        born: Since when the reaper comes.
    """

    def __init__(
        self,
        store: Store,
        options: Options,
        agenda: Agenda,
        events: Events,
        allocated: Callable[[Session, datetime], None],
        born: datetime,
    ) -> None:
        self._store = store
        self._options = options
        self._agenda = agenda
        self._events = events
        self._allocated = allocated
        self._born = born

    # ---- environments

    def open(self, workshop: Workshop, at: datetime) -> Environment:
        """Start a new environment for a workshop, with its reserve."""
        self._store.environment_counter += 1
        name = f"{self._options.portal}-w{self._store.environment_counter:02d}"
        environment = Environment(name, workshop, capacity=workshop.capacity)
        self._store.environments.append(environment)
        self._refill(environment, at)
        return environment

    def replace(self, environment: Environment, at: datetime) -> Environment:
        """Replace an environment: its sessions live on, new ones go to a new one with a new name."""
        environment.state, environment.capacity = State.STOPPING, 0
        for session in environment.available():
            self._stopped(session, at)
        return self.open(environment.workshop, at)

    # ---- a session is requested

    def request(
        self,
        environment: Environment,
        user: str,
        at: datetime,
        *,
        session_name: str,
        timeout: int,
        params: Mapping[str, str],
        index_url: str,
        analytics_url: str,
        muted: bool,
    ) -> Session | None:
        """Return the user's session here, an old one or a new one; None when there is none to be had."""
        known = environment.session_of(user)
        if known is not None:
            if known.pending:
                self._pend(known, user, timeout, at)
            return None if session_name and known.name != session_name else known
        if session_name or not self._permitted(user):
            return None
        session = next(iter(environment.available()), None)
        reserve = session is not None
        if session is None:
            session = self._created(environment, at)
        if session is None:
            return None
        session.params = {name: params.get(name, "") for name in environment.workshop.params}
        session.index_url, session.analytics_url = index_url, analytics_url
        if reserve:
            self._events.session("Session/Pending", session, at)  # before the owner is set, so its user is null
            self._pend(session, user, timeout, at)
            self._refill(environment, at)
        else:
            session.owner, session.muted = user, muted
            self._pend(session, user, timeout, at)
            self._events.session("Session/Pending", session, at)
            if not self._make(session, at):
                return session
            # An on-demand session is reported as started at its creation: no proof of a person.
            self._events.session("Session/Started", session, at)
            session.muted = False
        self._allocated(session, at)
        return session

    def _permitted(self, user: str) -> bool:
        limit = self._options.anonymous if self._store.users.get(user) == ANONYMOUS else 0
        return not limit or len(self._store.allocated(user)) < limit

    def _created(self, environment: Environment, at: datetime) -> Session | None:
        if environment.state is not State.RUNNING or len(environment.active()) >= environment.capacity:
            return None
        maximum = self._options.maximum
        if maximum and len(self._store.allocated()) >= maximum:
            return None
        if maximum and self._store.active_count() >= maximum:
            spare = [one for place in self._store.environments for one in place.available()]
            for one in spare[:1]:
                one.state, one.expires = State.STOPPING, at
                self._delete_later(one, at)
        return self._row(environment, at)

    def _row(self, environment: Environment, at: datetime) -> Session:
        environment.counter += 1
        session = Session(f"{environment.name}-s{environment.counter:03d}", environment, at, password=characters())
        environment.sessions.append(session)
        return session

    def _make(self, session: Session, at: datetime) -> bool:
        """Make the session in the cluster; a refusal leaves the row as it is, STARTING."""
        if self._store.cluster_refuses > 0:
            self._store.cluster_refuses -= 1
            session.in_cluster = False
            return False
        session.state = State.WAITING
        self._events.session("Session/Created", session, at)
        return True

    def _refill(self, environment: Environment, at: datetime) -> None:
        while (
            environment.state is State.RUNNING
            and len(environment.active()) - len(environment.allocated()) < environment.workshop.reserved
            and len(environment.active()) < environment.capacity
        ):
            self._make(self._row(environment, at), at)

    def _pend(self, session: Session, user: str, timeout: int, at: datetime) -> None:
        session.owner, session.started = user, at
        session.token = session.token or characters()
        if timeout:
            self._expire(session, at + timedelta(seconds=timeout))
        elif session.environment.workshop.duration:
            self._expire(session, at + timedelta(seconds=session.environment.workshop.duration))

    # ---- it is used

    def activate(self, session: Session, at: datetime) -> None:
        """Start the workshop's clock; also for a session that is being stopped, which runs again then."""
        if session.state is State.RUNNING:
            return
        self._events.session("Session/Started", session, at)
        session.state, session.started, session.activated = State.RUNNING, at, True
        duration = session.environment.workshop.duration
        session.expires = None
        if duration:
            self._expire(session, at + timedelta(seconds=duration))
        if not session.in_cluster:
            self._agenda.add(self._next_pass(at), lambda moment: self._vanished(session, moment))

    def extend(self, session: Session, at: datetime) -> bool:
        """Extend a session that is about to end; return whether it was."""
        last = session.last_end()
        if not session.extendable(at) or session.expires is None or last is None:
            return False
        self._expire(session, min(session.expires + timedelta(seconds=session.extension), last))
        self._events.session("Session/Extended", session, at)
        return True

    # ---- it ends

    def terminate(self, session: Session, at: datetime) -> None:
        """Begin to stop a session; repeating it is harmless."""
        session.state, session.expires = State.STOPPING, at
        self._events.session("Session/Stopping", session, at)
        self._delete_later(session, at)

    def vanish(self, session: Session, at: datetime) -> None:
        """Let the cluster lose a session; the next pass of the reaper notices."""
        session.in_cluster = False
        self._agenda.add(self._next_pass(at), lambda moment: self._vanished(session, moment))

    def _vanished(self, session: Session, at: datetime) -> None:
        if session.state not in (State.STARTING, State.STOPPED):
            self._events.session("Session/Vanished", session, at)
            self._stopped(session, at)

    def _expire(self, session: Session, at: datetime) -> None:
        session.expires = at
        self._agenda.add(self._next_pass(at), lambda moment: self._reap(session, moment))

    def _reap(self, session: Session, at: datetime) -> None:
        if session.state is State.STOPPED or session.expires is None or session.expires > at:
            return
        # Straight from RUNNING to nothing: an expiry never shows STOPPING.
        self._events.session("Session/Expired", session, at)
        self._stopped(session, at)

    def _delete_later(self, session: Session, at: datetime) -> None:
        moment = at + timedelta(seconds=self._options.delete_after)
        self._agenda.add(moment, lambda when: self._stopped(session, when))

    def _stopped(self, session: Session, at: datetime) -> None:
        if session.state is State.STOPPED:
            return
        session.state, session.expires = State.STOPPED, at
        if session.owner is not None:
            self._events.session("Session/Deleted", session, at)
        self._refill(session.environment, at)

    def _next_pass(self, at: datetime) -> datetime:
        """Return when the reaper comes next, at that moment or after it."""
        passed = (at - self._born).total_seconds() / self._options.reconcile
        return self._born + timedelta(seconds=math.ceil(passed) * self._options.reconcile)
