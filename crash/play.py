"""One run from its launch to its end: a sandbox, an Airflow task, people, and what befalls them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox import (
    CoviuOptions,
    EducatesOptions,
    LessonspaceOptions,
    Sandbox,
    ScreenleapOptions,
)
from airflow_provider.live_sessions.sandbox.client import SandboxControl, SandboxError
from crash import sabotage
from crash.environment import SCENE_VARIABLE
from crash.judge import Verdict, judge_doubles, judge_files, judge_standing, look
from crash.lane import Lane, StuckError, World
from crash.points import Phase
from crash.process import die_with_parent
from crash.scene import CONN_ID, Combination, Scene, dag_of, scene_of
from crash.server import Row, Server
from crash.venues import VENUES
from crash.venues.venue import LinkBrokenError, Venue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LAUNCH, RETRIEVE = "launch", "retrieve"
OPTIONS = {
    "lessonspace": LessonspaceOptions,
    "coviu": CoviuOptions,
    "screenleap": ScreenleapOptions,
    "educates": EducatesOptions,
}


def play(combination: Combination, *, broken: str = "", keep: Path | None = None) -> Verdict:
    """Play one run and judge it.

    Args:
        combination: Which.
        broken: A sabotage of the provider, to prove that the judge sees it.
        keep: A folder that keeps the output of the processes when a promise was not kept.

    Returns:
        The verdict; a run that cannot be judged is ``unclear``, never kept.
    """
    venue = VENUES[combination.platform]()
    scene = scene_of(combination, venue)
    with tempfile.TemporaryDirectory(prefix="live-sessions-crash-") as folder:
        with _sandbox(venue, combination.seed, Path(folder)) as url:
            stage = Stage(combination, scene, venue, SandboxControl(url), url, Path(folder), broken)
            verdict = stage.play()
        log = Path(folder) / "log"
        if keep is not None and not verdict.kept and log.exists():
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{str(combination).replace('/', '-')}.log").write_bytes(log.read_bytes())
    return verdict


class Stage:
    """Where a run is played."""

    def __init__(
        self,
        combination: Combination,
        scene: Scene,
        venue: Venue,
        control: SandboxControl,
        url: str,
        folder: Path,
        broken: str,
    ) -> None:
        self._scene = scene
        self._venue = venue
        self._control = control
        self._home = folder / "home"
        self._verdict = Verdict()
        info = control.info()[venue.name]
        connection = venue.connection(info)
        connection["extra"] = {"requests_per_second": 1000, "timeout": 20, **connection["extra"]}
        os.environ[f"AIRFLOW_CONN_{CONN_ID.upper()}"] = json.dumps(connection)
        told = folder / "scene.json"
        told.write_text(json.dumps(dag_of(scene, combination, venue, self._home)), encoding="utf-8")
        os.environ[SCENE_VARIABLE] = str(told)
        self._server = Server(run_id=f"run-{combination.seed}")
        self._world = World(
            self._server,
            control,
            url,
            folder / "log",
            prepare=sabotage.SABOTAGES[broken],
            mend=venue.forgets_credentials,
            delay=scene.delay,
        )
        self._lanes: dict[str, Lane] = {}
        self._came: dict[str, Any] = {}

    def play(self) -> Verdict:
        """Play it all and return the verdict."""
        try:
            self._venue.prepare(self._control, self._scene.titles, self._scene.people)
            self._launch()
            self._hold()
            self._end()
            if self._scene.point.phase is Phase.HOME:
                self._bring_home()
        except LinkBrokenError as broken:
            self._verdict.count("lost", str(broken))
        except (StuckError, SandboxError) as stuck:
            self._verdict.count("unclear", str(stuck))
        finally:
            for lane in self._lanes.values():
                lane.close()
        return self._verdict

    @property
    def _records(self) -> dict[str, Any]:
        return {title: lane.result for title, lane in self._lanes.items()}

    @property
    def _struck(self) -> Lane:
        return self._lanes[self._scene.titles[self._scene.struck]]

    # ---- the acts

    def _launch(self) -> None:
        """Launch every class, the one that is struck first."""
        scene = self._scene
        order = sorted(range(len(scene.titles)), key=lambda one: one != scene.struck)
        for number in order:
            title = scene.titles[number]
            strikes = scene.strikes if number == scene.struck else ()
            with self._others_still(title):
                lane = self._lanes[title] = Lane(self._world, self._row(LAUNCH, number), strikes)
                lane.settle()
                lane.deliver_late()
                if lane.frozen and not scene.crowd:
                    lane.thaw()
        held = self._venue.held(self._state())
        self._doubles()
        judge_standing(self._verdict, self._venue, held, self._records, people=0, inside=False)

    def _hold(self) -> None:
        """Let people come; strike who waits for them to go."""
        self._control.advance(self._scene.pause)
        self._came = self._records
        for record in self._came.values():
            self._venue.come(self._control, record)
        if self._struck.frozen:
            self._struck.thaw()
        if self._scene.later is not None and self._scene.point.phase is Phase.INSIDE:
            with self._others_still(self._scene.titles[self._scene.struck]):
                self._struck.strike(self._scene.later)
                self._struck.meet()
                self._struck.settle()
        held, people = self._venue.held(self._state()), self._scene.people
        judge_standing(self._verdict, self._venue, held, self._records, people=people, inside=True)

    def _end(self) -> None:
        """Let people go, and see every task to its end."""
        with self._struck.still():  # or it would see the end before it is struck there
            for record in self._came.values():
                self._venue.go(self._control, record)
            self._control.advance(self._venue.settles)
            if self._scene.later is not None and self._scene.point.phase is Phase.END:
                self._struck.strike(self._scene.later)
        if not self._struck.struck:
            with self._others_still(self._scene.titles[self._scene.struck]):
                self._struck.meet()
        excused: Counter[str] = Counter()
        for title, lane in self._lanes.items():
            how = lane.finish()
            if how != "success":
                self._verdict.count("lost", f"the task of {title} ended as {how}")
            elif self._venue.recorded(lane.result) == self._venue.recorded(self._came[title]):
                continue
            elif self._scene.twins and self._venue.twins:
                excused[self._venue.twins] += 1
            else:
                self._verdict.count(
                    "lost", f"the result of {title} is another session than the one people were in"
                )
        self._doubles()

    def _bring_home(self) -> None:
        """Retrieve what the sessions left; strike the retrieval of one."""
        scene, results, before = self._scene, [], look(self._home)
        order = sorted(range(len(scene.titles)), key=lambda one: one != scene.struck)
        for number in order:
            strikes = () if scene.later is None or number != scene.struck else (scene.later,)
            lane = Lane(self._world, self._row(RETRIEVE, number), strikes)
            self._lanes[f"{RETRIEVE} {number}"] = lane
            lane.meet()
            if strikes:
                before = look(self._home)
            if lane.finish() != "success":
                self._verdict.count("torn", f"the retrieval ended as {lane.row.state}")
                return
            results.append(lane.result)
        expected = len(scene.titles) * self._venue.files
        judge_files(self._verdict, before, look(self._home), results, expected)

    # ---- what is looked at

    def _state(self) -> Mapping[str, Any]:
        return dict(self._control.state()[self._venue.name])

    def _doubles(self) -> None:
        """Judge doubles; what is allowed is counted once, by the last look."""
        self._verdict.allowed.clear()
        held = self._venue.held(self._state())
        judge_doubles(
            self._verdict, self._venue, held, self._records, people=self._scene.people, late=self._scene.late
        )

    def _row(self, task_id: str, number: int) -> Row:
        return Row(task_id, number if self._scene.mapped else -1)

    @contextlib.contextmanager
    def _others_still(self, acting: str) -> Iterator[None]:
        """Hold all lanes still but one: a strike at a request must meet the one it is meant for."""
        with contextlib.ExitStack() as stack:
            for title, lane in self._lanes.items():
                if title != acting:
                    stack.enter_context(lane.still())
            yield


@contextlib.contextmanager
def _sandbox(venue: Venue, seed: int, folder: Path) -> Iterator[str]:
    """A sandbox in a process of its own, for one run."""
    address = folder / "sandbox.url"
    pid = os.fork()
    if pid == 0:
        _serve(venue, seed, address)
    try:
        end = time.monotonic() + 30
        while not address.exists():
            if time.monotonic() > end:
                raise StuckError("the sandbox does not start")
            time.sleep(0.002)
        yield address.read_text(encoding="utf-8")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _serve(venue: Venue, seed: int, address: Path) -> None:
    """Be the sandbox: never return."""
    die_with_parent()
    try:
        options: Any = OPTIONS[venue.name](**venue.options(seed))
        sandbox = Sandbox(frozen=True, **{venue.name: options}).start()
        part = address.with_suffix(".part")
        part.write_text(sandbox.url, encoding="utf-8")
        part.replace(address)
        while True:
            signal.pause()
    finally:
        os._exit(1)
