"""What exists at Lessonspace: spaces, people, links, sessions, connections."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.agenda import Appointment


@dataclass(slots=True)
class Person:
    """A user of the organisation.

    Args:
        number: Lessonspace's internal id: ``user_id`` at launch, ``profiles[].user`` in sessions.
        external_id: The caller's ``user.id``, or the name without one.
        name: Full name.
        email: Unique in the organisation where given.
        role: teacher, student or admin.
        picture: URL of a picture.
        member: False once deleted from the organisation.
    """

    number: int
    external_id: str
    name: str
    email: str = ""
    role: str = "student"
    picture: str = ""
    member: bool = True


@dataclass(slots=True)
class Link:
    """One join link.

    Args:
        jti: Tells links apart; a claim of the token.
        person: For whom, None for a guest link.
        name: The name shown in the space.
        leader: May lead.
        not_before: From when it admits.
        not_after: Until when it admits.
        kick: Its bearer is thrown out at ``not_after``.
        single_use: Admits one browser.
        only_session: Admits only to this reserved session id; empty is any.
        meta: Custom data, handed on in webhooks.
        browser: Who redeemed a single-use link.
        redeemed: The session it was redeemed in.
        url: The link as it was given out.
    """

    jti: str
    person: Person | None
    name: str
    leader: bool = False
    not_before: float | None = None
    not_after: float | None = None
    kick: bool = False
    single_use: bool = False
    only_session: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    browser: str = ""
    redeemed: Session | None = None
    url: str = field(default="", repr=False)


@dataclass(slots=True)
class Connection:
    """One open tab.

    Args:
        socket_id: ``user_socket_id`` of the logs.
        person: Who, None for a guest.
        guest: The guest's uuid, empty for a person.
        name: The name shown.
        leader: May lead.
        browser: Which browser or tab.
        meta: The link's custom data.
        joined_at: When it came.
        left_at: When it went.
        idle: Marked idle.
        kick: The appointment that throws it out.
    """

    socket_id: str
    person: Person | None
    guest: str
    name: str
    leader: bool
    browser: str
    meta: Mapping[str, Any]
    joined_at: datetime
    left_at: datetime | None = None
    idle: bool = False
    kick: Appointment | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a session's log."""

    number: int
    kind: str
    at: datetime
    person: Person | None
    guest: str
    socket_id: str


@dataclass(slots=True)
class Session:
    """One stretch of presence in a space.

    Args:
        number: The integer ``id``.
        uuid: What the API addresses it by.
        reserved: The ``session_id`` that launches told.
        space: Where.
        name: Its name; the space's at the start.
        started_at: First connection.
        ended_at: The end, None while in progress.
        connections: Every tab there ever was, in order.
        people: Everybody who was in, by internal id.
        guests: Their uuids.
        logs: What happened.
        tags: From the launch.
        policy: ``recording_access_policy``; empty is the organisation's.
        record_av: Audio and video were recorded.
        record_content: The content was recorded.
        transcribe: A transcript was asked for.
        summarise: A summary was asked for.
        recording_deleted: The recording was deleted, and the transcript with it.
        lines: The transcript as a script gave it, None to make it up.
        ending: The appointment that ends it.
    """

    number: int
    uuid: str
    reserved: str
    space: Space
    name: str | None
    started_at: datetime
    ended_at: datetime | None = None
    connections: list[Connection] = field(default_factory=list)
    people: dict[int, Person] = field(default_factory=dict)
    guests: list[str] = field(default_factory=list)
    logs: list[LogLine] = field(default_factory=list)
    tags: dict[str, Any] = field(default_factory=dict)
    policy: list[str] = field(default_factory=list)
    record_av: bool = True
    record_content: bool = True
    transcribe: bool = False
    summarise: bool = False
    recording_deleted: bool = False
    lines: Sequence[Mapping[str, Any]] | None = None
    ending: Appointment | None = None

    @property
    def headcount(self) -> int:
        """How many distinct people and guests were in."""
        return len(self.people) + len(self.guests)

    @property
    def inside(self) -> list[Connection]:
        """The open connections."""
        return [one for one in self.connections if one.left_at is None]

    def seconds(self) -> float | None:
        """Return how long it lasted, None while in progress."""
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()

    def billable_seconds(self, now: datetime) -> int:
        """Return the time with two or more connections, two tabs of one person included [launch guide]."""
        changes = sorted(
            change for one in self.connections for change in ((one.joined_at, 1), (one.left_at or now, -1))
        )
        total, open_now = 0.0, 0
        for (at, step), (after, _) in itertools.pairwise(changes):
            open_now += step
            if open_now >= 2:
                total += (after - at).total_seconds()
        return int(total)


@dataclass(slots=True)
class Space:
    """A room that stays.

    Args:
        id: The room's uuid: ``room_id``, slug and id in one.
        launch_id: The caller's id.
        secret: Signs links and webhooks.
        region: Fixed when the space is made.
        created_at: When.
        reserved: The ``session_id`` that the next or current session goes under.
        name: May be null or blank.
        allow_guests: The invite link admits guests.
        record_av: For sessions to come, as all below.
        record_content: ...
        transcribe: ...
        summarise: ...
        waiting_room: ...
        webhooks: URL by event key, e.g. ``session.end``.
        session_tags: For the reserved session.
        tags: The space's own.
        lines: A script's transcript for sessions to come.
        launches: How often it was launched.
        links: Every link, oldest first.
        live: The session in progress.
        last: The latest session under ``reserved``, for "started and ended".
    """

    id: str
    launch_id: str
    secret: str = field(repr=False)
    region: str
    created_at: datetime
    reserved: str
    name: str | None = None
    allow_guests: bool = True
    record_av: bool = True
    record_content: bool = True
    transcribe: bool = False
    summarise: bool = False
    waiting_room: bool = False
    webhooks: dict[str, str] = field(default_factory=dict)
    session_tags: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, Any] = field(default_factory=dict)
    lines: Sequence[Mapping[str, Any]] | None = None
    launches: int = 0
    links: list[Link] = field(default_factory=list, repr=False)
    live: Session | None = None
    last: Session | None = None


class Store:
    """Everything of one organisation."""

    def __init__(self) -> None:
        self.spaces: dict[str, Space] = {}
        self.by_launch_id: dict[str, Space] = {}
        self.people: dict[int, Person] = {}
        self.by_external_id: dict[str, Person] = {}
        self.by_email: dict[str, Person] = {}
        self.sessions: list[Session] = []
        self.by_uuid: dict[str, Session] = {}
        self.by_space: dict[str, list[Session]] = {}
        self.live: dict[int, Session] = {}
        self._people_numbers = itertools.count(100_001)
        self._session_numbers = itertools.count(500_001)
        self._log_numbers = itertools.count(900_001)
        self.guest = Person(next(self._people_numbers), "", "Guest", member=False)

    def find_space(self, reference: str) -> Space | None:
        """Return a space by its uuid or by the caller's id."""
        return self.spaces.get(reference) or self.by_launch_id.get(reference)

    def new_space(self, launch_id: str, region: str, at: datetime) -> Space:
        """Make a space."""
        space = Space(str(uuid.uuid4()), launch_id, str(uuid.uuid4()), region, at, reserved=str(uuid.uuid4()))
        self.spaces[space.id] = self.by_launch_id[launch_id] = space
        self.by_space[space.id] = []
        return space

    def person(self, external_id: str, name: str) -> Person:
        """Return the person with the caller's id, making one where there is none."""
        found = self.by_external_id.get(external_id)
        if found is None:
            found = Person(next(self._people_numbers), external_id, name)
            self.people[found.number] = self.by_external_id[external_id] = found
        return found

    def start_session(self, space: Space, session_uuid: str, at: datetime) -> Session:
        """Make a session in a space, as the space is set now."""
        session = Session(
            number=next(self._session_numbers),
            uuid=session_uuid,
            reserved=space.reserved,
            space=space,
            name=space.name,
            started_at=at,
            tags=dict(space.session_tags),
            record_av=space.record_av,
            record_content=space.record_content,
            transcribe=space.transcribe,
            summarise=space.summarise,
            lines=space.lines,
        )
        space.live = space.last = session
        self.sessions.append(session)
        self.by_uuid[session.uuid] = session
        self.by_space[space.id].append(session)
        self.live[session.number] = session
        return session

    def note(self, session: Session, kind: str, at: datetime, who: Connection | None = None) -> None:
        """Write a line into a session's log."""
        person, guest, socket_id = (who.person, who.guest, who.socket_id) if who else (None, "", "")
        session.logs.append(LogLine(next(self._log_numbers), kind, at, person, guest, socket_id))
