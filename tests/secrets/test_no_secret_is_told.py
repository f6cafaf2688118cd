"""Whatever fails at whatever step, at debug level: no secret in a log, traceback, XCom, store or trigger row."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.fuzz.proxy import Proxy, Reply, Tampering, proxied
from tests.fuzz.verdict import EFFORT
from tests.secrets.diary import Diary, live, opened
from tests.secrets.tasks import CASTS, TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

OURS = f"{os.sep}live_sessions{os.sep}"
INJECTED = max(1, round(8 * EFFORT))
"""Functions of a task that are made to raise."""


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    with proxied() as opened_proxy:
        yield opened_proxy


@pytest.fixture(autouse=True)
def no_long_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "airflow_provider.live_sessions.core.retry.RetryPolicy.__init__.__defaults__", (2, 0.01, 0.02, 0.1)
    )


def echoing(proxy: Proxy, status: int, kind: str) -> Callable[[Reply], Reply]:
    """Return a change that says all of it back: the request with its credentials, the answer with its links."""

    def change(reply: Reply) -> Reply:
        said = proxy.asked.decode("utf-8", "replace") + reply.body.decode("utf-8", "replace")
        if kind == "json":
            body = json.dumps({"detail": said, "errorMessage": said, said[:200]: [said]})
        elif kind == "html":
            body = f"<html><body><pre>{said}</pre></body></html>"
        else:
            body = said
        location = proxy.asked.decode("utf-8", "replace").split(" ")[1]
        headers = {"Content-Type": "text/plain", "Location": f"https://elsewhere.invalid{location}"}
        return Reply(status, headers, body.encode())

    return change


KINDS = [(400, "json"), (401, "text"), (403, "html"), (404, "json"), (429, "text"), (500, "json"), (503, "html")]
KINDS += [(200, "text"), (200, "html"), (200, "json"), (302, "json"), (409, "text")]


def look(diary: Diary, secrets: list[str], captured: pytest.CaptureFixture[str]) -> None:
    out, err = captured.readouterr()
    diary.add("stdout", out)
    diary.add("stderr", err)
    assert len(secrets) > 1
    assert diary.places_of(secrets) == []


@contextmanager
def played(proxy: Proxy, name: str, task: str, folder: Path) -> Iterator[tuple[Any, Callable[[Diary], bool]]]:
    """Give a fresh stage and what plays the task on it."""
    cast = CASTS[name]
    with pytest.MonkeyPatch.context() as patch, cast.kit.open(patch) as kit:
        make, hold = cast.prepare(kit, task, proxy, folder)
        yield kit, lambda diary: live(make, diary, hold)


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_a_task_whose_requests_fail_one_by_one_with_echoes_tells_no_secret(
    proxy: Proxy, name: str, task: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with played(proxy, name, task, tmp_path) as (kit, play), opened() as diary:
        proxy.tampering = Tampering(lambda reply: reply)
        try:
            assert play(diary) or "wait" in task, diary.pages[-8:]
            requests = proxy.tampering.seen
        finally:
            proxy.tampering = None
        look(diary, CASTS[name].secrets(kit), capfd)
    numbers = (*range(min(requests, 2 if "wait" in task else 8)), None)
    chosen = [(number, kind) for number in numbers for kind in KINDS]
    for number, (status, kind) in chosen[:: 1 if EFFORT > 1 else 7]:  # another kind for each request
        with played(proxy, name, task, tmp_path / f"{number}-{status}") as (kit, play), opened() as diary:
            proxy.tampering = Tampering(
                echoing(proxy, status, kind), None if number is None else frozenset({number})
            )
            try:
                play(diary)
            finally:
                proxy.tampering = None
            look(diary, CASTS[name].secrets(kit), capfd)


@contextmanager
def raising_in(name: str) -> Iterator[list[str]]:
    """Raise in the function of that name when it is first entered; with no name, list the functions entered."""
    entered: list[str] = []

    def trace(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or OURS not in code.co_filename or f"{os.sep}sandbox{os.sep}" in code.co_filename:
            return
        called = f"{code.co_filename.rpartition(OURS)[2]}:{code.co_qualname}"
        if called not in entered:
            entered.append(called)
            if called == name:
                raise RuntimeError("injected")

    sys.settrace(trace)
    threading.settrace(trace)
    try:
        yield entered
    finally:
        sys.settrace(None)
        threading.settrace(None)


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_a_task_in_which_anything_raises_tells_no_secret(
    proxy: Proxy, name: str, task: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with played(proxy, name, task, tmp_path) as (_, play), opened() as diary, raising_in("") as entered:
        play(diary)
    assert len(entered) > 20
    for function in entered[:: max(1, len(entered) // INJECTED)]:
        with played(proxy, name, task, tmp_path / function.replace(os.sep, "-")) as (kit, play), opened() as diary:
            with raising_in(function):
                play(diary)
            look(diary, CASTS[name].secrets(kit), capfd)


# ---- the search itself


@pytest.mark.parametrize(
    "place", ["log", "logged argument", "exception", "cause", "xcom", "store", "result", "stdout"]
)
def test_the_search_finds_a_secret_wherever_it_is_planted(place: str, capfd: pytest.CaptureFixture[str]) -> None:
    secret = "https://rooms.test/join?user=door-opener-0123456789"

    class Leaky:
        template_fields = ()

        def execute(self, the_context: Any) -> object:
            if place == "log":
                logging.getLogger("urllib3.somewhere.new").debug("see %s", secret)
            if place == "logged argument":
                logging.getLogger("airflow.task").debug("see %r", {"url": [secret]})
            if place == "exception":
                raise RuntimeError(json.dumps({"told": secret}))
            if place == "cause":
                raise RuntimeError("it broke") from ValueError(secret)
            if place == "xcom":
                the_context["ti"].xcom_push("x", {"deep": [secret]})
            if place == "store":
                the_context["task_state_store"].set("x", secret)
            if place == "stdout":
                sys.stdout.write(secret)
            return {"url": secret} if place == "result" else None

    with opened() as diary:
        live(Leaky, diary)  # type: ignore[arg-type]  # as much of an operator as is looked at
        with pytest.raises(AssertionError):
            look(diary, [secret, "another-secret-that-is-nowhere"], capfd)
