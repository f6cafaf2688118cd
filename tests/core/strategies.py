"""What hypothesis draws for the vocabulary: plans, times, and JSON that is wrong in every way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.mail_address import ADDRESS
from airflow_provider.live_sessions.core.models import Participant, Plan, SessionRef
from airflow_provider.live_sessions.core.status import Absence, Held, Seen, SessionStatus, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BEYOND_THE_CALENDAR = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
"""ISO 8601 with an offset, and yet no time in UTC."""

ZONES = (UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), timezone(timedelta(hours=5, minutes=45)))


def times() -> st.SearchStrategy[datetime]:
    """Aware times of this and the last century, in several zones."""
    return st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1), timezones=st.sampled_from(ZONES))  # noqa: DTZ001 - the zone is drawn beside it


def moments() -> st.SearchStrategy[datetime]:
    """The same in UTC. (Python holds an hour that comes twice for unequal to any other zone's, PEP 495.)"""
    return times().map(lambda moment: moment.astimezone(UTC))


def some_text() -> st.SearchStrategy[str]:
    """Text that stripping leaves alone and that says something."""
    return st.text(min_size=1, max_size=12).map(str.strip).filter(bool)


def addresses() -> st.SearchStrategy[str]:
    """E-mail addresses, the odd ones among them."""
    return st.from_regex(ADDRESS, fullmatch=True).filter(lambda one: one == one.strip())


def json_values() -> st.SearchStrategy[Any]:
    """Whatever ``json.loads`` can return, the odd numbers and times among it."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=8)
        | st.sampled_from((*BEYOND_THE_CALENDAR, 10**400, float("inf"), "2026-09-01T09:00:00"))
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    )


def read_or_refused(read: Callable[[Any], Any], data: Any) -> Any:
    """Return what was read, or None where it was refused in words; anything else is raised."""
    try:
        return read(data)
    except ConfigurationError as error:
        return None if str(error) else error


@st.composite
def spoiled(draw: st.DrawFn, good: Mapping[str, Any]) -> Any:
    """Whatever JSON, or good data with one field replaced or lost, also further inside."""
    if draw(st.integers(0, 4)) == 0:
        return draw(json_values())
    data = dict(good)
    name = draw(st.sampled_from(sorted(data)))
    inner = data[name]
    if isinstance(inner, dict) and inner and draw(st.booleans()):
        data[name] = draw(spoiled(inner))
    elif isinstance(inner, list) and inner and isinstance(inner[0], dict) and draw(st.booleans()):
        data[name] = [draw(spoiled(inner[0])), *inner[1:]]
    elif draw(st.booleans()):
        del data[name]
    else:
        data[name] = draw(json_values())
    return data


def participants() -> st.SearchStrategy[Participant]:
    """People as they come out of ``Participant.from_json``."""
    return st.builds(
        Participant,
        id=some_text(),
        name=some_text(),
        email=addresses() | st.just(""),
        role=some_text() | st.just(""),
        leader=st.booleans(),
        options=st.dictionaries(some_text(), st.integers() | some_text() | st.none(), max_size=2),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Valid plans."""
    start = draw(moments())
    return Plan(
        title=draw(some_text()),
        start=start,
        end=start + timedelta(seconds=draw(st.integers(1, 90_000))),
        participants=tuple(draw(st.lists(participants(), max_size=3, unique_by=lambda one: one.id))),
    )


def refs() -> st.SearchStrategy[SessionRef]:
    """Refs, their details in the order in which they are kept."""
    details = st.dictionaries(some_text(), st.text(max_size=8), max_size=3)
    return st.builds(
        SessionRef,
        platform=st.text(max_size=8),
        conn_id=st.text(max_size=8),
        session_id=st.text(max_size=8),
        key=st.text(max_size=8),
        details=details.map(lambda one: tuple(sorted(one.items()))),
    )


def statuses() -> st.SearchStrategy[SessionStatus]:
    """Statuses with everything that one can hold."""
    return st.builds(
        SessionStatus,
        state=st.sampled_from(State),
        held=st.sampled_from(Held),
        why=st.text(max_size=20),
        observed_at=moments(),
        started_at=st.none() | moments(),
        ended_at=st.none() | moments(),
        session_ids=st.lists(some_text(), max_size=3).map(tuple),
        people=st.none() | st.integers(0, 500),
        present=st.frozensets(some_text(), max_size=3),
        absence=st.none() | st.sampled_from(Absence),
    )


def memories() -> st.SearchStrategy[Seen]:
    """What waits remember."""
    return st.builds(
        Seen,
        planned_start=moments(),
        planned_end=moments(),
        deadline=moments(),
        settle=st.floats(0, 1e6),
        first_live=st.none() | moments(),
        last_seen=st.none() | moments(),
        last_state=st.none() | st.sampled_from(State),
        last_good_poll=st.none() | moments(),
    )
