"""A receiver on a local port, and an Airflow that remembers what it is told."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from airflow_provider.live_sessions.compat.features import TASK_KEY
from airflow_provider.live_sessions.webhooks.standing import Receiver
from airflow_provider.live_sessions.webhooks.urls import PREFIX
from tests.airflow_side.stage import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

    from airflow_provider.live_sessions.webhooks.airflow import AirflowSide
    from airflow_provider.live_sessions.webhooks.tokens import Addressee


class Airflow:
    """An Airflow whose task state stores are plain dictionaries, and that may be away."""

    remembers = True

    def __init__(self) -> None:
        self.stores: dict[tuple[str, str, str, int], Store] = {}
        self.told: list[tuple[str, dict[str, Any], str | None]] = []
        self.away = 0
        """How many calls are not answered from now on; ``deaf``, how many that tell something."""
        self.deaf = 0
        self.deaf_from = 0
        """From the how manyeth fact on none is taken any more; 0 for never."""

    def store(
        self, dag_id: str = "class_day", run_id: str = "run-1", task_id: str = "launch", map_index: int = -1
    ) -> Store:
        return self.stores.setdefault((dag_id, run_id, task_id, map_index), Store())

    def recall(self, addressee: Addressee) -> Mapping[str, Any]:
        self._answer()
        key = (addressee.dag_id, addressee.run_id, addressee.task_id, addressee.map_index)
        found = self.stores[key].get(TASK_KEY) if key in self.stores else None
        return found or {}

    def tell(self, uri: str, extra: Mapping[str, Any], partition_key: str | None) -> bool:
        self._answer()
        if self.deaf or 0 < self.deaf_from <= len(self.told) + 1:
            self.deaf -= bool(self.deaf)
            raise ConnectionError("Airflow is away")
        self.told.append((uri, json.loads(json.dumps(extra)), partition_key))
        return True

    def facts(self) -> list[tuple[str, str]]:
        """What the plain assets were told: what happened, and to which session."""
        return [(extra["happening"], extra["session_id"]) for uri, extra, key in self.told if key is None]

    def _answer(self) -> None:
        if self.away:
            self.away -= 1
            raise ConnectionError("Airflow is away")


_kept: list[socket.socket] = []


def free_port() -> int:
    """Return a port on which a server may listen whenever it is ready: it is given to nobody else until then."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: they may share it with this one
    one.bind(("127.0.0.1", 0))
    _kept.append(one)
    return int(one.getsockname()[1])


@contextmanager
def serving(app: Any, port: int) -> Iterator[None]:
    """Serve an application on a port until the body ends."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=20)


class Post:
    """A receiver that is up, at the address that launches register."""

    def __init__(self, receiver: Receiver, base: str) -> None:
        self.receiver = receiver
        self.base = base

    def settle(self) -> None:
        """Wait until whatever came is done with."""
        assert self.receiver.queue.wait_idle(30)


@contextmanager
def opened(airflow: AirflowSide, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """Run a receiver, and have Airflow's settings name it."""
    port = free_port()
    base = f"http://127.0.0.1:{port}{PREFIX}"
    monkeypatch.setenv("AIRFLOW__LIVE_SESSIONS__WEBHOOKS_URL", base)
    receiver = Receiver(airflow, prefix=True)
    with serving(receiver.app, port):
        try:
            yield Post(receiver, base)
        finally:
            receiver.queue.stop()
