"""The body of a launch, checked as Django REST framework checks it. Nothing has happened yet here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.lessonspace.drf import boolean, invalid, moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.sandbox.lessonspace.options import Options

EVENTS: dict[str, tuple[str, ...]] = {
    "session": ("start", "idle", "end"),
    "user": ("join", "idle", "leave"),
    "transcription": ("finish",),
    "summary": ("finish",),
    "cobrowser": ("start", "stop"),
    "chat": ("message",),
    "knock": ("request", "admit", "deny"),
}
ROLES = ("teacher", "student", "admin")
LAYOUTS = ("grid", "sidebar", "floating")
LOCALES = ("en", "fr", "it", "pl")
MAX_ID = 64
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
URL = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)
FLAT_FEATURES = frozenset((
    "chat", "timer", "invite", "endSession", "whiteboards", "documents", "screenShare", "fileUpload",
    "tutorProfile", "breakout", "vision", "googleDocs", "codeEditor", "record", "raiseHand", "help", "leave",
    "tools", "header",
))  # fmt: skip
DOTTED_FEATURES = ("av.", "breakouts.", "chat.", "content.", "import.", "people.", "ui.", "whiteboards.")
COLOURS = frozenset(("primary", "secondary", "background", "text", "brandColor", "fontFamily", "logo"))


@dataclass(frozen=True, slots=True)
class Visitor:
    """The ``user`` of a launch.

    Args:
        external_id: ``user.id``, or the name; empty for a guest link.
        name: ``user.name``.
        email: ``user.email``.
        role: As the user list and profiles show it.
        leader: ``user.leader``.
        picture: ``user.profile_picture``.
        single_use: ``user.single_use``.
        session_limit: ``user.session_limit``.
        custom: ``user.custom_jwt_parameters``.
        claims: ``record`` and ``ghost``, which go into the token.
    """

    external_id: str
    name: str
    email: str
    role: str
    leader: bool
    picture: str
    single_use: bool
    session_limit: bool
    custom: Mapping[str, Any]
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A launch as asked for.

    Args:
        id: The space's id.
        name: Its name; null and blank are honoured.
        flags: allow_guests, record_av, record_content, transcribe, summarise, waiting_room.
        visitor: For whom the link is.
        webhooks: URL by event key; None when the property was left out.
        not_before: Of the link, seconds since 1970.
        not_after: Of the link, seconds since 1970.
        server: The region, empty for the caller's.
        session_tags: For the session.
        space_tags: For the space.
        extra: Query parameters of the link: features, theme, layout, locale, close button.
    """

    id: str
    name: str | None
    flags: Mapping[str, bool]
    visitor: Visitor
    webhooks: Mapping[str, str] | None
    not_before: float | None
    not_after: float | None
    server: str
    session_tags: dict[str, Any]
    space_tags: dict[str, Any]
    extra: Mapping[str, str]


def read_launch(body: Mapping[str, Any], options: Options) -> Asked:
    """Check a launch's body.

    Raises:
        Problem: 400, a field is missing or wrong; nothing was done.
    """
    space_id = _space_id(body)
    flags = {
        "allow_guests": boolean("allow_guests", body, default=True),
        # Forced to false, without a word, where the organisation has no recordings [reference, launch].
        "record_av": boolean("record_av", body, default=options.record_av) and options.recording,
        "record_content": boolean("record_content", body, default=options.record_content),
        "transcribe": boolean("transcribe", body, default=False),
        "summarise": boolean("summarise", body, default=False),
        "waiting_room": boolean("waiting_room", body, default=False),
    }
    if flags["summarise"] and not flags["transcribe"]:
        raise invalid("summarise", "Summaries need transcribe to be enabled.")
    name = body.get("name", space_id)
    timeouts = _object(body, "timeouts")
    _auth_external(body)
    return Asked(
        id=space_id,
        name=None if name is None else _text("name", name),
        flags=flags,
        visitor=_visitor(_object(body, "user")),
        webhooks=_webhooks(body) if "webhooks" in body else None,
        not_before=_timestamp(timeouts, "not_before"),
        not_after=_timestamp(timeouts, "not_after"),
        server=_text("server", body.get("server") or ""),
        session_tags=dict(_object(body, "session_tags")),
        space_tags=dict(_object(body, "space_tags")),
        extra=_extra(body),
    )


def _space_id(body: Mapping[str, Any]) -> str:
    if "id" not in body:
        raise invalid("id", "This field is required.")
    if body["id"] is None:
        raise invalid("id", "This field may not be null.")
    text = _text("id", body["id"])
    if not text:
        raise invalid("id", "This field may not be blank.")
    if len(text) > MAX_ID:
        raise invalid("id", f"Ensure this field has no more than {MAX_ID} characters.")
    return text


def _visitor(user: Mapping[str, Any]) -> Visitor:
    name = _text("user.name", user.get("name") or "")
    leader = boolean("user.leader", user, default=False)
    role = _text("user.role", user.get("role") or "")
    email = _text("user.email", user.get("email") or "")
    if email and not EMAIL.fullmatch(email):
        raise invalid("user.email", "Enter a valid email address.")
    claims: dict[str, Any] = {
        what: boolean(f"user.{what}", user, default=False) for what in ("record", "ghost") if what in user
    }
    background = _url("user.camera_background_url", user.get("camera_background_url"))
    if background:
        claims["cameraBackgroundUrl"] = background
    return Visitor(
        external_id=_text("user.id", user.get("id") or "") or name,
        name=name or "Guest",
        email=email,
        role=role if role in ROLES else "teacher" if leader else "student",
        leader=leader,
        picture=_url("user.profile_picture", user.get("profile_picture")),
        single_use=boolean("user.single_use", user, default=False),
        session_limit=boolean("user.session_limit", user, default=False),
        custom=_object(user, "custom_jwt_parameters", "user.custom_jwt_parameters"),
        claims=claims,
    )


def _webhooks(body: Mapping[str, Any]) -> dict[str, str]:
    if body["webhooks"] in (None, ""):
        return {}
    asked = _object(body, "webhooks")
    found: dict[str, str] = {}
    for group, names in EVENTS.items():
        given = _object(asked, group, f"webhooks.{group}")
        for name in names:
            url = _url(f"webhooks.{group}.{name}", given.get(name))
            if url:
                found[f"{group}.{name}"] = url
    return found


def _auth_external(body: Mapping[str, Any]) -> None:
    given = body.get("auth_external")
    if given is None:
        return
    auth = _object(body, "auth_external")
    for name in ("method", "url", "token"):
        if not auth.get(name):
            raise invalid(f"auth_external.{name}", "This field is required.")
    _choice("auth_external.method", auth["method"], ("child", "redirect"))
    _url("auth_external.url", auth["url"])


def _extra(body: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, choices in (("video_layout_mode", LAYOUTS), ("locale", LOCALES)):
        if body.get(name) is not None:
            found[name] = _choice(name, body[name], choices)
    for name in ("invite_url", "resource_url"):
        if url := _url(name, body.get(name)):
            found[name] = url
    # Invalid features and theme values are dropped without a word [reference, launch].
    features = [
        f"{name}={str(value).lower()}"
        for name, value in _object(body, "features").items()
        if isinstance(value, bool) and (name in FLAT_FEATURES or name.startswith(DOTTED_FEATURES))
    ]
    theme = [
        f"{name}={value}"
        for name, value in _object(body, "theme").items()
        if isinstance(value, str) and name in COLOURS
    ]
    found |= {name: ",".join(kept) for name, kept in (("features", features), ("theme", theme)) if kept}
    # The close button obeys strings only [launch guide].
    holodeck = _object(body, "holodeck_parameters")
    return found | {name: value for name, value in holodeck.items() if isinstance(value, str)}


def _timestamp(timeouts: Mapping[str, Any], name: str) -> float | None:
    value = timeouts.get(name)
    return None if value is None else moment(f"timeouts.{name}", value).timestamp()


def _object(data: Mapping[str, Any], name: str, field: str = "") -> Mapping[str, Any]:
    value = data.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise invalid(field or name, f'Expected a dictionary of items but got type "{kind}".')
    return value


def _text(field: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise invalid(field, "Not a valid string.")
    return str(value)


def _url(field: str, value: Any) -> str:
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or not URL.fullmatch(value):
        raise invalid(field, "Enter a valid URL.")
    return value


def _choice(field: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise invalid(field, f'"{value}" is not a valid choice.')
    return str(value)
