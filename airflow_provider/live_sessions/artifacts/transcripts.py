"""A transcript as WebVTT and as plain text; the platform's own file stays beside them, byte for byte.

What a platform calls its fields is the platform folder's business: it hands over :class:`Segment` objects.
They may come unsorted, overlap (two people speak at once), and carry times that are none; nothing said is
left out for that. Only segments without words are, from the two texts, never from the platform's own file.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider.live_sessions.artifacts.manifest import FileEntry
    from airflow_provider.live_sessions.artifacts.writer import Writer

# Beyond this a number is no time within a session (a unix time stamp, say).
_LONGEST_SECONDS = 100 * 3600
# One turn in the plain text: short enough that the time before it still finds the place.
_TURN_PAUSE_MS = 15_000
_TURN_LENGTH_MS = 120_000

# Line ends, as WebVTT and Unicode count them; then whatever else no reader should meet in a text file.
_LINE_ENDS = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Segment:
    """Something one person said.

    Args:
        start: Seconds since the session began.
        end: Seconds since the session began.
        speaker: The name shown for the speaker; may be empty.
        speaker_id: The platform's id of the speaker, as text; may be empty.
        text: What was said.
        part: The room within the session, where it has several (a breakout); may be empty.
    """

    start: float
    end: float
    speaker: str
    speaker_id: str
    text: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """What is in a transcript.

    Args:
        segments: Segments, those without words too.
        words: Words, taken as what white space parts.
        speakers: Distinct speakers with at least one word.
        words_by_speaker: Words a speaker, by the platform's id, or the name where there is no id; sorted.
    """

    segments: int
    words: int
    speakers: int
    words_by_speaker: tuple[tuple[str, int], ...]

    def counts(self) -> dict[str, int]:
        """Return the figures for a manifest, which names nobody."""
        return {"segments": self.segments, "words": self.words, "speakers": self.speakers}


def tally(segments: Iterable[Segment]) -> Tally:
    """Count segments, words and speakers."""
    number = 0
    words: dict[str, int] = {}
    for segment in segments:
        number += 1
        said = len(segment.text.split())
        if said:
            who = segment.speaker_id or segment.speaker
            words[who] = words.get(who, 0) + said
    return Tally(number, sum(words.values()), len(words), tuple(sorted(words.items())))


def to_webvtt(segments: Iterable[Segment]) -> str:
    """Write a transcript as WebVTT, one cue a segment, speakers as voice spans.

    Cues are sorted by start and last at least 1 ms, as the standard demands (W3C WebVTT, section 4.1: a cue's
    end is greater than its start; starts do not decrease). Where a session has several rooms, the voice names
    the room too. A start that is no time takes that of the segment before; an end that is none, the start.
    """
    cues = _cues(segments)
    rooms = len({cue.segment.part for cue in cues}) > 1
    blocks = ["WEBVTT\n"]
    for cue in cues:
        who = _escape(_label(cue.segment, rooms=rooms))
        said = "\n".join(_escape(line) for line in _lines(cue.segment.text))
        voice = f"<v {who}>{said}</v>" if who else said
        blocks.append(f"{_clock(cue.start, exact=True)} --> {_clock(cue.end, exact=True)}\n{voice}\n")
    return "\n".join(blocks)


def to_plain_text(segments: Iterable[Segment]) -> str:
    """Write a transcript to be read, one line a turn, like ``[00:01:02] Ada: Good morning``.

    A turn goes on while the same person speaks in the same room with pauses of at most 15 s, and for at most
    two minutes, so that the time before a line still finds the place.
    """
    cues = _cues(segments)
    rooms = len({cue.segment.part for cue in cues}) > 1
    return "".join(
        f"[{_clock(turn[0].start)}] {_label(turn[0].segment, rooms=rooms) or 'Unknown speaker'}: "
        + " ".join(line for cue in turn for line in _lines(cue.segment.text))
        + "\n"
        for turn in _turns(cues)
    )


def write_part(writer: Writer, number: int, *, raw: bytes, segments: Sequence[Segment]) -> list[FileEntry]:
    """Write one session's transcript as ``transcript-01.json``, ``.vtt`` and ``.txt``.

    Args:
        writer: Writes the files; its manifest covers all parts of a class.
        number: Place of the session among the class's sessions, from 1. A part that could not be retrieved
            leaves a gap, so that the numbers go with the manifest's ``session_ids``.
        raw: The platform's own file, kept as it came.
        segments: The same, read.

    Raises:
        ValueError: The number is below 1.
    """
    if number < 1:
        raise ValueError("parts are counted from 1")
    stem = f"transcript-{number:02d}"
    counts = tally(segments).counts()
    vtt = to_webvtt(segments).encode("utf-8", "replace")
    text = to_plain_text(segments).encode("utf-8", "replace")
    return [
        writer.add(f"{stem}.json", [raw], media_type="application/json", counts=counts),
        writer.add(f"{stem}.vtt", [vtt], media_type="text/vtt", counts=counts),
        writer.add(f"{stem}.txt", [text], media_type="text/plain; charset=utf-8", counts=counts),
    ]


@dataclass(frozen=True, slots=True)
class _Cue:
    """A segment with words, its times in whole milliseconds and in order."""

    start: int
    end: int
    segment: Segment


def _cues(segments: Iterable[Segment]) -> list[_Cue]:
    cues = []
    before = 0
    for segment in segments:
        start = _millis(segment.start, instead=before)
        end = _millis(segment.end, instead=start)
        before = start
        if _lines(segment.text):
            cues.append(_Cue(start, max(end, start + 1), segment))
    return sorted(cues, key=lambda cue: cue.start)  # stable: who was written first at a time stays first


def _millis(seconds: float, *, instead: int) -> int:
    # Compared before it is computed with: NaN is below nothing, and a huge number must not overflow.
    if not -math.inf < seconds < _LONGEST_SECONDS:
        return instead
    return round(max(0.0, seconds) * 1000)


def _turns(cues: Iterable[_Cue]) -> Iterator[list[_Cue]]:
    turn: list[_Cue] = []
    for cue in cues:
        if turn and not _goes_on(turn, cue):
            yield turn
            turn = []
        turn.append(cue)
    if turn:
        yield turn


def _goes_on(turn: Sequence[_Cue], cue: _Cue) -> bool:
    last = turn[-1]
    return (
        _same_voice(last.segment, cue.segment)
        and cue.start - last.end <= _TURN_PAUSE_MS
        and cue.end - turn[0].start <= _TURN_LENGTH_MS
    )


def _same_voice(one: Segment, other: Segment) -> bool:
    # Without a name or an id, two voices may be two people.
    known = bool(one.speaker.strip() or one.speaker_id)
    return known and replace(one, start=0, end=0, text="") == replace(other, start=0, end=0, text="")


def _label(segment: Segment, *, rooms: bool) -> str:
    who = " ".join(_lines(segment.speaker))
    if not who and segment.speaker_id:
        who = " ".join(_lines(f"Speaker {segment.speaker_id}"))
    room = " ".join(_lines(segment.part)) if rooms else ""
    return f"{who or 'Unknown speaker'} ({room})" if room else who


def _lines(text: str) -> list[str]:
    """Return the lines of a text that hold anything: an empty one would end a cue."""
    lines = (" ".join(_CONTROLS.sub(" ", line).split()) for line in _LINE_ENDS.split(text))
    return [line for line in lines if line]


def _escape(text: str) -> str:
    """Escape for a cue and for a voice's name; without a bare ``>`` there is no ``-->`` either."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(millis: int, *, exact: bool = False) -> str:
    seconds, rest = divmod(millis, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    shown = f"{hours:02d}:{minutes:02d}:{seconds:02d}"
    return f"{shown}.{rest:03d}" if exact else shown
