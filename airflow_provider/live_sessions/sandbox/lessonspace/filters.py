"""The filters of the session, space and user lists. A filter with an unknown name is ignored, as really."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.sandbox.lessonspace.drf import (
    as_uuid,
    flag,
    invalid,
    moment,
    number,
    uuid_of,
    values,
)
from airflow_provider.live_sessions.sandbox.lessonspace.launch_body import ROLES
from airflow_provider.live_sessions.sandbox.lessonspace.state import Person, Session, Space

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.lessonspace.state import Store
    from airflow_provider.live_sessions.sandbox.wire import Request

Test = Callable[[Session], bool]


def sessions(store: Store, request: Request, *, space: Space | None = None) -> list[Session]:
    """Return the sessions that a query asks for, newest first.

    Args:
        store: What exists.
        request: Carries the query.
        space: Only this space's sessions.

    Raises:
        Problem: 400, a filter's value cannot be read.
    """
    given = {name: text for name, text in request.pairs() if text}
    tests: list[Test] = []
    source: Iterable[Session] = store.sessions if space is None else store.by_space[space.id]
    if flag(given.get("in_progress_only", "")):
        tests.append(lambda one: one.ended_at is None)
        source = source if space else store.live.values()
    tests += _times(given)
    tests += _belonging(given, request, by_space=space is None)
    if not flag(given.get("include_single_user", "")):
        tests.append(lambda one: one.headcount > 1)
    # Sessions are kept in the order they started.
    found = [one for one in source if all(test(one) for test in tests)]
    found.reverse()
    return found


def spaces(store: Store, request: Request) -> list[Space]:
    """Return the spaces that a query asks for, newest first.

    Raises:
        Problem: 400, a filter's value cannot be read.
    """
    given = {name: text for name, text in request.pairs() if text}
    tests: list[Callable[[Space], bool]] = []
    if search := given.get("search"):
        tests.append(lambda one: _found(search, (one.id,), (one.name,)))
    if wanted := {uuid_of("session", text) for text in values(request, "session")}:
        tests.append(lambda one: any(row.uuid in wanted for row in store.by_space[one.id]))
    key, value = given.get("tag_key"), given.get("tag_value")
    if key and value:
        tests.append(lambda one: _tagged(one.tags, {key: value}))
    if users := {number("user", text) for text in values(request, "user")}:
        tests.append(lambda one: any(users & row.people.keys() for row in store.by_space[one.id]))
    if assigned := {number("assigned_to", text) for text in values(request, "assigned_to")}:
        tests.append(lambda one: any(link.person and link.person.number in assigned for link in one.links))
    if given.get("date"):
        day = moment("date", given["date"])
        tests.append(lambda one: any(_on(row, day) for row in store.by_space[one.id]))
    if given.get("date_after"):
        after = moment("date_after", given["date_after"])
        tests.append(lambda one: any(row.ended_at and row.ended_at >= after for row in store.by_space[one.id]))
    if given.get("date_before"):
        before = moment("date_before", given["date_before"])
        tests.append(lambda one: any(row.started_at <= before for row in store.by_space[one.id]))
    found = [one for one in store.spaces.values() if all(test(one) for test in tests)]
    found.reverse()
    return found


def members(store: Store, request: Request) -> list[Person]:
    """Return the organisation's users that a query asks for, oldest first.

    Raises:
        Problem: 400, a filter's value cannot be read.
    """
    given = {name: text for name, text in request.pairs() if text}
    found = [one for one in store.people.values() if one.member]
    if roles := set(values(request, "role")):
        if roles - set(ROLES):
            raise invalid("role", "Select a valid choice.")
        found = [one for one in found if one.role in roles]
    if search := given.get("search"):
        found = [one for one in found if _found(search, (), (one.name, one.email, one.external_id))]
    for name in ("space", "session"):
        wanted = {uuid_of(name, text) for text in values(request, name)}
        if wanted:
            rows = [one for one in store.sessions if (one.space.id if name == "space" else one.uuid) in wanted]
            present = {person for row in rows for person in row.people}
            found = [one for one in found if one.number in present]
    return found


def _times(given: Mapping[str, str]) -> list[Test]:
    tests: list[Test] = []
    for name in given.keys() & TIME_TESTS.keys():
        test, at = TIME_TESTS[name], moment(name, given[name])
        tests.append(lambda one, test=test, at=at: test(one, at))  # type: ignore[misc] # mypy cannot type a lambda's defaults
    for name in given.keys() & {"duration_min", "duration_max"}:
        seconds = number(name, given[name])
        tests.append(_at_least(seconds) if name == "duration_min" else _at_most(seconds))
    after, before = given.get("date_after"), given.get("date_before")
    if after:
        began = moment("date_after", after)
        tests.append(lambda one: one.started_at >= began)
    if before:
        until = moment("date_before", before)
        # Alone it means "created before"; with date_after it means end_time_before [reference].
        tests.append(
            (lambda one: one.ended_at is not None and one.ended_at <= until)
            if after
            else (lambda one: one.started_at <= until)
        )
    return tests


def _belonging(given: Mapping[str, str], request: Request, *, by_space: bool) -> list[Test]:
    tests: list[Test] = []
    if "launch_id" in given:
        tests.append(lambda one: one.space.launch_id == given["launch_id"])
    rooms = {uuid_of("space", text) for text in values(request, "space")} if by_space else set()
    if rooms:
        tests.append(lambda one: one.space.id in rooms)
    users = {number("user", text) for text in values(request, "user")}
    if users:
        tests.append(lambda one: bool(users & one.people.keys()))
    if search := given.get("search"):
        tests.append(lambda one: _found(search, (one.uuid, one.space.id), (one.name, one.space.name)))
    if external := given.get("user_external_id", "").lower():
        tests.append(lambda one: any(who.external_id.lower() == external for who in one.people.values()))
    if name := given.get("user_name", "").lower():
        tests.append(lambda one: any(name in who.name.lower() for who in one.people.values()))
    if "tags" in given:
        wanted = _tags(given["tags"])
        tests.append(lambda one: _tagged(one.tags, wanted))
    return tests


TIME_TESTS: dict[str, Callable[[Session, datetime], bool]] = {
    "start_time_after": lambda one, at: one.started_at >= at,
    "start_time_before": lambda one, at: one.started_at <= at,
    # A session in progress has no end, and no end compares with nothing.
    "end_time_after": lambda one, at: one.ended_at is not None and one.ended_at >= at,
    "end_time_before": lambda one, at: one.ended_at is not None and one.ended_at <= at,
}


def _at_least(seconds: float) -> Test:
    return lambda one: (lasted := one.seconds()) is not None and lasted >= seconds


def _at_most(seconds: float) -> Test:
    return lambda one: (lasted := one.seconds()) is not None and lasted <= seconds


def _found(search: str, ids: Iterable[str], names: Iterable[str | None]) -> bool:
    """Search as the reference says: a UUID matches ids, anything else part of a name."""
    wanted = as_uuid(search)
    if wanted is not None and ids:
        return wanted in ids
    return any(search.lower() in (name or "").lower() for name in names)


def _tags(text: str) -> dict[str, str]:
    try:
        wanted = json.loads(text)
    except ValueError:
        wanted = None
    if not isinstance(wanted, dict):
        raise invalid("tags", "Enter a valid JSON object.")
    return {str(key): "" if value is None else str(value) for key, value in wanted.items()}


def _tagged(tags: Mapping[str, object], wanted: Mapping[str, str]) -> bool:
    """Full-string and case-insensitive; a blank value asks for the key alone [reference]."""
    have = {key.lower(): str(value).lower() for key, value in tags.items()}
    return all(
        key.lower() in have and (not value or have[key.lower()] == value.lower()) for key, value in wanted.items()
    )


def _on(session: Session, day: datetime) -> bool:
    return day <= session.started_at < day + timedelta(days=1)
