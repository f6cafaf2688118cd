from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.writer import Writer, manifest_name, read_manifest
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.running_digest import APART
from tests.artifacts.memory import MemoryStorage
from tests.artifacts.storage_contract import broken

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from airflow_provider.live_sessions.core.storage import Storage

FOLDER = "2026-09-01/0900-algebra-1f0c88d2"
MANIFEST = f"{FOLDER}/transcript.manifest.json"


def draft(**changes: Any) -> Manifest:
    given_: dict[str, Any] = {
        "kind": "transcript",
        "platform": "lessonspace",
        "conn_id": "space",
        "session_key": "1f0c",
        "status": Completeness.COMPLETE,
        "session_ids": ("s1",),
    }
    return Manifest(**{**given_, **changes})


def writer(storage: Storage, **changes: Any) -> Writer:
    return Writer(storage, FOLDER, **{"kind": "transcript", "session_key": "1f0c", **changes})


def run(storage: Storage, files: dict[str, bytes], **changes: Any) -> Manifest:
    one = writer(storage)
    for name, content in files.items():
        one.add(name, [content[:2], content[2:]], media_type="text/plain", counts={"words": len(content)})
    return one.finish(draft(**changes))


contents = st.dictionaries(st.sampled_from(["a.json", "b.vtt", "c/d.txt"]), st.binary(max_size=40))


@given(contents)
def test_the_manifest_has_the_size_and_digest_of_every_file(files: dict[str, bytes]) -> None:
    storage = MemoryStorage()
    done = run(storage, files)
    assert {entry.name: (entry.bytes, entry.sha256) for entry in done.files} == {
        f"{FOLDER}/{name}": (len(content), hashlib.sha256(content).hexdigest()) for name, content in files.items()
    }
    assert done.verify(storage) == []
    assert Manifest.from_bytes(storage.get(MANIFEST)) == done
    assert (done.name, done.url) == (MANIFEST, f"memory://bucket/{MANIFEST}")


def test_the_manifest_is_written_last() -> None:
    storage = MemoryStorage()
    run(storage, {"a": b"1", "b": b"2"})
    assert storage.log == [f"put {FOLDER}/a", f"put {FOLDER}/b", f"put {MANIFEST}"]


@given(contents)
def test_a_repeat_writes_the_same_bytes_and_never_takes_the_manifest_away(files: dict[str, bytes]) -> None:
    storage = MemoryStorage()
    first = run(storage, files)
    before = dict(storage.files)
    storage.log.clear()
    assert run(storage, files) == first
    assert storage.files == before
    assert not [line for line in storage.log if line.startswith("delete")]


@given(contents, contents, st.integers(0, 3))
def test_at_no_moment_does_a_manifest_describe_what_is_not_there(
    old: dict[str, bytes], new: dict[str, bytes], crash_after: int
) -> None:
    class Watched(MemoryStorage):
        """Looks after every change, as a reader at the worst moment would."""

        def put(self, name: str, chunks: Iterable[bytes]) -> int:
            size = super().put(name, chunks)
            self.look()
            return size

        def delete(self, name: str) -> None:
            super().delete(name)
            self.look()

        def look(self) -> None:
            now = read_manifest(self, FOLDER, "transcript")
            assert now is None or now.verify(self) == []

    storage = Watched()
    run(storage, old)
    one = writer(storage)
    for number, (name, content) in enumerate(new.items()):
        if number == crash_after:
            return
        one.add(name, [content], media_type="text/plain")
    done = one.finish(draft(source=("the second run",)))
    assert read_manifest(storage, FOLDER, "transcript") == done


def test_a_download_that_breaks_off_leaves_the_old_file_and_its_manifest() -> None:
    storage = MemoryStorage()
    first = run(storage, {"a": b"old"})
    one = writer(storage)
    with pytest.raises(ConnectionResetError):
        one.add("a", broken(b"ne"), media_type="text/plain")
    assert storage.get(f"{FOLDER}/a") == b"old"
    assert read_manifest(storage, FOLDER, "transcript") == first
    one.add("a", [b"new"], media_type="text/plain")
    assert [entry.bytes for entry in one.finish(draft()).files] == [3]


def test_a_platform_that_deleted_takes_nothing_away_from_what_is_home() -> None:
    storage = MemoryStorage()
    first = run(storage, {"a": b"all of it"})
    again = run(storage, {}, status=Completeness.NONE, why="The platform deleted the recording.")
    assert again == first
    assert read_manifest(storage, FOLDER, "transcript") == first


def test_what_is_home_does_not_stand_in_for_a_session_it_never_covered() -> None:
    storage = MemoryStorage()
    run(storage, {"a": b"first part"})
    now = run(
        storage,
        {"a": b"first part"},
        status=Completeness.PARTIAL,
        session_ids=("s1", "s2"),
        why="The transcript of the second part failed.",
    )
    assert now.status is Completeness.PARTIAL
    assert read_manifest(storage, FOLDER, "transcript") == now


def test_a_storage_that_fails_at_the_last_moment_costs_nothing_that_is_home() -> None:
    class Full(MemoryStorage):
        def put(self, name: str, chunks: Iterable[bytes]) -> int:
            if name.endswith("/a") and self.exists(name):
                assert b"".join(chunks)
                raise OSError("no space left")
            return super().put(name, chunks)

    storage = Full()
    first = run(storage, {"a": b"old"})
    one = writer(storage)
    with pytest.raises(OSError, match="no space"):
        one.add("a", [b"new"], media_type="text/plain")
    assert one.finish(draft(status=Completeness.PARTIAL, why="The storage is full.")) == first
    assert read_manifest(storage, FOLDER, "transcript") == first
    assert first.verify(storage) == []


def test_what_is_home_but_damaged_does_not_count_as_complete() -> None:
    storage = MemoryStorage()
    run(storage, {"a": b"all of it"})
    storage.put(f"{FOLDER}/a", [b"damaged"])
    now = run(storage, {}, status=Completeness.NONE, why="The platform deleted it.")
    assert now.status is Completeness.NONE


def test_a_run_that_changed_a_file_describes_it_though_less_came_than_before() -> None:
    storage = MemoryStorage()
    run(storage, {"a": b"1", "b": b"2"})
    now = run(storage, {"a": b"3"}, status=Completeness.PARTIAL, why="b failed.")
    assert read_manifest(storage, FOLDER, "transcript") == now
    assert [entry.name for entry in now.files] == [f"{FOLDER}/a"]


@pytest.mark.parametrize("status", [Completeness.PARTIAL, Completeness.NONE])
def test_a_later_complete_run_replaces_a_lesser_one(status: Completeness) -> None:
    storage = MemoryStorage()
    run(storage, {}, status=status, why="Not ready before the deadline.")
    done = run(storage, {"a": b"1"})
    assert read_manifest(storage, FOLDER, "transcript") == done


def test_the_folder_of_another_session_is_refused_and_untouched() -> None:
    storage = MemoryStorage()
    run(storage, {"a": b"1"})
    before = dict(storage.files)
    with pytest.raises(ConfigurationError, match="another session"):
        writer(storage, session_key="2e1d")
    assert storage.files == before


def test_two_kinds_share_a_folder() -> None:
    storage = MemoryStorage()
    first = run(storage, {"a": b"1"})
    other = writer(storage, kind="attendance")
    other.add("attendance.csv", [b"x"], media_type="text/csv")
    other.finish(draft(kind="attendance"))
    assert read_manifest(storage, FOLDER, "transcript") == first


def test_an_unreadable_manifest_is_none_and_is_replaced() -> None:
    storage = MemoryStorage()
    storage.put(MANIFEST, [b"{"])
    assert read_manifest(storage, FOLDER, "transcript") is None
    done = run(storage, {"a": b"1"})
    assert read_manifest(storage, FOLDER, "transcript") == done


@pytest.mark.parametrize("name", ["a", "transcript.manifest.json"])
def test_no_name_is_written_twice(name: str) -> None:
    one = writer(MemoryStorage())
    one.add("a", [b"1"], media_type="text/plain")
    with pytest.raises(ValueError, match="twice"):
        one.add(name, [b"2"], media_type="text/plain")


def test_a_name_cannot_leave_the_folder() -> None:
    one = writer(MemoryStorage())
    with pytest.raises(ConfigurationError):
        one.add("../other/a", [b"1"], media_type="text/plain")


@pytest.mark.parametrize("changes", [{"kind": "attendance"}, {"session_key": "2e1d"}])
def test_a_manifest_of_something_else_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="another artifact"):
        writer(MemoryStorage()).finish(draft(**changes))


def test_a_manifest_of_nothing_cannot_follow_files() -> None:
    storage = MemoryStorage()
    with pytest.raises(ValueError, match="names files"):
        run(storage, {"a": b"1"}, status=Completeness.NONE, why="Nothing.")
    assert not storage.exists(MANIFEST)


def test_a_storage_that_loses_bytes_is_found_out() -> None:
    class Lossy(MemoryStorage):
        def put(self, name: str, chunks: Iterable[bytes]) -> int:
            return super().put(name, [b"".join(chunks)[:-1]])

    with pytest.raises(OSError, match=r"2 bytes of .* were stored; 3 were given"):
        writer(Lossy()).add("a", [b"abc"], media_type="text/plain")


def test_without_a_folder_files_lie_at_the_root() -> None:
    assert manifest_name("", "usage") == "usage.manifest.json"
    storage = MemoryStorage()
    Writer(storage, "", kind="usage", session_key="1f0c").add("a", [b"1"], media_type="text/plain")
    assert storage.list() == ("a",)


def test_it_all_works_on_a_disk(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    done = run(storage, {"a.txt": b"hello"})
    assert run(storage, {"a.txt": b"hello"}) == done
    assert storage.list() == (f"{FOLDER}/a.txt", MANIFEST)
    assert done.verify(LocalStorage(tmp_path)) == []
    assert done.url == (tmp_path / MANIFEST).as_uri()


@given(st.lists(st.integers(0, 3 * APART), max_size=6))
def test_pieces_of_any_size_are_hashed_in_their_order(sizes: list[int]) -> None:
    pieces = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    entry = writer(MemoryStorage()).add("recording.webm", pieces, media_type="video/webm")
    assert entry.sha256 == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert entry.bytes == sum(sizes)


@dataclass
class Came:
    received: int
    digest: str


def test_a_content_hashed_already_is_described_by_that_and_refused_where_it_is_another() -> None:
    storage = MemoryStorage()
    writer = Writer(storage, "day", kind="recording", session_key="k")
    entry = writer.add("a.webm", [b"abc", b"d"], media_type="video/webm", hashed=Came(4, "0a" * 32))
    assert (entry.bytes, entry.sha256) == (4, "0a" * 32)
    with pytest.raises(OSError, match="4 bytes came to be written; 3 were hashed"):
        writer.add("b.webm", [b"abcd"], media_type="video/webm", hashed=Came(3, "of less"))
    assert "day/b.webm" not in storage.list()
