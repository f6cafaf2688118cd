"""Opening a door: a link made now by the platform and kept nowhere, and a line of who opened what."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from airflow.models.log import Log
from airflow.utils.session import create_session

from airflow_provider.live_sessions.core.contract import unsupported
from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    LiveSessionError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TooLate,
    Transient,
)
from airflow_provider.live_sessions.core.proof import check
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.hooks.storage import open_storage
from airflow_provider.live_sessions.plugin.sessions_page.accounts import hook_of, open_account
from airflow_provider.live_sessions.schedules.claims import Ticket

if TYPE_CHECKING:
    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.doors import Door, DoorPlatform
    from airflow_provider.live_sessions.core.models import Participant, SessionRef
    from airflow_provider.live_sessions.core.pages import LaunchPlace
    from airflow_provider.live_sessions.core.record import SessionRecord

log = logging.getLogger(__name__)
audit = logging.getLogger("airflow_provider.live_sessions.audit")

STATUS: tuple[tuple[type[LiveSessionError], int], ...] = (
    (NotFound, 404),
    (Refused, 409),
    (ConfigurationError, 409),
    (RateLimited, 503),
    (Transient, 503),
    (OutcomeUnknown, 502),
)
"""How a browser is told; the words are the error's own."""


def open_door(door: Door, ref: SessionRef, visitor: Participant) -> SecretStr:
    """Return a link made now, for this visitor.

    Raises:
        LiveSessionError: There is no way in; the message says why.
    """
    hook = hook_of(ref.platform)
    if door not in hook.doors:
        unsupported(
            hook.platform_label,
            ref.conn_id,
            f"There is no {door} that could be opened from here.",
            "Its links belong to the people it was launched for, who have got theirs.",
        )
    platform = open_account(ref)
    try:
        link = cast("DoorPlatform", platform).open_door(door, ref, visitor)  # its hook says that it has the door
    finally:
        platform.close()
    if urlsplit(link.get_secret_value()).scheme not in ("http", "https"):
        raise Refused(
            "What the platform gave is no address that a browser could follow.",
            platform=hook.platform_label,
            conn_id=ref.conn_id,
            advice="If it happens again, report it.",
        )
    return link


def check_proof(record: SessionRecord, place: LaunchPlace) -> None:
    """Refuse the door of a record that its launch did not write: XComs can be written through the REST API.

    Raises:
        LiveSessionError: It was written or changed by another hand, or the key is not the one it was written with.
    """
    check(record, place, AirflowCipher())


def check_claim(record: SessionRecord) -> None:
    """Refuse the door of a class that another run has taken over: this run's settings for it are old.

    Where the claims cannot be looked at from the api-server, the door is not refused.

    Raises:
        LiveSessionError: It is in other hands, and the message says in whose; or what was claimed cannot be read.
    """
    if not record.claim:
        return
    ticket = Ticket.from_json(record.claim)
    try:
        taken = ticket.taken_by(open_storage(ticket.destination))
    except Exception as error:  # noqa: BLE001 - any storage of the deployment, which workers alone may reach
        log.warning("Whose hands a class is in cannot be looked at: %s", type(error).__name__)
        return
    if taken is None:
        return
    raise TooLate(
        f"Run {taken.run_id!r} cancelled this class."
        if taken.action == "cancel"
        else f"Run {taken.run_id!r} has this class now; open it from there.",
        platform=hook_of(record.ref.platform).platform_label,
        conn_id=record.ref.conn_id,
        advice="Nothing was opened.",
    )


def note(door: Door, place: LaunchPlace, ref: SessionRef, user: Any, *, outcome: str) -> None:
    """Write down who opened what, into the server's log and Airflow's own audit log; never the link.

    Args:
        door: What was opened.
        place: The launch.
        ref: The session.
        user: Who.
        outcome: ``opened``, or why it was not, without secrets.
    """
    where = f"{place.dag_id} / {place.run_id} / {place.task_id} [{place.map_index}]"
    told = (str(user.get_name()), door, where, ref.conn_id, outcome)
    audit.info("User %r, %s of the session of %s, connection %r: %s", *told)
    line = Log(event=f"live_sessions.open_{door}", owner=told[0], extra=json.dumps({"outcome": outcome}))
    line.dag_id, line.run_id = place.dag_id, place.run_id
    line.task_id, line.map_index = place.task_id, place.map_index
    with create_session() as session:
        session.add(line)


def status_of(error: LiveSessionError) -> int:
    """Return the HTTP status that tells a browser what went wrong."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 502)
