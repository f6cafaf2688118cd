"""One task instance, driven as Airflow would drive it: started, answered, deferred, resumed, retried, and struck.

The scheduler's, the supervisor's and the triggerer's part are played here; the task's process is the real one.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import selectors
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk.execution_time import comms
from airflow.sdk.serde import deserialize

from crash import tripwires
from crash.process import TaskProcess, TriggerProcess
from crash.server import RETURN_VALUE
from crash.strikes import AtMessage, AtRequest, Fault, InFile, Strike, Then

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydantic import BaseModel

    from airflow_provider.live_sessions.sandbox.client import SandboxControl
    from crash.server import Row, Server

PATIENCE = 60.0
"""Real seconds after which something is taken for hung."""
TICK = 0.25
OVER = ("success", "failed", "skipped")
LAST_WORDS = (comms.DeferTask, comms.SucceedTask, comms.RetryTask, comms.TaskState)


class StuckError(Exception):
    """What had to happen did not: the sentence says what."""


@dataclass(frozen=True)
class World:
    """What all lanes of a run share.

    Args:
        server: The API server.
        control: The sandbox.
        url: The sandbox's base URL.
        log: Where output of processes goes.
        prepare: What every task's fork does first.
        mend: A 401 is final: a person mends the connection and clears the task.
        delay: Seconds of the platform's time that pass before a new try.
    """

    server: Server
    control: SandboxControl
    url: str
    log: Path
    prepare: Callable[[], None]
    mend: bool = True
    delay: float = 1.0


class Lane:
    """One task instance and the processes that run it.

    Args:
        world: What all lanes share.
        row: The task instance.
        strikes: What befalls its tries, one after the other.
    """

    def __init__(self, world: World, row: Row, strikes: tuple[Strike, ...] = ()) -> None:
        self.row = row
        self.cleared = 0
        self.killed = 0
        self._world = world
        self._pending = list(strikes)
        self._armed: Strike | None = None
        self._seen = 0
        self._fault = 0
        self._watch: http.client.HTTPConnection | None = None
        self._task: TaskProcess | None = None
        self._trigger: TriggerProcess | None = None
        self._frozen: list[tuple[TaskProcess, int]] = []
        self._late: list[int] = []
        self._recorded = False
        self._started = False

    # ---- what the play asks for

    @property
    def struck(self) -> bool:
        """Whether everything that was to befall it has."""
        return not self._pending and self._armed is None

    @property
    def frozen(self) -> bool:
        """Whether a try that was taken for dead is still held."""
        return bool(self._frozen)

    @property
    def result(self) -> Any:
        """What it pushed last."""
        value = self._world.server.xcom(self.row)
        return None if value is None else deserialize(value)

    def strike(self, strike: Strike) -> None:
        """Have something befall whichever of its processes runs."""
        self._pending.append(strike)
        self._arm()

    def meet(self) -> None:
        """Go on until everything that was to befall it has.

        Raises:
            StuckError: It never does.
        """
        self._run(lambda: self.struck, "what was to befall it")

    def settle(self) -> None:
        """Go on until its session is recorded by a try that lives.

        Raises:
            StuckError: It never is.
        """
        self._run(lambda: self._recorded and self.struck, "a recorded session")

    def finish(self) -> str:
        """Go on until the task has ended, and return how."""
        self._run(lambda: self.row.state in OVER and self._task is None, "its end")
        return self.row.state

    def thaw(self) -> None:
        """Let go on who was taken for dead, until they are done with."""
        for _, number in self._frozen:
            self._world.control.release(number)
        end = time.monotonic() + PATIENCE
        while self._frozen:
            if time.monotonic() > end:
                raise StuckError("a try that was taken for dead does not end")
            self._listen()

    def deliver_late(self) -> None:
        """Have the platform do what processes asked for that are dead by now."""
        for number in self._late:
            before = len(self._world.control.log())
            self._world.control.release(number)
            end = time.monotonic() + PATIENCE
            while not any(one["fault"] == "hold_before" for one in self._world.control.log()[before:]):
                if time.monotonic() > end:
                    raise StuckError("a held request is not done")
                time.sleep(0.005)
        self._late.clear()

    @contextlib.contextmanager
    def still(self) -> Iterator[None]:
        """Hold its processes still while somebody else acts, so that no strike meets the wrong one."""
        running = [one for one in (self._task, self._trigger) if one is not None]
        for one in running:
            one.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for one in running:
                one.signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill what still runs."""
        for one in (self._task, self._trigger, *(process for process, _ in self._frozen)):
            if one is not None:
                one.kill()
        if self._watch is not None:
            self._watch.close()

    # ---- the scheduler's part

    def _run(self, until: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not until():
            if time.monotonic() > end:
                raise StuckError(f"not within {PATIENCE:g} s: {what}; {self.row.task_id} is {self.row.state}")
            self._go_on()
            if self.row.state in OVER and self._task is None:
                if until():
                    return
                raise StuckError(f"{self.row.task_id} has ended as {self.row.state} without {what}")
            self._listen()

    def _go_on(self) -> None:
        if self._task is not None:
            return
        row = self.row
        if row.state == "running":  # its process died without a word
            row.state = "up_for_retry" if row.try_number <= row.max_tries else "failed"
        if row.state == "failed" and self._world.mend and isinstance(self._armed, Fault) and not self.cleared:
            self.cleared += 1
            row.clear()
        if row.state == "up_for_retry":
            row.next_try()
        if row.state == "queued":
            self._start()
        elif row.state == "deferred" and self._trigger is None and row.deferral is not None:
            self._trigger = TriggerProcess(row.deferral.classpath, row.deferral.trigger_kwargs, self._world.log)

    def _start(self) -> None:
        if self.row.next_kwargs is None:
            if self._started:
                self._world.control.advance(self._world.delay)
            self._started, self._recorded = True, False
            self._settle_fault()
            self._arm()
        wire = self._armed if isinstance(self._armed, InFile) else None

        def prepare() -> None:
            self._world.prepare()
            if wire is not None:
                tripwires.lay(wire)

        self._task = TaskProcess(self._world.server.start(self.row), self._world.log, prepare)

    # ---- the supervisor's part

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            for one in (self._task, self._trigger, *(process for process, _ in self._frozen)):
                if one is not None:
                    selector.register(one, selectors.EVENT_READ)
            if self._watch is not None:
                selector.register(self._watch.sock, selectors.EVENT_READ, "watch")
            if not selector.get_map():
                return
            ready = [(key.data, key.fileobj) for key, _ in selector.select(TICK)]
        for data, source in ready:
            if data == "watch":
                self._held()
            elif source is self._task:
                self._from_task()
            elif source is self._trigger:
                self._from_trigger()
            else:
                self._from_frozen(source)

    def _from_task(self) -> None:
        task = self._task
        if task is None:
            return
        got = task.message()
        if got is None:
            task.bury()
            self._task = None
            if isinstance(self._armed, InFile) and self.row.state == "running":
                self._strike_done()
            return
        number, message = got
        meant = isinstance(self._armed, AtMessage) and self._armed.fits(message)
        if isinstance(self._armed, AtMessage) and meant:
            self._seen += 1
            meant = self._seen == self._armed.nth
            if meant and not self._armed.handled:
                self._kill()
                return
        answer, error = self._world.server.handle(self.row, task.ti_id, message)
        self._note(message)
        if meant:
            self._kill()
            return
        task.answer(number, answer, error=error)

    def _note(self, message: BaseModel) -> None:
        if isinstance(message, comms.SetXCom) and message.key == RETURN_VALUE:
            self._recorded = True
            self._settle_fault()
            if isinstance(self._armed, AtRequest) and self._armed.waiting:
                self._hold(self._armed)

    def _from_trigger(self) -> None:
        trigger, self._trigger = self._trigger, None
        if trigger is None:
            return
        payload = trigger.event()
        trigger.bury()
        if payload is not None:
            self.row.fired(payload)

    def _from_frozen(self, source: Any) -> None:
        """Answer a try that was taken for dead, until it has pushed its result or wants to change its state."""
        mine = next(one for one in self._frozen if one[0] is source)
        got = mine[0].message()
        over = got is None or isinstance(got[1], LAST_WORDS)
        if got is not None and not over:
            answer, error = self._world.server.handle(self.row, mine[0].ti_id, got[1])
            over = isinstance(got[1], comms.SetXCom) and got[1].key == RETURN_VALUE
            if not over:
                mine[0].answer(got[0], answer, error=error)
        if over:  # its next heartbeat is refused, and its supervisor ends it
            mine[0].kill()
            self._frozen.remove(mine)

    # ---- what befalls it

    def _arm(self) -> None:
        if self._armed is not None or not self._pending:
            return
        self._armed, self._seen = self._pending.pop(0), 0
        if isinstance(self._armed, Fault):
            self._fault = self._world.control.add_fault(**self._armed.rule)
        elif isinstance(self._armed, AtRequest) and (self._recorded or not self._armed.waiting):
            self._hold(self._armed)

    def _hold(self, strike: AtRequest) -> None:
        kind = "hold_after" if strike.done else "hold_before"
        self._fault = self._world.control.add_fault(kind, **{"nth": 1, **strike.which})
        # Answered as soon as the request is held: until then the processes are listened to.
        self._watch = http.client.HTTPConnection(urlsplit(self._world.url).netloc, timeout=PATIENCE)
        self._watch.request(
            "POST",
            "/_sandbox/faults/wait",
            body=json.dumps({"number": self._fault, "timeout": PATIENCE}),
            headers={"Content-Type": "application/json"},
        )

    def _held(self) -> None:
        watch, self._watch = self._watch, None
        if watch is None or not isinstance(self._armed, AtRequest):
            return
        with contextlib.closing(watch):
            held = json.loads(watch.getresponse().read())["held"]
        if not held:
            raise StuckError("the request that was to be held never came")
        number, then = self._fault, self._armed.then
        if then in (Then.ZOMBIE, Then.TWIN) and self._task is not None:
            self._frozen.append((self._task, number))
            self._task, self._recorded = None, False
            self.row.state = "queued" if then is Then.TWIN else "up_for_retry"
            self._strike_done()
            return
        self._kill()
        if then is Then.KILL_LATE:
            self._late.append(number)
        else:
            self._world.control.release(number, drop=True)

    def _kill(self) -> None:
        for one in (self._task, self._trigger):
            if one is not None:
                one.kill()
        self._task = self._trigger = None
        if self.row.state == "running":
            self._recorded = False  # by a try that is dead
        self._strike_done()

    def _strike_done(self) -> None:
        if self._armed is not None and not isinstance(self._armed, Fault):
            self.killed += 1
        self._armed = None

    def _settle_fault(self) -> None:
        """Take a fault for done when it struck."""
        if isinstance(self._armed, Fault):
            standing = {one["number"]: one for one in self._world.control.faults()}
            if standing[self._fault]["struck"]:
                self._armed = None
