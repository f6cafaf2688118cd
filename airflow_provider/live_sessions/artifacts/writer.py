"""Files first, their manifest last: so a manifest never describes a file that is not whole.

The order, kept by :class:`Writer`:

1. A file is hashed and counted while it streams into the storage.
2. Just before a file replaces one of other content that an older manifest describes, that manifest is taken
   away. From then on there is no manifest: not retrieved, rather than wrongly described.
3. The new manifest is written when every file is.

A repeat with the same content writes the same bytes and never takes the manifest away. A repeat that finds
less than is home already (platforms delete) leaves what is home.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from airflow_provider.live_sessions.artifacts.manifest import OF, Completeness, FileEntry, Manifest
from airflow_provider.live_sessions.core.errors import ConfigurationError, Transient
from airflow_provider.live_sessions.core.running_digest import RunningDigest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_provider.live_sessions.core.storage import Storage


class Hashed(Protocol):
    """What has hashed a content while it handed it on, so that it is not hashed again."""

    @property
    def received(self) -> int:
        """Bytes that were handed on."""

    @property
    def digest(self) -> str:
        """Their sha256, in hexadecimal."""


def manifest_name(folder: str, kind: str) -> str:
    """Return the name of the manifest of one kind of artifact in a session's folder."""
    return _within(folder, f"{kind}.manifest.json")


def read_manifest(storage: Storage, folder: str, kind: str) -> Manifest | None:
    """Return what an earlier run brought home; None where there is no manifest, or an unreadable one."""
    try:
        return Manifest.from_bytes(storage.get(manifest_name(folder, kind)))
    except (FileNotFoundError, ConfigurationError):
        return None


class Writer:
    """Writes the files of one kind of artifact of one session, then their manifest.

    Args:
        storage: Where to.
        folder: The session's folder, see
            :func:`~airflow_provider.live_sessions.artifacts.layout.session_folder`; may be empty.
        kind: The kind of artifact, e.g. ``transcript``.
        session_key: Digest of the launch key.

    Raises:
        ConfigurationError: The folder's manifest belongs to another session; nothing was touched.
    """

    def __init__(self, storage: Storage, folder: str, *, kind: str, session_key: str) -> None:
        self._storage = storage
        self._folder = folder
        self._kind = kind
        self._session_key = session_key
        self._name = manifest_name(folder, kind)
        self._files: dict[str, FileEntry] = {}
        self.previous = read_manifest(storage, folder, kind)
        """What an earlier run brought home, or None."""
        if self.previous is not None and self.previous.session_key != session_key:
            raise ConfigurationError(
                f"The folder {folder!r} already holds the {kind} of another session.",
                platform=self.previous.platform,
                conn_id=self.previous.conn_id,
                advice="Give each session a folder of its own.",
            )

    def add(
        self,
        name: str,
        chunks: Iterable[bytes],
        *,
        media_type: str,
        counts: Mapping[str, int] | None = None,
        hashed: Hashed | None = None,
    ) -> FileEntry:
        """Write one file.

        Args:
            name: Its name within the folder.
            chunks: Its content. When it raises, an older file stays and the new one is not recorded.
            media_type: Its media type.
            counts: What is in it, by name.
            hashed: What hashes the content on its way here, e.g. the transfer that it comes from.

        Raises:
            ConfigurationError: The storage refuses the name.
            OSError: The storage failed, or wrote another number of bytes than it was given or were hashed.
            ValueError: The name was added before, or is the manifest's own.
        """
        full = _within(self._folder, name)
        if full in self._files or full == self._name:
            raise ValueError(f"{full!r} is written twice")
        measured = _Measured(chunks, hashed)
        written = self._storage.put(full, self._watched(full, measured))
        if written != measured.size:
            raise OSError(f"{written} bytes of {full!r} were stored; {measured.size} were given.")
        entry = FileEntry(
            name=full,
            url=self._storage.url(full),
            media_type=media_type,
            bytes=measured.size,
            sha256=measured.sha256,
            counts=dict(counts or {}),
        )
        self._files[full] = entry
        return entry

    def unharmed(self) -> bool:
        """Return whether what an earlier run brought home is all there, as it was written."""
        return self.previous is not None and not self.previous.verify(self._storage)

    def finish(self, draft: Manifest, *, shared: bool = False) -> Manifest:
        """Write the manifest over all files added, and return it.

        Where an earlier run brought home all of the same sessions, its files are still whole, and this run is
        not complete, the earlier manifest stays and is returned: a platform's deletion takes nothing away
        from what is home.

        Args:
            draft: The manifest without ``files``, ``name`` and ``url``.
            shared: Another run may write the same files just now: they are read again before the manifest says
                what they are.

        Raises:
            Transient: Another run did; the files and the manifest are its own.
            ValueError: The draft is of another kind or session, or says ``none`` though files were added.
        """
        if (draft.kind, draft.session_key) != (self._kind, self._session_key):
            raise ValueError("the manifest belongs to another artifact than its files")
        done = replace(
            draft,
            files=tuple(self._files.values()),
            name=self._name,
            url=self._storage.url(self._name),
        )
        harm = done.verify(self._storage) if shared else []
        if harm:
            raise Transient(
                f"Another run wrote the same files at the same time. {harm[0]}",
                platform=draft.platform,
                conn_id=draft.conn_id,
                advice="The retry goes on with what is there then.",
            )
        if self.previous is not None and self._had_more(self.previous, done):
            done = self.previous  # written again: a put that failed may have cost it
        self._storage.put(self._name, [done.to_bytes()])
        return done

    def _had_more(self, previous: Manifest, now: Manifest) -> bool:
        return (
            now.status is not Completeness.COMPLETE
            and previous.status is Completeness.COMPLETE
            and set(previous.session_ids) >= set(now.session_ids)
            and previous.extra.get(OF) == now.extra.get(OF)
            and not previous.verify(self._storage)
        )

    def _watched(self, full: str, measured: _Measured) -> Iterator[bytes]:
        """Pass the content on; at its end, before the storage shows it, settle the older manifest's fate."""
        yield from measured
        described = {entry.name: entry.sha256 for entry in self.previous.files} if self.previous else {}
        if described.get(full, measured.sha256) != measured.sha256:
            self._storage.delete(self._name)


class _Measured:
    """Counts and hashes what passes through it, unless it is hashed already."""

    def __init__(self, chunks: Iterable[bytes], hashed: Hashed | None) -> None:
        self._chunks = chunks
        self._hashed = hashed
        self._own = RunningDigest()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if self._hashed is None:
                self._own.update(chunk)
            self.size += len(chunk)
            yield chunk
        if self._hashed is not None and self._hashed.received != self.size:
            raise OSError(f"{self.size} bytes came to be written; {self._hashed.received} were hashed.")

    @property
    def sha256(self) -> str:
        return self._own.hexdigest() if self._hashed is None else self._hashed.digest


def _within(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
