"""What can happen to a session, in the words that assets, sensors and deliveries share."""

from __future__ import annotations

from enum import StrEnum


class Happening(StrEnum):
    """What can happen to a session."""

    STARTED = "session-started"
    ENDED = "session-ended"
    TRANSCRIPT = "transcript-ready"
    RECORDING = "recording-ready"
