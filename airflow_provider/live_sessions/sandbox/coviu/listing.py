"""``GET /sessions``: filters, order and pages (dossier 2.1)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.sandbox.coviu.wire import bad, flag, moment, whole
from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.coviu.options import Options
    from airflow_provider.live_sessions.sandbox.coviu.shapes import Shapes
    from airflow_provider.live_sessions.sandbox.coviu.state import Session, Store
    from airflow_provider.live_sessions.sandbox.wire import Request


def page_of(store: Store, options: Options, request: Request, shapes: Shapes) -> Response:
    """Answer with one page of the sessions.

    Raises:
        Problem: 400, a parameter is not as it should be.
    """
    number = whole(request, "page", 0, least=0)
    size = min(whole(request, "page_size", options.max_page_size, least=1), options.max_page_size)
    deleted = flag(request, "deleted_participants")
    found = _ordered(request, _filtered(store, options, request, deleted=deleted))
    shown = found[number * size : (number + 1) * size]
    return Response.json(
        HTTPStatus.OK,
        {
            "content": [shapes.session(one, deleted=deleted) for one in shown],
            "page": number,
            "page_size": len(shown),  # the number of entries on this page, not the limit
            "more": (number + 1) * size < len(found),
        },
    )


def _filtered(store: Store, options: Options, request: Request, *, deleted: bool) -> list[Session]:
    found = list(store.sessions.values())
    if not flag(request, "include_canceled"):
        found = [one for one in found if one.canceled is None]
    if text := request.param("start_time"):
        after = moment(text, "start_time")
        found = [one for one in found if one.start >= after]
    if text := request.param("end_time"):
        before = moment(text, "end_time")
        by_start = options.end_filter == "start"
        found = [one for one in found if (one.start if by_start else one.end) <= before]
    if state := request.param("state"):
        found = [one for one in found if any(who.state == state for who in one.shown(deleted=deleted))]
    return found


def _ordered(request: Request, found: list[Session]) -> list[Session]:
    order = request.param("order", "forward")
    if order not in ("forward", "reverse"):
        raise bad("Invalid `order` or `state`")
    if request.param("start_time") or request.param("end_time"):
        found = sorted(found, key=lambda one: one.start)  # the store's own order is that of creation
    return found[::-1] if order == "reverse" else found
