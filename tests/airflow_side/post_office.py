"""A mail server for tests: takes everything in over SMTP, except for addresses that it refuses."""

from __future__ import annotations

import asyncio
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
    from email.message import EmailMessage

    import pytest
    from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class PostOffice:
    """Takes mail in over SMTP; some addresses it refuses.

    Args:
        mails: What came, with the address it came for.
        refused: Addresses that it refuses.
        hung_up: Addresses at which it closes the connection.
        unanswered: Addresses whose mail it takes, and closes the connection before it says so.
    """

    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    hung_up: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 nobody here"
        if address in self.hung_up:
            return "421 4.3.2 not now"  # upon which Python's client closes the connection
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=email.policy.default)
        self.mails.extend((address, message) for address in envelope.rcpt_tos)
        if self.unanswered.intersection(envelope.rcpt_tos):
            assert server.transport is not None
            server.transport.close()
        return "250 OK"

    @property
    def addresses(self) -> list[str]:
        return [address for address, _ in self.mails]

    def body(self, address: str) -> str:
        (message,) = [mail for to, mail in self.mails if to == address]
        part = message.get_body(("html",))
        assert part is not None
        return str(part.get_content())

    def link(self, address: str) -> str:
        found = re.search(r'href="([^"]+)"', self.body(address))
        assert found is not None
        return unescape(found[1])


class Door(Controller):
    """Listens on whatever port is free; aiosmtpd itself needs to be told one."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd leaves it without types


@contextmanager
def open_post_office(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    """Return a post office behind the Airflow connection ``post``."""
    office = PostOffice()
    door = Door(office, hostname="127.0.0.1", port=0, ready_timeout=30.0)
    door.start()
    connection = {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": door.port,
        "extra": {
            "disable_ssl": True,
            "disable_tls": True,
            "from_email": "school@school.test",
            "retry_limit": 1,
            "timeout": 30,
        },
    }
    monkeypatch.setenv("AIRFLOW_CONN_POST", json.dumps(connection))
    try:
        yield office
    finally:
        door.stop()
