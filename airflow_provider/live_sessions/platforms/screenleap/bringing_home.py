"""Usage and attendance, written as files with a manifest over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.attendance import build_rows, counts
from airflow_provider.live_sessions.artifacts.export_run import window_key
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.tables import write_attendance
from airflow_provider.live_sessions.core.session_rows import ExportAsk, Tally
from airflow_provider.live_sessions.platforms.screenleap.attendance import presences
from airflow_provider.live_sessions.platforms.screenleap.exporting import RULES, ended_shares
from airflow_provider.live_sessions.platforms.screenleap.judging import BLIND, PRESENTER_ID
from airflow_provider.live_sessions.platforms.screenleap.usage import in_order, totals, write_usage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, tzinfo

    from airflow_provider.live_sessions.artifacts.writer import Writer
    from airflow_provider.live_sessions.core.record import SessionRecord
    from airflow_provider.live_sessions.platforms.screenleap.client import ScreenleapClient
    from airflow_provider.live_sessions.platforms.screenleap.models import Share
    from airflow_provider.live_sessions.platforms.screenleap.platform import ScreenleapPlatform

RECENT = "GET /recent-screen-shares"
ONE = "GET /screen-shares/{code}"
PAST = "GET /screen-shares"

USAGE = "usage"
ATTENDANCE = "attendance"


def bring_usage(
    platform: ScreenleapPlatform, record: SessionRecord, writer: Writer, *, zone: tzinfo | None = None
) -> Manifest:
    """Write one share's usage and participants; a manifest of nothing where there is none."""
    share = platform.share_of(record.ref)
    completeness, why = _completeness(share)
    figures: Mapping[str, int] = {}
    if share is not None and completeness is not Completeness.NONE:
        figures = totals(write_usage(writer, [share], platform.client.digest, zone=zone))
    return writer.finish(_draft(record, share, USAGE, completeness, why, extra={"totals": dict(figures)}))


def bring_attendance(
    platform: ScreenleapPlatform, record: SessionRecord, writer: Writer, *, late_after: float, zone: tzinfo
) -> Manifest:
    """Write who was there: a row for each expected person and for each other person.

    Args:
        platform: The open account.
        record: The share.
        writer: Writes the files.
        late_after: Seconds after the planned start up to which a person is in time.
        zone: The zone in which the table tells times.
    """
    share = platform.share_of(record.ref)
    known = known_people(record)
    rows = build_rows(
        [] if share is None else presences(share, known),
        record.participants,
        planned_start=record.start,
        ended_at=None if share is None else share.ended_at,
        late_after=late_after,
        # A share without participants tells nothing of anybody, unless it is known that nobody started it. Of one
        # that was adopted it is not known under which names its links went out: who is not seen may be a stranger.
        complete=share is not None
        and (bool(share.participants) or share.started_at is None)
        and bool(record.participants_by_user_id()),
    )
    write_attendance(writer, rows, zone=zone)
    whole = share is not None and (share.ended_at is not None or share.started_at is None)
    why = (
        "" if whole else "Nothing shows the share any more." if share is None else "The share was still going on."
    )
    completeness = Completeness.COMPLETE if whole else Completeness.PARTIAL
    return writer.finish(_draft(record, share, ATTENDANCE, completeness, why, extra={"counts": counts(rows)}))


def known_people(record: SessionRecord) -> dict[str, str]:
    """Return the participant's id for each id that Screenleap shows.

    A launch that adopted a running share has no links; who is seen in it is known all the same: a viewer's link
    names its viewer, and the leader presents.
    """
    return record.participants_by_user_id() or {
        PRESENTER_ID if one.leader else one.id: one.id for one in record.participants
    }


def export_usage(
    client: ScreenleapClient,
    writer: Writer,
    since: datetime,
    until: datetime,
    *,
    conn_id: str,
    zone: tzinfo | None = None,
) -> Manifest:
    """Write the usage of every share of the account that ended in a window.

    Windows that join each other count no share twice: each ends once.

    Args:
        client: The account's client.
        writer: Writes the files; its session key is :func:`window_key`.
        since: The window's begin, included.
        until: The window's end, not included.
        conn_id: The Airflow connection.
        zone: The zone in which the CSV tells times.
    """
    shares = in_order(ended_shares(client, ExportAsk(since, until, RULES.look_back), Tally()))
    rows = write_usage(writer, shares, client.digest, zone=zone)
    unpriced = sum(row.user_minutes is None for row in rows)
    reasons = []
    if client.now() < until + BLIND:
        reasons.append("The window ended less than 15 minutes ago: shares that just ended may be in no list.")
    if unpriced:
        reasons.append(f"The cost of {unpriced} shares is not told yet.")
    return writer.finish(
        Manifest(
            kind=USAGE,
            platform="screenleap",
            conn_id=conn_id,
            session_key=window_key(conn_id, since, until),
            status=Completeness.PARTIAL if reasons else Completeness.COMPLETE,
            session_ids=tuple(row.share for row in rows),
            title="Usage of the account",
            planned_start=since,
            planned_end=until,
            why=" ".join(reasons),
            source=(RECENT, PAST),
            extra={"totals": totals(rows)},
        )
    )


def _completeness(share: Share | None) -> tuple[Completeness, str]:
    if share is None:
        return Completeness.NONE, "Nothing shows the share any more: nobody started or watched it."
    if share.started_at is None:
        return Completeness.NONE, "Nobody started it."
    if share.ended_at is None:
        return Completeness.PARTIAL, "The share was still going on; its cost is told after its end."
    if share.watched is False:
        return Completeness.COMPLETE, ""
    if share.user_minutes is None:
        return Completeness.PARTIAL, "Its cost is not told, or not yet."
    return Completeness.COMPLETE, ""


def _draft(
    record: SessionRecord,
    share: Share | None,
    kind: str,
    completeness: Completeness,
    why: str,
    *,
    extra: Mapping[str, Any],
) -> Manifest:
    return Manifest(
        kind=kind,
        platform=record.ref.platform,
        conn_id=record.ref.conn_id,
        session_key=record.ref.key,
        status=completeness,
        session_ids=(record.ref.session_id,),
        title=record.title,
        planned_start=record.start,
        planned_end=record.end,
        actual_start=None if share is None else share.started_at,
        actual_end=None if share is None else share.ended_at,
        why=why,
        source=(RECENT, ONE, PAST),
        extra=dict(extra),
    )
