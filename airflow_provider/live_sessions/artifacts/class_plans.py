"""What was planned of a class, as far as it was kept: by its launch, or by the attendance table beside its files.

Both know the planned times, who was expected, and which of the platform's user ids is whose.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.layout import KEY_LENGTH
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.record import SessionRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.core.storage import Storage

_MANIFEST = "/attendance.manifest.json"

CLASSES_HELD = 200
"""Of so many classes, those asked for last, it is held who is who: what was said is told a session at a time."""


@dataclass(frozen=True, slots=True)
class ClassPlan:
    """A class as it was meant to be.

    Args:
        title: What people call it.
        start: Planned start; None where it was not kept.
        end: Planned end, likewise.
        people: Who was expected.
        user_ids: The participant's id for each of the platform's user ids that are known.
        told: False where ``user_ids`` may lack somebody who came: then nobody is called absent.
    """

    title: str
    start: datetime | None = None
    end: datetime | None = None
    people: tuple[Participant, ...] = ()
    user_ids: Mapping[str, str] = field(default_factory=dict, hash=False)
    told: bool = True

    def by_user_id(self) -> dict[str, Participant]:
        """Return who is behind each of the platform's user ids that are known."""
        people = {one.id: one for one in self.people}
        return {user: people[own] for user, own in self.user_ids.items() if own in people}


def of_records(records: Iterable[Any]) -> dict[str, ClassPlan]:
    """Return the plan of each launch by its key.

    Args:
        records: Launch operators' results.

    Raises:
        ConfigurationError: One is none.
    """
    plans = {}
    for data in records:
        record = SessionRecord.from_json(data)
        known = record.participants_by_user_id()
        told = bool(known) or not record.participants
        plans[record.ref.key] = ClassPlan(record.title, record.start, record.end, record.participants, known, told)
    return plans


def participants_of(records: Iterable[Any]) -> dict[str, dict[str, Participant]]:
    """Return by launch key the participant for each of the platform's user ids that launches told.

    Raises:
        ConfigurationError: A record is none.
    """
    return {key: plan.by_user_id() for key, plan in of_records(records).items()}


class KeptPeople:
    """Who is who in classes, as the attendance tables of a time keep it; each is read when it is asked for.

    Args:
        storage: Where classes bring home their files.
        since: No class began before.
        until: No class began after.
    """

    def __init__(self, storage: Storage, since: datetime, until: datetime) -> None:
        self._storage, self._since, self._until = storage, since, until
        self._held = lru_cache(CLASSES_HELD)(self._read)

    def of(self, key: str) -> Mapping[str, Participant]:
        """Return by a launch key the participant for each of the platform's user ids; none without a table."""
        return self._held(key)

    def _read(self, key: str) -> Mapping[str, Participant]:
        name = self._names.get(key[:KEY_LENGTH])
        plan = None if name is None else of_attendance(self._storage, name, key)
        return {} if plan is None else plan.by_user_id()

    @cached_property
    def _names(self) -> dict[str, str]:
        return dict(_manifests(self._storage, self._since, self._until))


def attendance_manifests(
    storage: Storage, keys: Iterable[str], since: datetime, until: datetime
) -> dict[str, str]:
    """Return by launch key the attendance manifest of each class that has one.

    Args:
        storage: Where classes bring home their files.
        keys: The launch keys looked for.
        since: No class began before.
        until: No class began after.
    """
    short = {key[:KEY_LENGTH]: key for key in keys}
    if not short:
        return {}
    return {short[begin]: name for begin, name in _manifests(storage, since, until) if begin in short}


def of_attendance(storage: Storage, name: str, key: str) -> ClassPlan | None:
    """Return the plan that an attendance table keeps; None where it is another class's, gone, or harmed.

    Args:
        storage: Where it lies.
        name: The name of its manifest.
        key: The class's launch key.
    """
    try:
        manifest = Manifest.from_bytes(storage.get(name))
        entry = next((one for one in manifest.files if one.name.endswith("/attendance.json")), None)
        content = b"" if entry is None else storage.get(entry.name)
    except (FileNotFoundError, ConfigurationError):
        return None
    whole = entry is not None and hashlib.sha256(content).hexdigest() == entry.sha256
    if not whole or manifest.session_key != key:
        return None
    rows = [row for row in json.loads(content) if row["expected"] is True]
    return ClassPlan(
        title=manifest.title,
        start=manifest.planned_start,
        end=manifest.planned_end,
        people=tuple(Participant(row["participant_id"], row["name"], role=row["role"]) for row in rows),
        user_ids=dict(_user_ids(rows)),
        told=manifest.status is Completeness.COMPLETE,
    )


def _manifests(storage: Storage, since: datetime, until: datetime) -> Iterator[tuple[str, str]]:
    """Yield how the launch key begins, and the name, of each attendance manifest of a time."""
    day, last = since.date() - timedelta(days=1), until.date() + timedelta(days=1)  # a folder's day is some zone's
    while day <= last:
        for name in storage.list(day.isoformat()):
            folder = name.removesuffix(_MANIFEST)
            if folder != name:
                yield folder.rpartition("-")[2], name
        day += timedelta(days=1)


def _user_ids(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        for user_id in filter(None, row["platform_user_id"].split(";")):
            yield user_id, row["participant_id"]
