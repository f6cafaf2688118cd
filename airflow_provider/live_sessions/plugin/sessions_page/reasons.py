"""Why sessions were cancelled, in the words of those who did, for who may read the DAG that cancelled them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.models.xcom import XComModel
from sqlalchemy import select

from airflow_provider.live_sessions.core.pages import LONGEST_REASON, reason_key
from airflow_provider.live_sessions.plugin.sessions_page.records import value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Set

    from sqlalchemy.orm import Session


def read_reasons(
    session: Session, session_keys: Collection[str], readable: Callable[[Set[str]], Set[str]]
) -> dict[str, str]:
    """Return the reason that each session's last cancel was given, and in which DAG, by the session's key.

    One question, by a key that is indexed; none where nothing was cancelled.

    Args:
        session: Of Airflow's database.
        session_keys: The digests of the launch keys of sessions that are cancelled.
        readable: Which of some DAGs whoever asks may read.
    """
    keys = {reason_key(one): one for one in session_keys}
    if not keys:
        return {}
    stored = session.execute(
        select(XComModel.key, XComModel.dag_id, XComModel.value)
        .where(XComModel.key.in_(keys))
        .order_by(XComModel.timestamp)
    ).all()
    mine = readable({one.dag_id for one in stored})
    last = {keys[one.key]: one for one in stored if one.dag_id in mine}
    # The DAG is named, for whoever writes XComs can give a reason for any session.
    return {
        key: f"Reason given in {one.dag_id}: {text}" for key, one in last.items() if (text := _text(one.value))
    }


def _text(stored: Any) -> str:
    try:
        return " ".join(str(value_of(stored)).split())[:LONGEST_REASON]
    except Exception:  # noqa: BLE001 - an XCom backend of the deployment may raise anything
        return ""
