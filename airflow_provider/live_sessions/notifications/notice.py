"""What a message about a session says: when, where in Airflow, how many; never who, and never how to come in."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.live_sessions.core.record import SessionRecord
    from airflow_provider.live_sessions.schedules.model import Occurrence


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message.

    Args:
        subject: One line.
        lines: The body, a sentence or ``name: value`` each.
    """

    subject: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The body as plain text."""
        return "\n".join(self.lines)

    @property
    def html(self) -> str:
        """The body as HTML; what is in it is text, whatever it looks like."""
        return "<p>" + "<br>\n".join(html.escape(line) for line in self.lines) + "</p>"

    def to_json(self) -> dict[str, str]:
        """Return what templates of other notifiers see as ``notice``."""
        return {"subject": self.subject, "text": self.text, "html": self.html}


def write(
    what: str, about: Sequence[str], *, ti: Any, session: SessionRecord | Occurrence | None, with_title: bool
) -> Announcement:
    """Return a message.

    Args:
        what: What happened, a few words.
        about: Sentences that say more; no names, no links.
        ti: The task instance the message is about.
        session: The session, where it is known.
        with_title: Name its title, which may hold a person's name.
    """
    at = "" if session is None else f", {session.start:%Y-%m-%d %H:%M} UTC"
    title = f" {session.title}" if session is not None and with_title else ""
    lines = [f"{what}.", *about]
    if title:
        lines.append(f"Session:{title}")
    if session is not None:
        lines.append(f"Planned: {session.start:%Y-%m-%d %H:%M} to {session.end:%H:%M} UTC")
    lines.append(f"DAG: {ti.dag_id}, run: {ti.run_id}, task: {ti.task_id}{_lane(ti)}")
    page = getattr(ti, "log_url", None)
    if page:
        lines.append(f"In Airflow: {page}")
    return Announcement(_line(f"{what}:{title} ({ti.dag_id}{at})"), tuple(_line(one) for one in lines))


def _line(text: str) -> str:
    # A title may hold line breaks, which would begin another header of a mail.
    return " ".join(text.split())


def _lane(ti: Any) -> str:
    return f", lane {ti.map_index}" if isinstance(ti.map_index, int) and ti.map_index >= 0 else ""
