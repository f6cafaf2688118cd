"""The sha256 of what passes by: of a long content it is made on a thread of its own, while more comes."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

APART = 1024 * 1024
"""Bytes that are hashed together; a shorter content needs no thread."""


class RunningDigest:
    """Hashes pieces in their order; holds two lots of them at most. Its thread ends when it is dropped."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._held: list[bytes] = []
        self._size = 0
        self._pool: ThreadPoolExecutor | None = None
        self._hashing: Future[None] | None = None

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        self._held.append(piece)
        self._size += len(piece)
        if self._size < APART:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="live-sessions-hash")
        self._settle()
        self._hashing = self._pool.submit(self._take, self._held)
        self._held, self._size = [], 0

    def hexdigest(self) -> str:
        """Return the digest of all pieces so far, in hexadecimal."""
        self._settle()
        self._take(self._held)
        self._held, self._size = [], 0
        return self._digest.hexdigest()

    def _settle(self) -> None:
        if self._hashing is not None:
            self._hashing.result()
            self._hashing = None

    def _take(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            self._digest.update(piece)
