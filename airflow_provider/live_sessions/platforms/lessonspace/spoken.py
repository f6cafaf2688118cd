"""What was said in every session of the organisation that ended within a time, as rows.

No list shows which transcripts there are, so each session costs a request, and each transcript its file. The
connection's budget counts the requests; files come from a storage of their own.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.contract import Readiness
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.retry import quiet_after
from airflow_provider.live_sessions.core.segment_rows import SegmentRow
from airflow_provider.live_sessions.core.session_rows import finite
from airflow_provider.live_sessions.core.times import later
from airflow_provider.live_sessions.platforms.lessonspace.exporting import listed_sessions
from airflow_provider.live_sessions.platforms.lessonspace.filters import UserFilters
from airflow_provider.live_sessions.platforms.lessonspace.launching import KEY_TAG, NAME
from airflow_provider.live_sessions.platforms.lessonspace.transcripts import (
    Retrieved,
    entries_of,
    retrieve_listed,
    segments_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.artifacts.transcripts import Segment
    from airflow_provider.live_sessions.core.contract import ArtifactRules
    from airflow_provider.live_sessions.core.session_rows import ExportAsk, Tally
    from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
    from airflow_provider.live_sessions.platforms.lessonspace.listed import Session

LONGEST_SECONDS = 100 * 3600
"""Beyond this a number is no time within a session (a unix time stamp, say)."""

COUNTED = {
    Readiness.READY: "transcripts",
    Readiness.NEVER: "never",
    Readiness.PENDING: "pending",
    Readiness.FAILED: "failed",
}
LACKING = {Readiness.PENDING: "are not there yet", Readiness.FAILED: "should be there and are not"}


class Speakers:
    """Who is behind a user id: the launch that made it, else the organisation's list of people.

    Args:
        launched: Returns by a launch key the participant for each user id that is known.
        listed: Returns the caller's own id for each user id of the organisation; called when first needed.
    """

    def __init__(
        self, launched: Callable[[str], Mapping[str, Participant]], listed: Callable[[], Mapping[str, str]]
    ) -> None:
        self._launched = launched
        self._listed = listed

    def of(self, launch_key: str, user_id: str) -> Participant | None:
        """Return the participant of a user id; None where nobody knows it."""
        launched = self._launched(launch_key).get(user_id)
        if launched is not None or not user_id:
            return launched
        own = self._listed().get(user_id, "")
        return Participant(own, "") if own else None


def external_ids(client: LessonspaceClient) -> dict[str, str]:
    """Return the caller's own id for each user id: people keep what they were launched with."""
    return {str(one.user.id): one.external_id for one in client.users(UserFilters()) if one.external_id}


def spoken_segments(
    client: LessonspaceClient,
    ask: ExportAsk,
    tally: Tally,
    rules: ArtifactRules,
    speakers: Speakers,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[SegmentRow]:
    """Yield what was said in each session that ended within the time.

    Raises:
        Unavailable: Lessonspace, or the storage of its files, could not be read to the end.
    """
    for name in COUNTED.values():
        tally.count(name, 0)
    reasons: dict[Readiness, str] = {}
    for session in listed_sessions(client, ask, tally):
        if session.end_time is None:
            continue
        found = _retrieved(client, session, rules, sleep)
        readiness = found.verdict.readiness
        tally.count(COUNTED[readiness])
        reasons.setdefault(readiness, found.verdict.why)
        if found.raw is not None:
            entries = entries_of(found.raw)
            segments = segments_of(entries)
            if len(entries) > len(segments):
                tally.count("unreadable_entries", len(entries) - len(segments))
            for number, segment in enumerate(segments):
                yield row_of(session, session.end_time, number, segment, client.conn_id, speakers)
        tally.alive()
    for readiness, said in LACKING.items():
        if readiness in reasons:
            number = tally.figures[COUNTED[readiness]]
            # Late ones have been waited for by the rules; what failed then stays away.
            where = tally.lacking if readiness is Readiness.PENDING else tally.lost
            where.append(f"{number} transcripts {said}, the first because: {reasons[readiness]}.")


def row_of(
    session: Session, counted_at: datetime, number: int, segment: Segment, conn_id: str, speakers: Speakers
) -> SegmentRow:
    """Return one segment's row."""
    key = session.tags.get(KEY_TAG, "")
    person = speakers.of(key, segment.speaker_id)
    start = segment.start
    timed = session.start_time is not None and -LONGEST_SECONDS < start < LONGEST_SECONDS
    return SegmentRow(
        platform=NAME,
        conn_id=conn_id,
        session_id=session.uuid,
        segment=number,
        counted_at=counted_at,
        launch_key=key,
        spoken_at=later(session.start_time, round(start, 3)) if timed and session.start_time else None,
        start_seconds=finite(start),
        end_seconds=finite(segment.end),
        speaker_id=segment.speaker_id,
        participant_id="" if person is None else person.id,
        speaker=(person.name if person else "") or segment.speaker,
        breakout=segment.part,
        text=segment.text,
        words=len(segment.text.split()),
    )


def _retrieved(
    client: LessonspaceClient, session: Session, rules: ArtifactRules, sleep: Callable[[float], None]
) -> Retrieved:
    """Return a session's transcript; a file that was cut is asked for again, with a fresh address."""
    wait = rules.after(session.end_time or client.now())
    attempt = 1
    while True:
        found = retrieve_listed(client, session, wait)
        if found.trouble is None:
            return found
        if attempt == client.retry.attempts:
            raise found.trouble
        sleep(quiet_after(client.retry, attempt))
        attempt += 1
