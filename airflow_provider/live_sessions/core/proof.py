"""The proof that a record was written by its launch: whoever writes XComs can write a record, not its proof."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import astuple, replace
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import Refused
from airflow_provider.live_sessions.core.sealing import seal, unseal

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.pages import LaunchPlace
    from airflow_provider.live_sessions.core.record import SessionRecord
    from airflow_provider.live_sessions.core.sealing import Cipher


def prove(record: SessionRecord, place: LaunchPlace, cipher: Cipher) -> SessionRecord:
    """Return the record with its proof.

    Args:
        record: What the launch made or found.
        place: The launch itself; a record that is copied elsewhere proves nothing there.
        cipher: Holds the key that whoever writes XComs does not have.
    """
    from pydantic import SecretStr

    return replace(record, proof=seal(SecretStr(_digest(record, place)), cipher))


def check(record: SessionRecord, place: LaunchPlace, cipher: Cipher) -> None:
    """Refuse a record that another hand has written or changed.

    What counts is which session it names, on which connection, and whose hands its class is in.

    Args:
        record: As it stands in XCom.
        place: Where it stands.
        cipher: Holds the key.

    Raises:
        Refused: It is not as its launch wrote it.
        ConfigurationError: The proof cannot be opened with this key.
    """
    proven = unseal(record.proof, cipher).get_secret_value() if record.proof else ""
    if not hmac.compare_digest(proven.encode(), _digest(record, place).encode()):
        raise Refused(
            "This session's record is not as its launch wrote it, so nothing is done with it.",
            conn_id=record.ref.conn_id,
            advice="Clear the launch task: it finds its session again and writes its record anew.",
        )


def _digest(record: SessionRecord, place: LaunchPlace) -> str:
    told = [astuple(place), record.ref.to_json(), dict(record.claim)]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
