"""The page's application: its files, its rows, and its doors. Everything but an error asks for Airflow's login."""
# Without postponed annotations: FastAPI reads them where a function is defined.

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Annotated, Any

from airflow.providers.common.compat.sdk import conf
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as AnyHTTPException

from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.errors import LiveSessionError
from airflow_provider.live_sessions.core.pages import LaunchPlace
from airflow_provider.live_sessions.core.status import SessionStatus
from airflow_provider.live_sessions.core.times import format_optional_time, format_time
from airflow_provider.live_sessions.plugin.sessions_page.access import (
    MAY_OPEN,
    MAY_READ,
    GetUserDep,
    from_this_site,
    may_open,
    readable,
    visitor_of,
)
from airflow_provider.live_sessions.plugin.sessions_page.accounts import hook_of, label_by_operator
from airflow_provider.live_sessions.plugin.sessions_page.launches import LAST, Launch, Launches
from airflow_provider.live_sessions.plugin.sessions_page.live import INTERVAL, Account, LiveStates, Told
from airflow_provider.live_sessions.plugin.sessions_page.opening import (
    check_claim,
    check_proof,
    note,
    open_door,
    status_of,
)
from airflow_provider.live_sessions.plugin.sessions_page.reasons import read_reasons
from airflow_provider.live_sessions.plugin.sessions_page.records import find
from airflow_provider.live_sessions.plugin.sessions_page.rows import is_asked_about, is_cancelled, row_of, seen_of
from airflow_provider.live_sessions.plugin.sessions_page.telling import below, tell

STATIC = {
    "index.html": "text/html; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "icon-dark.svg": "image/svg+xml",
}

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # over plain http a door looks at it
    "X-Content-Type-Options": "nosniff",
}


def make_app(states: LiveStates | None = None) -> FastAPI:
    """Return the application.

    Args:
        states: How sessions stand; of its own where None.
    """
    app = FastAPI(title="Live sessions", docs_url=None, redoc_url=None, openapi_url=None)
    page = _Page(states or LiveStates(interval=conf.getfloat("live_sessions", "page_interval", fallback=INTERVAL)))
    app.add_api_route("/rows", page.rows, methods=["GET"])
    app.add_api_route(
        "/open/{door}", page.open, methods=["GET"], dependencies=[MAY_READ, MAY_OPEN, Depends(from_this_site)]
    )
    app.add_api_route("/", _index, methods=["GET"])
    app.add_api_route("/{name}", _file, methods=["GET"])
    app.add_exception_handler(AnyHTTPException, tell)
    app.middleware("http")(_with_headers)
    return app


def place_of(
    dag_id: Annotated[str, Query(min_length=1, max_length=250)],
    run_id: Annotated[str, Query(min_length=1, max_length=250)],
    task_id: Annotated[str, Query(min_length=1, max_length=250)],
    map_index: Annotated[int, Query(ge=-1)] = -1,
) -> LaunchPlace:
    """Return the launch that a request names."""
    return LaunchPlace(dag_id, run_id, task_id, map_index)


def asked_place(
    dag_id: Annotated[str, Query(max_length=250)] = "",
    run_id: Annotated[str, Query(max_length=250)] = "",
    task_id: Annotated[str, Query(max_length=250)] = "",
    map_index: Annotated[int, Query(ge=-1)] = -1,
) -> LaunchPlace | None:
    """Return the one launch that the page is asked for, if it is."""
    return LaunchPlace(dag_id, run_id, task_id, map_index) if dag_id and run_id and task_id else None


class _Page:
    """What the routes share: what was read of launches, and how sessions stand."""

    def __init__(self, states: LiveStates) -> None:
        self._states = states
        self._launches = Launches()

    def rows(
        self, request: Request, user: GetUserDep, only: Annotated[LaunchPlace | None, Depends(asked_place)]
    ) -> JSONResponse:
        """Answer what the page shows to this user; on a thread, for it reads the database."""
        now = datetime.now(UTC)
        with create_session() as session:
            dag_ids = readable(self._launches.dag_ids(session), user)
            shown, truncated = self._launches.read(session, dag_ids, now=now, only=only)
        told = self._states.look(_asked(shown, now))
        root = below(request)
        openable = {dag_id: may_open(dag_id, user) for dag_id in {one.place.dag_id for one in shown}}
        live = {one.place: _live(one, told) for one in shown}
        reasons = _reasons([one for one in shown if is_cancelled(one, live[one.place])], user)
        rows = []
        for one in shown:
            hook = None if one.record is None else hook_of(one.record.ref.platform)
            doors = hook.doors if hook is not None and openable[one.place.dag_id] else frozenset()
            label = label_by_operator(one.operator) if hook is None else hook.platform_label
            reason = reasons.get(one.place, "")
            rows.append(row_of(one, live[one.place], label=label, doors=doors, below=root, now=now, reason=reason))
        return JSONResponse(
            {
                "now": format_time(now),
                "days": LAST.days,
                "truncated": truncated,
                "interval": self._states.interval,
                "rows": rows,
                "connections": [
                    {
                        "platform": hook_of(platform).platform_label,
                        "conn_id": conn_id,
                        "asked_at": format_optional_time(one.asked_at),
                        "asking": one.asking,
                        "problem": one.problem,
                    }
                    for (platform, conn_id), one in sorted(told.items())
                ],
            }
        )

    def open(self, door: Door, user: GetUserDep, place: Annotated[LaunchPlace, Depends(place_of)]) -> Response:
        """Send a browser through a door, or say why not; on a thread, for it asks the platform."""
        try:
            with create_session() as session:
                record = find(session, place)
        except LookupError as error:
            raise HTTPException(404, str(error)) from None
        ref = record.ref
        try:
            check_proof(record, place)
            check_claim(record)
            link = open_door(door, ref, visitor_of(user))
        except LiveSessionError as error:
            note(door, place, ref, user, outcome=type(error).__name__)
            raise HTTPException(status_of(error), str(error)) from None
        note(door, place, ref, user, outcome="opened")
        # The platform learns nothing of where its visitor comes from.
        return RedirectResponse(link.get_secret_value(), 303, headers={"Referrer-Policy": "no-referrer"})


def _asked(launches: list[Launch], now: datetime) -> dict[Account, dict[Any, Any]]:
    wanted: dict[Account, dict[Any, Any]] = defaultdict(dict)
    for one in launches:
        if one.record is not None and is_asked_about(one, now):
            ref = one.record.ref
            wanted[ref.platform, ref.conn_id][ref] = seen_of(one)
    return wanted


def _live(launch: Launch, told: Mapping[Account, Told]) -> SessionStatus | None:
    """Return what the platform said last of a session; None where it was not asked."""
    if launch.record is None:
        return None
    ref = launch.record.ref
    account = told.get((ref.platform, ref.conn_id))
    return None if account is None else account.statuses.get(ref)


def _reasons(cancelled: list[Launch], user: Any) -> dict[LaunchPlace, str]:
    """Return why sessions were cancelled, as far as this user may know."""
    keys = {one.place: one.record.ref.key for one in cancelled if one.record is not None}
    if not keys:
        return {}
    with create_session() as session:
        found = read_reasons(session, set(keys.values()), lambda dag_ids: readable(dag_ids, user))
    return {place: found[key] for place, key in keys.items() if key in found}


def _file(name: str, user: GetUserDep) -> Response:
    """Answer one of the page's own files."""
    del user  # whoever is logged in
    if name not in STATIC:
        raise HTTPException(404, "There is no such page.")
    content = files("airflow_provider.live_sessions.plugin.sessions_page").joinpath("static", name).read_bytes()
    return Response(content, media_type=STATIC[name])


def _index(user: GetUserDep) -> Response:
    """Answer the page."""
    return _file("index.html", user)


async def _with_headers(request: Request, go_on: Any) -> Response:
    answer: Response = await go_on(request)
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer
