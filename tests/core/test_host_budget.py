from __future__ import annotations

import contextlib
import fcntl
import logging
import math
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core import host_budget
from airflow_provider.live_sessions.core.budget import Line, RateBudget, account_of
from airflow_provider.live_sessions.core.host_budget import (
    HostBudgets,
    HostLedger,
    StateFolder,
    decoded,
    encoded,
)
from airflow_provider.live_sessions.core.pacing import Schedule
from airflow_provider.live_sessions.core.retry import LONGEST_RETRY_AFTER

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = account_of("Toy", "https://toy.test", "key")
ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def spender(folder: Path, *, rate: float = 20.0, turns: int = 1, pause: float = 0.0) -> Iterator[Spender]:
    command = [sys.executable, "-m", "tests.core.spender", str(folder), str(rate), str(turns), str(pause)]
    with subprocess.Popen(  # noqa: S603 - a program of our own
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Spender(process)
        finally:
            process.kill()


class Spender:
    """Another process that spends from the budget."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert self.read() == "ready"

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def rest(self) -> list[float]:
        assert self.process.stdout is not None
        return [float(line) for line in self.process.stdout]


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("live-sessions-*/*"))


def the_file(folder: Path) -> Path:
    (found,) = folder.glob("live-sessions-*/*.rate")
    return found


# ---- several processes


def test_no_more_turns_are_given_to_all_processes_together_than_the_rate_allows(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        spenders = [stack.enter_context(spender(tmp_path, rate=20, turns=6)) for _ in range(4)]
        for one in spenders:
            one.go()
        served = [one.rest() for one in spenders]
    assert [len(one) for one in served] == [6] * 4
    turns = sorted(turn for one in served for turn in one)
    assert turns[-1] - turns[0] >= 23 / 20 - 0.5  # a turn may be taken late, never early
    for number in range(len(turns)):
        # By its number each turn has a time before which it must not be taken.
        assert turns[number] >= turns[0] + number / 20 - 0.5


def test_a_pause_in_one_process_stops_the_others(tmp_path: Path) -> None:
    with spender(tmp_path) as other, spender(tmp_path, pause=600) as pausing:
        pausing.go()
        assert pausing.read() == "paused"
        other.go()
        assert other.rest() == [pytest.approx(-600, abs=30)]
    assert HostBudgets(tmp_path).of(ACCOUNT, 20).acquire(patience=60) > 500


def test_a_pause_that_another_process_sets_while_one_waits_holds_for_the_one_who_waits(tmp_path: Path) -> None:
    other = HostBudgets(tmp_path).of(ACCOUNT, 1)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        other.pause(600)

    ledger = HostBudgets(tmp_path).of(ACCOUNT, 1)._line.ledger
    mine = RateBudget(1, line=Line(ledger, sleep))
    assert mine.acquire() == 0.0
    assert mine.acquire(patience=60) == pytest.approx(600, abs=30)
    assert len(waits) == 1


def test_a_process_killed_while_it_holds_the_lock_blocks_nobody(tmp_path: Path) -> None:
    budget = HostBudgets(tmp_path).of(ACCOUNT, 100)
    budget.acquire()
    program = (
        "import fcntl, sys, time\n"
        "file = open(sys.argv[1], 'r+b')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(  # noqa: S603 - a program of our own
        [sys.executable, "-c", program, str(the_file(tmp_path))], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        served: list[float] = []
        waiting = threading.Thread(target=lambda: served.append(budget.acquire()))
        waiting.start()
        holder.send_signal(signal.SIGKILL)
        waiting.join(30)
        assert served == [0.0]


def test_a_process_killed_while_it_waits_for_its_slot_costs_the_others_that_slot(tmp_path: Path) -> None:
    budget = HostBudgets(tmp_path).of(ACCOUNT, 0.5)
    assert budget.acquire() == 0.0
    before = schedule_in(tmp_path)
    with spender(tmp_path, rate=0.5) as other:
        other.go()
        for _ in range(3000):
            if schedule_in(tmp_path) != before:
                break
            time.sleep(0.01)
        other.process.kill()
        assert other.rest() == []
    assert schedule_in(tmp_path).arrival - before.arrival == pytest.approx(2.0)


def schedule_in(folder: Path) -> Schedule:
    return decoded(the_file(folder).read_bytes(), time.clock_gettime(time.CLOCK_MONOTONIC))


def test_a_process_stopped_while_it_holds_the_lock_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(host_budget, "LOCK_PATIENCE", 0.05)
    budget = HostBudgets(tmp_path).of(ACCOUNT, 100)
    budget.acquire()
    with the_file(tmp_path).open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert budget.acquire() == 0.0
        assert budget.acquire() == 0.0
    assert len([one for one in caplog.records if "does not go on" in one.getMessage()]) == 1


def test_a_fork_does_not_share_the_lock_of_its_parent(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    with state.locked("one"):
        child = os.fork()
        if child == 0:
            file = os.open(state.path / "one", os.O_RDWR)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# ---- what lies in the file


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_a_schedule_survives_the_file(arrival: float, paused_until: float) -> None:
    now = max(arrival, paused_until)
    assert decoded(encoded(Schedule(arrival, paused_until)), now) == Schedule(arrival, paused_until)


@given(st.binary(max_size=64), st.floats(0, 1e9))
def test_any_content_whatever_is_a_schedule_that_ends_the_wait_some_day(content: bytes, now: float) -> None:
    read = decoded(content, now)
    assert not math.isnan(read.arrival)
    assert read.paused_until <= now + LONGEST_RETRY_AFTER
    assert read.arrival <= now + 2 * LONGEST_RETRY_AFTER


@given(st.integers(0, 27), st.integers(1, 255))
def test_a_torn_file_is_begun_anew_without_a_burst(place: int, change: int) -> None:
    content = bytearray(encoded(Schedule(1e6, 1e6)))
    assert len(content) == 28
    content[place] ^= change
    assert decoded(bytes(content), 5.0) == Schedule(paused_until=5.0)
    assert decoded(bytes(content[:place]), 5.0) in (Schedule(paused_until=5.0), Schedule())


@pytest.mark.parametrize("nonsense", [b"x", b"x" * 28, b"x" * 5000, b"\0" * 40])
def test_nonsense_in_the_file_is_replaced_for_good(tmp_path: Path, nonsense: bytes) -> None:
    budget = HostBudgets(tmp_path).of(ACCOUNT, 100, 10)
    budget.acquire()
    the_file(tmp_path).write_bytes(nonsense)
    assert budget.acquire() == 0.0
    budget.pause(600)
    assert HostBudgets(tmp_path).of(ACCOUNT, 100).acquire(patience=1) == pytest.approx(600, abs=30)


def test_a_pause_further_ahead_than_any_platform_may_ask_for_is_cut() -> None:
    assert decoded(encoded(Schedule(1e12, 1e12)), 0.0) == Schedule(7200.0, 3600.0)


def test_a_file_that_was_tidied_away_is_made_again(tmp_path: Path) -> None:
    budget = HostBudgets(tmp_path).of(ACCOUNT, 1000)
    budget.pause(0.01)
    for one in files(tmp_path):
        one.unlink()
    assert budget.acquire() == 0.0
    assert len(files(tmp_path)) == 2
    for one in files(tmp_path):
        one.unlink()
    the_folder(tmp_path).rmdir()
    assert budget.acquire() == 0.0


def the_folder(parent: Path) -> Path:
    return parent / f"live-sessions-{os.geteuid()}"


def test_no_name_tells_the_account_and_each_host_names_it_differently(tmp_path: Path) -> None:
    names = set()
    for folder in (tmp_path / "one", tmp_path / "other"):
        HostBudgets(folder).of(ACCOUNT, 1000).acquire()
        names.add(the_file(folder).name)
        again = HostBudgets(folder).of(ACCOUNT, 1000)
        again.acquire()
        names.add(the_file(folder).name)
    assert len(names) == 2
    assert not any(ACCOUNT.hex()[:8] in name for name in names)


# ---- whose folder it is


def test_folder_and_files_are_their_user_s_alone(tmp_path: Path) -> None:
    HostBudgets(tmp_path / "new" / "folders").of(ACCOUNT, 1000).acquire()
    folder = the_folder(tmp_path / "new" / "folders")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 2


def refused_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> str:
    """Spend in a folder that is refused, and return the one warning about it."""
    with caplog.at_level(logging.WARNING):
        budgets = HostBudgets(tmp_path)
        budget = budgets.of(ACCOUNT, 1)
        assert budget.acquire() == 0.0
        budget.pause(600)
        assert budget.acquire(patience=1) == pytest.approx(600, abs=30)  # its own budget works
    (warning,) = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert "state_dir" in warning
    assert str(the_folder(tmp_path)) in warning
    return warning


def test_a_folder_of_somebody_else_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = os.geteuid()
    the_folder(tmp_path).mkdir(0o700)
    the_folder(tmp_path).rename(tmp_path / f"live-sessions-{own + 1}")
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    assert "another user" in refused_in(tmp_path, caplog)


def test_a_folder_that_others_may_look_into_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    the_folder(tmp_path).mkdir()
    the_folder(tmp_path).chmod(0o750)
    assert "others may look" in refused_in(tmp_path, caplog)
    assert list(the_folder(tmp_path).iterdir()) == []


def test_a_symlink_in_the_folder_s_place_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "elsewhere").mkdir(0o700)
    the_folder(tmp_path).symlink_to(tmp_path / "elsewhere")
    refused_in(tmp_path, caplog)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_symlink_in_a_file_s_place_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    HostBudgets(tmp_path).of(ACCOUNT, 1000).acquire()
    victim = tmp_path / "victim"
    victim.write_bytes(b"dear to somebody")
    name = the_file(tmp_path)
    name.unlink()
    name.symlink_to(victim)
    refused_in(tmp_path, caplog)
    assert victim.read_bytes() == b"dear to somebody"


def test_a_place_where_no_folder_can_be_made_is_survived(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    refused_in(tmp_path / "file", caplog)


def test_two_ledgers_of_one_account_see_one_schedule(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    HostLedger(state, ACCOUNT).change(lambda _, now: (Schedule(now - 5, now - 7), None))
    arrival, paused = HostLedger(state, ACCOUNT).change(
        lambda schedule, now: (schedule, (now - schedule.arrival, now - schedule.paused_until))
    )
    assert paused - arrival == pytest.approx(2.0)
