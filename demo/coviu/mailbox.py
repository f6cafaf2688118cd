"""The mailboxes of the clinic's people: a mail server on loopback that keeps what arrives in memory only."""

from __future__ import annotations

import email
import email.policy
import logging
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING, Self

from aiosmtpd.controller import Controller

from demo.airflow_stack import free_port

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
    """Takes mail in over SMTP; see :meth:`opened`.

    Args:
        port: Where it listens.
        mails: What arrived.
    """

    port: int
    mails: list[Mail] = field(default_factory=list)

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        """Listen meanwhile."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # its server tells each line of each talk
        mailboxes = cls(free_port())
        controller = Controller(mailboxes, hostname=HOST, port=mailboxes.port, ready_timeout=READY_SECONDS)
        controller.start()
        try:
            yield mailboxes
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
