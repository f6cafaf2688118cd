"""Airflow's four components as processes of this machine, on loopback only, watched while they run."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import requests  # noqa: TID253 - a script, no DAG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
"""Log servers would listen on all interfaces, so they stay off."""

DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
LOCKED_SECONDS = 60
"""So long a writer waits for another one on SQLite: its default of 5 is not enough on a busy machine."""
LOCKED_SERVER_SECONDS = 8
"""So long the API server does; a task asks it again for half a minute."""

START_SECONDS = 120.0
STOP_SECONDS = 30.0


class StackError(RuntimeError):
    """A component did not start, or stopped by itself; the message names it and its log."""


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class AirflowStack:
    """A real Airflow: api-server, scheduler with LocalExecutor, dag-processor and triggerer, on SQLite by default.

    Args:
        home: AIRFLOW_HOME; made anew.
        dags: The folder of DAG files.
        settings: Further environment of all components, e.g. connections.
    """

    start_seconds = START_SECONDS
    """How long all components may take to be healthy, and a DAG to appear."""

    def __init__(self, home: Path, dags: Path, settings: Mapping[str, str]) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._user, self._password = "admin", secrets.token_urlsafe(16)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._session = requests.Session()
        self._session.trust_env = False
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "NO_PROXY": "127.0.0.1,localhost",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            # SQLite bears no more at a time; with WAL (below) these do not lock each other out.
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
            "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            DATABASE: f"sqlite:///{home / 'airflow.db'}?timeout={LOCKED_SECONDS}",
            # Airflow sees a deferred task's process end up to this late; its default of 5 s loses races.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            **settings,
        }

    @property
    def login(self) -> tuple[str, str]:
        """The name and the password of the one user; made for this stack."""
        return self._user, self._password

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Migrate the database, start the components and wait until all are healthy.

        Raises:
            StackError: One did not get there.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "logs").mkdir(exist_ok=True)
        passwords = self.home / "passwords.json"
        passwords.write_text(json.dumps({self._user: self._password}))
        passwords.chmod(0o600)
        self._run("db", "migrate")
        if self.environment[DATABASE].startswith("sqlite"):
            with closing(sqlite3.connect(self.home / "airflow.db")) as database:
                database.execute("PRAGMA journal_mode=WAL")
        for name in COMPONENTS:
            self.start_component(name)
        self._wait_until_healthy()

    def command(self, name: str) -> Sequence[str]:
        """Return the arguments of ``airflow`` that start a component."""
        return COMPONENTS[name.rstrip("0123456789").rstrip("-")]

    def environment_of(self, name: str) -> Mapping[str, str]:
        """Return a component's environment."""
        if not name.startswith("api-server"):
            return self.environment
        # On SQLite the API server of Airflow 3.3.2 can wait for itself: it writes its audit log on the event loop,
        # and what holds the lock is a request that needs this loop to end. The one that waits is then refused.
        patience, short = f"?timeout={LOCKED_SECONDS}", f"?timeout={LOCKED_SERVER_SECONDS}"
        return {**self.environment, DATABASE: self.environment[DATABASE].replace(patience, short)}

    def start_component(self, name: str) -> None:
        """Start a component, again or one more of it.

        Args:
            name: One of ``COMPONENTS``, with ``-2`` behind it for a second one.
        """
        with self._log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *self.command(name)],
                env=self.environment_of(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def signal_component(self, name: str, sign: signal.Signals) -> None:
        """Send a signal to all of a component's processes: SIGSTOP freezes it, SIGCONT lets it go on.

        Args:
            name: The component.
            sign: What to send. After SIGTERM it has as long to go as any service manager gives, then it is killed.
        """
        process = self._processes[name]
        _signal_group(process, sign)
        if sign in (signal.SIGTERM, signal.SIGKILL):
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            _signal_group(process, signal.SIGKILL)  # its children, whatever they were doing
            process.wait()
            del self._processes[name]

    def stop(self) -> None:
        """Stop everything that was started, gently first."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for process in self._processes.values():
                if process.poll() is None:
                    _signal_group(process, sign)
            deadline = time.monotonic() + STOP_SECONDS
            for process in self._processes.values():
                try:
                    process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    continue
        for process in self._processes.values():
            _signal_group(process, signal.SIGKILL)  # children that outlived their parent
        self._processes.clear()
        self._session.close()

    def check(self) -> None:
        """Make sure that every component still runs: a dead triggerer would hang a run in silence.

        Raises:
            StackError: One stopped.
        """
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise StackError(
                    f"The {name} stopped by itself (exit {process.returncode}); see {self._log(name)}:\n"
                    + _tail(self._log(name))
                )

    # ---- REST

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's triggered runs go."""
        self.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until a DAG was parsed.

        Raises:
            StackError: It was not, or a component stopped.
        """
        deadline = time.monotonic() + self.start_seconds
        while time.monotonic() < deadline:
            self.check()
            if self.call("GET", f"/api/v2/dags/{dag_id}", missing_ok=True):
                return
            time.sleep(1)
        errors = self.call("GET", "/api/v2/importErrors")
        raise StackError(f"The DAG {dag_id} did not appear: {json.dumps(errors)[:2000]}")

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> None:
        """Start a run; a request that failed inside Airflow is repeated, for the run's id is its identity."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        runs = f"/api/v2/dags/{dag_id}/dagRuns"
        for last in (False, False, True):
            try:
                self.call("POST", runs, body)
            except StackError:
                if self.call("GET", f"{runs}/{run_id}", missing_ok=True):
                    return
                if last:
                    raise
                time.sleep(1)
            else:
                return

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Have one task of a run done again."""
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task_id], "only_failed": False}
        self.call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", body)

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return a run's state."""
        return str(self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.call(
                "GET",
                f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100&offset={len(found)}",
            )
            found.extend(page["task_instances"])
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def xcom(self, dag_id: str, run_id: str, task_id: str, map_index: int, key: str = "return_value") -> Any:
        """Return what a task gave, or None."""
        answer = self.call(
            "GET",
            f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
            f"?map_index={map_index}&deserialize=false",
            missing_ok=True,
        )
        value = answer.get("value") if answer else None
        return json.loads(value) if isinstance(value, str) else value

    def call(self, method: str, path: str, body: Any = None, *, missing_ok: bool = False) -> Any:
        """Ask the REST API; a 404 is None where that is expected.

        Raises:
            StackError: It refused, or gave no answer.
        """
        self._log_in()
        try:
            # Longer than Airflow itself waits for its database, so that its own answer is heard.
            answer = self._session.request(method, self.url + path, json=body, timeout=90)
        except requests.RequestException as error:
            raise StackError(f"{method} {path} was not answered: {type(error).__name__}") from error
        if answer.status_code == 404 and missing_ok:
            return None
        if not answer.ok:
            raise StackError(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    def fetch(self, path: str) -> bytes:
        """Return the body of what the REST API answers to a GET, whatever its status."""
        self._log_in()
        return self._session.get(self.url + path, headers={"Accept": "*/*"}, timeout=60).content

    # ---- inside

    def _log_in(self) -> None:
        if "Authorization" not in self._session.headers:
            login = {"username": self._user, "password": self._password}
            answer = self._session.post(f"{self.url}/auth/token", json=login, timeout=30)
            answer.raise_for_status()
            self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            raise StackError(f"airflow {' '.join(arguments)} failed:\n{done.stderr.decode()[-3000:]}")

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + self.start_seconds
        health: dict[str, Any] = {}
        while time.monotonic() < deadline:
            self.check()
            try:
                answer = self._session.get(f"{self.url}/api/v2/monitor/health", timeout=5)
                health = answer.json() if answer.ok else {}
            except (requests.RequestException, ValueError):
                health = {}
            parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
            if all((health.get(part) or {}).get("status") == "healthy" for part in parts):
                return
            time.sleep(0.5)
        raise StackError(f"Airflow was not healthy within {self.start_seconds:.0f} s: {json.dumps(health)}")

    def _log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"


def _signal_group(process: subprocess.Popen[bytes], sign: signal.Signals) -> None:
    try:
        os.killpg(process.pid, sign)
    except (ProcessLookupError, PermissionError):
        return


def _tail(path: Path, lines: int = 30) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
