"""The mailboxes of the clinic's people: a mail server on loopback that keeps what arrives in memory only."""

from __future__ import annotations

import email
import email.policy
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING

from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
READY_SECONDS = 30.0


@dataclass(frozen=True)
class Mail:
    """A mail that arrived.

    Args:
        to: The recipient's address.
        subject: Its subject.
        link: The join link in it; empty where there is none.
    """

    to: str
    subject: str
    link: str = field(repr=False)


@dataclass
class Mailboxes:
    """Takes mail in over SMTP.

    Args:
        port: Where it listens.
    """

    port: int = 0
    mails: list[Mail] = field(default_factory=list)

    def connection(self) -> str:
        """Return the Airflow connection that mails through it."""
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "desk@clinic.example"}
        return json.dumps({"conn_type": "smtp", "host": HOST, "port": self.port, "extra": extra})

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Listen meanwhile."""
        controller = Controller(self, hostname=HOST, port=self.port, ready_timeout=READY_SECONDS)
        controller.start()
        try:
            yield
        finally:
            controller.stop()

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep a mail."""
        del server, session
        content = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        message = email.message_from_bytes(data, policy=email.policy.default)
        body = message.get_body(("html",))
        text = "" if body is None else str(body.get_content())
        link = re.search(r'href="([^"]+)"', text)
        for address in envelope.rcpt_tos:
            self.mails.append(Mail(address, str(message["Subject"]), unescape(link[1]) if link else ""))
        return "250 OK"
