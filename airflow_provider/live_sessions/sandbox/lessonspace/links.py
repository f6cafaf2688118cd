"""Join links and other signed URLs: HS256 tokens keyed with a space's secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from airflow_provider.live_sessions.sandbox.lessonspace.state import Link

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.lessonspace.state import Space, Store

GO, INVITE, PLAY, FILES = "/lessonspace/go/", "/lessonspace/space/", "/lessonspace/play/", "/lessonspace/s3/"


def sign(claims: Mapping[str, Any], secret: str) -> str:
    """Return a JSON web token, HS256."""
    head = _encode(b'{"alg":"HS256","typ":"JWT"}')
    body = _encode(json.dumps(claims, separators=(",", ":")).encode())
    return f"{head}.{body}.{_seal(f'{head}.{body}', secret)}"


def read(token: str, secret: str) -> dict[str, Any] | None:
    """Return a token's claims, or None when it was not signed with the secret."""
    signed, _, seal = token.rpartition(".")
    if not signed or not hmac.compare_digest(seal.encode(), _seal(signed, secret).encode()):
        return None
    body = signed.partition(".")[2]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims if isinstance(claims, dict) else None


def claims_of(link: Link, at: datetime, custom: Mapping[str, Any], user_id: int) -> dict[str, Any]:
    """Return what a join link's token says [dossier 2.2]; custom parameters are added beside it."""
    claims: dict[str, Any] = {
        **custom,
        "jti": link.jti,
        "iat": int(at.timestamp()),
        "id": user_id,
        "name": link.name,
        "guest": link.person is None,
        "canLead": link.leader,
        "readOnly": False,
        "allowInvite": True,
        "meta": link.meta,
    }
    if link.not_before is not None:
        claims["nbf"] = math.ceil(link.not_before)
    if link.not_after is not None:
        claims["exp"] = int(link.not_after)
    if link.single_use:
        claims["singleUse"] = True
    if link.only_session:
        claims["sessionLimit"] = link.only_session
    return claims


def client_url(base: str, space: Space, claims: Mapping[str, Any], extra: Mapping[str, str]) -> str:
    """Return the link that lets its bearer in."""
    invite = f"{base}{INVITE}{space.id}/"
    return f"{base}{GO}?" + urlencode(
        {"user": sign(claims, space.secret), "room": space.id, "inviteUrl": invite, **extra}
    )


def link_of(space: Space, claims: Mapping[str, Any], store: Store) -> Link:
    """Return the link that a token belongs to; whoever has the space's secret may sign tokens of their own."""
    jti = str(claims.get("jti", ""))
    for one in reversed(space.links):
        if jti and one.jti == jti:
            return one
    link = Link(
        jti=jti,
        person=store.people.get(claims.get("id", 0)),
        name=str(claims.get("name", "Guest")),
        leader=bool(claims.get("canLead")),
        not_before=claims.get("nbf"),
        not_after=claims.get("exp"),
        kick=bool(claims.get("kickOnExp")),
        single_use=bool(claims.get("singleUse")),
        only_session=str(claims.get("sessionLimit", "")),
        meta=claims.get("meta") or {},
    )
    if jti:
        space.links.append(link)
    return link


def file_url(base: str, path: str, secret: str, at: datetime, life: float) -> str:
    """Return a pre-signed URL of a file, in the shape of S3's."""
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": at.strftime("%Y%m%dT%H%M%SZ"),
        "X-Amz-Expires": str(int(life)),
    }
    return f"{base}{path}?" + urlencode({**query, "X-Amz-Signature": file_seal(path, query, secret)})


def file_seal(path: str, query: Mapping[str, str], secret: str) -> str:
    """Return the signature of a file's URL."""
    text = "\n".join([path, query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", "")])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _seal(text: str, secret: str) -> str:
    return _encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
