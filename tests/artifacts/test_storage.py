from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.storage import check_name
from tests.artifacts.memory import MemoryStorage
from tests.artifacts.storage_contract import StorageContract


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()


@given(st.lists(st.sampled_from(["a", "..", ".", "", "é", "\\", "\x00", "a b", ":"]), max_size=5).map("/".join))
def test_a_name_that_passes_stays_below_its_root(name: str) -> None:
    try:
        assert check_name(name) == name
    except ConfigurationError:
        return
    path = PurePosixPath("/root") / name
    assert path.parts[:2] == ("/", "root")
    assert len(path.parts) == 2 + len(name.split("/"))
    assert ".." not in path.parts


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_is_refused(name: str) -> None:
    try:
        check_name(name)
    except ConfigurationError as error:
        assert "refused" in str(error)  # noqa: PT017 - both outcomes are right, and each has its own promise
    else:
        assert name.encode().decode() == name


def test_names_of_other_scripts_pass() -> None:
    assert check_name("2026-09-01/Математика/文.vtt") == "2026-09-01/Математика/文.vtt"
