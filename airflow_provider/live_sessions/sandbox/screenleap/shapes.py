"""How Screenleap writes shares, reads times and says no [dossier 1, 2.5, 2.7]."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.screenleap.options import Options
    from airflow_provider.live_sessions.sandbox.screenleap.state import Participant, Share

DEFAULT_FORMATS = ("dd/MM/yy HH:mm:ss z", "dd/MM/yy")

# Java's SimpleDateFormat letters that people use, as strptime knows them.
_LETTERS = {
    "yyyy": "%Y",
    "yy": "%y",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
    "SSS": "%f",
    "z": "%Z",
    "Z": "%z",
    "XXX": "%z",
    "X": "%z",
}
_TOKEN = re.compile(r"'(?P<literal>[^']*)'|(?P<letters>([A-Za-z])\3*)|(?P<other>.)")


def refuse(status: int, message: str) -> Response:
    """Answer with an ``errorMessage``."""
    return Response.json(status, {"errorMessage": message})


def millis(moment: datetime) -> int:
    """Write a moment in milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def read_time(text: str, pattern: str = "") -> datetime:
    """Read a filter's time: by the pattern given, else in milliseconds, else day first.

    Raises:
        ValueError: It is no time of that form.
    """
    if pattern:
        return _by_pattern(text, pattern)
    if re.fullmatch(r"-?[0-9]+", text):
        try:
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        except (OverflowError, OSError):
            raise ValueError("out of range") from None
    for one in DEFAULT_FORMATS:
        try:
            return _by_pattern(text, one)
        except ValueError:
            continue
    raise ValueError("no known format")


def _by_pattern(text: str, pattern: str) -> datetime:
    parts = []
    for found in _TOKEN.finditer(pattern):
        letters = found["letters"]
        if letters is not None and letters not in _LETTERS:
            raise ValueError(f"no support for {letters}")
        plain = found["literal"] if found["literal"] is not None else found["other"]
        parts.append(_LETTERS[letters] if letters is not None else (plain or "").replace("%", "%%"))
    moment = datetime.strptime(text, "".join(parts))  # noqa: DTZ007 - the zone is settled on the next line
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def share_json(share: Share, options: Options, now: datetime) -> dict[str, Any]:
    """Return a share as the GET calls show it: what does not apply is left out."""
    ended = share.ended_at
    active_until = None if ended is None else ended + timedelta(seconds=options.active_lag)
    shown: dict[str, Any] = {
        options.code_field: share.code,
        "dateCreated": millis(share.created_at),
        "accountId": options.account_id,
        "isSecure": True,
        "showScreenleapBranding": share.branding,
        # False while the presenter waits for a viewer, true for minutes after the end.
        "isActive": share.successful and (active_until is None or now <= active_until),
    }
    if share.external_id:
        shown["externalId"] = share.external_id
    if share.title:
        shown["title"] = share.title
    if share.started_at is not None:
        shown["startTime"] = millis(share.started_at)
    if ended is not None:
        shown["endTime"] = millis(ended)
        shown["totalViewers"] = share.total_viewers
    if options.share_state:
        shown["shareState"] = "NOT_STARTED" if share.started_at is None else "ENDED" if ended else "STARTED"
    if share.people:
        shown["participants"] = [_participant(one, now) for one in share.people.values()]
    minutes, cents = billed(share, options)
    if minutes is not None:
        shown["userMinutes"] = minutes
        shown["costInCents"] = cents
    return shown


def billed(share: Share, options: Options) -> tuple[int | None, float | None]:
    """Return the minutes and the cents of a share; None while it runs, and for one without a viewer."""
    if share.ended_at is None or not share.successful:
        return None, None
    minutes = sum(_minutes(one, share.ended_at) for one in share.people.values())
    price = options.cents_per_minute if share.branding else options.white_label_cents_per_minute
    return minutes, round(minutes * price, 2)


def _participant(one: Participant, now: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "participantId": one.number,
        "userAgent": "Mozilla/5.0 (sandbox)",
        "sharingStartTime": millis(one.joined_at),
        "isPresenter": one.presenter,
        "durationInMinutes": _minutes(one, now),
    }
    if one.external_id:
        shown["externalId"] = one.external_id
    if one.left_at is not None:
        shown["sharingEndTime"] = millis(one.left_at)
    return shown


def _minutes(one: Participant, now: datetime) -> int:
    return round(((one.left_at or now) - one.joined_at).total_seconds() / 60)
