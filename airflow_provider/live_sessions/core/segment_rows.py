"""What was said, as data: one row a spoken segment. It holds words and names, and nothing that opens a door."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from airflow_provider.live_sessions.core.times import format_optional_time, format_time


class SegmentRow(msgspec.Struct, frozen=True, gc=False):
    """Something one person said in a session that ended.

    Args:
        platform: The platform's name.
        conn_id: The Airflow connection.
        session_id: The session, as in its own row.
        segment: Its place in the platform's transcript, from 0.
        counted_at: The session's: it says which interval the segment belongs to.
        launch_key: Digest of the launch key; empty for a session that was made elsewhere.
        spoken_at: When it was begun, where the platform's times allow it.
        start_seconds: The same in seconds since the session began; None where the platform tells no number.
        end_seconds: When it ended, likewise.
        speaker_id: The platform's id of the speaker, as ``person_id`` in a session's row; may be empty.
        participant_id: The caller's own id of the speaker; empty where nobody knows it.
        speaker: The name: the launch's, else the platform's.
        breakout: The room within the session; empty in the main one.
        text: What was said.
        words: How many words, taken as what white space parts.
    """

    platform: str
    conn_id: str
    session_id: str
    segment: int
    counted_at: datetime
    launch_key: str = ""
    spoken_at: datetime | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None
    speaker_id: str = ""
    participant_id: str = ""
    speaker: str = ""
    breakout: str = ""
    text: str = ""
    words: int = 0

    @property
    def identity(self) -> str:
        """What tells it from others of its account, in the order of a transcript."""
        return f"{self.session_id} {self.segment:09d}"

    @property
    def knowledge(self) -> int:
        """No row of a segment knows more than another."""
        return 0

    def to_json(self) -> dict[str, Any]:
        """Write as JSON values, in the order of the columns."""
        return {
            "platform": self.platform,
            "conn_id": self.conn_id,
            "session_id": self.session_id,
            "segment": self.segment,
            "counted_at": format_time(self.counted_at),
            "launch_key": self.launch_key,
            "spoken_at": format_optional_time(self.spoken_at),
            "start_seconds": self.start_seconds,
            "end_seconds": self.end_seconds,
            "speaker_id": self.speaker_id,
            "participant_id": self.participant_id,
            "speaker": self.speaker,
            "breakout": self.breakout,
            "text": self.text,
            "words": self.words,
        }
