"""Who takes part in an event of a calendar.

RFC 5545: ORGANIZER (3.8.4.3), ATTENDEE (3.8.4.1), CUTYPE (3.2.3) and ROLE (3.2.16).

- An attendee with ROLE=CHAIR leads the class. Where there is none, the organizer does; where there is one,
  an organizer who is no attendee is the office that keeps the calendar and gets no link.
- Rooms, resources and groups are nobody; those copied for information (NON-PARTICIPANT) need no link.
- An address is one e-mail address, or no e-mail at all (``urn:uuid:...``), and then nothing is mailed.
- Whether an attendee accepted is not asked: a timetable says who is expected.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.mail_address import is_one_address
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.schedules.cells import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOBODY = frozenset({"ROOM", "RESOURCE", "GROUP"})
# Google writes the calendar itself as the organizer of events of a shared calendar.
_CALENDARS = ("@group.calendar.google.com", "@resource.calendar.google.com")
_OTHER_URI = re.compile(r"(?!mailto:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class PersonError(ValueError):
    """Who is meant cannot be told; ``name`` is the property at fault."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        super().__init__(reason)


def participants(event: Mapping[str, Any]) -> tuple[Participant, ...]:
    """Return who is expected, leaders first, otherwise in the event's order; each person once.

    Args:
        event: The event as the calendar library reads it.

    Raises:
        PersonError: Somebody's address is none, or several.
    """
    leaders: dict[str, Participant] = {}
    others: dict[str, Participant] = {}
    for one in _listed(event.get("ATTENDEE")):
        cutype, role = _param(one, "CUTYPE").upper(), _param(one, "ROLE").upper()
        if cutype in _NOBODY or role == "NON-PARTICIPANT" or _is_calendar(one):
            continue
        person = _person("ATTENDEE", one, leader=role == "CHAIR")
        (leaders if person.leader else others).setdefault(person.id, person)
    if not leaders:
        for one in _listed(event.get("ORGANIZER"))[:1]:
            if not _is_calendar(one):
                person = _person("ORGANIZER", one, leader=True)
                leaders[person.id] = person
    found = {**leaders, **{ident: one for ident, one in others.items() if ident not in leaders}}
    return tuple(person for ident, person in found.items() if ident)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _param(one: Any, name: str) -> str:
    value = getattr(one, "params", {}).get(name, "")
    return str(value[0] if isinstance(value, list) and value else value).strip()


def _address(one: Any) -> str:
    text = str(one).strip()
    return text[7:].strip() if text[:7].lower() == "mailto:" else text


def _is_calendar(one: Any) -> bool:
    return _address(one).lower().endswith(_CALENDARS)


def _person(what: str, one: Any, *, leader: bool) -> Participant:
    address = _address(one)
    mailed = is_one_address(address)
    if "@" in address and not mailed and not _OTHER_URI.match(str(one).strip()):
        raise PersonError(
            what, f"{what}: {quoted(address)} is not one mail address. Give each person a line of their own."
        )
    return Participant(
        id=address.casefold(),
        name=_param(one, "CN") or address,
        email=address if mailed else "",
        role="teacher" if leader else "student",
        leader=leader,
    )
