"""A running digest is the digest of everything, however it came."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.running_digest import APART, RunningDigest


@given(st.lists(st.integers(0, 2 * APART), max_size=6), st.integers(0, 5))
def test_it_is_the_sha256_of_all_pieces_and_may_be_asked_in_between(sizes: list[int], ask_at: int) -> None:
    running, whole = RunningDigest(), hashlib.sha256()
    for number, size in enumerate(sizes):
        piece = bytes([number]) * size
        running.update(piece)
        whole.update(piece)
        if number == ask_at:
            assert running.hexdigest() == whole.hexdigest()
    assert running.hexdigest() == whole.hexdigest()
