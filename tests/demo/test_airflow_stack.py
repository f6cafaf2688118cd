"""What the demo's Airflow does where its own API server is in trouble."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

import pytest

from demo.airflow_stack import DATABASE, AirflowStack, StackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Stumbling(BaseHTTPRequestHandler):
    """An API server that hangs up at so many triggers, and knows the runs that it made."""

    hang_ups: ClassVar[int] = 0
    triggered: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        run_id = self.path.rpartition("/")[2]
        self._answer(200 if run_id in self.triggered else 404, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/auth/token":
            self._answer(201, {"access_token": "of-a-test"})
        elif type(self).hang_ups > 0:
            type(self).hang_ups -= 1
            self.close_connection = True
        else:
            self.triggered.append(body["dag_run_id"])
            self._answer(200, {})

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[AirflowStack]:
    Stumbling.triggered.clear()
    stack = AirflowStack(tmp_path, tmp_path / "dags", {})
    with ThreadingHTTPServer(("127.0.0.1", stack.port), Stumbling) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield stack
        server.shutdown()


def test_a_trigger_that_was_not_answered_ended_the_demo_at_once(
    stack: AirflowStack,
) -> None:
    Stumbling.hang_ups = 2
    stack.trigger("a_dag", "a_run", {})
    assert Stumbling.triggered == ["a_run"]


def test_a_server_that_never_answers_is_said_in_words(stack: AirflowStack) -> None:
    Stumbling.hang_ups = 3
    with pytest.raises(StackError, match=r"^POST /api/v2/dags/a_dag/dagRuns was not answered: ConnectionError$"):
        stack.trigger("a_dag", "a_run", {})


def test_the_api_server_waited_a_minute_for_a_lock_that_it_held_itself(tmp_path: Path) -> None:
    stack = AirflowStack(tmp_path, tmp_path, {})
    assert stack.environment_of("scheduler")[DATABASE].endswith("airflow.db?timeout=60")
    assert stack.environment_of("api-server")[DATABASE].endswith("airflow.db?timeout=8")
    elsewhere = AirflowStack(tmp_path, tmp_path, {DATABASE: "postgresql://127.0.0.1/airflow"})
    assert elsewhere.environment_of("api-server")[DATABASE] == "postgresql://127.0.0.1/airflow"
