"""Pages that no reference describes, with twelve on their way: an error in words, or the rows all the same."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult, export
from airflow_provider.live_sessions.core.errors import LiveSessionError, Refused, Unavailable
from tests.artifacts.memory import MemoryStorage
from tests.exports.lessonspace_past import fill
from tests.exports.reading import rows
from tests.platforms.kit import altered
from tests.platforms.lessonspace.academy import KEY, Academy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.live_sessions.sandbox.wire import Request, Response

BEGIN = datetime(2026, 8, 28, tzinfo=UTC)
END = BEGIN + timedelta(days=2)
HUSH = "Hush Hushington"


@pytest.fixture
def academy() -> Iterator[Academy]:
    with Academy.open(page_size=5) as opened:
        fill(opened.sandbox, BEGIN, BEGIN + timedelta(hours=3), 30, rooms=3)
        yield opened


def run(academy: Academy, storage: MemoryStorage, *, attendance: bool = False) -> ExportResult:
    plan = ExportPlan(storage, academy.client.conn_id, attendance=attendance)
    return export(academy.platform, plan, cut(BEGIN, END, Period.DAY), say=lambda _: None)


def changed(academy: Academy, change: Callable[[Any], Any], *, page: str = "page=3") -> None:
    """Have one page of the organisation's list changed on its way."""

    def answer(request: Request, response: Response) -> Response:
        if "/organisations/" not in request.path or page not in request.query:
            return response
        return altered(response, change)

    academy.tap.answer = answer


def first(page: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a page whose first row has other fields."""
    return {**page, "results": [{**page["results"][0], **fields}, *page["results"][1:]]}


SHAPES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a number": (lambda _: 7, "the answer is no list"),
    "a text": (lambda _: HUSH, "the answer is no list"),
    "rows that are a number": (lambda page: {**page, "results": 7}, "the answer is no list"),
    "rows that are an object": (lambda page: {**page, "results": {HUSH: HUSH}}, "the answer is no list"),
    "a row that is a text": (lambda page: {**page, "results": [HUSH]}, "unexpected shape"),
    "a time": (lambda page: first(page, end_time=HUSH), r"unexpected shape \(end_time\)"),
    "half a character": (lambda page: first(page, end_time="\ud800"), "unexpected shape"),
    "people": (lambda page: first(page, profiles=[{"user": HUSH}]), r"\(profiles\[0\].user\)"),
    "no id": (lambda page: {**page, "results": [{"name": HUSH}]}, r"unexpected shape \(uuid\)"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_page_of_another_shape_is_told_by_platform_and_field_and_never_by_a_value(
    academy: Academy, shape: str, caplog: pytest.LogCaptureFixture
) -> None:
    change, words = SHAPES[shape]
    changed(academy, change)
    storage = MemoryStorage()
    with caplog.at_level(logging.DEBUG), pytest.raises(Unavailable, match=words) as caught:
        run(academy, storage)
    said = f"{caught.value}\n{caplog.text}"
    assert str(caught.value).startswith("Lessonspace (connection ")
    assert "list sessions" in str(caught.value)
    assert HUSH not in said
    assert KEY not in said
    assert storage.files == {}


def test_what_no_row_needs_breaks_no_page(academy: Academy) -> None:
    plain, odd = MemoryStorage(), MemoryStorage()
    run(academy, plain)
    changed(academy, lambda page: first(page, **{"\ud800": 1, "something_new": {"\udc00": [None]}}))
    result = run(academy, odd)
    assert rows(odd, result.manifests) == rows(plain, result.manifests)


def test_a_number_longer_than_any_database_s_is_a_number_all_the_same(academy: Academy) -> None:
    changed(academy, lambda page: first(page, billable_seconds=2**70))
    storage = MemoryStorage()
    result = run(academy, storage)
    assert 2**70 in [row["extras"]["billable_seconds"] for row in rows(storage, result.manifests)]


def test_a_count_longer_than_a_float_is_a_list_that_does_not_agree_with_it(academy: Academy) -> None:
    changed(academy, lambda page: {**page, "count": 10**400}, page="end_time_after")
    with pytest.raises(LiveSessionError, match="list sessions"):
        run(academy, MemoryStorage())


def test_a_link_to_another_host_is_refused_though_pages_are_asked_for_ahead(academy: Academy) -> None:
    changed(academy, lambda page: {**page, "next": page["next"].replace("127.0.0.1", "elsewhere.test")})
    storage = MemoryStorage()
    with pytest.raises(Refused, match="leads to another host; it was not followed") as caught:
        run(academy, storage)
    assert "elsewhere" not in str(caught.value)
    assert storage.files == {}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "latin-1"])
def test_a_body_in_another_encoding_is_the_same_rows_or_no_json(academy: Academy, encoding: str) -> None:
    plain, odd = MemoryStorage(), MemoryStorage()
    for one in academy.sandbox.lessonspace._store.sessions:
        one.name = "Füße"
    run(academy, plain)

    def answer(request: Request, response: Response) -> Response:
        text = json.dumps(json.loads(response.body), ensure_ascii=False)
        return replace(response, body=text.encode(encoding, "replace")) if "page=3" in request.query else response

    academy.tap.answer = answer
    if encoding == "latin-1":
        with pytest.raises(Unavailable, match="not JSON") as caught:
            run(academy, odd)
        assert "Fü" not in str(caught.value)
    else:
        assert run(academy, odd).partial == []
    assert odd.files == ({} if encoding == "latin-1" else plain.files)


def test_an_empty_page_and_rows_that_come_twice_are_read_again_and_lose_nothing(academy: Academy) -> None:
    plain, odd = MemoryStorage(), MemoryStorage()
    run(academy, plain)
    struck: list[str] = []

    def answer(request: Request, response: Response) -> Response:
        page = next((one for one in ("page=2", "page=4") if one in request.query), "")
        if not page or page in struck or "end_time_after" not in request.query:
            return response
        struck.append(page)
        return altered(
            response, lambda body: {**body, "results": body["results"][:1] * 5 if page == "page=2" else []}
        )

    academy.tap.answer = answer
    result = run(academy, odd)
    assert sorted(struck) == ["page=2", "page=4"]
    assert rows(odd, result.manifests) == rows(plain, result.manifests)
    assert result.partial == []


@pytest.mark.parametrize("shown_by", ["both", "room", "organisation"])
def test_who_is_shown_without_a_line_in_the_log_has_no_known_attendance(academy: Academy, shown_by: str) -> None:
    def answer(request: Request, response: Response) -> Response:
        of_room = "/spaces/" in request.path
        hidden: dict[str, Any] = (
            {"profiles": [], "guests": []}
            if shown_by not in ("both", "room" if of_room else "organisation")
            else {}
        )
        return altered(
            response,
            lambda page: {**page, "results": [{**row, "logs": [], **hidden} for row in page["results"]]},
        )

    academy.tap.answer = answer
    storage = MemoryStorage()
    result = run(academy, storage, attendance=True)
    found = rows(storage, result.manifests)
    assert [row["session_id"] for row in found if row["attendance_known"]] == []
    assert all(row["participants"] for row in found), "who is shown is told"
    assert any("without a log" in one for one in result.partial)
