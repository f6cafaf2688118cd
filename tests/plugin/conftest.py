"""The plugin as Airflow's API server mounts it, behind its login, and lessons that were really launched."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from airflow.providers.common.compat.sdk import conf

from airflow_provider.live_sessions.core.pages import REASON, UNTIL, LaunchPlace
from airflow_provider.live_sessions.core.proof import prove
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.plugin.sessions_page.launches import LINK_KEY
from airflow_provider.live_sessions.plugin.sessions_page.records import find
from tests.airflow_side.stage import School
from tests.airflow_versions import DagBag
from tests.plugin.roles import NARROW, SHUT_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.testclient import TestClient

    from airflow_provider.live_sessions.schedules.claims import Ticket

TITLES = ("Algebra", "Biology", "Chemistry")
OWN = ("plugin_lessons", "plugin_private")
DAGS = Path(__file__).parent / "dags"
_LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
BUNDLES = [
    {"name": "dags-folder", "classpath": _LOCAL, "kwargs": {}},
    {"name": "plugin-tests", "classpath": _LOCAL, "kwargs": {"path": str(DAGS)}},
]


@dataclass
class Lessons:
    """What was launched, and the Airflow that serves the page of it.

    Args:
        school: The account at the sandbox.
        client: An HTTP client of Airflow's API server.
        run_id: The run of the lanes.
        private: The launch of the DAG that not everybody may see.
        token: Makes a login.
    """

    school: School
    client: TestClient
    run_id: str
    private: LaunchPlace
    token: Callable[[str, str], str]

    def place(self, map_index: int) -> LaunchPlace:
        return LaunchPlace("plugin_lessons", self.run_id, "lane.launch", map_index)

    def as_user(self, name: str = "ada", role: str = "ADMIN", **headers: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(name, role)}", **headers}

    def get(self, path: str, *, name: str = "ada", role: str = "ADMIN", **headers: str) -> Any:
        return self.client.get(path, headers=self.as_user(name, role, **headers), follow_redirects=False)

    def rows(self, query: str = "", *, name: str = "ada", role: str = "ADMIN", others: bool = False) -> Any:
        """Return the page's rows once no platform is being asked any more."""
        for _ in range(1500):
            answer = self.get(f"/live-sessions/rows{query}", name=name, role=role)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            if not any(one["asking"] for one in told["connections"]):
                # Other tests launch in the same Airflow.
                told["rows"] = [one for one in told["rows"] if others or one["dag_id"] in OWN]
                return told
        raise AssertionError("it is asked for ever")

    def row(self, title: str, *, name: str = "ada", role: str = "ADMIN") -> Any:
        (row,) = [one for one in self.rows(name=name, role=role)["rows"] if one["title"] == title]
        return row

    def set_state(self, task_id: str, state: str | None, map_index: int = -1) -> None:
        """Write a task's state as the scheduler would."""
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import update

        which = {"run_id": self.run_id, "task_id": task_id, "map_index": map_index}
        with create_session() as session:
            session.execute(update(TaskInstance).filter_by(**which).values(state=state))

    @contextmanager
    def unwritten(self, map_index: int) -> Iterator[None]:
        """Have a launch written nothing into XCom while the body runs."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import select, update

        which = {"run_id": self.run_id, "task_id": "lane.launch", "map_index": map_index}
        with create_session() as session:
            keys = session.scalars(select(XComModel.key).filter_by(**which)).all()
        names = [(key, f"away {key}") for key in keys]
        for old, new in ((0, 1), (1, 0)):
            with create_session() as session:
                for one in names:
                    session.execute(update(XComModel).filter_by(**which, key=one[old]).values(key=one[new]))
            if old == 0:
                yield

    @contextmanager
    def unlinked(self, dag_id: str) -> Iterator[None]:
        """Have a DAG's launches not be done yet while the body runs: Airflow writes their links at the end."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import update

        for old, new in ((LINK_KEY, "away"), ("away", LINK_KEY)):
            with create_session() as session:
                session.execute(update(XComModel).filter_by(dag_id=dag_id, key=old).values(key=new))
            if old == LINK_KEY:
                yield

    @contextmanager
    def claimed(self, map_index: int, ticket: Ticket) -> Iterator[None]:
        """Have a launch been a timetable's while the body runs: its class is claimed."""

        def claim(record: SessionRecord) -> SessionRecord:
            return prove(replace(record, claim=ticket.to_json()), self.place(map_index), AirflowCipher())

        with self.rewritten(map_index, claim):
            yield

    @contextmanager
    def rewritten(self, map_index: int, change: Callable[[SessionRecord], SessionRecord]) -> Iterator[None]:
        """Have another record than the launch's own stand in XCom while the body runs, deleted and made anew."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import update

        which = {"run_id": self.run_id, "task_id": "lane.launch", "map_index": map_index, "key": "return_value"}
        with create_session() as session:
            before = session.query(XComModel.value).filter_by(**which).scalar()
        stored = json.loads(before) if isinstance(before, str) else before
        after = change(SessionRecord.from_json(stored)).to_json()
        for value in (json.dumps(after) if isinstance(before, str) else after, before):
            with create_session() as session:
                row = update(XComModel).filter_by(**which)
                session.execute(row.values(value=value, timestamp=datetime.now(UTC)))
            if value is not before:
                yield

    @contextmanager
    def cancelled_again(self, reason: str) -> Iterator[None]:
        """Have another DAG cancelled the lesson that was called off, later, while the body runs."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import delete, insert, select

        xcoms: Any = XComModel.__table__
        of_it = xcoms.c.dag_id == "plugin_called_off"
        with create_session() as session:
            # Other tests cancel in the same Airflow.
            its = (xcoms.c.dag_id == "plugin_cancels", xcoms.c.key.startswith(REASON))
            key = session.scalars(select(xcoms.c.key).where(*its)).one()
            row = session.execute(select(xcoms).where(of_it, xcoms.c.key == "return_value")).mappings().one()
            value = json.dumps(reason) if isinstance(row["value"], str) else reason
            given = {"key": key, "value": value, "timestamp": datetime.now(UTC)}
            session.execute(insert(xcoms), {**row, **given})
        yield
        with create_session() as session:
            session.execute(delete(xcoms).where(of_it, xcoms.c.key == key))

    def set_run(self, state: str) -> None:
        self._of_run(state=state)

    @contextmanager
    def due(self, at: datetime) -> Iterator[None]:
        """Have the lanes' run been due at another time while the body runs."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            before = session.scalar(select(DagRun.run_after).where(DagRun.run_id == self.run_id))
        self._of_run(run_after=at)
        yield
        self._of_run(run_after=before)

    def _of_run(self, **values: Any) -> None:
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import update

        with create_session() as session:
            session.execute(update(DagRun).where(DagRun.run_id == self.run_id).values(**values))

    @contextmanager
    def later_launches(self, count: int) -> Iterator[None]:
        """Have a later run of the lanes' DAG launched so many sessions while the body runs."""
        from airflow.models.dagrun import DagRun
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import delete, insert, select

        runs: Any = DagRun.__table__
        tries: Any = TaskInstance.__table__
        with create_session() as session:
            run = session.execute(select(runs).where(runs.c.run_id == self.run_id)).mappings().one()
            one = session.execute(
                select(tries).filter_by(run_id=self.run_id, task_id="lane.launch", map_index=0)
            ).mappings()
            own = {"run_id": "later", "logical_date": None, "run_after": datetime.now(UTC)}
            session.execute(insert(runs), {**{name: run[name] for name in run if name != "id"}, **own})
            copied = dict(one.one())
            id_of = type(copied["id"])  # a text before Airflow 3.3
            session.execute(
                insert(tries),
                [
                    {
                        **copied,
                        "id": id_of(str(uuid4())),
                        "run_id": "later",
                        "map_index": number,
                        "state": "failed",
                    }
                    for number in range(count)
                ],
            )
        yield
        with create_session() as session:
            session.execute(delete(tries).where(tries.c.run_id == "later"))
            session.execute(delete(runs).where(runs.c.run_id == "later"))

    @contextmanager
    def until(self, map_index: int, key: str) -> Iterator[None]:
        """Have a launch written another moment until which its session can matter while the body runs."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import select, update

        which = {"run_id": self.run_id, "task_id": "lane.launch", "map_index": map_index}
        query = select(XComModel.key).filter_by(**which).where(XComModel.key.startswith(UNTIL))
        with create_session() as session:
            before = session.execute(query).scalar_one()
        for old, new in ((before, key), (key, before)):
            with create_session() as session:
                session.execute(update(XComModel).filter_by(**which, key=old).values(key=new))
            if old == before:
                yield


def _call_off(bag: DagBag, school: School) -> None:
    """Launch a lesson, and cancel it in a run of another DAG, with a reason."""
    from airflow.utils.session import create_session

    given = {"conn_id": school.conn_id, "lessons": [school.lesson("Ethics")]}
    run = bag.dags["plugin_called_off"].test(run_conf=given)
    with create_session() as session:
        record = find(session, LaunchPlace("plugin_called_off", run.run_id, "launch"))
    why = {"session": record.to_json(), "reason": "Teacher is\n ill"}
    assert str(bag.dags["plugin_cancels"].test(run_conf=why).state) == "success"


@pytest.fixture(scope="module")
def lessons(airflow_db: None) -> Iterator[Lessons]:
    """Three lessons in lanes, of which nobody has come to any, one of a DAG of its own, and one called off."""
    from starlette.testclient import TestClient

    patch = pytest.MonkeyPatch()
    patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "tests.plugin.roles.Roles")
    patch.setenv(
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS",
        f"ada:admin,vera:viewer,uma:user,{NARROW}:user,{SHUT_OUT}:user",
    )
    patch.setenv(
        "AIRFLOW__API_AUTH__JWT_SECRET", "a secret of the tests, which is long enough for every digest" * 2
    )
    patch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(BUNDLES))
    try:
        with School.open(patch) as school:
            bag = DagBag(str(DAGS))
            assert bag.import_errors == {}
            given = {"conn_id": school.conn_id, "lessons": [school.lesson(one) for one in TITLES]}
            run = bag.dags["plugin_lessons"].test(run_conf=given)
            own = {"conn_id": school.conn_id, "lessons": [school.lesson("Diplomacy")]}
            private = bag.dags["plugin_private"].test(run_conf=own)
            assert (str(run.state), str(private.state)) == ("success", "success")
            _call_off(bag, school)

            from airflow.api_fastapi.app import (
                get_auth_manager,
                init_auth_manager,
                init_plugins,
                purge_cached_app,
            )
            from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
            from fastapi import FastAPI

            purge_cached_app()
            app = FastAPI()  # Airflow's own without its own hundreds of routes, which take long to make
            init_plugins(app)
            init_auth_manager(app)

            def token(name: str, role: str) -> str:
                return str(get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role)))

            client = TestClient(app, base_url=conf.get("api", "base_url", fallback="") or "http://testserver")
            launch = LaunchPlace("plugin_private", private.run_id, "launch")
            yield Lessons(school, client, run.run_id, launch, token)
            purge_cached_app()
    finally:
        patch.undo()
