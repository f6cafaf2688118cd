"""What a receiver needs of Airflow: what a launch wrote down, and a place to tell what was confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.live_sessions.assets.delivering import delivered_uri
from airflow_provider.live_sessions.compat import server
from airflow_provider.live_sessions.compat.features import TASK_KEY
from airflow_provider.live_sessions.core.times import format_optional_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.core.deliveries import Fact
    from airflow_provider.live_sessions.webhooks.tokens import Addressee


class AirflowSide(Protocol):
    """Airflow as a receiver sees it: from inside its api-server, or from outside through the REST API."""

    @property
    def remembers(self) -> bool:
        """Whether this Airflow keeps what a task writes down: 3.3 does."""

    def recall(self, addressee: Addressee) -> Mapping[str, Any]:
        """Return what the launch of an addressee wrote down; empty where it wrote nothing, or is gone.

        Raises:
            Exception: Airflow could not be asked; the receiver asks again.
        """

    def tell(self, uri: str, extra: Mapping[str, Any], partition_key: str | None) -> bool:
        """Update an asset; return False where no DAG of this Airflow knows it.

        Raises:
            Exception: Airflow could not be told; the receiver tells again.
        """


class InsideAirflow:
    """Airflow from inside its api-server."""

    @property
    def remembers(self) -> bool:
        """Whether it keeps what a task writes down."""
        return server.remembers()

    def recall(self, addressee: Addressee) -> Mapping[str, Any]:
        """Read the task state store."""
        found = server.task_state(
            addressee.dag_id, addressee.run_id, addressee.task_id, addressee.map_index, TASK_KEY
        )
        return found if isinstance(found, dict) else {}

    def tell(self, uri: str, extra: Mapping[str, Any], partition_key: str | None) -> bool:
        """Register the change of an asset."""
        return server.register_asset_event(uri, dict(extra), partition_key)


def assets_of(addressee: Addressee, fact: Fact) -> list[tuple[str, str | None]]:
    """Return the addresses of the assets that are told a fact, each with its partition key."""
    where = (addressee.platform, addressee.conn_id, fact.happening.value)
    return [
        (delivered_uri(*where), None),
        (delivered_uri(*where, by_session=True), fact.session_id),
    ]


def told_of(addressee: Addressee, fact: Fact) -> dict[str, Any]:
    """Return what an event says: which session, no title, no name, no link."""
    return {
        "version": 1,
        "happening": fact.happening.value,
        "id": fact.event_id,
        "platform": addressee.platform,
        "conn_id": addressee.conn_id,
        "session": fact.key,
        "session_id": fact.session_id,
        "at": format_optional_time(fact.at),
        "held": fact.held.value,
    }
