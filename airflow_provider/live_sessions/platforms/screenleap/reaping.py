"""Stopping the shares that people left open: they go on costing until somebody ends them.

Stopping from the server is what the vendor recommends for them (``apis/screenleap.md`` section 2.3). Each share is
read once more before it is stopped.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import NotFound, OutcomeUnknown, Refused, Transient
from airflow_provider.live_sessions.core.times import format_optional_time
from airflow_provider.live_sessions.platforms.screenleap.judging import count
from airflow_provider.live_sessions.platforms.screenleap.marks import split

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pydantic import SecretStr

    from airflow_provider.live_sessions.platforms.screenleap.cancelling import Pace
    from airflow_provider.live_sessions.platforms.screenleap.client import ScreenleapClient
    from airflow_provider.live_sessions.platforms.screenleap.models import Share


BY_ITSELF = "It had ended by itself."


class Action(StrEnum):
    """What became of a share."""

    WOULD_STOP = "would_stop"
    STOPPED = "stopped"
    ASKED = "asked"
    ENDED = "ended"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reaped:
    """One share that had been open too long.

    Args:
        share: The digest of its code.
        external_id: The user's part of the external id.
        launch_key: The launch key's digest, empty for a share that was made elsewhere.
        title: Shown to its viewers.
        started_at: When it was started.
        open_seconds: How long it had been open.
        viewers: Viewers seen, where told.
        action: What became of it.
        why: One sentence where it was not stopped.
    """

    share: str
    external_id: str
    launch_key: str
    title: str
    started_at: datetime | None
    open_seconds: int
    viewers: int | None
    action: Action
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write for XCom."""
        return {
            **asdict(self),
            "started_at": format_optional_time(self.started_at),
            "action": self.action.value,
        }


def overdue(shares: Iterable[Share], now: datetime, older_than: float, *, prefix: str = "") -> list[Share]:
    """Return the shares that have been running longer than so many seconds, the oldest first.

    Args:
        shares: The recent list, which has every running share.
        now: The platform's time.
        older_than: Seconds since the start. Shares that nobody started cost nothing and are left alone.
        prefix: Only shares whose external id begins with it.
    """
    found = [
        (one.started_at, one)
        for one in shares
        if one.started_at is not None
        and one.ended_at is None
        and (now - one.started_at).total_seconds() > older_than
        and (one.external_id or "").startswith(prefix)
    ]
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def reap(
    client: ScreenleapClient, *, older_than: float, prefix: str = "", dry_run: bool = False, pace: Pace
) -> list[Reaped]:
    """Stop every share that has been running too long, and say what became of each.

    Args:
        client: The account's client.
        older_than: Seconds since the start.
        prefix: Only shares whose external id begins with it.
        dry_run: Stop nothing, only say what would be.
        pace: How the ends are waited for, all together.
    """
    shares = client.recent()
    now = client.now()
    found = overdue(shares, now, older_than, prefix=prefix)
    if dry_run:
        return [_told(client, one, now, Action.WOULD_STOP) for one in found]
    outcomes = [(one, *_stop(client, one)) for one in found]
    waited = 0.0
    running = _running(client)
    while running is None or any(action is Action.ASKED and _code(one) in running for one, action, _ in outcomes):
        if waited >= pace.patience:
            break
        pace.sleep(pace.step)
        waited += pace.step
        running = _running(client)
    return [_told(client, one, now, *_final(one, action, why, running)) for one, action, why in outcomes]


def _stop(client: ScreenleapClient, share: Share) -> tuple[Action, str]:
    if share.code is None:
        raise AssertionError("the client drops rows without a code")
    try:
        if _ended(client, share.code):
            return Action.ENDED, BY_ITSELF
        client.stop(share.code)
    except NotFound:
        return Action.ENDED, BY_ITSELF
    except Refused as error:
        return Action.REFUSED, error.words or error.what
    except (OutcomeUnknown, Transient) as error:
        return Action.FAILED, error.what
    return Action.ASKED, ""


def _ended(client: ScreenleapClient, code: SecretStr) -> bool:
    try:
        return client.share(code).ended_at is not None
    except NotFound:  # of a share that was listed a moment ago: the stop will tell
        return False


def _running(client: ScreenleapClient) -> set[str] | None:
    try:
        return {_code(one) for one in client.recent() if one.ended_at is None}
    except Transient:
        return None


def _final(share: Share, action: Action, why: str, running: set[str] | None) -> tuple[Action, str]:
    if action is not Action.ASKED:
        return action, why
    if running is None or _code(share) in running:
        return action, "The stop message was sent; the end was not seen yet."
    return Action.STOPPED, ""


def _told(client: ScreenleapClient, share: Share, now: datetime, action: Action, why: str = "") -> Reaped:
    users, key = split(share.external_id or "")
    people = count(share)
    started = share.started_at or now
    return Reaped(
        share="" if share.code is None else client.digest(share.code),
        external_id=users,
        launch_key=key,
        title=share.title or "",
        started_at=share.started_at,
        open_seconds=round((now - started).total_seconds()),
        viewers=None if people is None else people - 1,
        action=action,
        why=why,
    )


def _code(share: Share) -> str:
    return "" if share.code is None else share.code.get_secret_value()
