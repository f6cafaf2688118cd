"""The data of an account as assets: what exports and retrievals read, and what they have brought home.

Give them as ``inlets`` and ``outlets`` of these tasks where Airflow's asset graph should show them, or where a DAG
should run once new data is home.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.common.compat.assets import Asset

from airflow_provider.live_sessions.assets.addresses import SCHEME, read

if TYPE_CHECKING:
    from openlineage.client.event_v2 import Dataset


def sessions_of(platform: str, conn_id: str) -> Asset:
    """Return the asset of the sessions that a platform holds of an account: an export's inlet.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection, written out: a template would name no asset.
    """
    return _asset(platform, conn_id, "sessions")


def transcripts_of(platform: str, conn_id: str) -> Asset:
    """Return the asset of the transcripts that a platform holds: the inlet of what retrieves one.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection, written out.
    """
    return _asset(platform, conn_id, "transcript")


def segments_of(platform: str, conn_id: str) -> Asset:
    """Return the asset of what was said, as a platform holds it: the inlet of a transcripts' export.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection, written out.
    """
    return _asset(platform, conn_id, "segments")


def recordings_of(platform: str, conn_id: str) -> Asset:
    """Return the asset of the recordings that a platform holds: the inlet of what retrieves one.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection, written out.
    """
    return _asset(platform, conn_id, "recording")


def exported_sessions(platform: str, conn_id: str) -> Asset:
    """Return the asset of what exports brought home of an account: an export's outlet, others' schedule.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection, written out.
    """
    return _asset(platform, conn_id, "sessions-exported")


def retrieved_transcripts(platform: str, conn_id: str) -> Asset:
    """Return the asset of the transcripts that were retrieved, each to its class's folder.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection, written out.
    """
    return _asset(platform, conn_id, "transcript-retrieved")


def exported_segments(platform: str, conn_id: str) -> Asset:
    """Return the asset of what transcripts' exports brought home: a row a spoken segment.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection, written out.
    """
    return _asset(platform, conn_id, "segments-exported")


def retrieved_recordings(platform: str, conn_id: str) -> Asset:
    """Return the asset of the recordings that were retrieved, each to its class's folder.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection, written out.
    """
    return _asset(platform, conn_id, "recording-retrieved")


def summarised_classes(platform: str, conn_id: str) -> Asset:
    """Return the asset of the classes that ``SummariseClassesOperator`` computed: a row a class.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection, written out.
    """
    return _asset(platform, conn_id, "classes-summarised")


def to_openlineage(asset: Asset, lineage_context: Any) -> Dataset | None:
    """Return an asset of this package's scheme as OpenLineage's dataset; asked for inlets and outlets."""
    del lineage_context
    from airflow.providers.common.compat.openlineage.facet import Dataset

    told = read(asset.uri)
    if told is None:
        return None
    platform, conn_id, what = told
    return Dataset(namespace=f"{SCHEME}://{platform}", name=f"{conn_id}/{what}")


def _asset(platform: str, conn_id: str, what: str) -> Asset:
    return Asset(uri=f"{SCHEME}://{platform}/{quote(conn_id, safe='')}/{what}")
