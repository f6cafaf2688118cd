"""What a fork does to itself before its work begins, so that it dies inside the writing of a file."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from crash.strikes import InFile, Within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def die() -> None:
    """End this process as the kernel would end it for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def lay(strike: InFile) -> None:
    """Lay the tripwire in this process: only ever called in a fork.

    Args:
        strike: Which file, and where in its writing.
    """
    put, replace = LocalStorage.put, Path.replace
    writing = 0

    def counted_put(self: LocalStorage, name: str, chunks: Iterable[bytes]) -> int:
        nonlocal writing
        writing += 1
        mine = writing == strike.nth
        size = put(self, name, _half(chunks) if mine and strike.where is Within.CONTENT else chunks)
        if mine and strike.where is Within.WRITTEN:
            die()
        return size

    def watched_replace(self: Path, target: Any) -> Path:
        mine = writing == strike.nth and self.suffix == ".part"
        if mine and strike.where is Within.BEFORE_RENAME:
            die()
        moved = replace(self, target)
        if mine and strike.where is Within.AFTER_RENAME:
            die()
        return moved

    LocalStorage.put = counted_put  # type: ignore[method-assign]  # in this fork alone
    Path.replace = watched_replace  # type: ignore[method-assign,assignment]


def _half(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Hand over half of the content, and no more."""
    whole = b"".join(chunks)
    yield whole[: max(1, len(whole) // 2)]
    die()
