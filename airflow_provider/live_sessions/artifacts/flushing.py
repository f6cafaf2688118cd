"""A long file on its way to the disk: flushed while more of it comes, so that its end is not one long wait."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

EVERY = 32 * 1024 * 1024
"""Bytes after which what was written is flushed; a shorter file never needs a thread."""


class Flushing:
    """Flushes a file that is being written, on a thread, one flush at a time.

    Args:
        handle: The open file's descriptor; it stays open until the block is left.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="live-sessions-flush")
        self._flush: Future[None] | None = None
        self._waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True)
        if self._flush is not None and kind is None:
            self._flush.result()

    def wrote(self, size: int) -> None:
        """Count what was written.

        Raises:
            OSError: The disk refused what was written before.
        """
        self._waiting += size
        if self._waiting < EVERY or (self._flush is not None and not self._flush.done()):
            return
        if self._flush is not None:
            self._flush.result()
        self._flush, self._waiting = self._pool.submit(os.fdatasync, self._handle), 0
