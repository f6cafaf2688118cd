"""Processes that can be killed: a try of a task in Airflow's own task runner, and a trigger.

Airflow's import costs seconds, so both are forks of a process that has imported everything. A task's process
speaks Airflow's own protocol with whoever forked it, as with a supervisor; it cannot tell the difference.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import os
import signal
import socket
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ToSupervisor, _RequestFrame, _ResponseFrame
from airflow.sdk.execution_time.supervisor import block_orm_access
from airflow.sdk.serde import deserialize
from pydantic import BaseModel, TypeAdapter  # noqa: TID253 - no DAG file loads this

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.sdk.execution_time.comms import StartupDetails

_FRAMES = msgspec.msgpack.Decoder(_RequestFrame)
_MESSAGES: TypeAdapter[Any] = TypeAdapter(ToSupervisor)
_LENGTH = 4
_PR_SET_PDEATHSIG = 1


class Process:
    """A fork that speaks with its maker over a socket.

    Args:
        work: What it does; it never returns from the fork.
        log: Where its output goes.
    """

    def __init__(self, work: Callable[[], None], log: Path) -> None:
        self._socket, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self._socket.close()
            _live(work, theirs, log)
        theirs.close()
        self._file = self._socket.makefile("rb")
        self.ended = False

    def fileno(self) -> int:
        """Return what a selector watches."""
        return self._socket.fileno()

    def read(self) -> bytes | None:
        """Return the next frame, or None when the process is gone."""
        try:
            head = self._file.read(_LENGTH)
            body = self._file.read(int.from_bytes(head, "big")) if len(head) == _LENGTH else b""
        except ConnectionError:
            return None
        return body or None

    def write(self, frame: bytes | bytearray) -> None:
        """Send a frame; a process that is gone does not mind."""
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(frame)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it is gone."""
        if not self.ended:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it at once, and bury it."""
        self.signal(signal.SIGKILL)
        self.bury()

    def bury(self) -> None:
        """Wait for its end, and give back what it held."""
        if not self.ended:
            os.waitpid(self.pid, 0)
            self.ended = True
            self._file.close()
            self._socket.close()


class TaskProcess(Process):
    """One try of a task: :func:`airflow.sdk.execution_time.task_runner.main`, as a worker runs it.

    Args:
        details: What a supervisor tells it first.
        log: Where its output goes.
        prepare: What is done in the fork first.
    """

    def __init__(self, details: StartupDetails, log: Path, prepare: Callable[[], None]) -> None:
        def work() -> None:
            prepare()
            block_orm_access()
            task_runner.main()

        super().__init__(work, log)
        self.ti_id = details.ti.id
        self.write(_ResponseFrame(id=0, body=details.model_dump()).as_bytes())

    def message(self) -> tuple[int, BaseModel] | None:
        """Return its next request with its number, or None when it is gone."""
        frame = self.read()
        if frame is None:
            return None
        request = _FRAMES.decode(frame)
        return request.id, _MESSAGES.validate_python(request.body)

    def answer(self, number: int, body: BaseModel | None, *, error: BaseModel | None = None) -> None:
        """Answer a request."""
        dumped = None if body is None else body.model_dump()
        wrong = None if error is None else error.model_dump()
        self.write(_ResponseFrame(id=number, body=dumped, error=wrong).as_bytes())


class TriggerProcess(Process):
    """A triggerer with one trigger, made again from what the task's deferral wrote down.

    Args:
        classpath: The trigger's class.
        kwargs: Its arguments, as serialised.
        log: Where its output goes.
    """

    def __init__(self, classpath: str, kwargs: Any, log: Path) -> None:
        super().__init__(lambda: _fire(classpath, kwargs), log)

    def event(self) -> Any:
        """Return the payload of its event; None when it died without one."""
        frame = self.read()
        return None if frame is None else json.loads(frame)["payload"]


def die_with_parent() -> None:
    """Have the kernel kill this process when its maker dies, where the kernel can (Linux)."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _live(work: Callable[[], None], theirs: socket.socket, log: Path) -> None:
    """Be the fork: never return."""
    code = 1
    gc.disable()  # it lives for a second, and a collection would copy every page it shares with its maker
    die_with_parent()
    try:
        os.dup2(theirs.fileno(), 0)
        output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        work()
        code = 0
    except SystemExit as asked:
        code = asked.code if isinstance(asked.code, int) else 1
    except BaseException:  # noqa: BLE001 - the last line of a process
        traceback.print_exc()
    finally:
        os._exit(code)


def _fire(classpath: str, kwargs: Any) -> None:
    module, _, name = classpath.rpartition(".")
    given: Any = deserialize(kwargs)
    trigger = getattr(import_module(module), name)(**given)

    async def first() -> Any:
        async for event in trigger.run():
            return event.payload
        raise AssertionError("a trigger ends with an event")

    told = json.dumps({"payload": asyncio.run(first())}).encode()
    with socket.socket(fileno=0) as harness:
        harness.sendall(len(told).to_bytes(_LENGTH, "big") + told)
