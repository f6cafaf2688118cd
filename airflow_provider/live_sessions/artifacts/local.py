"""Files in a folder of this machine, or of a network share mounted on it.

A file is written beside its place under a temporary name, flushed to the disk and then renamed over the old
one, so that a reader, a crash and a power cut each find the old file or the new one. What a killed writer
leaves has a name of its own, is never listed, and is swept by a later write to the same folder.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.flushing import Flushing
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.storage import READ_BYTES, check_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PREFIX, _SUFFIX = ".live-sessions-", ".part"
# A writer touches its file with every chunk; one silent for this long is dead. Were it alive after all, its
# rename fails and nothing is torn.
_LEFTOVER_SECONDS = 3600.0


class LocalStorage:
    """A :class:`~airflow_provider.live_sessions.core.storage.Storage` over a folder.

    Args:
        root: The folder; made by the first write. Links below it that lead out of it are refused.
        file_mode: Permissions of a file; the default lets in the owner only, for these are people's words.
        folder_mode: Permissions of a folder that has to be made; existing ones are left alone.
    """

    def __init__(self, root: str | Path, *, file_mode: int = 0o600, folder_mode: int = 0o700) -> None:
        self.root = Path(root).expanduser().absolute()
        self.file_mode = file_mode
        self.folder_mode = folder_mode

    def __repr__(self) -> str:
        return f"LocalStorage({str(self.root)!r})"

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        """Write a file, whole or not at all, and return its size in bytes.

        Raises:
            ConfigurationError: The name is refused.
            OSError: The disk is full, the folder cannot be written, or a folder of this name is in the way.
        """
        path = self._path(name)
        self._make_folder(path.parent)
        _sweep(path.parent)
        handle, temporary = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=path.parent)
        try:
            size = 0
            with os.fdopen(handle, "wb") as file:
                os.fchmod(handle, self.file_mode)  # mkstemp gives 0600; a wider mode must not meet the umask
                flushing = Flushing(handle)
                for chunk in chunks:
                    size += file.write(chunk)
                    flushing.wrote(len(chunk))
                file.flush()
                os.fsync(handle)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return size

    def get(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            ConfigurationError: The name is refused.
            FileNotFoundError: There is no such file.
        """
        try:
            return self._path(name).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise FileNotFoundError(f"There is no file {name!r} in the storage.") from None

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file's content in chunks.

        Raises:
            ConfigurationError: The name is refused.
            FileNotFoundError: There is no such file.
        """
        try:
            file = self._path(name).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise FileNotFoundError(f"There is no file {name!r} in the storage.") from None
        with file:
            while chunk := file.read(READ_BYTES):
                yield chunk

    def exists(self, name: str) -> bool:
        """Tell whether there is a file of this name."""
        return self._path(name).is_file()

    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is no error. Its folder stays: a writer may be in it."""
        path = self._path(name)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
            _sync_folder(path.parent)

    def forget_folder(self, name: str) -> None:
        """Remove a folder in which nothing is left; its name may tell more than its files did."""
        path = self._path(name)
        with contextlib.suppress(OSError):  # it is not there, or a writer has put something into it
            path.rmdir()
            _sync_folder(path.parent)

    def list(self, prefix: str = "") -> tuple[str, ...]:
        """Return the names of all files in a folder and below it, sorted; leftovers are none of them."""
        base = self._path(prefix) if prefix else self.root
        return tuple(
            sorted(
                (Path(folder) / file).relative_to(self.root).as_posix()
                for folder, _, files in os.walk(base)
                for file in files
                if not _temporary(file)
            )
        )

    def url(self, name: str) -> str:
        """Return the ``file:`` URL of a file."""
        return self._path(name).as_uri()

    def _path(self, name: str) -> Path:
        path = self.root / check_name(name)
        if _temporary(path.name):
            raise ConfigurationError(
                f"The file name {name!r} is refused: unfinished files are named so.",
                advice="Choose another name.",
            )
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise ConfigurationError(
                f"The file name {name!r} is refused: a link leads out of the storage's folder.",
                advice="Remove the link, or make its target the root.",
            )
        return path

    def _make_folder(self, folder: Path) -> None:
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for one in reversed(missing):  # not mkdir(parents=True): its mode reaches the last folder only
            with contextlib.suppress(FileExistsError):  # another writer was faster
                one.mkdir(self.folder_mode)
                one.chmod(self.folder_mode)
                _sync_folder(one.parent)


def _temporary(file: str) -> bool:
    return file.startswith(_PREFIX) and file.endswith(_SUFFIX)


def _sweep(folder: Path) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not _temporary(entry.name):
                continue
            with contextlib.suppress(FileNotFoundError):  # its writer finished, or another sweep was faster
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFTOVER_SECONDS:
                    Path(entry.path).unlink()


def _sync_folder(folder: Path) -> None:
    """Flush the folder's own entry: without it a power cut may forget the rename."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
