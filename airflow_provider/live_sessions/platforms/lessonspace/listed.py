"""What Lessonspace's lists are full of: sessions with their people and log lines, and spaces.

An export reads them by the hundred thousand, so they are msgspec's structs, and a page of them is read at once.
What one generation of the API writes otherwise than another (numbers for text, text for objects, times without a
zone) is put into shape only where it does not fit as it stands.

Source: the API reference, and ``apis/lessonspace.md`` sections 2.2 and 2.3.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec
from pydantic import SecretStr  # noqa: TID253 - this module is loaded when a task runs, never at DAG parse

from airflow_provider.live_sessions.core.reading import load_json
from airflow_provider.live_sessions.core.times import within_reason

if TYPE_CHECKING:
    from collections.abc import Callable

_Kind = TypeVar("_Kind")

_UNFIT = (msgspec.ValidationError, UnicodeEncodeError)
"""What a value that does not fit raises; the latter where a lone surrogate is what should be no text."""


class Listed(msgspec.Struct, frozen=True, gc=False):
    """A part of a list. Unknown fields are left aside.

    Nothing here can be in a cycle, so the garbage collector does not look at it.
    """

    @classmethod
    def model_validate(cls, data: Any) -> Self:
        """Read a JSON value.

        Raises:
            msgspec.ValidationError: It has another shape. Its message names the field and no value.
        """
        return _read(data, cls, cls._shaped)

    @classmethod
    def rows(cls, data: list[Any]) -> list[Self]:
        """Read a page's rows.

        Raises:
            msgspec.ValidationError: One of them has another shape.
        """
        return _read(data, list[cls], lambda rows: [cls._shaped(row) for row in rows])  # type: ignore[valid-type]  # a class in a variable

    @classmethod
    def _shaped(cls, value: Any) -> Any:
        return _shaped(value)


class Space(Listed, frozen=True, gc=False):
    """A room. ``url`` may carry a signed token, so it is a secret."""

    id: str = ""
    slug: str = ""
    alias: str | None = None
    name: str | None = None
    organisation: int | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    url: SecretStr | None = None
    created_at: datetime | None = None
    region: str | None = None
    record_av: bool | None = None
    transcribe: bool | None = None

    def __post_init__(self) -> None:
        """Draw the time in, see :func:`within_reason`."""
        _settle(self, "created_at", self.created_at)

    @classmethod
    def _shaped(cls, value: Any) -> Any:
        return _space(value)

    def is_room(self, room_id: str) -> bool:
        """Return whether this is the room with that ``room_id``, which is the slug."""
        return room_id in (self.slug, self.id)


class Profile(Listed, frozen=True, gc=False):
    """A known person seen in a session; ``user`` is the launch's ``user_id``."""

    user: int | None = None
    name: str | None = None
    email: str | None = None
    role: str | None = None

    @property
    def key(self) -> str:
        """Tells people apart: the user id, or the name where there is none."""
        return f"name:{self.name or ''}" if self.user is None else str(self.user)


class Guest(Listed, frozen=True, gc=False):
    """Somebody without a profile."""

    uuid: str


class LogEntry(Listed, frozen=True, gc=False):
    """One line of a session's log."""

    log_type: str
    date: datetime
    id: int | None = None
    profile: str | None = None
    guest_uuid: str | None = None
    user_socket_id: str | None = None

    def __post_init__(self) -> None:
        """Draw the time in."""
        _settle(self, "date", self.date)


class Session(Listed, frozen=True, gc=False):
    """One stretch of presence in a space; ``end_time`` is null while it is in progress."""

    uuid: str
    id: int | None = None
    name: str | None = None
    space: Space | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    profiles: tuple[Profile, ...] = ()
    guests: tuple[Guest, ...] = ()
    logs: tuple[LogEntry, ...] = ()
    billable_seconds: int | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    playback_url: str | None = None
    recording_access_policy: tuple[str, ...] | None = None
    recording_available: bool | None = None
    recording_deleted: bool | None = None
    playback_password: SecretStr | None = None

    def __post_init__(self) -> None:
        """Draw the times in."""
        _settle(self, "start_time", self.start_time)
        _settle(self, "end_time", self.end_time)

    @property
    def people(self) -> frozenset[str]:
        """Distinct people: profile ids as text, guests as ``guest:<uuid>``."""
        return frozenset({profile.key for profile in self.profiles}) | frozenset(
            f"guest:{guest.uuid}" for guest in self.guests
        )

    @property
    def seconds(self) -> float | None:
        """How long it lasted; None while it is in progress."""
        if self.start_time is None or self.end_time is None:
            return None
        return (self.end_time - self.start_time).total_seconds()


def _settle(row: Listed, name: str, told: datetime | None) -> None:
    if told is not None and (settled := within_reason(told)) is not told:
        msgspec.structs.force_setattr(row, name, settled)


# ---- reading


def _read(data: Any, kind: type[_Kind], shaped: Callable[[Any], Any]) -> _Kind:
    try:
        return msgspec.convert(data, kind, dec_hook=_secret)
    except _UNFIT:
        shape = shaped(data)
    try:
        return msgspec.convert(shape, kind, strict=False, dec_hook=_secret)
    except UnicodeEncodeError:
        raise msgspec.ValidationError("Not valid Unicode") from None


def _secret(kind: type, value: Any) -> SecretStr:
    if kind is SecretStr and isinstance(value, str):
        return SecretStr(value)
    raise TypeError("no text")  # without the value: it may be a secret of another shape


def _shaped(value: Any) -> Any:
    """Return a row, or what is in it, in the shape that the structs have; what is no row stays as it is."""
    if isinstance(value, list):
        return [_shaped(one) for one in value]
    if not isinstance(value, dict):
        return value
    # A name that is no text is none of ours, and msgspec compares names as UTF-8.
    return {name: _SHAPES.get(name, _shaped)(told) for name, told in value.items() if _is_text(name)}


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can write
        return False
    return True


def _moment(value: Any) -> Any:
    """Read any ISO 8601; a naive time is UTC: its zone is undocumented, and UTC is what samples show.

    What msgspec can read is left to it: it rounds a fraction that the standard library cuts off, and when a
    session ended must not hang on what stands beside it on the page.
    """
    if not isinstance(value, str):
        return value
    try:
        return msgspec.convert(value, datetime)
    except _UNFIT:
        pass
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value


def _tags(value: Any) -> Any:
    """Read tags as a mapping: the reference types them as a string, clients see objects."""
    if isinstance(value, str):
        try:
            value = load_json(value) if value else {}
        except ValueError:
            return {}
    if isinstance(value, dict):
        return {str(key): "" if item is None else str(item) for key, item in value.items()}
    return {} if value is None else value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _space(value: Any) -> Any:
    return {**_shaped(value), "id": _text(value.get("id", ""))} if isinstance(value, dict) else value


def _person(value: Any) -> Any:
    """Read who a log line is about: the reference says text, an object with an id would be as natural."""
    if isinstance(value, dict):
        value = value.get("user", value.get("id"))
    return _text(value)


_SHAPES = {
    **dict.fromkeys(("start_time", "end_time", "created_at", "date"), _moment),
    "tags": _tags,
    "space": _space,
    "profile": _person,
}
"""How a field is put into shape, by its name."""
