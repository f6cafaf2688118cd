"""Airflow from outside, through its public REST API, for a receiver that runs on its own."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from airflow_provider.live_sessions.compat.features import TASK_KEY, keeps_task_state
from airflow_provider.live_sessions.core.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr
    from requests import Response

    from airflow_provider.live_sessions.webhooks.tokens import Addressee

log = logging.getLogger(__name__)

TIMEOUT: Final = (5.0, 30.0)
PAGE: Final = 100


class ThroughRest:
    """Airflow through its REST API.

    Args:
        url: Where Airflow is, without ``/api/v2``.
        token: Returns the bearer token of a user who may read task instances and create asset events. It is asked
            for anew after a 401 or 403, so that a token that is renewed from outside takes effect.
    """

    def __init__(self, url: str, token: Callable[[], SecretStr]) -> None:
        self._base = f"{url.rstrip('/')}/api/v2"
        self._fetch_token = token
        self._token: SecretStr | None = None
        self._remembers: bool | None = None
        self._assets: dict[str, int] = {}
        self._lock = Lock()

    @property
    def remembers(self) -> bool:
        """Whether this Airflow keeps what a task writes down; True until it was asked."""
        return self._remembers is not False

    def recall(self, addressee: Addressee) -> Mapping[str, Any]:
        """Read the task state store.

        Raises:
            Unavailable: Airflow could not be asked.
        """
        if self._remembers is None:
            self._remembers = keeps_task_state(str(self._call("GET", "/version").json().get("version", "")))
        if not self._remembers:
            return {}
        dag, run, task = (quote(one, safe="") for one in (addressee.dag_id, addressee.run_id, addressee.task_id))
        answer = self._call(
            "GET",
            f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/state-store/{TASK_KEY}",
            params={"map_index": addressee.map_index},
            fine=(404,),
        )
        value = answer.json().get("value") if answer.status_code == 200 else None
        return value if isinstance(value, dict) else {}

    def tell(self, uri: str, extra: Mapping[str, Any], partition_key: str | None) -> bool:
        """Create an asset event.

        Raises:
            Unavailable: Airflow could not be told.
        """
        asset = self._asset(uri)
        if asset is None:
            return False
        body: dict[str, Any] = {"asset_id": asset, "extra": dict(extra)}
        keyed = body if partition_key is None else {**body, "partition_key": partition_key}
        answer = self._call("POST", "/assets/events", json=keyed, fine=(404, 422))
        if answer.status_code == 422 and keyed is not body:  # this Airflow has no partitions
            answer = self._call("POST", "/assets/events", json=body, fine=(404,))
        if answer.status_code == 404:
            self._assets.pop(uri, None)  # its DAGs went, and with them the asset
            return False
        return True

    def _asset(self, uri: str) -> int | None:
        if uri in self._assets:
            return self._assets[uri]
        offset = 0
        while True:
            params = {"uri_pattern": uri, "limit": PAGE, "offset": offset}
            rows = self._call("GET", "/assets", params=params).json().get("assets", [])
            for row in rows:  # the pattern admits more than the address
                if row.get("uri") == uri:
                    self._assets[uri] = int(row["id"])
                    return self._assets[uri]
            if len(rows) < PAGE:
                return None
            offset += PAGE

    def _call(self, method: str, path: str, *, fine: tuple[int, ...] = (), **what: Any) -> Response:
        """Send a request; once more with a fresh token after a 401, or a 403, which a worthless token gets too.

        Raises:
            Unavailable: There was no good answer. Neither the token nor what was sent is in the message.
        """
        import requests

        status = 0
        for fresh in (False, True):
            headers = {"Authorization": f"Bearer {self._bearer(fresh=fresh).get_secret_value()}"}
            try:
                answer = requests.request(
                    method, self._base + path, headers=headers, timeout=TIMEOUT, allow_redirects=False, **what
                )
            except requests.RequestException as error:
                raise Unavailable(f"Airflow cannot be reached: {type(error).__name__}.") from None
            status = answer.status_code
            if 200 <= status < 300 or status in fine:
                return answer
            if status not in (401, 403):
                break
        raise Unavailable(
            f"Airflow answered {status} to {method} {path.partition('/dags/')[0] or '/dags'}.",
            advice="401 and 403: the token has run out, or its user may not create asset events.",
        )

    def _bearer(self, *, fresh: bool) -> SecretStr:
        with self._lock:
            if self._token is None or fresh:
                self._token = self._fetch_token()
            return self._token
