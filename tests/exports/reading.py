"""What came home of an export, read as its users would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.export_files import rows_of
from airflow_provider.live_sessions.artifacts.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider.live_sessions.core.storage import Storage


def manifests(storage: Storage, names: Iterable[str]) -> list[Manifest]:
    """Return the manifests, each held against what lies there."""
    found = [Manifest.from_json(json.loads(storage.get(name))) for name in names]
    for one in found:
        assert one.verify(storage) == []
    return found


def rows(storage: Storage, names: Iterable[str]) -> list[dict[str, Any]]:
    """Return every row of the files that manifests describe, in order."""
    return [row for manifest in manifests(storage, names) for row in rows_of(storage, manifest)]


def digests(storage: Storage, names: Iterable[str]) -> dict[str, str]:
    """Return the digest of every file that manifests describe."""
    return {entry.name: entry.sha256 for one in manifests(storage, names) for entry in one.files}
