"""What every storage must do. A storage's test class inherits this and gives a ``storage`` fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.core.storage import Storage

BAD_NAMES = [
    "",
    "/",
    "/etc/passwd",
    "..",
    ".",
    "../a",
    "a/../b",
    "a/./b",
    "a//b",
    "a/",
    "a\\b",
    "a\x00b",
    "a\nb",
    "a\x7f",
    "lone-\ud800",
    "x" * 256,
    "/".join(["x" * 200] * 6),
]


def broken(*chunks: bytes) -> Iterator[bytes]:
    yield from chunks
    raise ConnectionResetError("the download broke off")


class StorageContract:
    def test_what_was_put_is_got_byte_for_byte(self, storage: Storage) -> None:
        assert storage.put("a/b/c.bin", [b"one", b"", b"\x00two"]) == 7
        assert storage.get("a/b/c.bin") == b"one\x00two"
        assert storage.exists("a/b/c.bin")

    def test_no_chunks_make_an_empty_file(self, storage: Storage) -> None:
        assert storage.put("empty", []) == 0
        assert storage.get("empty") == b""

    def test_a_second_put_replaces_the_file(self, storage: Storage) -> None:
        storage.put("a", [b"a long first content"])
        storage.put("a", [b"short"])
        assert storage.get("a") == b"short"

    def test_a_broken_source_leaves_no_file(self, storage: Storage) -> None:
        with pytest.raises(ConnectionResetError):
            storage.put("a/new", broken(b"half"))
        assert not storage.exists("a/new")
        assert storage.list() == ()

    def test_a_broken_source_leaves_the_old_file(self, storage: Storage) -> None:
        storage.put("a", [b"old"])
        with pytest.raises(ConnectionResetError):
            storage.put("a", broken(b"new but h"))
        assert storage.get("a") == b"old"

    def test_nothing_shows_before_the_source_is_exhausted(self, storage: Storage) -> None:
        seen = []

        def watching() -> Iterator[bytes]:
            yield b"new"
            seen.append(storage.get("a"))

        storage.put("a", [b"old"])
        storage.put("a", watching())
        assert seen == [b"old"]
        assert storage.get("a") == b"new"

    def test_a_missing_file_is_not_found(self, storage: Storage) -> None:
        storage.put("a/b", [b"x"])
        for name in ("nothing", "a", "a/b/c", "a/c"):
            assert not storage.exists(name)
            with pytest.raises(FileNotFoundError):
                storage.get(name)

    def test_a_file_is_read_in_chunks_that_make_the_whole(self, storage: Storage) -> None:
        content = bytes(range(256)) * 10_000
        storage.put("a/b", [content])
        assert b"".join(storage.read("a/b")) == content
        for name in ("nothing", "a", "a/b/c"):
            with pytest.raises(FileNotFoundError):
                list(storage.read(name))

    def test_a_delete_is_safe_to_repeat(self, storage: Storage) -> None:
        storage.put("a/b", [b"x"])
        storage.delete("a/b")
        storage.delete("a/b")
        storage.delete("never/was")
        assert not storage.exists("a/b")
        assert storage.list() == ()

    def test_a_list_is_of_a_folder_and_not_of_a_beginning(self, storage: Storage) -> None:
        for name in ("day/maths/b", "day/maths/a", "day/maths-2/a", "top"):
            storage.put(name, [b"x"])
        assert storage.list() == ("day/maths-2/a", "day/maths/a", "day/maths/b", "top")
        assert storage.list("day/maths") == ("day/maths/a", "day/maths/b")
        assert storage.list("nowhere") == ()

    def test_a_url_has_no_query_and_no_password(self, storage: Storage) -> None:
        parts = urlsplit(storage.url("a/b c.txt"))
        assert parts.scheme
        assert not parts.query
        assert parts.password is None

    @pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: repr(name)[:20])
    def test_an_unsafe_name_is_refused_everywhere(self, storage: Storage, name: str) -> None:
        for call in (storage.get, storage.exists, storage.delete, storage.url):
            with pytest.raises(ConfigurationError):
                call(name)
        with pytest.raises(ConfigurationError):
            storage.put(name, [b"x"])
        if name:
            with pytest.raises(ConfigurationError):
                storage.list(name)
        assert storage.list() == ()

    def test_a_folder_is_forgotten_only_when_nothing_is_left_in_it(self, storage: Storage) -> None:
        storage.put("day/maths/a", [b"x"])
        storage.forget_folder("day/maths")
        assert storage.get("day/maths/a") == b"x"
        storage.delete("day/maths/a")
        storage.forget_folder("day/maths")
        storage.forget_folder("never/was")
        storage.put("day/maths/b", [b"y"])
        assert storage.list() == ("day/maths/b",)
