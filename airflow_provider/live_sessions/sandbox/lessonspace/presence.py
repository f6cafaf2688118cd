"""Who is in a session: joining, leaving, being thrown out, and how a session starts and ends."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.sandbox.lessonspace.state import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.live_sessions.sandbox.agenda import Agenda
    from airflow_provider.live_sessions.sandbox.lessonspace.options import Options
    from airflow_provider.live_sessions.sandbox.lessonspace.state import Link, Session, Space, Store
    from airflow_provider.live_sessions.sandbox.lessonspace.webhooks import Webhooks


class NotAdmitted(Exception):  # noqa: N818 - a rule of the platform, not a failure of the sandbox
    """A link does not let its bearer in; says why."""


def admit(link: Link, browser: str, at: datetime) -> None:
    """Check a link's limits.

    Raises:
        NotAdmitted: It is too early or too late, the link is used up, or its session is over.
    """
    moment = at.timestamp()
    if link.not_before is not None and moment < link.not_before:
        raise NotAdmitted("This link does not work yet.")
    if link.not_after is not None and moment >= link.not_after:
        raise NotAdmitted("This link has expired.")
    if link.redeemed is not None and (link.redeemed.ended_at is not None or link.browser != browser):
        raise NotAdmitted("This link can be used only once.")


class Presence:
    """Lets people in and out.

    Args:
        store: What exists.
        options: How this Lessonspace behaves.
        agenda: For ends and kicks to come.
        webhooks: Told of everything.
        ended: Told of every session that ended, and when.
    """

    def __init__(
        self,
        store: Store,
        options: Options,
        agenda: Agenda,
        webhooks: Webhooks,
        ended: Callable[[Session, datetime], None],
    ) -> None:
        self._store = store
        self._options = options
        self._agenda = agenda
        self._webhooks = webhooks
        self._ended = ended

    def join(self, space: Space, link: Link, browser: str, at: datetime) -> Connection:
        """Let the bearer of a link in; the first one starts the session.

        Args:
            space: Where.
            link: The way in.
            browser: Which browser or tab; a single-use link admits one.
            at: When.

        Raises:
            NotAdmitted: The link does not admit.
        """
        admit(link, browser, at)
        if link.only_session:
            over = space.last is not None and space.last.ended_at is not None
            if over or space.reserved != link.only_session:
                raise NotAdmitted("The session of this link is over.")
        session, first = self._session(space, at)
        who = Connection(
            socket_id=uuid.uuid4().hex[:20],
            person=link.person,
            guest="" if link.person else _guest_uuid(session, link, browser),
            name=link.name,
            leader=link.leader,
            browser=browser,
            meta=link.meta,
            joined_at=at,
        )
        if link.single_use and link.redeemed is None:
            link.redeemed, link.browser = session, browser
        self._enter(session, who, at, first=first)
        if link.kick and link.not_after is not None:
            out = datetime.fromtimestamp(link.not_after, UTC)
            who.kick = self._agenda.add(out, lambda moment: self.leave(session, who, moment))
        return who

    def leave(self, session: Session, who: Connection, at: datetime) -> None:
        """Close an open connection; the last one starts the count-down to the session's end."""
        self._close(session, who, at)
        if not session.inside:
            _drop(session)
            after = at + timedelta(seconds=self._options.end_after)
            session.ending = self._agenda.add(after, lambda moment: self.end(session, moment, "empty"))
        elif self._options.idle_rule:
            self._watch_idle(session, at)

    def idle(self, session: Session, who: Connection, at: datetime) -> None:
        """Mark a connection idle, as Lessonspace does after five minutes without activity."""
        if who.idle:
            return
        who.idle = True
        self._store.note(session, "user-idled", at, who)
        self._webhooks.user("user.idle", session, who, at)
        if all(one.idle for one in session.inside):
            self._store.note(session, "session-idled", at)
            self._webhooks.session("session.idle", session, at)
            if self._options.idle_rule:
                self._watch_idle(session, at)

    def chat(self, session: Session, who: Connection, text: str, at: datetime) -> None:
        """Say something, which is activity too."""
        self._wake(session, who)
        self._webhooks.user("chat.message", session, who, at, message={"text": text})

    def cobrowser(self, session: Session, who: Connection, step: str, at: datetime) -> None:
        """Start or stop a shared browser; ``step`` is start or stop."""
        self._wake(session, who)
        self._store.note(session, f"cobrowser-{step}", at, who)
        self._webhooks.user(f"cobrowser.{step}", session, who, at)

    def end(self, session: Session, at: datetime, reason: str) -> None:
        """End a session in progress now, whoever is inside."""
        for who in session.inside:
            self._close(session, who, at)
        _drop(session)
        session.ended_at = at
        session.space.live = None
        del self._store.live[session.number]
        self._webhooks.session("session.end", session, at, reason=reason)
        self._ended(session, at)

    def _session(self, space: Space, at: datetime) -> tuple[Session, bool]:
        if space.live is not None:
            return space.live, False
        if space.last is not None:
            # The reserved session is over and nobody launched since: an old link starts a session of its own.
            space.reserved = str(uuid.uuid4())
        own = str(uuid.uuid4()) if self._options.session_id_differs else space.reserved
        return self._store.start_session(space, own, at), True

    def _enter(self, session: Session, who: Connection, at: datetime, *, first: bool) -> None:
        _drop(session)
        session.connections.append(who)
        if who.person is not None:
            session.people[who.person.number] = who.person
        elif who.guest not in session.guests:
            session.guests.append(who.guest)
        self._store.note(session, "user-joined", at, who)
        early = self._options.join_before_start
        if first and not early:
            self._webhooks.session("session.start", session, at)
        self._webhooks.user("user.join", session, who, at)
        if first and early:
            self._webhooks.session("session.start", session, at)

    def _close(self, session: Session, who: Connection, at: datetime) -> None:
        who.left_at = at
        if who.kick is not None:
            who.kick.drop()
        self._store.note(session, "user-left", at, who)
        self._webhooks.user("user.leave", session, who, at)

    def _wake(self, session: Session, who: Connection) -> None:
        # With somebody inside, the only end under way is the idle rule's.
        who.idle = False
        _drop(session)

    def _watch_idle(self, session: Session, at: datetime) -> None:
        if session.ending is None and all(one.idle for one in session.inside):
            after = at + timedelta(seconds=self._options.idle_end)
            session.ending = self._agenda.add(after, lambda moment: self.end(session, moment, "idle"))


def _drop(session: Session) -> None:
    if session.ending is not None:
        session.ending.drop()
        session.ending = None


def _guest_uuid(session: Session, link: Link, browser: str) -> str:
    """Return the same uuid when the same browser comes back to the same session."""
    return str(uuid.uuid5(uuid.UUID(session.uuid), f"{link.jti}/{browser}"))
