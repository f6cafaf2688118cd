"""A storage in a dictionary, for tests that care about what is stored and not about disks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.storage import check_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class MemoryStorage:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.log: list[str] = []

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        check_name(name)
        content = b"".join(chunks)
        self.files[name] = content
        self.log.append(f"put {name}")
        return len(content)

    def get(self, name: str) -> bytes:
        check_name(name)
        if name not in self.files:
            raise FileNotFoundError(name)
        return self.files[name]

    def read(self, name: str) -> Iterator[bytes]:
        yield self.get(name)

    def exists(self, name: str) -> bool:
        return check_name(name) in self.files

    def delete(self, name: str) -> None:
        self.log.append(f"delete {name}")
        self.files.pop(check_name(name), None)

    def forget_folder(self, name: str) -> None:
        check_name(name)

    def list(self, prefix: str = "") -> tuple[str, ...]:
        inside = f"{check_name(prefix)}/" if prefix else ""
        return tuple(sorted(name for name in self.files if name.startswith(inside)))

    def url(self, name: str) -> str:
        return f"memory://bucket/{check_name(name)}"
