"""Airflow's object storage as the ``Storage`` of this package; a local folder where the URL says so."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow.providers.common.compat.sdk import conf

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.storage import READ_BYTES, check_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow.sdk import ObjectStoragePath

    from airflow_provider.live_sessions.core.storage import Storage

SPOOL_BYTES = 8 * 1024 * 1024


def default_destination() -> str:
    """Return where files go when nobody says: ``[live_sessions] destination``, else a folder of AIRFLOW_HOME."""
    configured = conf.get("live_sessions", "destination", fallback="")
    if configured:
        return str(configured)
    import os

    home = os.environ.get("AIRFLOW_HOME") or Path("~/airflow").expanduser()
    return (Path(home) / "live_sessions").as_uri()


def shared_destination(destination: str = "") -> str:
    """Return a destination that all tasks of a DAG see, wherever they run.

    Raises:
        ConfigurationError: None is set, and the executor runs tasks on several machines: the default folder is
            another one on each.
    """
    if not destination and not conf.get("live_sessions", "destination", fallback=""):
        executors = {name.strip() for name in conf.get("core", "executor", fallback="LocalExecutor").split(",")}
        if not executors <= {"LocalExecutor", "SequentialExecutor"}:
            raise ConfigurationError(
                "What one task leaves for another has to lie where all workers see it, and no destination is set.",
                advice="Set [live_sessions] destination, e.g. to s3://my_aws_connection@bucket/classes.",
            )
    return destination or default_destination()


def open_storage(destination: str = "") -> Storage:
    """Return the storage behind a destination.

    Args:
        destination: A folder or ``file://`` URL of this machine, or any URL that Airflow's object storage knows,
            e.g. ``s3://my_aws_connection@bucket/classes``; empty for the default.

    Raises:
        ConfigurationError: The destination has a query or a password in it.
    """
    destination = destination or default_destination()
    split = urlsplit(destination)
    if split.query or split.password:
        raise ConfigurationError(
            "The destination carries a query or a password.",
            advice="Name the Airflow connection instead, e.g. s3://my_aws_connection@bucket/classes.",
        )
    if split.scheme in ("", "file"):
        return LocalStorage(unquote(split.path) if split.scheme else destination)
    return ObjectStorage(destination)


def read_file(url: str, *, max_bytes: int) -> bytes:
    """Return a file's content, through Airflow's object storage or from this machine.

    Raises:
        ConfigurationError: There is no such file, it is larger than ``max_bytes``, or Airflow knows no such
            storage.
    """
    split = urlsplit(url)
    try:
        if split.scheme in ("", "file"):
            with Path(unquote(split.path) if split.scheme else url).open("rb") as file:
                content = file.read(max_bytes + 1)
        elif split.scheme in ("http", "https"):
            return _download(url, max_bytes=max_bytes)
        else:
            with _remote(url).open("rb") as remote:
                content = remote.read(max_bytes + 1)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise ConfigurationError(
            f"{_shown(url)} cannot be read: {type(error).__name__}.", advice="Check the path and its permissions."
        ) from None
    if len(content) > max_bytes:
        raise ConfigurationError(f"{_shown(url)} is larger than {max_bytes} bytes.")
    return bytes(content)


def _download(url: str, *, max_bytes: int) -> bytes:
    """Fetch a file from the web: a calendar's address is often a secret, so it shows in no error."""
    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.download import download

    chunks = download(
        SecretStr(url),
        platform="The file's server",
        conn_id="",
        label=f"fetch {urlsplit(url).hostname}",
        max_bytes=max_bytes,
        allow_plain_http=url.startswith("http://"),
        length_required=False,
    )
    return b"".join(chunks)


def _shown(url: str) -> str:
    split = urlsplit(url)
    return split._replace(query="", fragment="", netloc=split.netloc.rpartition("@")[2]).geturl()


class ObjectStorage:
    """Files in an object store.

    Content is spooled here first and uploaded whole: an object store shows an object when its upload is complete,
    but closing a half-written one would complete it.

    Args:
        root: The URL below which all names lie.
    """

    def __init__(self, root: str) -> None:
        self._root = _remote(root.rstrip("/"))

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        """Write an object, whole or not at all."""
        path = self._path(name)
        size = 0
        with tempfile.NamedTemporaryFile(prefix="live-sessions-") as spool:
            for chunk in chunks:
                spool.write(chunk)
                size += len(chunk)
            spool.flush()
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fs().put_file(spool.name, path.path)
        return size

    def get(self, name: str) -> bytes:
        """Return an object's content."""
        path = self._path(name)
        try:
            return bytes(path.read_bytes())
        except (FileExistsError, IsADirectoryError, NotADirectoryError):  # a folder, or below a file
            raise FileNotFoundError(name) from None

    def read(self, name: str) -> Iterator[bytes]:
        """Yield an object's content in chunks."""
        path = self._path(name)
        try:
            with path.open("rb") as file:
                while chunk := file.read(READ_BYTES):
                    yield bytes(chunk)
        except (FileExistsError, IsADirectoryError, NotADirectoryError):  # a folder, or below a file
            raise FileNotFoundError(name) from None

    def exists(self, name: str) -> bool:
        """Tell whether there is such an object."""
        return bool(self._path(name).is_file())

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""
        self._path(name).unlink(missing_ok=True)

    def forget_folder(self, name: str) -> None:
        """Do nothing: an object store has no folders without objects."""
        check_name(name)

    def list(self, prefix: str = "") -> tuple[str, ...]:
        """Return the names of all objects below a folder, sorted."""
        folder = self._path(prefix) if prefix else self._root
        fs = self._fs()
        if not fs.isdir(folder.path):
            return ()
        root = self._root.path.strip("/")
        found = (str(one).strip("/").removeprefix(root).strip("/") for one in fs.find(folder.path))
        return tuple(sorted(found))

    def url(self, name: str) -> str:
        """Return where the object lies, without the connection."""
        return _shown(str(self._path(name)))

    def _path(self, name: str) -> ObjectStoragePath:
        return self._root / check_name(name)

    def _fs(self) -> Any:
        return self._root.fs


def _remote(url: str) -> ObjectStoragePath:
    from airflow.sdk import ObjectStoragePath

    try:
        path = ObjectStoragePath(url)
        _ = path.fs  # only here is it found out that nobody brings this kind of storage
    except ValueError:
        raise ConfigurationError(
            f"Airflow knows no object storage for {urlsplit(url).scheme}://.",
            advice="Install the provider that brings it, e.g. apache-airflow-providers-amazon[s3fs] for s3://.",
        ) from None
    return path
