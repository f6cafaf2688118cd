"""What may be wrong with an answer, drawn before the request is sent, so that a failing case shrinks."""

from __future__ import annotations

import gzip
import json
import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fuzz.proxy import Reply

    Change = Callable[[Reply], Reply]
    Edit = Callable[[Any], Any]

_RAW = "\ue000raw:{}\ue000"
"""Stands for text that json.dumps would not write: it is put in after the dump."""

RAW = (
    "NaN",
    "-Infinity",
    "1e400",
    "1" * 400,
    "9" * 5000,
    "-0",
    "[" * 60 + "]" * 60,
    '{"a":' * 300 + "1" + "}" * 300,
    "[" * 900 + "]" * 900,
    '{"a":' * 940 + "1" + "}" * 940,
    "[" * 20_000 + "]" * 20_000,
    '{"id": 1, "id": 2, "id": "3"}',
    '"\\ud800"',
)

JUNK: tuple[Any, ...] = (
    *(_RAW.format(number) for number in range(len(RAW))),
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    -(10**30),
    0.5,
    -1e308,
    253402300800000,
    -62135596800001,
    "",
    " ",
    "\x00",
    "\r\nSet-Cookie: a=b",
    "\u202e\u2028x",
    "x" * 5000,
    "é" * 70,
    "..",
    "../../etc/passwd",
    "a/b?c#d",
    "%2e%2e",
    "nan",
    "true",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00",
    "9999-12-31T23:59:59.999999-14:00",
    "9999-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z",
    "2026-09-01T10:00:00",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "https://[",
    "http://elsewhere.invalid/?page=2",
    "javascript:alert(1)",
    "?page=2",
    "/workshops/session/x",
    [],
    {},
    [[]],
    [None],
    [0, "a", {}],
    {"": None},
    {"id": {"id": {"id": []}}},
    {"k" * 3000: 1},
    {"line\nbreak": 1},
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in a JSON value, the whole first."""
    yield path
    if len(path) > 20:
        return
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _places(child, (*path, key))
    elif isinstance(value, list):
        for number, child in enumerate(value[:20]):
            yield from _places(child, (*path, number))


def _at(where: int, act: Callable[[Any, Any], None], whole: Edit) -> Edit:
    def edit(value: Any) -> Any:
        places = list(_places(value))
        path = places[where % len(places)]
        if not path:
            return whole(value)
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        act(holder, path[-1])
        return value

    return edit


def _copied(value: Any) -> Any:
    """Return a copy, or where it is too deep to be copied the thing itself."""
    try:
        return deepcopy(value)
    except RecursionError:
        return value


def _replaced(where: int, junk: Any) -> Edit:
    def act(holder: Any, key: Any) -> None:
        holder[key] = _copied(junk)

    return _at(where, act, lambda _: _copied(junk))


def _removed(where: int) -> Edit:
    def act(holder: Any, key: Any) -> None:
        del holder[key]

    return _at(where, act, lambda value: type(value)() if isinstance(value, dict | list) else None)


def _repeated(where: int, times: int) -> Edit:
    """Have an element of a list several times, or a value wrapped into a list."""

    def act(holder: Any, key: Any) -> None:
        if isinstance(holder, list):
            holder[key : key + 1] = [_copied(holder[key]) for _ in range(times)]
        else:
            holder[key] = [holder[key]] * times

    return _at(where, act, lambda value: [value] * times)


def _renamed(where: int) -> Edit:
    def act(holder: Any, key: Any) -> None:
        if isinstance(holder, dict):
            holder[f"{key}_of_tomorrow"] = holder.pop(key)

    return _at(where, act, lambda value: {"data": value})


def _swapped(where: int, other: int) -> Edit:
    """Put what stands in one place into another."""

    def edit(value: Any) -> Any:
        places = list(_places(value))
        found = _found(value, places[other % len(places)])
        return _replaced(where, found)(value)

    return edit


def retimed(where: int, junk: Any) -> Edit:
    """Put an odd time where there is a time."""

    def edit(value: Any) -> Any:
        times = [path for path in _places(value) if path and _is_time(_found(value, path))]
        if not times:
            return value
        path = times[where % len(times)]
        _found(value, path[:-1])[path[-1]] = junk
        return value

    return edit


def _found(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _is_time(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_TIME.match(value))
    return isinstance(value, int) and value > 10**9


_TIME = re.compile(r"\d{4}-\d\d-\d\d|[A-Z][a-z]{2}, \d\d [A-Z]")
ODD_TIMES = tuple(
    one
    for one in JUNK
    if (isinstance(one, str) and (one[:5] in ("0001-", "9999-", "2026-") or one[3:4] == ","))
    or (isinstance(one, int | float) and abs(one) > 10**9)
)


def in_json(edits: list[Edit]) -> Change:
    def change(reply: Reply) -> Reply:
        try:
            value = json.loads(reply.body)
        except ValueError:
            value = {}
        for edit in edits:
            value = edit(value)
        text = json.dumps(value)
        for number, raw in enumerate(RAW):
            text = text.replace(json.dumps(_RAW.format(number)), raw)
        reply.body = text.encode()
        return reply

    return change


def _body(make: Callable[[bytes], bytes]) -> Change:
    def change(reply: Reply) -> Reply:
        reply.body = make(reply.body)
        return reply

    return change


def _header(name: str, value: str) -> Change:
    def change(reply: Reply) -> Reply:
        reply.headers = {one: told for one, told in reply.headers.items() if one.lower() != name.lower()}
        reply.headers[name] = value
        return reply

    return change


def _status(status: int, body: bytes | None) -> Change:
    def change(reply: Reply) -> Reply:
        reply.status = status
        reply.body = reply.body if body is None else body
        return reply

    return change


def _length(of: Callable[[int], int]) -> Change:
    def change(reply: Reply) -> Reply:
        reply.length = of(len(reply.body))
        return reply

    return change


HTML = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>502</h1></body></html>"
BODIES: tuple[Callable[[bytes], bytes], ...] = (
    lambda _: b"",
    lambda _: b" \r\n ",
    lambda _: HTML,
    lambda _: b"null",
    lambda _: b'"just text"',
    lambda _: b"\xff\xfe\x00garbage\x80\x81",
    lambda _: b"[1,",
    lambda body: body[: len(body) // 2],
    lambda body: body[:-1],
    lambda body: body + b"}",
    lambda body: body + body,
    lambda body: b"\xef\xbb\xbf" + body,
    lambda body: body.decode("utf-8", "replace").encode("utf-16"),
    lambda body: body.decode("utf-8", "replace").encode("utf-32-le"),
    lambda body: body.replace(b'"', b"\xe9"),
    lambda body: body.replace(b":", b"=", 3),
    lambda _: b"[" * 100_000,
    lambda _: b'{"a":' * 100_000,
    lambda _: b"9" * 50_000,
    lambda _: b'"' + b"\\u0000" * 20_000 + b'"',
)
HEADERS: tuple[tuple[str, str], ...] = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Type", "application/json; charset=klingon"),
    ("Content-Type", "application/json; charset=utf-16"),
    ("Content-Type", ""),
    ("Content-Encoding", "gzip"),
    ("Content-Encoding", "br, deflate"),
    ("Content-Encoding", "x" * 500),
    ("Date", "Mon, 01 Jan 0001 00:00:00 GMT"),
    ("Date", "Fri, 31 Dec 9999 23:59:59 GMT"),
    ("Date", "Fri, 31 Dec 9999 23:59:59 -2359"),
    ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Date", "next Tuesday"),
    ("Age", "a while"),
    ("Retry-After", "9" * 400),
    ("Retry-After", "-1"),
    ("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"),
    ("Location", "//elsewhere.invalid/"),
    ("Set-Cookie", "a=" + "b" * 9000),
    ("X-Odd", "caf\u00e9 \u2028"),
)
STATUSES = (
    *(
        201,
        202,
        203,
        204,
        205,
        206,
        226,
        299,
        300,
        301,
        302,
        303,
        304,
        307,
        308,
        400,
        401,
        402,
        403,
        404,
        405,
        408,
    ),
    *(409, 410, 413, 418, 422, 425, 429, 431, 451, 499, 500, 501, 502, 503, 504, 507, 520, 599, 600, 777, 999),
)

_numbers = st.integers(0, 400)
_edits = st.one_of(
    st.builds(_replaced, _numbers, st.sampled_from(JUNK)),
    st.builds(
        _replaced,
        _numbers,
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
            lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text(max_size=8), child, max_size=3),
            max_leaves=6,
        ),
    ),
    st.builds(retimed, st.integers(0, 9), st.sampled_from(ODD_TIMES)),
    st.builds(_removed, _numbers),
    st.builds(_repeated, _numbers, st.sampled_from([0, 2, 50])),
    st.builds(_renamed, _numbers),
    st.builds(_swapped, _numbers, _numbers),
)
json_changes = st.lists(_edits, min_size=1, max_size=3).map(in_json)
changes = st.one_of(
    json_changes,
    json_changes,
    json_changes,
    st.sampled_from(BODIES).map(_body),
    st.sampled_from(HEADERS).map(lambda one: _header(*one)),
    st.builds(_status, st.sampled_from(STATUSES), st.sampled_from([None, b"", HTML, b'{"detail": "No."}', b"[]"])),
    st.sampled_from([lambda size: size + 100, lambda size: max(0, size - 3)]).map(_length),
    st.just(_body(gzip.compress)),
)
which = st.none() | st.frozensets(st.integers(0, 6), min_size=1, max_size=3)
"""Which answers of an act are changed: all, or a few of the first ones."""

# ---- the same for values that never were JSON: XCom, trigger rows, events


def nested(depth: int) -> list[Any]:
    """Return lists in lists, so deep that whoever walks them by recursion falls over."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


VALUES = (
    *JUNK[len(RAW) :],
    float("nan"),
    float("inf"),
    float("-inf"),
    10**400,
    nested(50),
    nested(5000),
    "\ud800",
    b"bytes",
    object,
    {1: 2},
    (1, 2),
    "sealed:v1:",
    "sealed:v1:gAAAAA==",
    "sealed:v1:\u00e9",
)


def damaged(good: Any) -> st.SearchStrategy[Any]:
    """Return what a good value may have become: up to three of its places changed, or something else entirely."""
    edits = st.one_of(
        st.builds(
            lambda where, number: _replaced(where, VALUES[number]), _numbers, st.integers(0, len(VALUES) - 1)
        ),
        st.builds(_removed, _numbers),
        st.builds(_repeated, _numbers, st.sampled_from([0, 2, 50])),
        st.builds(_renamed, _numbers),
        st.builds(_swapped, _numbers, _numbers),
    )

    def apply(chosen: list[Edit]) -> Any:
        value = deepcopy(good)
        for edit in chosen:
            value = edit(value)
        return value

    return st.lists(edits, min_size=1, max_size=3).map(apply)
