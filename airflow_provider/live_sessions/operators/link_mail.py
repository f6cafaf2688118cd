"""The mail that brings one participant their own link: the same text for everybody, or one for each role."""

from __future__ import annotations

import html
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.mail_address import as_mailed
from airflow_provider.live_sessions.core.reading import shown
from airflow_provider.live_sessions.hooks.sealing import reveal
from airflow_provider.live_sessions.operators.retrieve import zone_of
from airflow_provider.live_sessions.schedules.line_pattern import LEADER

if TYPE_CHECKING:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    from airflow_provider.live_sessions.core.models import Participant
    from airflow_provider.live_sessions.core.record import SealedLink, SessionRecord

SUBJECT = "Your link for $title, $start"
BODY = """<p>Hello $name,</p>
<p><b>$title</b> begins on $start.</p>
<p><a href="$url">Join here</a>. The link is for you alone: whoever has it comes in under your name.</p>
"""

Texts = str | Mapping[str, str]
"""One text for everybody, or a text for each role: ``default`` (or an empty role) is everybody else's, ``leader``
that of who leads without a role."""


def text_for(texts: Texts, role: str, otherwise: str) -> str:
    """Return a role's text.

    Args:
        texts: One text, or a text for each role.
        role: The participant's role; may be empty.
        otherwise: What stands where the texts have neither the role nor a default.
    """
    if isinstance(texts, str):
        return texts
    return next((texts[one] for one in (role, "default", "") if one in texts), otherwise)


@dataclass(frozen=True, slots=True)
class LinkMail:
    """How the mails with links are written.

    Args:
        subject: The subject; ``$title``, ``$name``, ``$role`` and ``$start`` are filled in.
        html_body: The body, likewise, with ``$url`` as well.
        timezone: The zone in which times are told.
        from_email: The sender; the SMTP connection's own where it is None.

    Raises:
        ConfigurationError: A text is none, or there is no such zone.
    """

    subject: Texts
    html_body: Texts
    timezone: str = "UTC"
    from_email: str | None = None

    def __post_init__(self) -> None:
        zone_of(self.timezone)
        for name, texts in (("subject", self.subject), ("html_body", self.html_body)):
            each = [*texts, *texts.values()] if isinstance(texts, Mapping) else [texts]
            if not all(isinstance(one, str) for one in each):
                raise ConfigurationError(
                    f"{name} has to be a text, or a text for each role, not {shown(texts)}.",
                    advice='Write it like {"teacher": "...", "default": "..."}.',
                )

    def send(self, smtp: SmtpHook, record: SessionRecord, link: SealedLink) -> None:
        """Mail one participant their link.

        Raises:
            ConfigurationError: Their email is not one address.
        """
        person = link.participant
        person.check_email()
        words = self._words(record, person)
        # No mask for each link: they cost quadratic time. The link goes into the mail and nowhere else.
        escaped = {name: html.escape(value) for name, value in words.items()}
        body = {**escaped, "url": html.escape(reveal(link.url, mask=False), quote=True)}
        role = person.role or (LEADER if person.leader else "")
        subject = string.Template(text_for(self.subject, role, SUBJECT)).safe_substitute(words)
        smtp.send_email_smtp(
            to=[as_mailed(person.email)],  # a list: the hook takes a text apart at commas
            from_email=self.from_email,
            subject=" ".join(subject.split()),  # a line break of any kind would end the header
            html_content=string.Template(text_for(self.html_body, role, BODY)).safe_substitute(body),
        )

    def _words(self, record: SessionRecord, person: Participant) -> dict[str, str]:
        zone = zone_of(self.timezone)
        start = record.start.astimezone(zone)
        return {
            "title": record.title,
            "name": person.name,
            "role": person.role,
            "start": f"{start:%A, %d %B %Y, %H:%M} ({zone.key})",
        }
