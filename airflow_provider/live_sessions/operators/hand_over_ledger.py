"""Who was handed their link already: one file a participant, below the session's key."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import load_json
from airflow_provider.live_sessions.core.times import format_optional_time
from airflow_provider.live_sessions.hooks.storage import open_storage, shared_destination
from airflow_provider.live_sessions.schedules.claims import Ticket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.core.models import Participant, SessionRef
    from airflow_provider.live_sessions.core.record import SealedLink
    from airflow_provider.live_sessions.core.storage import Storage

log = logging.getLogger(__name__)

LEDGERS = "handed-over"

XCOM = "xcom"
"""How a link is handed over that goes nowhere: it stays sealed in XCom."""

BEGUN = "begun"
"""What stands for a way where a link may be on its way, or where it went wrong; it counts as not served."""


def anybody_served(destination: str, key: str) -> bool:
    """Return whether a link of a session is written down as handed over, or begun to be, also to stay in XCom.

    Args:
        destination: Where the hand-over keeps its list; empty for the default. Where none is set that all workers
            see, no hand-over has run.
        key: The digest of the session's launch key.
    """
    try:
        storage = open_storage(shared_destination(destination))
    except ConfigurationError:
        return False
    return bool(storage.list(f"{LEDGERS}/{key}"))


def may_be_out(key: str, *, claim: Mapping[str, Any], destination: str = "") -> bool:
    """Return whether a link may have left Airflow before its planned moment: it did, or that cannot be read.

    Args:
        key: The digest of the session's launch key.
        claim: The lane's ticket, which says where its run keeps its lists; empty where there was no timetable.
        destination: Where the hand-over keeps its list; empty for the claim's, and else for the default.
    """
    try:
        return anybody_served(destination or (Ticket.from_json(claim).destination if claim else ""), key)
    except Exception as error:  # noqa: BLE001 - a storage that is away keeps no class from being called off
        log.warning("Who was served cannot be read (%s), so links count as handed over.", type(error).__name__)
        return True


def share_key(ref: SessionRef) -> str:
    """Return the key of a list that holds for one share alone, where a launch that is repeated makes another."""
    return f"{ref.key}/{ref.session_id}"


class Ledger:
    """Who was served already.

    The key stays when a class is moved or renamed, and two tasks that serve different people do not overwrite each
    other's entries.

    Args:
        storage: Where it is kept.
        key: The digest of the session's launch key.
    """

    def __init__(self, storage: Storage, key: str) -> None:
        self._storage = storage
        self._folder = f"{LEDGERS}/{key}"

    @property
    def url(self) -> str:
        """Where the ledgers of all sessions lie."""
        return self._storage.url(LEDGERS)

    def in_order(self, links: Sequence[SealedLink]) -> list[int]:
        """Return the places of links in the order in which to serve them: last those that were begun before.

        What went wrong with them may go wrong again, and is then nobody else's delay.
        """
        return sorted(
            range(len(links)), key=lambda number: self._entry(links[number].participant).get("by") == BEGUN
        )

    def served(self, link: SealedLink, by: str) -> dict[str, str] | None:
        """Return when and how a participant was served, or None when there is something left to do.

        Args:
            link: The participant's link.
            by: How it would be handed over now: who was only served in XCom is still sent theirs.
        """
        entry = self._entry(link.participant)
        if not entry or entry.get("by") == BEGUN or entry.get("by") == XCOM != by:
            return None
        # Another address, or a link that works at other times: the one they have is no longer right.
        now = _as_now(link)
        # Entries of an earlier release do not say from when a link works.
        return (
            entry if all(entry.get(name) == now[name] for name in now if name != "from" or name in entry) else None
        )

    def was_served(self, person: Participant) -> bool:
        """Return whether a participant was served at any time, in whatever way and at whatever address."""
        by = self._entry(person).get("by")
        return isinstance(by, str) and by not in ("", BEGUN)

    def begin(self, link: SealedLink) -> None:
        """Write down that a participant is about to be served."""
        self.record(link, BEGUN)

    def record(self, link: SealedLink, by: str) -> dict[str, str]:
        """Write down that a participant was served."""
        entry = {
            "by": by,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            **_as_now(link),
        }
        self._storage.put(self._name(link.participant), [json.dumps(entry, indent=2, sort_keys=True).encode()])
        return entry

    def _entry(self, person: Participant) -> dict[str, Any]:
        try:
            entry = load_json(self._storage.get(self._name(person)))
        except (FileNotFoundError, ValueError):
            return {}
        return entry if isinstance(entry, dict) else {}

    def _name(self, person: Participant) -> str:
        # The id is the caller's own text: a digest of it is safe as a name.
        return f"{self._folder}/{hashlib.sha256(person.id.encode()).hexdigest()[:32]}.json"


def _as_now(link: SealedLink) -> dict[str, str]:
    return {
        "email": link.participant.email,
        "from": format_optional_time(link.not_before) or "",
        "until": format_optional_time(link.not_after) or "",
    }
