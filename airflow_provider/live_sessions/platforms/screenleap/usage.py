"""What shares cost and who watched, as tables: CSV for people and spreadsheets, JSON for programs. Pure.

One row a share, one row a participant. A share is named by the digest of its code and by the user's external id;
the launch key is split off it. ``viewers`` is the platform's count, which counts who comes back again
(``apis/screenleap.md`` section 3.7); ``distinct_viewers`` counts the participants listed.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.tables import guarded
from airflow_provider.live_sessions.core.times import aware, format_optional_time
from airflow_provider.live_sessions.platforms.screenleap.judging import count
from airflow_provider.live_sessions.platforms.screenleap.marks import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime, tzinfo

    from pydantic import SecretStr

    from airflow_provider.live_sessions.artifacts.writer import Writer
    from airflow_provider.live_sessions.platforms.screenleap.models import Share, ShareParticipant

CSV = "text/csv; charset=utf-8; header=present"


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One share.

    Args:
        share: The digest of its code.
        external_id: The user's part of the external id.
        launch_key: The launch key's digest, empty for a share that was made elsewhere.
        title: Shown to its viewers.
        created_at: When its code was reserved.
        started_at: When its presenter first connected.
        ended_at: When it ended.
        seconds: From start to end.
        viewers: The platform's count, an upper bound.
        distinct_viewers: Viewers listed, each once.
        user_minutes: What is billed; None before the end and without a viewer.
        cost_in_cents: What it cost, likewise.
    """

    share: str
    external_id: str
    launch_key: str
    title: str
    created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    seconds: int | None
    viewers: int | None
    distinct_viewers: int | None
    user_minutes: float | None
    cost_in_cents: float | None


@dataclass(frozen=True, slots=True)
class ParticipantRow:
    """One person in a share, from the first join to the last leave.

    Args:
        share: The digest of its code.
        external_id: The viewer's own, as their link named them.
        participant_id: The platform's, good for one share.
        presenter: Whether it is the presenter.
        joined_at: First join.
        left_at: Last leave.
        minutes: As the platform counts them.
    """

    share: str
    external_id: str
    participant_id: str
    presenter: bool
    joined_at: datetime | None
    left_at: datetime | None
    minutes: float | None


def usage_row(share: Share, digest: str) -> UsageRow:
    """Return a share's row."""
    users, key = split(share.external_id or "")
    length = None
    if share.started_at is not None and share.ended_at is not None:
        length = round((share.ended_at - share.started_at).total_seconds())
    people = count(share)
    return UsageRow(
        share=digest,
        external_id=users,
        launch_key=key,
        title=share.title or "",
        created_at=share.created_at,
        started_at=share.started_at,
        ended_at=share.ended_at,
        seconds=length,
        viewers=share.total_viewers,
        distinct_viewers=people - 1 if share.participants and people else None,
        user_minutes=share.user_minutes,
        cost_in_cents=share.cost_in_cents,
    )


def participant_rows(share: Share, digest: str) -> list[ParticipantRow]:
    """Return a share's people, the presenter first, then by arrival."""
    people = sorted(share.participants, key=arrival)
    return [
        ParticipantRow(
            share=digest,
            external_id=one.external_id or "",
            participant_id=one.id or "",
            presenter=bool(one.presenter),
            joined_at=one.joined_at,
            left_at=one.left_at,
            minutes=one.minutes,
        )
        for one in people
    ]


def merge(past: Iterable[Share], recent: Iterable[Share]) -> Iterator[Share]:
    """Yield each share once; the recent list, which is short, is held while the history streams past it.

    A share that ended a moment ago is in the recent list, later in the history, for a while in neither or both
    (``apis/screenleap.md`` section 10, trap 5). The row that knows more wins: cost is told last.

    Args:
        past: The history, each share once.
        recent: The recent list, read before it.
    """
    left = {_code(one): one for one in recent}
    for one in past:
        other = left.pop(_code(one), one)
        yield one if _knowledge(one) >= _knowledge(other) else other
    yield from left.values()


def in_order(shares: Iterable[Share]) -> list[Share]:
    """Return shares in the order of the starts."""
    return sorted(shares, key=lambda one: (_stamp(one.started_at), _code(one)))


def totals(rows: Sequence[UsageRow]) -> dict[str, int]:
    """Return the figures of a manifest; cents rounded."""
    return {
        "shares": len(rows),
        "viewers": sum(row.viewers or 0 for row in rows),
        "user_minutes": round(sum(row.user_minutes or 0.0 for row in rows)),
        "cost_in_cents": round(sum(row.cost_in_cents or 0.0 for row in rows)),
    }


def write_usage(
    writer: Writer, shares: Sequence[Share], digest: Callable[[SecretStr], str], *, zone: tzinfo | None = None
) -> list[UsageRow]:
    """Write ``usage.csv``, ``usage.json``, ``participants.csv`` and ``participants.json``.

    Args:
        writer: Writes the files.
        shares: In the order of the rows.
        digest: Shows a code without giving it away.
        zone: The zone in which the CSV tells times; UTC by default, and always in JSON.
    """
    named = [(one, digest(one.code)) for one in shares if one.code is not None]
    usage = [usage_row(one, name) for one, name in named]
    people = [row for one, name in named for row in participant_rows(one, name)]
    figures = totals(usage)
    writer.add("usage.csv", [to_csv(UsageRow, usage, zone)], media_type=CSV, counts=figures)
    writer.add("usage.json", [to_json(usage)], media_type="application/json", counts=figures)
    seen = {"participants": len(people)}
    writer.add("participants.csv", [to_csv(ParticipantRow, people, zone)], media_type=CSV, counts=seen)
    writer.add("participants.json", [to_json(people)], media_type="application/json", counts=seen)
    return usage


def to_csv(kind: type[Any], rows: Iterable[Any], zone: tzinfo | None = None) -> bytes:
    """Write rows as CSV (RFC 4180): UTF-8, a header, lines end with CR LF, no cell is a formula."""
    names = [column.name for column in fields(kind)]
    buffer = io.StringIO(newline="")
    lines = csv.writer(buffer, lineterminator="\r\n")
    lines.writerow(names)
    lines.writerows([_cell(getattr(row, name), zone) for name in names] for row in rows)
    return buffer.getvalue().encode("utf-8", "replace")


def to_json(rows: Iterable[Any]) -> bytes:
    """Write rows as a JSON array of objects, in UTF-8; times in UTC."""
    listed = [
        {
            column.name: format_optional_time(value) if _is_time(value) else value
            for column in fields(row)
            for value in [getattr(row, column.name)]
        }
        for row in rows
    ]
    return json.dumps(listed, ensure_ascii=False, indent=2).encode("utf-8", "replace") + b"\n"


def _cell(value: Any, zone: tzinfo | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_time(value):
        return (value.astimezone(zone) if zone else aware(value)).isoformat()
    return guarded(value) if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def _is_time(value: Any) -> bool:
    return hasattr(value, "astimezone")


def _code(share: Share) -> str:
    return "" if share.code is None else share.code.get_secret_value()


def _knowledge(share: Share) -> tuple[bool, bool, int]:
    return share.cost_in_cents is not None, share.ended_at is not None, len(share.participants)


def _stamp(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()


def arrival(one: ShareParticipant) -> tuple[bool, float, str, str]:
    """Return the order of people in a table: the presenter, then by arrival."""
    return not one.presenter, _stamp(one.joined_at), one.external_id or "", one.id or ""
