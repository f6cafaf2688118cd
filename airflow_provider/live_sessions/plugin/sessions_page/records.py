"""The records that launches wrote into XCom, each read once and believed only with its launch's proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.models.xcom import XComModel
from sqlalchemy import and_, select

from airflow_provider.live_sessions.core.errors import LiveSessionError, Refused
from airflow_provider.live_sessions.core.pages import LaunchPlace
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.plugin.sessions_page.accounts import hook_of
from airflow_provider.live_sessions.plugin.sessions_page.opening import check_proof

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

KEPT = 500
"""Records that are remembered beside those just looked at."""

NOT_ITS_OWN = (
    "This session's record is not its launch's: another hand has written or changed it, so nothing is asked and "
    "nothing is opened by it. Clear the launch task: it finds its session again and writes its record anew."
)

Read = tuple[SessionRecord | None, str]
"""A record, or why there is none for the page; neither where the launch wrote none."""


class Records:
    """Reads the records of launches; remembers them, for one may be long."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Read] = {}

    def read(self, session: Session, rows: Iterable[Any]) -> dict[tuple[Any, ...], Read]:
        """Return the records of launches by run, task and index.

        Args:
            session: Of Airflow's database.
            rows: The launches: ``dag_id``, ``run_id``, ``task_id``, ``map_index`` and ``run``, their run's number.
        """
        places = {
            (one.run, one.task_id, one.map_index): LaunchPlace(one.dag_id, one.run_id, one.task_id, one.map_index)
            for one in rows
        }
        written = session.execute(
            select(XComModel.dag_run_id, XComModel.task_id, XComModel.map_index, XComModel.timestamp).where(
                XComModel.key == "return_value",
                XComModel.dag_run_id.in_({run for run, _, _ in places}),
                XComModel.task_id.in_({task_id for _, task_id, _ in places}),
            )
        )
        stamps = {(one.dag_run_id, one.task_id, one.map_index): (*one,) for one in written}
        current = {
            stamps[key]: self._known.get(stamps[key]) or _fetch(session, key, place)
            for key, place in places.items()
            if key in stamps
        }
        # What others look at stays, as long as it is not much more than the page shows.
        self._known = {**dict(list(self._known.items())[-KEPT:]), **current}
        return {key: current[stamps[key]] for key in places if key in stamps}


def find(session: Session, place: LaunchPlace) -> SessionRecord:
    """Return the record of one launch, as it stands there: whether it is the launch's own is not looked at.

    Raises:
        LookupError: The task has launched nothing (yet), or cannot be read; the message is for people.
    """
    found = session.execute(
        _stored().where(
            XComModel.dag_id == place.dag_id,
            XComModel.run_id == place.run_id,
            XComModel.task_id == place.task_id,
            XComModel.map_index == place.map_index,
        )
    ).first()
    if found is None:
        raise LookupError("This task has launched no session yet, or it was cleared and will launch it again.")
    record, unreadable = _read(found.value)
    if record is None:
        raise LookupError(unreadable)
    return record


def value_of(stored: Any) -> Any:
    """Return a stored XCom's value, through the deployment's own backend."""
    from airflow.sdk.execution_time.xcom import XCom

    return XCom.deserialize_value(_Stored(stored))


def _fetch(session: Session, key: tuple[Any, ...], place: LaunchPlace) -> Read:
    run, task_id, map_index = key
    of_it = and_(XComModel.dag_run_id == run, XComModel.task_id == task_id, XComModel.map_index == map_index)
    stored = session.execute(_stored().where(of_it)).first()
    return (None, "") if stored is None else _proven(_read(stored.value), place)


def _proven(read: Read, place: LaunchPlace) -> Read:
    """Believe a record only as its launch wrote it: it names whose platform is asked, with whose key."""
    record, _ = read
    if record is None:
        return read
    try:
        check_proof(record, place)
    except Refused:
        return None, NOT_ITS_OWN
    except LiveSessionError as error:
        return None, f"Whether this session's record is its launch's cannot be told: {error}"
    return read


def _stored() -> Any:
    return select(XComModel.value).where(XComModel.key == "return_value")


def _read(stored: Any) -> Read:
    try:
        record = SessionRecord.from_json(value_of(stored))
        hook_of(record.ref.platform).check_ref(record.ref)
    except LiveSessionError as error:
        return None, f"What the launch wrote cannot be read: {error}"
    except Exception as error:  # noqa: BLE001 - an XCom backend of the deployment may raise anything
        return None, f"What the launch wrote cannot be fetched: an unexpected {type(error).__name__}."
    return record, ""


@dataclass(frozen=True, slots=True)
class _Stored:
    value: Any
