"""Every watched share of the account that ended within a time, once, and as a row.

The history leaves out what ended recently, the recent list keeps it for 5 minutes: both are read and merged by
code (``apis/screenleap.md`` section 10, trap 5). Shares without a viewer are left out: they cost nothing and only
the recent list shows them, so a repeat could not find them again.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.session_rows import (
    ExportAsk,
    ExportRules,
    PersonRow,
    SessionRow,
    Tally,
    finite,
    minutes_between,
)
from airflow_provider.live_sessions.core.times import format_optional_time
from airflow_provider.live_sessions.platforms.screenleap.filters import ShareFilters
from airflow_provider.live_sessions.platforms.screenleap.judging import BLIND, held
from airflow_provider.live_sessions.platforms.screenleap.launching import NAME
from airflow_provider.live_sessions.platforms.screenleap.marks import split
from airflow_provider.live_sessions.platforms.screenleap.models import CODE_FIELDS
from airflow_provider.live_sessions.platforms.screenleap.usage import arrival, merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_provider.live_sessions.platforms.screenleap.client import ScreenleapClient
    from airflow_provider.live_sessions.platforms.screenleap.models import Share

RULES = ExportRules(catch_up=BLIND, look_back=timedelta(hours=24))
"""Nothing bounds a share: people leave them open."""

OVERLAP = timedelta(seconds=600)
"""How far beyond the time the history is asked for: what is asked for exactly may be missed by a millisecond."""


def ended_sessions(client: ScreenleapClient, ask: ExportAsk, tally: Tally) -> Iterator[SessionRow]:
    """Yield a row for each watched share that ended within the time."""
    unpriced = 0
    for share in ended_shares(client, ask, tally):
        unpriced += share.user_minutes is None
        yield row_of(share, client)
    if unpriced:
        tally.awaited.append(f"The cost of {unpriced} shares is not told yet.")


def ended_shares(client: ScreenleapClient, ask: ExportAsk, tally: Tally) -> Iterator[Share]:
    """Yield each watched share that ended within the time, once, in no order."""
    nameless: set[str] = set()

    def count(page: Any) -> None:
        tally.pages += 1
        nameless.update(json.dumps(row, sort_keys=True) for row in page if not _has_code(row))

    def count_past(page: Any) -> None:
        count(page)
        nameless.update(json.dumps(row, sort_keys=True) for row in page if not row.get("startTime"))

    # The recent list first: a share that leaves it in between is then in it at least.
    recent = client.recent(on_page=count)
    filters = ShareFilters(ended_after=ask.since - OVERLAP, ended_before=ask.until + OVERLAP)
    yield from wanted(merge(client.shares(filters, on_page=count_past), recent), ask, tally)
    if nameless:
        tally.count("unreadable", len(nameless))
        tally.awaited.append(
            f"{len(nameless)} rows of the lists have no code or no start, and are not in the file."
        )


def _has_code(row: Mapping[str, Any]) -> bool:
    return any(row.get(name) for name in CODE_FIELDS)


def wanted(shares: Iterable[Share], ask: ExportAsk, tally: Tally) -> Iterator[Share]:
    """Yield the watched shares that ended within the time; count the others."""
    oldest = ask.until - ask.look_back
    for share in shares:
        if share.ended_at is None:
            tally.unended += share.started_at is not None and share.started_at < oldest
            continue
        tally.listed += 1
        if not ask.holds(share.ended_at):
            tally.outside += 1
        elif not share.watched:
            tally.not_held += 1
        else:
            yield share


def row_of(share: Share, client: ScreenleapClient) -> SessionRow:
    """Return the row of a share that ended.

    Raises:
        ValueError: It has not ended, or has no code.
    """
    if share.ended_at is None or share.code is None:
        raise ValueError("a share that goes on is in no interval yet")
    external_id, key = split(share.external_id or "")
    return SessionRow(
        platform=NAME,
        conn_id=client.conn_id,
        session_id=client.digest(share.code),
        counted_at=share.ended_at,
        launch_key=key,
        title=share.title or "",
        started_at=share.started_at,
        ended_at=share.ended_at,
        held=held(share),
        minutes=minutes_between(share.started_at, share.ended_at),
        participants=tuple(
            PersonRow(
                person_id=one.id or "",
                participant_id=one.external_id or "",
                role="presenter" if one.presenter else "viewer",
                joined_at=one.joined_at,
                left_at=one.left_at,
                minutes=finite(one.minutes),
            )
            for one in sorted(share.participants, key=arrival)
        ),
        attendance_known=bool(share.participants),
        usage_minutes=finite(share.user_minutes),
        cost_in_cents=finite(share.cost_in_cents),
        extras={
            "created_at": format_optional_time(share.created_at),
            "external_id": external_id,
            "viewers": share.total_viewers,
        },
    )
