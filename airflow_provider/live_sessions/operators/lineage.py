"""What operators read and wrote, told to OpenLineage where its provider is installed.

Datasets are named as OpenLineage's naming rules ask (https://openlineage.io/docs/spec/naming): files by their
storage and folder, tables by their database. What a platform holds has this package's own scheme. A dataset is an
account, a destination or a table, never a session or a person: the lineage server is one more place that learns of
them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from airflow_provider.live_sessions.assets.addresses import SCHEME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow.providers.common.compat.sdk import Connection
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset

OF_ONE_RUN: Final = re.compile(r"(.*/timetables/[^/]+)/[^/]+-[0-9a-f]{8}\.csv")
"""A timetable that ``QueryTimetableOperator`` wrote: a file a run, in the timetable's folder."""


@dataclass(frozen=True, slots=True)
class Data:
    """One dataset, and what was done to it.

    Args:
        namespace: Where it is.
        name: Its name there.
        rows: Rows written; None where they were not counted.
        size: Bytes written, likewise.
        files: Files written, likewise.
        columns: Names and types, where it is a table.
        change: OpenLineage's word for a change of the whole, e.g. ``ALTER``; empty for none.
    """

    namespace: str
    name: str
    rows: int | None = None
    size: int | None = None
    files: int | None = None
    columns: tuple[tuple[str, str], ...] = ()
    change: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What one run of a task read and wrote."""

    read: tuple[Data, ...] = ()
    written: tuple[Data, ...] = ()


class TellsLineage:
    """An operator that tells what it read and wrote; stands before ``BaseOperator`` among the bases."""

    lineage: Callable[[], Lineage] | None = None
    """Set by a run that came to its end. Called only where somebody asks, so that it can fail no task."""

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return what OpenLineage's listener asks for when the task has ended."""
        del task_instance
        from airflow.providers.openlineage.extractors import OperatorLineage

        told = Lineage() if self.lineage is None else self.lineage()
        return OperatorLineage(
            inputs=[_input(one) for one in told.read], outputs=[_output(one) for one in told.written]
        )


def of_account(platform: str, conn_id: str, what: str = "sessions") -> Data:
    """Return what a platform holds of an account.

    Args:
        platform: The platform's name.
        conn_id: The Airflow connection.
        what: What of it.
    """
    return Data(f"{SCHEME}://{platform}", f"{conn_id}/{what}")


def of_place(url: str, **did: Any) -> Data:
    """Return the dataset of a folder.

    Args:
        url: As a storage tells it: without credentials and without a query.
        did: What was done to it, see :class:`Data`.
    """
    split = urlsplit(url)
    if split.scheme in ("", "file"):
        return Data("file", unquote(split.path).rstrip("/") or "/", **did)
    # Object storage may name the Airflow connection before the bucket.
    return Data(f"{split.scheme}://{split.netloc.rpartition('@')[2]}", split.path.strip("/") or "/", **did)


def of_timetable(url: str, name: str = "") -> Data:
    """Return the dataset of a timetable.

    Args:
        url: Its path or URL. Of one on the web only the host is told: a calendar's address is often a secret.
        name: What it is called where its address is not told.
    """
    split = urlsplit(url)
    if split.scheme in ("http", "https"):
        return Data(f"{split.scheme}://{split.netloc.rpartition('@')[2]}", name or "timetable")
    of_one_run = OF_ONE_RUN.fullmatch(url)
    if of_one_run is not None:
        return of_place(of_one_run[1])
    return of_place(url) if split.scheme else Data("file", str(Path(url).absolute()))


def of_manifest(told: Mapping[str, Any]) -> Lineage:
    """Return the lineage of what a manifest describes: from the account to the destination.

    Args:
        told: The manifest as JSON values.
    """
    root = str(told["url"]).removesuffix(str(told["name"]))
    files = told["files"]
    home = of_place(root, files=len(files), size=sum(int(one["bytes"]) for one in files))
    return Lineage((of_account(told["platform"], told["conn_id"], told["kind"]),), (home,))


def of_table(dialect: str, connection: Connection, table: str, **did: Any) -> Data:
    """Return the dataset of a table.

    Args:
        dialect: ``postgresql`` or ``sqlite``.
        connection: The connection that leads to it.
        table: Its name, with its schema where it has one.
        did: What was done to it, see :class:`Data`.
    """
    host = (connection.host or "").partition("?")[0]  # what follows may hold a token
    if dialect != "postgresql":
        return Data(f"{dialect}://{host}", table, **did)
    schema = table if "." in table else f"public.{table}"
    return Data(f"postgres://{host}:{connection.port or 5432}", f"{connection.schema}.{schema}", **did)


def _input(data: Data) -> InputDataset:
    from airflow.providers.common.compat.openlineage.facet import InputDataset

    return InputDataset(namespace=data.namespace, name=data.name, facets=_facets(data))


def _output(data: Data) -> OutputDataset:
    from airflow.providers.common.compat.openlineage.facet import OutputDataset, OutputStatisticsOutputDatasetFacet

    statistics: dict[str, Any] = {}
    if (data.rows, data.size, data.files) != (None, None, None):
        statistics["outputStatistics"] = OutputStatisticsOutputDatasetFacet(
            rowCount=data.rows, size=data.size, fileCount=data.files
        )
    return OutputDataset(namespace=data.namespace, name=data.name, facets=_facets(data), outputFacets=statistics)


def _facets(data: Data) -> dict[str, Any]:
    from airflow.providers.common.compat.openlineage.facet import (
        LifecycleStateChange,
        LifecycleStateChangeDatasetFacet,
        SchemaDatasetFacet,
        SchemaDatasetFacetFields,
    )

    facets: dict[str, Any] = {}
    if data.columns:
        fields = [SchemaDatasetFacetFields(name=name, type=kind) for name, kind in data.columns]
        facets["schema"] = SchemaDatasetFacet(fields=fields)
    if data.change:
        change = LifecycleStateChangeDatasetFacet(lifecycleStateChange=LifecycleStateChange[data.change])
        facets["lifecycleStateChange"] = change
    return facets
