"""One account's schedule for all processes of a host: two numbers in a small file, changed under its lock.

The kernel gives a killed process's lock back, so nobody waits for the dead. Every change opens the file anew: an
open file would share its lock with every fork, and the system's tidying may have removed it meanwhile. Where
the file cannot be used, the process goes on with a schedule of its own and says so once.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import math
import os
import stat
import struct
import tempfile
import threading
import time
import zlib
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from airflow_provider.live_sessions.core.budget import Lines, MemoryLedger
from airflow_provider.live_sessions.core.pacing import Schedule
from airflow_provider.live_sessions.core.retry import LONGEST_RETRY_AFTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.live_sessions.core.budget import RateBudget

log = logging.getLogger(__name__)

_Told = TypeVar("_Told")

_RECORD = struct.Struct("<8sdd")
_CHECK = struct.Struct("<I")
_SIZE = _RECORD.size + _CHECK.size
_MAGIC = b"als-pace"
_KEY_BYTES = 32

LOCK_PATIENCE = 2.0
"""Seconds to wait for a lock that is held for microseconds: whoever holds it longer was stopped, not killed."""

_LOCK_RETRY = 0.001


class HostBudgets:
    """The budgets that all processes of this user on this host share.

    Args:
        folder: Where the folder with their state lies; empty for the system's temporary folder.
    """

    def __init__(self, folder: str | Path = "") -> None:
        self._state = StateFolder(Path(folder or tempfile.gettempdir()) / f"live-sessions-{os.geteuid()}")
        self._lines = Lines(lambda account: HostLedger(self._state, account))

    def of(self, account: bytes, rate: float, burst: float = 1.0) -> RateBudget:
        """Return an account's budget; see :meth:`Budgets.of`."""
        return self._lines.of(account, rate, burst)


class HostLedger:
    """A schedule that all processes of this user on this host see.

    Args:
        state: The folder of its file.
        account: As :func:`account_of` named it.
        clock: Seconds of a clock that all processes of the host share.
    """

    def __init__(
        self,
        state: StateFolder,
        account: bytes,
        clock: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_MONOTONIC),
    ) -> None:
        self.now = clock
        self._state = state
        self._account = account
        self._alone = MemoryLedger(clock)

    def change(self, step: Callable[[Schedule, float], tuple[Schedule, _Told]]) -> _Told:
        """Replace the schedule by what a step makes of it; see :meth:`Ledger.change`."""
        try:
            with self._state.locked(self._state.name_of(self._account)) as file:
                now = self.now()
                before = decoded(os.pread(file, _SIZE + 1, 0), now)
                after, told = step(before, now)
                if after != before:
                    os.pwrite(file, encoded(after), 0)
                    os.ftruncate(file, _SIZE)  # what was longer was nonsense and would stay so
                return told
        except OSError as error:
            self._state.warn(error)
            return self._alone.change(step)


def encoded(schedule: Schedule) -> bytes:
    """Write a schedule for a file."""
    record = _RECORD.pack(_MAGIC, schedule.arrival, schedule.paused_until)
    return record + _CHECK.pack(zlib.crc32(record))


def decoded(content: bytes, now: float) -> Schedule:
    """Read what :func:`encoded` wrote.

    An empty file is a new one. What makes no sense was torn or is not ours: it is begun anew, without a burst.

    Args:
        content: The file's.
        now: The time on the host's clock.
    """
    if not content:
        return Schedule()
    record, check = content[: _RECORD.size], content[_RECORD.size :]
    if len(record) != _RECORD.size or check != _CHECK.pack(zlib.crc32(record)):
        return Schedule(paused_until=now)
    magic, arrival, paused_until = _RECORD.unpack(record)
    if magic != _MAGIC or math.isnan(arrival) or math.isnan(paused_until):
        return Schedule(paused_until=now)
    return Schedule(arrival, paused_until).bounded(now, LONGEST_RETRY_AFTER)


class StateFolder:
    """A folder that only this user can look into; what else lies under its name is refused, never repaired.

    Args:
        path: The folder; it is made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._warned = threading.Event()

    def name_of(self, account: bytes) -> str:
        """Return the name of an account's file; nobody can guess a credential from it.

        The key is read each time: were it kept, a key that the system's tidying removed would split the budget
        between the processes that remember it and those that make another.
        """
        return hashlib.blake2b(account + _era(), key=self._key(), digest_size=16).hexdigest() + ".rate"

    def _key(self) -> bytes:
        with self.locked("key") as file:
            key = os.pread(file, _KEY_BYTES + 1, 0)
            if len(key) != _KEY_BYTES:
                key = os.urandom(_KEY_BYTES)
                os.ftruncate(file, 0)
                os.pwrite(file, key, 0)
        return key

    @contextmanager
    def locked(self, name: str) -> Iterator[int]:
        """Open a file for this process alone; it is made where it is missing.

        Raises:
            OSError: The folder is not this user's alone, the file cannot be used, or its lock is not given back.
        """
        file = self._open_locked(name)
        try:
            yield file
        finally:
            os.close(file)  # gives the lock back

    def warn(self, error: OSError) -> None:
        """Say once why this process's budget is its own."""
        if self._warned.is_set():
            return
        self._warned.set()
        log.warning(
            "The rate budget cannot be shared with the other processes of this host: %s: %s. This process goes on "
            "with a budget of its own; set [live_sessions] state_dir to a folder that its user may write to.",
            self.path,
            error.strerror or type(error).__name__,
        )

    def _open_locked(self, name: str) -> int:
        while True:
            folder = self._open_folder()
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                file = os.open(name, flags, 0o600, dir_fd=folder)
            finally:
                os.close(folder)
            try:
                _lock(file)
                if os.fstat(file).st_nlink:  # else it was removed while it was waited for
                    return file
            except BaseException:
                os.close(file)
                raise
            os.close(file)

    def _open_folder(self) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            folder = os.open(self.path, flags)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(0o700, exist_ok=True)
            folder = os.open(self.path, flags)
        status = os.fstat(folder)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            os.close(folder)
            raise PermissionError(0, "it belongs to another user, or others may look into it")
        return folder


def _lock(file: int) -> None:
    """Lock a file, but wait for nobody who was stopped while holding it.

    Raises:
        TimeoutError: The lock was not given back in time.
    """
    given_up = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > given_up:
                raise TimeoutError(0, "another process holds its lock and does not go on") from None
            time.sleep(_LOCK_RETRY)
        else:
            return


@cache
def _era() -> bytes:
    """Return what tells apart the clocks that a file could outlive or be shared between: the boot, the container.

    The clock of one boot says nothing about another's, nor in a time namespace of its own.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/time').readlink()}".encode()
    except OSError:  # not on Linux: what lies too far ahead is cut by `decoded`
        return b""
