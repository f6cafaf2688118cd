from __future__ import annotations

import ast
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions import sandbox as package
from airflow_provider.live_sessions.sandbox import LessonspaceOptions, Sandbox, SandboxControl
from airflow_provider.live_sessions.sandbox.__main__ import main, parser
from tests.sandbox.catcher import until
from tests.sandbox.school import KEY, School

START_LINE = re.compile(
    r"Sandbox (http://127\.0\.0\.1:\d+) \| Lessonspace (\S+) api_key=(\S+) organisation=(\d+)(?: \| .*)?\n"
)


def test_who_opens_the_printed_address_is_told_where_the_platforms_are() -> None:
    with Sandbox() as sandbox:
        answer = requests.get(f"{sandbox.url}/", timeout=10)
        assert (answer.status_code, "/lessonspace" in answer.json()["detail"]) == (200, True)
        assert requests.get(f"{sandbox.url}/elsewhere", timeout=10).status_code == 404


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_tells_where_it_is_in_one_line_and_stops_on_a_signal(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "airflow_provider.live_sessions.sandbox", "--port", "0", "--api-key", KEY]
    command += ["--end-after", "7", "--retry-after", "seconds", "--no-envelope"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        told = START_LINE.fullmatch(process.stdout.readline())
        assert told is not None
        url, api, key, organisation = told.groups()
        headers = {"Authorization": f"Organisation {key}"}
        listed = requests.get(f"{api}/organisations/{organisation}/spaces/", headers=headers, timeout=10)
        assert (key, listed.json()) == (KEY, [])
        assert abs((SandboxControl(url).now() - datetime.now(UTC)).total_seconds()) < 60
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")


def test_every_option_is_an_argument_of_the_command_line() -> None:
    given = vars(parser().parse_args(["--page-size", "3", "--idle-rule", "--recording-preparing", "empty"]))
    options = LessonspaceOptions(**{key: given[key] for key in ("page_size", "idle_rule", "recording_preparing")})
    assert (options.page_size, options.idle_rule, options.recording_preparing) == (3, True, "empty")
    assert (given["port"], given["host"], given["frozen"], given["start"]) == (8899, "127.0.0.1", False, None)
    with pytest.raises(SystemExit):
        parser().parse_args(["--recording-preparing", "perhaps"])


def test_only_loopback_is_bound() -> None:
    with Sandbox() as sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
    with Sandbox(host="0.0.0.0") as everywhere:  # noqa: S104 - told to
        assert everywhere.url.startswith("http://127.0.0.1:")
        assert requests.get(f"{everywhere.url}/_sandbox/", timeout=10).status_code == 200


def _failure(school: School) -> type[Exception]:
    with pytest.raises(requests.RequestException) as caught:
        school.ask("GET", "/hello/")
    return caught.type


def test_the_command_serves_in_this_process_too(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    seen: list[datetime] = []

    def stop() -> None:
        control = SandboxControl(f"http://127.0.0.1:{port}")
        until(lambda: _answers(control))
        seen.append(control.now())
        os.kill(os.getpid(), signal.SIGTERM)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    thread = threading.Thread(target=stop)
    thread.start()
    try:
        assert main(["--port", str(port), "--frozen", "--start", "2026-09-01T10:00:00+02:00"]) == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    thread.join()
    assert seen == [datetime(2026, 9, 1, 8, tzinfo=UTC)]
    assert START_LINE.fullmatch(capsys.readouterr().out)


def test_a_port_that_was_taken_ended_in_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with Sandbox() as first:
        port = first.url.rpartition(":")[2]
        try:
            assert main(["--port", port]) == 1
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"The sandbox cannot listen on 127.0.0.1, port {port}: Address already in use. ")
    assert err.count("\n") == 1


def _answers(control: SandboxControl) -> bool:
    try:
        return bool(control.info())
    except OSError:
        return False


def test_a_start_without_an_offset_is_refused() -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--start", "2026-09-01T10:00:00"])


def test_it_stops_fast_with_connections_open_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with School.open() as school:
        school.hold(webhooks={"session": {"end": "http://127.0.0.1:1/"}})
        url = school.sandbox.url
        school.sandbox.faults.add("delay", delay=60)
        outcome: list[type[Exception]] = []
        thread = threading.Thread(target=lambda: outcome.append(_failure(school)))
        thread.start()
        until(lambda: any(one["seen"] for one in school.sandbox.faults.listed()))
        began = time.monotonic()
        school.sandbox.stop()
        assert time.monotonic() - began < 30
        thread.join(60)
        assert outcome == [requests.ConnectionError]
        school.sandbox.stop()
    assert set(threading.enumerate()) <= before
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)


def test_a_connection_that_arrives_during_the_stop_is_ended() -> None:
    sandbox = Sandbox().start()
    sandbox.stop()
    late, client = socket.socketpair()
    with late, client:
        client.settimeout(10)
        sandbox._desk.connected(late)
        assert client.recv(1) == b""


def test_fifty_clients_at_once_are_served_and_nothing_is_doubled() -> None:
    with School.open() as school:
        together = threading.Barrier(50)

        def one(number: int) -> tuple[set[int], set[str]]:
            mine = School(school.sandbox)
            with mine.http:
                together.wait(30)
                answers = [mine.try_launch(f"shared-{turn}", f"user-{number}") for turn in range(4)]
                school.sandbox.lessonspace.join("shared-0", f"user-{number}")
                return {answer.status_code for answer in answers}, {mine.get("/hello/")["response"]}

        with ThreadPoolExecutor(50) as pool:
            done = list(pool.map(one, range(50)))
        assert all(statuses <= {200, 201} for statuses, _ in done)
        state = school.sandbox.state()["lessonspace"]
        assert {space["launch_id"]: space["launches"] for space in state["spaces"]} == {
            f"shared-{turn}": 50 for turn in range(4)
        }
        created = [entry for entry in school.sandbox.log.entries(path="launch") if entry.status == 201]
        assert len(created) == 4
        assert len(state["people"]) == 50
        assert len(state["sessions"]) == 1
        assert len(state["sessions"][0]["people"]) == 50


def test_in_real_time_a_session_ends_by_itself() -> None:
    with School.open(frozen=False, end_after=0.05) as school:
        school.launch("a", "t")
        school.join("a", "t")
        school.leave("a", "t")
        until(lambda: school.sessions(include_single_user="true")[0]["end_time"])


def test_a_connection_is_kept_and_a_client_may_leave_in_the_middle(
    school: School, capfd: pytest.CaptureFixture[str]
) -> None:
    host, port = school.sandbox.url.removeprefix("http://").split(":")
    for rest in (
        b"",
        b"GET /lessonspace/v2/hello/ HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
    ):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(rest)
    school.sandbox.faults.add("drip", seconds=0.3, count=1)
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"GET /lessonspace/v2/hello/ HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    assert [school.ask("GET", "/hello/").status_code for _ in range(3)] == [200] * 3
    # Whoever left in the middle may have been answered whole before the sandbox noticed.
    kept = Counter(one.connection for one in school.sandbox.log.entries(status=200))
    assert kept.most_common(1)[0][1] == 3
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "header", ["Transfer-Encoding: chunked", "Content-Length: 99999999", "Content-Length: -1"]
)
def test_a_body_without_a_sensible_length_is_a_400_and_ends_the_connection(school: School, header: str) -> None:
    host, port = school.sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(f"POST /lessonspace/v2/spaces/launch/ HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close" in answer


def test_a_fault_of_the_sandbox_itself_is_printed(school: School, capfd: pytest.CaptureFixture[str]) -> None:
    school.sandbox.log.add = None  # type: ignore[assignment, method-assign] # something must break
    with pytest.raises(requests.ConnectionError):
        school.ask("GET", "/hello/")
    # It is printed before the connection is closed.
    assert "TypeError" in capfd.readouterr().err


def test_it_imports_nothing_else_of_the_package_and_nothing_but_the_standard_library() -> None:
    root = Path(package.__file__).parent
    allowed = (*sys.stdlib_module_names, "airflow_provider.live_sessions.sandbox")
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert (
                    name.startswith("airflow_provider.live_sessions.sandbox") or name.split(".")[0] in allowed
                ), file
