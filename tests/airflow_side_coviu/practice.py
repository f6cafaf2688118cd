"""A practice at the sandbox's Coviu, seen from Airflow: a connection and appointments."""

from __future__ import annotations

import itertools
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.operators.coviu import CoviuLaunchSessionOperator
from airflow_provider.live_sessions.sandbox import CoviuOptions, Sandbox
from airflow_provider.live_sessions.schedules.model import Occurrence
from tests.airflow_side.stage import context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

    from airflow_provider.live_sessions.sandbox.log import Entry

KEY, SECRET = "practice-api-key", "practice-key-secret-77aa"

DOCTOR = Participant("dr-1", "Dr. Ada", email="ada@clinic.test", role="clinician", leader=True)
PATIENT = Participant("p-1", "Bo", email="bo@home.test", role="patient")
OTHER = Participant("p-2", "Cleo", role="patient")
PEOPLE = (DOCTOR, PATIENT)

_numbers = itertools.count(1)


class Practice:
    """One team at the sandbox, its clock standing at the present until moved."""

    def __init__(self, sandbox: Sandbox, conn_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox = sandbox
        self.conn_id = conn_id
        self._monkeypatch = monkeypatch
        self.connect()

    @classmethod
    @contextmanager
    def open(cls, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Practice]:
        # The hold after a deferral is real time: here it need not outlast a supervisor.
        monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "0")
        chosen = CoviuOptions(**{"api_key": KEY, "key_secret": SECRET, "expires_in": 10**8, **options})
        with Sandbox(frozen=True, coviu=chosen) as sandbox:
            yield cls(sandbox, f"practice_{next(_numbers)}", monkeypatch)

    def connect(self, **changes: Any) -> None:
        """Write the Airflow connection."""
        extra = {"requests_per_second": 1000, "timeout": 30, **changes.pop("extra", {})}
        connection = {
            "conn_type": "coviu",
            "login": KEY,
            "password": SECRET,
            "host": self.sandbox.coviu.url,
            "extra": extra,
            **changes,
        }
        self._monkeypatch.setenv(f"AIRFLOW_CONN_{self.conn_id.upper()}", json.dumps(connection))

    # ---- appointments

    def appointment(
        self,
        title: str = "Consultation",
        *,
        ahead: float = 1200,
        seconds: float = 1800,
        people: tuple[Participant, ...] = PEOPLE,
        **more: Any,
    ) -> dict[str, Any]:
        """Return an appointment of a timetable that starts so many seconds from now."""
        start = datetime.fromtimestamp(int(datetime.now(UTC).timestamp() + ahead), UTC)
        end = start + timedelta(seconds=seconds)
        return Occurrence(uid=title, title=title, start=start, end=end, participants=people, **more).to_json()

    def launcher(
        self, appointment: Mapping[str, Any] | None = None, **arguments: Any
    ) -> CoviuLaunchSessionOperator:
        return CoviuLaunchSessionOperator(
            task_id="launch", conn_id=self.conn_id, session=appointment or self.appointment(), **arguments
        )

    def launch(self, appointment: Mapping[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
        """Launch an appointment and return the record that goes to XCom."""
        result = self.launcher(appointment, **arguments).execute(context())
        return dict(json.loads(json.dumps(result)))

    def join(self, record: Mapping[str, Any], *people: str) -> None:
        for one in people:
            self.sandbox.coviu.join(record["ref"]["session_id"], one)

    def leave(self, record: Mapping[str, Any], *people: str) -> None:
        for one in people:
            self.sandbox.coviu.leave(record["ref"]["session_id"], one)

    def hold(self, record: Mapping[str, Any], *people: str, seconds: float = 1800) -> None:
        """Let people come at the planned start, stay, and leave; then let the grace pass."""
        present = people or ("dr-1", "p-1")
        self.go_to(record["start"])
        self.join(record, *present)
        self.wait(seconds)
        self.leave(record, *present)
        self.wait(400)

    # ---- time, and what went over the wire

    def wait(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def go_to(self, moment: str) -> None:
        self.sandbox.clock.set(parse_time(moment))

    def log(self, **which: Any) -> list[Entry]:
        return self.sandbox.log.entries(**which)

    @property
    def sessions(self) -> list[dict[str, Any]]:
        return list(self.sandbox.state()["coviu"]["sessions"])

    @property
    def secrets(self) -> list[str]:
        """Every participant id, link and token that was given out, and the key secret."""
        given = self.sandbox.coviu.secrets()
        return [*given["participant_ids"], *given["links"], *given["tokens"], SECRET]
