"""Scripted people: turns standing scripts into appointments when a launch matches, and acts them out."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.lessonspace.doors import invite
from airflow_provider.live_sessions.sandbox.lessonspace.presence import NotAdmitted
from airflow_provider.live_sessions.sandbox.scripts import GUEST, LEADER, OTHERS, Anchor, Do, Facts

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.agenda import Agenda
    from airflow_provider.live_sessions.sandbox.lessonspace.presence import Presence
    from airflow_provider.live_sessions.sandbox.lessonspace.state import Connection, Link, Space
    from airflow_provider.live_sessions.sandbox.scripts import Event, Script, Scripts

KEPT = 20_000


class Actors:
    """Plays the scripts.

    Args:
        scripts: The scripts that stand.
        agenda: For what they will do.
        presence: Lets people in and out.
    """

    def __init__(self, scripts: Scripts, agenda: Agenda, presence: Presence) -> None:
        self._scripts = scripts
        self._agenda = agenda
        self._presence = presence
        self._set: set[tuple[object, ...]] = set()
        self.happened: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def launched(self, space: Space, link: Link, at: datetime) -> None:
        """Set in motion what the scripts say about this link's person; a repeated launch sets nothing again."""
        who = link.person.external_id if link.person else ""
        tags = {**space.tags, **space.session_tags}
        facts = Facts(
            "lessonspace", space.launch_id, space.name or "", who, {key: str(value) for key, value in tags.items()}
        )
        for script in self._scripts.matching(facts):
            if script.transcript is not None:
                space.lines = script.transcript
            for position, event in enumerate(script.events):
                if _is_about(event, link):
                    self._arm(script, position, event, space, link, at)

    def act(self, space: Space, link: Link, event: Event, at: datetime) -> Connection:
        """Do one thing.

        Args:
            space: Where.
            link: The way in, for a join.
            event: What, and in which browser.
            at: When.

        Returns:
            The connection that did it, the latest where several did.

        Raises:
            NotAdmitted: The link does not admit.
            LookupError: The person is not inside.
        """
        if event.do is Do.JOIN:
            if event.user == GUEST and not space.allow_guests:
                raise NotAdmitted("Guests must sign in.")
            return self._presence.join(space, link, event.browser, at)
        session = space.live
        theirs = [one for one in session.inside if _is(one, link, event.browser)] if session else []
        if session is None or not theirs:
            raise LookupError("This person is not inside.")
        if event.do is Do.LEAVE:
            for one in theirs:
                self._presence.leave(session, one, at)
        elif event.do is Do.IDLE:
            for one in theirs:
                self._presence.idle(session, one, at)
        elif event.do is Do.CHAT:
            self._presence.chat(session, theirs[-1], event.text, at)
        elif event.do is Do.END:
            self._presence.end(session, at, "ended by a leader")
        else:
            self._presence.cobrowser(session, theirs[-1], event.do.removeprefix("cobrowser-"), at)
        return theirs[-1]

    def _arm(self, script: Script, position: int, event: Event, space: Space, link: Link, at: datetime) -> None:
        anchor = _anchor(script.anchor, link)
        # Without a limit on the link, one round of scripted people per reserved session.
        once = space.reserved if anchor is None else anchor
        who = "" if link.person is None or event.user == GUEST else link.person.external_id
        mark = (script.number, position, space.id, who, once)
        if mark in self._set:
            return
        self._set.add(mark)
        begin = at if anchor is None or (script.anchor is Anchor.OPEN and anchor < at) else anchor
        self._agenda.add(event.moment(begin), lambda moment: self._play(space, link, event, moment))

    def _play(self, space: Space, link: Link, event: Event, at: datetime) -> None:
        why = ""
        try:
            self.act(space, _way_in(space, link, event, at), event, at)
        except (NotAdmitted, LookupError) as refused:
            why = str(refused)
        who = link.person.external_id if link.person and event.user != GUEST else GUEST
        self.happened.append(
            {"at": iso(at), "space": space.launch_id, "user": who, "do": event.do.value, "refused": why}
        )


def newest(space: Space, external_id: str, at: datetime) -> Link | None:
    """Return a person's newest link that is already open, else the newest.

    In a room over weeks the newest link may be next week's; people use the one that fits today.
    """
    theirs = [one for one in space.links if one.person is not None and one.person.external_id == external_id]
    opened = [one for one in theirs if one.not_before is None or one.not_before <= at.timestamp()]
    fitting = opened or theirs
    return fitting[-1] if fitting else None


def _way_in(space: Space, link: Link, event: Event, at: datetime) -> Link:
    if event.user == GUEST:
        return invite(space) if link.person else link
    return newest(space, link.person.external_id, at) or link if link.person else link


def _is_about(event: Event, link: Link) -> bool:
    if event.user == GUEST:
        return True
    if link.person is None:
        return False
    if event.user in (LEADER, OTHERS):
        return link.leader is (event.user == LEADER)
    return event.user == link.person.external_id


def _anchor(anchor: Anchor, link: Link) -> datetime | None:
    opens, closes = link.not_before, link.not_after
    moment = {Anchor.NOT_BEFORE: opens, Anchor.OPEN: opens, Anchor.NOT_AFTER: closes}.get(anchor)
    return None if moment is None else datetime.fromtimestamp(moment, UTC)


def _is(connection: Connection, link: Link, browser: str) -> bool:
    return connection.person is link.person and browser in ("", connection.browser)
