"""Standing scripts: which people come and go in which sessions. A platform matches them when it launches.

A script, as the control API takes it::

    {"match": {"name": "Algebra 1"},
     "anchor": "not_before",
     "events": [{"user": "leader", "do": "join", "after": 0},
                {"user": "others", "do": "join", "after": 60},
                {"user": "others", "do": "leave", "after": 1800},
                {"user": "leader", "do": "leave", "at": "2026-09-01T10:00:00+02:00"}]}
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.clock import utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MATCHERS = frozenset({"platform", "id", "id_prefix", "name", "name_prefix", "participant", "tags"})


class Do(StrEnum):
    """What a person does."""

    JOIN = "join"
    LEAVE = "leave"
    IDLE = "idle"
    CHAT = "chat"
    END = "end"  # presses "end session for all"
    COBROWSER_START = "cobrowser-start"
    COBROWSER_STOP = "cobrowser-stop"


class Anchor(StrEnum):
    """What ``after`` counts from, on each person's own link; a link without that limit counts from its launch.

    ``OPEN`` is the moment from which the link lets in: its ``not_before``, or its launch where that is later.
    """

    LAUNCH = "launch"
    NOT_BEFORE = "not_before"
    NOT_AFTER = "not_after"
    OPEN = "open"


LEADER, OTHERS, GUEST = "leader", "others", "guest"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that people do.

    Args:
        user: The person's external id, or ``leader``, ``others`` (everyone but leaders), ``guest``.
        do: What.
        after: Seconds after the anchor; may be negative.
        at: An absolute moment instead.
        browser: A name for the browser; a single-use link admits one, and a leave can be about one.
        text: What is said, for a chat.
    """

    user: str
    do: Do
    after: float = 0.0
    at: datetime | None = None
    browser: str = ""
    text: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Event:
        """Read one event.

        Raises:
            ValueError: A name or a value is unknown, or both ``at`` and ``after`` are given.
        """
        _only(data, {"user", "do", "after", "at", "browser", "text"}, "An event")
        if "user" not in data or "do" not in data:
            raise ValueError("An event needs user and do.")
        if "at" in data and "after" in data:
            raise ValueError("An event happens at a moment or after the anchor, not both.")
        return cls(
            user=str(data["user"]),
            do=Do(data["do"]),
            after=float(data.get("after", 0)),
            at=utc(datetime.fromisoformat(data["at"])) if "at" in data else None,
            browser=str(data.get("browser", "")),
            text=str(data.get("text", "")),
        )

    def moment(self, anchor: datetime) -> datetime:
        """Return when it happens, given its anchor's moment."""
        return self.at or anchor + timedelta(seconds=self.after)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a launch tells of the session, for the matching.

    Args:
        platform: Where it is, e.g. ``lessonspace``.
        id: The caller's id of the session.
        name: Its name.
        participant: The external id of the person launched for.
        tags: Its tags.
    """

    platform: str
    id: str
    name: str
    participant: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Script:
    """People for every launch that matches.

    Args:
        number: The script's number.
        events: What they do.
        match: What must be true of a launch: platform, id, id_prefix, name, name_prefix, participant, tags. All
            given ones must hold; none given matches every launch.
        anchor: What ``after`` counts from.
        transcript: What is said, if the sandbox should not make it up: a list of {"user", "text"}, optionally
            with "start_time" and "end_time" in seconds from the session's start. An empty list is a silent
            class.
    """

    number: int
    events: tuple[Event, ...]
    match: Mapping[str, Any] = field(default_factory=dict)
    anchor: Anchor = Anchor.NOT_BEFORE
    transcript: Sequence[Mapping[str, Any]] | None = None

    @classmethod
    def from_json(cls, number: int, data: Mapping[str, Any]) -> Script:
        """Read a script.

        Raises:
            ValueError: A name or a value is unknown.
        """
        _only(data, {"events", "match", "anchor", "transcript"}, "A script")
        match = dict(data.get("match") or {})
        _only(match, MATCHERS, "A match")
        return cls(
            number=number,
            events=tuple(Event.from_json(one) for one in data.get("events", ())),
            match=match,
            anchor=Anchor(data.get("anchor", Anchor.NOT_BEFORE)),
            transcript=None if data.get("transcript") is None else read_lines(data["transcript"]),
        )

    def matches(self, facts: Facts) -> bool:
        """Return whether the script is about this launch."""
        want = self.match
        return (
            want.get("platform", facts.platform) == facts.platform
            and want.get("id", facts.id) == facts.id
            and facts.id.startswith(want.get("id_prefix", ""))
            and want.get("name", facts.name) == facts.name
            and facts.name.startswith(want.get("name_prefix", ""))
            and want.get("participant", facts.participant) == facts.participant
            and all(facts.tags.get(key) == value for key, value in want.get("tags", {}).items())
        )


class Scripts:
    """The scripts that stand, in the order they came. Guarded by the sandbox's lock."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._scripts: dict[int, Script] = {}
        self._raw: dict[int, Mapping[str, Any]] = {}

    def add(self, script: Mapping[str, Any]) -> int:
        """Add a script, for launches from now on.

        Returns:
            The script's number.

        Raises:
            ValueError: It is no script.
        """
        number = next(self._numbers)
        self._scripts[number] = Script.from_json(number, script)
        self._raw[number] = script
        return number

    def clear(self) -> None:
        """Forget every script; what is already set in motion goes on."""
        self._scripts.clear()
        self._raw.clear()

    def matching(self, facts: Facts) -> Iterator[Script]:
        """Return the scripts about a launch."""
        return (one for one in list(self._scripts.values()) if one.matches(facts))

    def listed(self) -> list[dict[str, Any]]:
        """Return the scripts as they were given."""
        return [{"number": number, **raw} for number, raw in self._raw.items()]


def read_lines(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Check a transcript's lines: user and text, start_time and end_time in seconds where given.

    Raises:
        ValueError: A name is missing or unknown, or a time is no number.
    """
    read: list[dict[str, Any]] = []
    for line in lines:
        _only(line, {"user", "text", "start_time", "end_time"}, "A transcript's line")
        if "user" not in line or "text" not in line:
            raise ValueError("A transcript's line needs user and text.")
        times = {name: float(line[name]) for name in ("start_time", "end_time") if name in line}
        read.append({"user": str(line["user"]), "text": str(line["text"]), **times})
    return read


def _only(data: Mapping[str, Any], known: set[str] | frozenset[str], what: str) -> None:
    unknown = set(data) - known
    if unknown:
        raise ValueError(f"{what} has no {', '.join(sorted(unknown))}.")
