"""Where files go: a small protocol that a folder, an object store or a test's dictionary can meet.

One promise carries the rest of the package: :meth:`Storage.put` is whole or not at all. A name is relative,
slash-separated and safe everywhere; :func:`check_name` is the one place that says what safe means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The narrowest of what is in use: NAME_MAX of Linux file systems, the object key length of Amazon S3.
MAX_PART_BYTES = 255
MAX_NAME_BYTES = 1024

READ_BYTES = 1024 * 1024
"""How much of a file is held at once while it is read in chunks."""


class Storage(Protocol):
    """Named files. Every method refuses a name that :func:`check_name` refuses."""

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        """Write a file, whole or not at all.

        A reader sees the old file or the new one, never a part. The file appears only after ``chunks`` is
        exhausted; when ``chunks`` raises, the old file (or its absence) stays.

        Args:
            name: The file's name.
            chunks: Its content, in order.

        Returns:
            The number of bytes written.

        Raises:
            ConfigurationError: The name is refused.
        """
        ...

    def get(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            ConfigurationError: The name is refused.
            FileNotFoundError: There is no such file.
        """
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file's content in chunks, for files that are too large for :meth:`get`.

        Raises:
            ConfigurationError: The name is refused.
            FileNotFoundError: There is no such file; at the first chunk.
        """
        ...

    def exists(self, name: str) -> bool:
        """Tell whether there is a file (not a folder) of this name."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""
        ...

    def forget_folder(self, name: str) -> None:
        """Remove a folder in which nothing is left, where the storage keeps such; one with files stays."""
        ...

    def list(self, prefix: str = "") -> tuple[str, ...]:
        """Return the names of all files in a folder and below it, sorted.

        Args:
            prefix: The folder's name, without a trailing slash; empty for everything. It is a folder, not the
                beginning of a name: ``a/b`` does not list ``a/bc``.
        """
        ...

    def url(self, name: str) -> str:
        """Return where the file lies, for people and manifests: without credentials and without a query."""
        ...


def check_name(name: str) -> str:
    r"""Return the name when it is safe to store under, on every storage.

    Safe is: relative, parts separated by single slashes, no ``.`` or ``..`` as a part, no backslash, no
    control character, valid Unicode, at most 255 bytes a part and 1,024 bytes in all.

    Raises:
        ConfigurationError: It is not safe.
    """
    reason = _objection(name)
    if reason:
        raise ConfigurationError(
            f"The file name {name[:100]!r} is refused: {reason}.",
            advice="Use a relative name with parts separated by slashes.",
        )
    return name


def _objection(name: str) -> str:
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if not encoded:
        return "it is empty"
    if len(encoded) > MAX_NAME_BYTES:
        return f"it is longer than {MAX_NAME_BYTES} bytes"
    if "\\" in name:
        return "it has a backslash"
    if any(sign < " " or sign == "\x7f" for sign in name):
        return "it has a control character"
    parts = encoded.split(b"/")
    if any(part in (b"", b".", b"..") for part in parts):
        return "it is absolute, or one of its parts is empty, '.' or '..'"
    if any(len(part) > MAX_PART_BYTES for part in parts):
        return f"one of its parts is longer than {MAX_PART_BYTES} bytes"
    return ""
