"""A strict reader of WebVTT, written from the standard's syntax (W3C WebVTT, sections 4.1 and 4.2).

It accepts what a conforming file may hold of what we write, and fails on everything else.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_TIME = r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMING = re.compile(rf"{_TIME} --> {_TIME}")
_ESCAPED = r"(?:[^&<>\n]|&(?:amp|lt|gt);)"
_VOICE = re.compile(rf"<v ({_ESCAPED}+)>((?:{_ESCAPED}|\n)+)</v>")
_PLAIN = re.compile(rf"(?:{_ESCAPED}|\n)+")


@dataclass(frozen=True)
class Cue:
    start: int
    end: int
    voice: str
    text: str


def read_webvtt(content: str) -> list[Cue]:
    assert "\r" not in content
    assert "\x00" not in content
    assert content.endswith("\n")
    header, *blocks = content.removesuffix("\n").split("\n\n")
    assert header == "WEBVTT"
    cues: list[Cue] = []
    for block in blocks:
        timing, _, payload = block.partition("\n")
        times = _TIMING.fullmatch(timing)
        assert times, timing
        assert "-->" not in payload
        start, end = _millis(times.groups()[:4]), _millis(times.groups()[4:])
        assert end > start
        assert not cues or start >= cues[-1].start
        voice = _VOICE.fullmatch(payload)
        if voice:
            cues.append(Cue(start, end, html.unescape(voice[1]), html.unescape(voice[2])))
        else:
            assert _PLAIN.fullmatch(payload), payload
            cues.append(Cue(start, end, "", html.unescape(payload)))
    return cues


def _millis(parts: tuple[str, ...]) -> int:
    hours, minutes, seconds, millis = map(int, parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis
