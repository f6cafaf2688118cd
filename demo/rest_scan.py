"""Asks Airflow's REST API for everything it tells, and looks for secrets in its answers.

What to ask comes from the API's own description (``/openapi.json``), so an endpoint of a newer Airflow is asked as
well: each path is filled in with the runs, tasks, XComs and other things that the lists show.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PAGE = 100
AT_ONCE = 4
"""Requests at a time: the demo's api-server is one process."""

_PLACE = re.compile(r"{(\w+)}")
_RUN = "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}"
_TASK = _RUN + "/taskInstances/{task_id}"

LISTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("/api/v2/dags", "dags", {"dag_id": "dag_id"}),
    ("/api/v2/dags/{dag_id}/dagRuns", "dag_runs", {"dag_run_id": "dag_run_id"}),
    ("/api/v2/dags/{dag_id}/dagVersions", "dag_versions", {"version_number": "version_number"}),
    (
        _RUN + "/taskInstances",
        "task_instances",
        {"task_id": "task_id", "map_index": "map_index", "try_number": "try_number"},
    ),
    (_TASK + "/xcomEntries", "xcom_entries", {"xcom_key": "key"}),
    (_TASK + "/state-store", "task_state_store", {"key": "key"}),
    ("/api/v2/assets", "assets", {"asset_id": "id"}),
    ("/api/v2/assets/aliases", "asset_aliases", {"asset_alias_id": "id"}),
    ("/api/v2/backfills?dag_id={dag_id}", "backfills", {"backfill_id": "id"}),
    ("/api/v2/connections", "connections", {"connection_id": "connection_id"}),
    ("/api/v2/eventLogs", "event_logs", {}),
    ("/api/v2/importErrors", "import_errors", {"import_error_id": "import_error_id"}),
    ("/api/v2/pools", "pools", {"pool_name": "name"}),
    ("/api/v2/variables", "variables", {"variable_key": "key"}),
)
"""Lists, in an order in which each finds its own places filled; under which name the rows are; what they name."""

TELLS_NOTHING_NEW = frozenset(
    {
        "/api/v2/eventLogs/{event_log_id}",  # the list holds them whole
        _TASK,  # of tasks that are not mapped; the path with the map index serves both
        _TASK + "/listMapped",
        _TASK + "/dependencies",
        _TASK + "/tries",
        _TASK + "/tries/{task_try_number}",
        _TASK + "/{map_index}/dependencies",
        _TASK + "/{map_index}/tries/{task_try_number}",  # the list of tries holds them whole
        _TASK + "/{map_index}/hitlDetails",  # the run's list holds them whole
        _TASK + "/{map_index}/hitlDetails/tries/{try_number}",
        _TASK + "/externalLogUrl/{try_number}",
        _RUN + "/wait",  # a stream about a run that is still going
        "/api/v2/auth/login",
        "/api/v2/auth/logout",
        "/api/v2/connections/enqueue-test",
    }
)

Context = dict[str, str]


class Answers(Protocol):
    """What can be asked: the demo's Airflow."""

    def fetch(self, path: str) -> bytes:
        """Return the body of an answer, whatever its status."""


@dataclass(frozen=True)
class Scan:
    """What came of asking.

    Args:
        asked: How many answers were looked at.
        found: The paths of those with a secret in clear text.
        places: The descriptions of the paths that were asked, e.g. ``/api/v2/dags/{dag_id}``.
    """

    asked: int
    found: tuple[str, ...]
    places: frozenset[str]


class _Searcher:
    """Looks at every answer that passes."""

    def __init__(self, airflow: Answers, needles: Iterable[bytes]) -> None:
        self._airflow = airflow
        self._needles = tuple(needles)
        self.found: list[str] = []
        self.asked: dict[str, str] = {}

    def fetch(self, template: str, path: str) -> bytes:
        self.asked[path] = template.partition("?")[0]
        body = self._airflow.fetch(path)
        if any(needle in body for needle in self._needles):
            self.found.append(path)
        return body


def scan(airflow: Answers, needles: Iterable[bytes]) -> Scan:
    """Ask everything that a GET can ask, and look for the needles in each answer.

    Args:
        airflow: The running Airflow.
        needles: What must not be found, in every form in which it might be written.
    """
    searcher = _Searcher(airflow, needles)
    templates = list(_templates(json.loads(airflow.fetch("/openapi.json"))))
    with ThreadPoolExecutor(AT_ONCE) as crew:
        contexts: list[Context] = [{}]
        for path, rows, names in LISTS:
            about = [context for context in contexts if _is_about(path, context)]
            for context, found in zip(about, crew.map(partial(_walk, searcher, path, rows), about), strict=True):
                if names:
                    contexts += [
                        {**context, **{place: str(row[it]) for place, it in names.items()}} for row in found
                    ]
        listed = {path.partition("?")[0] for path, _, _ in LISTS}
        requests = {
            _filled(template, context): template
            for template in templates
            if template not in listed
            for context in contexts
            if _is_about(template, context)
        }
        list(crew.map(searcher.fetch, requests.values(), requests))
    return Scan(len(searcher.asked), tuple(sorted(searcher.found)), frozenset(searcher.asked.values()))


def _templates(description: Mapping[str, Any]) -> Iterator[str]:
    for path, verbs in description["paths"].items():
        if "get" in verbs and path.startswith("/api/v2/") and path not in TELLS_NOTHING_NEW:
            yield path


def _is_about(template: str, context: Context) -> bool:
    """Return whether a context names what a path asks for, and nothing that it leaves open.

    A task's own paths are asked once for each map index, which is in the query where it is not in the path.
    """
    places = set(_PLACE.findall(template))
    spare = {"dag_run_id", "map_index", "try_number"} if "task_id" in places else set()
    return places <= set(context) and set(context) - places <= spare


def _walk(searcher: _Searcher, path: str, rows: str, context: Context) -> list[dict[str, Any]]:
    """Return the rows of a list, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        page = _filled(path, context, limit=str(PAGE), offset=str(len(found)))
        try:
            body = json.loads(searcher.fetch(path, page))
        except ValueError:
            return found
        more = body.get(rows) if isinstance(body, dict) else None
        found += more or ()
        if not more or len(more) < PAGE:
            return found


def _filled(template: str, context: Context, **query: str) -> str:
    path = _PLACE.sub(lambda place: quote(context[place[1]], safe=""), template)
    if "/taskInstances/{task_id}" in template and "{map_index}" not in template:
        query["map_index"] = context["map_index"]
    if template.endswith("/{xcom_key}"):
        query["deserialize"] = "false"
    if "/logs/" in template:
        query["full_content"] = "true"
    return path + ("&" if "?" in path else "?" if query else "") + urlencode(query)
