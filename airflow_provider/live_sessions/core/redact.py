"""Take the secrets out of text that people will read, and out of urllib3's log lines.

Every pattern below is bounded or consumes what it looks at, so the work grows with the length of the text and
no input makes it explode.
"""

from __future__ import annotations

import html
import json
import logging
import re
import unicodedata
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import SecretStr

HIDDEN = "***"

_SHORTEST = 4
"""Shorter secrets are left: replacing them everywhere would garble the text and tell where they were."""

_WORD = (
    r"key|token|secret|passw(?:or)?d|passphrase|pwd|signature|credentials?|jwt|code_verifier|sessionid"
    r"|share_?code|presenterparams|participant_?id"  # ids that are as good as the link they end
)
# After the authority everything goes: platforms put bearer ids into the path as well as into the query.
_URL = re.compile(r"(:(?:\\?/){2})([^\s\"'<>]*)")
_AFTER_HOST = re.compile(r"[/?#\\]")
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?[.,;)]?")
_ENCODED_URL = re.compile(r"%3A%2F%2F[^\s\"'<>&]*", re.IGNORECASE)
_RELATIVE_QUERY = re.compile(r"\?[\w.~%\[\]-]{1,64}=[^\s\"'<>]*")
_HEADER = re.compile(
    r"\b((?:proxy-)?authorization|auth_?token|x-api-key|(?:set-)?cookie)(\\?[\"']?\s{0,4}[:=]\s{0,4})[^\r\n\"'\\]+",
    re.IGNORECASE,
)
_SCHEME = re.compile(
    r"\b(bearer|basic|digest|token|organi[sz]ation|negotiate)(\s{1,4})"
    r"(?=[A-Za-z]{0,64}[0-9+/=_]|[^\s\"'<>,;]{20})[^\s\"'<>,;]{8,}",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(rf"({_WORD})([\w-]{{0,16}}[\"']?\s{{0,4}}=\s{{0,4}}[\"']?)[^\s\"'&,;<>]+", re.IGNORECASE)
_QUOTED = re.compile(rf"({_WORD})([\w-]{{0,16}}\\?[\"']\s{{0,4}}:\s{{0,4}}\\?[\"'])[^\"'\r\n\\]+", re.IGNORECASE)
_NAMED = re.compile(
    rf"({_WORD})([\w-]{{0,16}}[^\w\r\n]{{1,6}}(?:is[^\w\r\n]{{1,3}})?)"
    r"(?=[A-Za-z+/=.~-]{0,64}[0-9_]|[\w+/=.~-]{24})[\w+/=.~-]{6,}",
    re.IGNORECASE,
)
_RUN = re.compile(r"[A-Za-z0-9_.=-]{20,}")
_LINE_BREAKERS = frozenset("\u2028\u2029")


def redact(text: str, secrets: Iterable[str | SecretStr] = ()) -> str:
    """Return the text without what opens a door.

    Taken out: each given secret in all its spellings; of every URL all but its scheme and host; query
    strings; values of credential headers and of words such as key, token, secret, password, signature; JSON
    Web Tokens; Fernet tokens.

    Args:
        text: Any text.
        secrets: What is known to be secret.
    """
    for form in _forms(secrets):
        text = text.replace(form, HIDDEN)
    text = _URL.sub(_only_host, text)
    text = _ENCODED_URL.sub("%3A%2F%2F" + HIDDEN, text)
    text = _RELATIVE_QUERY.sub("?" + HIDDEN, text)
    text = _RUN.sub(_without_tokens, text)
    for pattern in (_HEADER, _SCHEME, _ASSIGNED, _QUOTED, _NAMED):
        text = pattern.sub(rf"\1\2{HIDDEN}", text)
    return text


def shorten(text: str, limit: int = 300) -> str:
    """Return the text on one line and at most so many characters long.

    Line breaks, escape sequences and direction marks become spaces: what a platform says must not be able to
    forge a log line.
    """
    printable = "".join(" " if _unprintable(character) else character for character in text)
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: max(limit - 1, 0)].rstrip() + "…"


def _unprintable(character: str) -> bool:
    return character in _LINE_BREAKERS or unicodedata.category(character) in ("Cc", "Cf", "Cs")


def _forms(secrets: Iterable[str | SecretStr]) -> list[str]:
    """Return every spelling of the secrets, the longest first."""
    forms: set[str] = set()
    for secret in secrets:
        raw = secret if isinstance(secret, str) else secret.get_secret_value()
        if len(raw) < _SHORTEST:
            continue
        safe = raw.encode("utf-8", "replace").decode()  # quote() refuses lone surrogates
        quoted = {quote(safe, safe=""), quote(safe), quote_plus(safe)}
        escaped = {json.dumps(raw)[1:-1], json.dumps(raw, ensure_ascii=False)[1:-1]}
        forms |= {raw, html.escape(raw), html.escape(raw, quote=False), repr(raw)[1:-1]}
        forms |= quoted | {re.sub("%..", lambda found: found[0].lower(), one) for one in quoted}
        forms |= escaped | {one.replace("/", "\\/") for one in escaped}
    return sorted(forms, key=lambda form: (-len(form), form))


def _only_host(found: re.Match[str]) -> str:
    slashes, rest = found[1], found[2]
    end = _AFTER_HOST.search(rest)
    cut = len(rest) if end is None else end.start()
    host, tail = rest[:cut].rpartition("@")[2], rest[cut:]
    if "@" in tail or not _HOST.fullmatch(host):  # e.g. a password with a slash: where the host begins is a guess
        return slashes + HIDDEN
    return slashes + host + (tail if tail in ("", "/") else "/" + HIDDEN)


def _without_tokens(found: re.Match[str]) -> str:
    run = found[0]
    starts = [run.find("gAAAAA")]  # Fernet: version byte 128 and the high bytes of a time
    jwt = run.find("eyJ")  # a JSON Web Token: base64 of '{"'
    if jwt >= 0 and "." in run[jwt:]:
        starts.append(jwt)
    known = [start for start in starts if start >= 0]
    return run[: min(known)] + HIDDEN if known else run


# ---- urllib3 writes the path and query of every request at DEBUG

_sensitive: ContextVar[bool] = ContextVar("live_sessions_sensitive_request", default=False)
_LOGGERS = ("urllib3.connectionpool", "urllib3.connection", "urllib3.poolmanager", "urllib3.util.retry")


@contextmanager
def sensitive() -> Iterator[None]:
    """Mark the requests sent inside as ones whose very path is secret."""
    token = _sensitive.set(True)
    try:
        yield
    finally:
        _sensitive.reset(token)


class _LogGuard(logging.Filter):
    """Takes query strings out of urllib3's lines, and the whole path of a sensitive request."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and record.args:
            record.args = tuple(_guarded(one) for one in record.args)
        else:
            record.msg = redact(str(record.msg))
        return True


def _guarded(value: object) -> object:
    if isinstance(value, (int, float)) or value is None:
        return value  # %d and %s both go on working
    text = str(value)
    if text.startswith("/"):
        return "/" + HIDDEN if _sensitive.get() else text.partition("?")[0] + ("?" + HIDDEN if "?" in text else "")
    return redact(text)


_guard = _LogGuard()


def guard_urllib3_logs() -> None:
    """Put the filter on urllib3's loggers; calling it again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_guard)  # Logger.addFilter adds the same filter only once
