"""Airflow's object storage meets the same contract as a local folder."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from airflow.sdk import ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.hooks.storage import (
    ObjectStorage,
    _shown,
    default_destination,
    open_storage,
    read_file,
)
from tests.artifacts.storage_contract import StorageContract

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider.live_sessions.core.storage import Storage


@pytest.fixture(autouse=True, scope="module")
def memory() -> None:
    """Let Airflow know memory://, as a provider lets it know s3://."""
    attach("memory", fs=MemoryFileSystem())


class TestMemory(StorageContract):
    @pytest.fixture
    def storage(self) -> Storage:
        return open_storage(f"memory://bucket-{uuid.uuid4().hex}/classes")


class TestFolderThroughObjectStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return ObjectStorage((tmp_path / "classes").as_uri())


class TestFolder(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return open_storage((tmp_path / "a folder").as_uri())


def test_a_destination_is_a_folder_a_file_url_or_anything_airflow_knows(tmp_path: Path) -> None:
    assert isinstance(open_storage(str(tmp_path)), LocalStorage)
    assert isinstance(open_storage("memory://bucket"), ObjectStorage)
    spaced = open_storage((tmp_path / "with space").as_uri())
    spaced.put("a", [b"x"])
    assert (tmp_path / "with space" / "a").read_bytes() == b"x"


@pytest.mark.parametrize(
    "destination",
    [
        "s3://bucket/classes?token=hush-hush",
        "s3://key:hush-hush@bucket/classes",
        "memory://bucket?hush-hush",
        "/folder?hush-hush=1",
    ],
)
def test_a_destination_with_a_query_or_a_password_is_refused_without_being_repeated(destination: str) -> None:
    with pytest.raises(ConfigurationError, match="query or a password") as told:
        open_storage(destination)
    assert "hush-hush" not in str(told.value)


def test_a_url_shows_no_connection() -> None:
    assert "my_conn" not in _shown("s3://my_conn@bucket/classes/a/b.txt?sig=x")
    assert _shown("s3://my_conn@bucket/classes/a.txt?sig=x#y") == "s3://bucket/classes/a.txt"


def test_a_storage_that_airflow_does_not_know_is_a_configuration_error_and_no_retry() -> None:
    # fsspec knows neither the first nor, until a provider brings it, Airflow the second.
    for scheme in ("punchcards", "ftp"):
        with pytest.raises(ConfigurationError, match=f"no object storage for {scheme}://"):
            open_storage(f"{scheme}://deck/classes")
    with pytest.raises(ConfigurationError, match="no object storage for punchcards://"):
        read_file("punchcards://deck/timetable.csv", max_bytes=10)


def test_a_destination_with_and_without_a_slash_is_the_same_place() -> None:
    name = uuid.uuid4().hex
    open_storage(f"memory://{name}/classes/").put("a", [b"x"])
    assert open_storage(f"memory://{name}/classes").list() == ("a",)


def test_the_default_is_configured_or_lies_in_airflow_s_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW__LIVE_SESSIONS__DESTINATION", "memory://configured")
    assert default_destination() == "memory://configured"
    monkeypatch.delenv("AIRFLOW__LIVE_SESSIONS__DESTINATION")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    assert default_destination() == (tmp_path / "live_sessions").as_uri()
    open_storage().put("a", [b"x"])
    assert (tmp_path / "live_sessions" / "a").exists()
    monkeypatch.delenv("AIRFLOW_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_destination() == (tmp_path / "airflow" / "live_sessions").as_uri()


@pytest.fixture(params=["path", "file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory":
        url = f"memory://{uuid.uuid4().hex}/time table.csv"
        path = ObjectStoragePath(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0123456789")
        return url
    file = tmp_path / "time table.csv"
    file.write_bytes(b"0123456789")
    return file.as_uri() if request.param == "file" else str(file)


def test_a_file_is_read_up_to_its_bound_and_no_further(place: str) -> None:
    assert read_file(place, max_bytes=10) == b"0123456789"
    with pytest.raises(ConfigurationError, match="larger than 9 bytes"):
        read_file(place, max_bytes=9)


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigurationError, match="larger than 1000 bytes"):
        read_file("/dev/zero", max_bytes=1000)


def test_a_file_that_cannot_be_read_says_which_and_shows_no_secret(place: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: FileNotFoundError"):
        read_file(f"{place}.nowhere", max_bytes=10)
    with pytest.raises(ConfigurationError, match="cannot be read: IsADirectoryError"):
        read_file(str(tmp_path), max_bytes=10)
    with pytest.raises(ConfigurationError) as told:
        read_file("file://key:hush-hush@bucket/x.csv?sig=hush-hush", max_bytes=10)
    assert "hush-hush" not in str(told.value)
