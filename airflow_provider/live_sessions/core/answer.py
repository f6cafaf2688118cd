"""What a platform answered, and which error a refusal becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    LiveSessionError,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.reading import TooDeepError, load_json
from airflow_provider.live_sessions.core.redact import redact, shorten
from airflow_provider.live_sessions.core.retry import Safety, parse_http_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from pydantic import SecretStr

_READABLE = 8 * 1024
"""Characters of an error's body that are looked at: its words are near the beginning."""

_NAMES = ("detail", "message", "error_description", "error", "errorMessage", "non_field_errors")
_CHARSET = re.compile(r"charset=[\"']?([\w-]{1,40})", re.IGNORECASE)
_INVISIBLE = re.compile(r"<(style|script)\b.*?(?:</\1>|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]{0,500}>")


@dataclass(frozen=True)
class Answer:
    """An answer, read whole.

    Args:
        status: The HTTP status.
        headers: The headers; their names in any case.
        content: The body, decompressed.
        label: The call's name.
        safety: What a second execution of the call would do.
        platform: The platform, for errors.
        conn_id: The Airflow connection, for errors.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    label: str = ""
    safety: Safety = Safety.READ
    platform: str = ""
    conn_id: str = ""

    @property
    def date(self) -> datetime | None:
        """The server's time when it answered, None where it does not tell."""
        return parse_http_date(self.headers.get("Date"))

    @cached_property
    def text(self) -> str:
        """The body as text, in the charset that it names, else UTF-8; what does not fit is replaced."""
        named = _CHARSET.search(self.headers.get("Content-Type", ""))
        try:
            return self.content.decode(named[1] if named else "utf-8", "replace")
        except (LookupError, ValueError):  # no such charset, or one that knows no "replace"
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body as JSON; None for an empty one.

        Raises:
            Unavailable: The answer to a read is not JSON.
            OutcomeUnknown: The answer to a write is not JSON: what it did is not known.
        """
        kind, value = self._parsed
        if kind is not None:
            self._malformed(kind)
        return value

    @property
    def is_json(self) -> bool:
        """Whether there is a body that is JSON."""
        return bool(self.content.strip()) and self._parsed[0] is None

    @cached_property
    def _parsed(self) -> tuple[str | None, Any]:
        if not self.content.strip():
            return None, None
        try:
            return None, load_json(self.content)
        except TooDeepError:
            return "nested too deep to be read", None
        except ValueError:
            return "not JSON", None

    def _malformed(self, what: str) -> NoReturn:
        kind: type[LiveSessionError] = Unavailable if self.safety is Safety.READ else OutcomeUnknown
        raise kind(
            f"{self.label}: the answer is {what}.",
            platform=self.platform,
            conn_id=self.conn_id,
            advice="Check that the connection's host is the platform's API and not a web page or a proxy.",
        )


def words_of(answer: Answer, secrets: Iterable[str | SecretStr] = ()) -> str:
    """Return what the platform said, on one line, without secrets, at most 300 characters.

    Sources: Django REST framework's ``detail``, ``non_field_errors`` and field errors; ``error.message``
    (Coviu); ``errorMessage`` (Screenleap); ``error`` and ``error_description`` (OAuth); bare text (Educates).
    """
    body = answer.json() if answer.is_json else None
    words = "; ".join(_said(body)) if isinstance(body, (dict, list, str)) else ""
    if not words:
        words = answer.text[:_READABLE]
        if words.lstrip().startswith("<"):
            words = _TAG.sub(" ", _INVISIBLE.sub(" ", words))
    if len(words) >= _READABLE:  # cut between words: half a secret is not recognised as one
        words = words[:_READABLE].rpartition(" ")[0]
    return shorten(redact(words, secrets))


def _said(body: object, depth: int = 0) -> Iterator[str]:
    if isinstance(body, str):
        yield body
    elif depth < 4 and isinstance(body, list):
        for one in body[:10]:
            yield from _said(one, depth + 1)
    elif depth < 4 and isinstance(body, dict):
        found = [text for name in _NAMES for text in _said(body.get(name), depth + 1)]
        yield from found
        if not found:  # field errors: {"id": ["Too long."]}
            for name, value in list(body.items())[:10]:
                for text in _said(value, depth + 1):
                    yield f"{name}: {text}"


def refusal(answer: Answer, secrets: Iterable[str | SecretStr] = (), *, note: str = "") -> Refused:
    """Return the error for an answer that time will not heal.

    Args:
        answer: With a status from 300.
        secrets: Taken out of the platform's words.
        note: A sentence to add.
    """
    words = words_of(answer, secrets)
    kind, what, advice = Refused, f"refused with status {answer.status}", ""
    if answer.status == 401:
        kind, what = AuthenticationFailed, "the credentials were not accepted"
        advice = "Check the credentials of the connection."
    elif answer.status in (404, 410):
        kind, what = NotFound, f"not found (status {answer.status})"
    elif 300 <= answer.status < 400:
        what = f"answered with a redirect (status {answer.status}), which is not followed"
        advice = "Check the connection's host: https instead of http, and the platform's own name."
        words = ""
    told = f"{answer.label}: {what}" + (f": {words}" if words else "")
    return kind(
        told + ("" if told.endswith((".", "!", "?", "…")) else ".") + (f" {note}" if note else ""),
        platform=answer.platform,
        conn_id=answer.conn_id,
        advice=advice,
        status=answer.status,
        words=words,
    )
