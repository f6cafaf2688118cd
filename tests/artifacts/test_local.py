from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.core.errors import ConfigurationError
from tests.artifacts.storage_contract import StorageContract, broken

WRITER = """
import sys
from airflow_provider.live_sessions.artifacts.local import LocalStorage

storage, number = LocalStorage(sys.argv[1]), 0
while True:
    number += 1
    letter = b"AB"[number % 2 : number % 2 + 1]

    def chunks():
        for step in range(64):
            if step == int(sys.argv[2]):
                print(number, flush=True)
            yield letter * 16384

    storage.put("day/transcript.json", chunks())
"""


class TestLocalStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> LocalStorage:
        return LocalStorage(tmp_path / "home")


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def kill_a_writer(root: Path, *, at_step: int, after_puts: int) -> None:
    """Let another process write over and over, and kill it in the middle of a put."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", WRITER, str(root), str(at_step)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        for _ in range(after_puts + 1):
            assert writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL


@pytest.mark.parametrize("at_step", [0, 63])
def test_a_killed_writer_leaves_the_old_file_whole(tmp_path: Path, at_step: int) -> None:
    storage = LocalStorage(tmp_path)
    kill_a_writer(tmp_path, at_step=at_step, after_puts=3)
    content = storage.get("day/transcript.json")
    assert content in {b"A" * 2**20, b"B" * 2**20}
    assert storage.list() == ("day/transcript.json",)


def test_a_writer_killed_in_its_first_put_leaves_no_file(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    with subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [
            sys.executable,
            "-c",
            WRITER.replace("print(number, flush=True)", "print(1, flush=True); sys.stdin.read()"),
            str(tmp_path),
            "32",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline()
        writer.kill()
    assert not storage.exists("day/transcript.json")
    assert storage.list() == ()
    assert len(files_of(tmp_path)) == 1, "the leftover is there, and is not taken for a file"

    storage.put("day/other", [b"x"])
    assert len(files_of(tmp_path)) == 2, "a young leftover may belong to a living writer"

    leftover = next(path for path in (tmp_path / "day").iterdir() if path.name != "other")
    two_hours_ago = time.time() - 7200
    os.utime(leftover, (two_hours_ago, two_hours_ago))
    storage.put("day/other", [b"y"])
    assert files_of(tmp_path) == ["other"]


def test_old_files_that_are_no_leftovers_are_never_swept(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    for name in (".live-sessions-notes", "transcript.part", ".hidden"):
        (tmp_path / name).write_text("kept")
        os.utime(tmp_path / name, (0, 0))
    storage.put("a", [b"x"])
    assert files_of(tmp_path) == sorted([".hidden", ".live-sessions-notes", "a", "transcript.part"])


def test_a_broken_source_leaves_no_unfinished_file(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        LocalStorage(tmp_path).put("a/b", broken(b"half"))
    assert files_of(tmp_path) == []


def test_readers_see_one_whole_version_at_any_time(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    versions = [bytes([65 + number]) * 50_000 for number in range(4)]
    storage.put("a", [versions[0]])
    done = threading.Event()

    def write() -> None:
        for number in range(60):
            content = versions[number % 4]
            storage.put("a", [content[:20_000], content[20_000:]])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = [storage.get("a")]
    while not done.is_set():
        seen.append(storage.get("a"))
    writer.join()
    assert set(seen) <= set(versions)


def test_two_writers_of_one_file_leave_one_of_the_two(tmp_path: Path) -> None:
    versions = [b"A" * 200_000, b"B" * 200_000]
    threads = [
        threading.Thread(target=LocalStorage(tmp_path).put, args=("x/y/a", [version])) for version in versions * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert LocalStorage(tmp_path).get("x/y/a") in versions
    assert files_of(tmp_path) == ["a"]


def test_only_the_owner_may_read_by_default(tmp_path: Path) -> None:
    LocalStorage(tmp_path / "home").put("day/session/a", [b"x"])
    assert mode(tmp_path / "home/day/session/a") == 0o600
    for folder in ("home", "home/day", "home/day/session"):
        assert mode(tmp_path / folder) == 0o700


def test_wider_modes_are_given_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        LocalStorage(tmp_path / "home", file_mode=0o640, folder_mode=0o750).put("day/a", [b"x"])
    finally:
        os.umask(before)
    assert mode(tmp_path / "home/day/a") == 0o640
    assert mode(tmp_path / "home/day") == 0o750


def test_an_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir(mode=0o755)
    LocalStorage(tmp_path).put("day/a", [b"x"])
    assert mode(tmp_path / "day") == 0o755


def test_making_a_storage_touches_nothing(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "home")
    assert not storage.exists("a")
    assert storage.list() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("no")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/out").symlink_to(tmp_path / "outside")
    (tmp_path / "home/file").symlink_to(tmp_path / "outside/secret")
    storage = LocalStorage(tmp_path / "home")
    for name in ("out/secret", "file"):
        with pytest.raises(ConfigurationError, match="link"):
            storage.get(name)
        with pytest.raises(ConfigurationError, match="link"):
            storage.put(name, [b"x"])
    assert (tmp_path / "outside/secret").read_text() == "no"


def test_a_root_that_is_itself_a_link_works(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    LocalStorage(tmp_path / "home").put("day/a", [b"x"])
    assert LocalStorage(tmp_path / "home").list("day") == ("day/a",)


def test_a_file_in_the_way_of_a_folder_is_told(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("a", [b"x"])
    with pytest.raises(NotADirectoryError):
        storage.put("a/b/c", [b"y"])
    assert storage.get("a") == b"x"


def test_a_folder_in_the_way_of_a_file_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("a/b", [b"x"])
    with pytest.raises(IsADirectoryError):
        storage.put("a", [b"y"])
    assert files_of(tmp_path) == ["b"]


def test_the_name_of_an_unfinished_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unfinished"):
        LocalStorage(tmp_path).put("day/.live-sessions-abc.part", [b"x"])


def test_a_url_leads_to_the_file_whatever_is_in_its_name(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("a b/100%?#é.txt", [b"x"])
    parts = urlsplit(storage.url("a b/100%?#é.txt"))
    assert (parts.scheme, parts.query, parts.fragment) == ("file", "", "")
    assert Path(unquote(parts.path)).read_bytes() == b"x"


def test_a_relative_root_does_not_move_with_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = LocalStorage("home")
    monkeypatch.chdir("/")
    storage.put("a", [b"x"])
    assert (tmp_path / "home/a").read_bytes() == b"x"
    assert repr(storage) == f"LocalStorage({str(tmp_path / 'home')!r})"
