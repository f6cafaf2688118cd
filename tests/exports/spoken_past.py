"""What was said in a made-up past of the sandbox's Lessonspace, with the truth of it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox import Sandbox

Truth = dict[str, list[dict[str, Any]]]

WORDS = ("Guten", "Morgen", "=1+1", "Ω\u2028", "yes", "no", "perhaps")


def speak(sandbox: Sandbox, *, least: float = 300.0, seed: int = 11) -> Truth:
    """Let people have spoken in two of three sessions that can have a transcript; return each one's segments.

    What the sandbox's rule asks of a transcript is asked here again: longer than ``least``, two people or more.
    """
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    truth: Truth = {}
    for number, session in enumerate(sandbox.lessonspace._store.sessions):
        session.transcribe = session.space.transcribe = number % 3 != 2
        people = list(session.people.values())
        lines: list[dict[str, Any]] = []
        for place in range(chance.randrange(6)):
            who = chance.choice(people)
            text = " ".join(chance.choices(WORDS, k=chance.randrange(5)))
            lines.append(
                {"user": who.external_id, "text": text, "start_time": place * 10.5, "end_time": place + 1.0}
            )
        session.lines = lines
        if session.transcribe and (session.seconds() or 0) > least and session.headcount > 1:
            truth[session.uuid] = [
                {
                    "segment": place,
                    "speaker_id": str(sandbox.lessonspace._store.by_external_id[line["user"]].number),
                    "participant_id": line["user"],
                    "text": line["text"],
                    "words": len(line["text"].split()),
                    "start_seconds": line["start_time"],
                    "end_seconds": line["end_time"],
                }
                for place, line in enumerate(lines)
            ]
    return truth


def of_rows(rows: list[dict[str, Any]]) -> Truth:
    """Return segments' rows in the form of the truth."""
    told: Truth = {}
    kept = ("segment", "speaker_id", "participant_id", "text", "words", "start_seconds", "end_seconds")
    for row in rows:
        told.setdefault(row["session_id"], []).append({name: row[name] for name in kept})
    return told
