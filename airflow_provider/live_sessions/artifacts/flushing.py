"""A long file on its way to the disk, which is set to work while more comes: the end is then no long wait."""

from __future__ import annotations

import contextlib
import os

EVERY = 8 * 1024 * 1024
"""Bytes after which the disk is told to begin; a shorter file is flushed at its end as ever."""


class Flushing:
    """Has a file that is being written brought to the disk as it comes.

    Linux begins to write back what it is told will not be needed, and does not wait for it (``mm/fadvise.c``).
    That is no promise: whoever needs the file on the disk flushes it at its end, and waits less long then.

    Args:
        handle: The open file's descriptor.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._begun = 0
        self._waiting = 0

    def wrote(self, size: int) -> None:
        """Count what was written."""
        self._waiting += size
        if self._waiting < EVERY or not hasattr(os, "posix_fadvise"):  # macOS has none
            return
        with contextlib.suppress(OSError):  # advice alone: a file system that wants none is no failure
            os.posix_fadvise(self._handle, self._begun, self._waiting, os.POSIX_FADV_DONTNEED)
        self._begun, self._waiting = self._begun + self._waiting, 0
