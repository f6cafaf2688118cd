"""A portal at the sandbox, seen from Airflow: a connection, and tasks that run."""

from __future__ import annotations

import itertools
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.operators.educates import EducatesLaunchSessionOperator
from airflow_provider.live_sessions.sandbox import EducatesOptions, Sandbox
from airflow_provider.live_sessions.schedules.model import Occurrence
from tests.airflow_side.stage import context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

ADA, BO, CLEO = (Participant(one, one.title()) for one in ("ada", "bo", "cleo"))
PASSWORD, SECRET = "robot-password-0123456789", "client-secret-0123456789"

_numbers = itertools.count(1)


class Lab:
    """One portal, its clock standing at the present until moved."""

    def __init__(self, sandbox: Sandbox, conn_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox = sandbox
        self.portal = sandbox.educates
        self.conn_id = conn_id
        self._monkeypatch = monkeypatch
        self.connect()

    @classmethod
    @contextmanager
    def open(cls, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Lab]:
        # The hold after a deferral is real time: here it need not outlast a supervisor.
        monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "0")
        chosen = EducatesOptions(**{"password": PASSWORD, "client_secret": SECRET, "delete_after": 0.0, **options})
        with Sandbox(frozen=True, educates=chosen) as sandbox:
            yield cls(sandbox, f"lab_side_{next(_numbers)}", monkeypatch)

    def connect(self, *, without: tuple[str, ...] = (), **changes: Any) -> None:
        """Write the Airflow connection."""
        info = self.portal.info()
        extra = {
            "client_id": info["client_id"],
            "client_secret": info["client_secret"],
            "index_url": "https://hub.test/",
            "requests_per_second": 1000,
            **changes.pop("extra", {}),
        }
        connection = {
            "conn_type": "educates",
            "host": info["url"],
            "login": info["username"],
            "password": info["password"],
            "extra": {name: value for name, value in extra.items() if name not in without},
            **changes,
        }
        kept = {name: value for name, value in connection.items() if name not in without}
        self._monkeypatch.setenv(f"AIRFLOW_CONN_{self.conn_id.upper()}", json.dumps(kept))

    def lesson(
        self,
        title: str = "Kubernetes",
        *,
        ahead: float = 600,
        people: tuple[Participant, ...] = (ADA, BO),
        **more: Any,
    ) -> dict[str, Any]:
        """Return a class of a timetable that starts so many seconds from now and takes two hours."""
        start = datetime.fromtimestamp(int(datetime.now(UTC).timestamp() + ahead), UTC)
        end = start + timedelta(hours=2)
        return Occurrence(uid=title, title=title, start=start, end=end, participants=people, **more).to_json()

    def launcher(self, lesson: Mapping[str, Any] | None = None, **arguments: Any) -> EducatesLaunchSessionOperator:
        given = {"workshop": "lab-basics", "task_id": "launch", "conn_id": self.conn_id, **arguments}
        if "title" not in given:
            given["session"] = lesson or self.lesson()
        return EducatesLaunchSessionOperator(**given)

    def launch(self, lesson: Mapping[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
        """Launch a class and return the record that goes to XCom."""
        return dict(json.loads(json.dumps(self.launcher(lesson, **arguments).execute(context()))))

    def sessions(self, record: Mapping[str, Any]) -> dict[str, str]:
        """Return each learner's session."""
        seats = json.loads(record["ref"]["details"]["seats"])
        return {one["learner"]: one["session"] for one in seats}

    def activate(self, record: Mapping[str, Any], *learners: str) -> None:
        for one in learners:
            self.portal.activate(self.sessions(record)[one])

    def finish(self, record: Mapping[str, Any], *learners: str) -> None:
        for one in learners:
            self.portal.finish(self.sessions(record)[one])

    @property
    def standing(self) -> int:
        rows = self.sandbox.state()["educates"]["sessions"]
        return len([one for one in rows if one["user"] and one["state"] != "STOPPED"])
