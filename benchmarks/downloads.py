"""A large file brought home beside curl: fast, whole, in little memory, and gone on with after cuts.

The file goes the way that every artifact goes: fetched, hashed, counted, written beside its place, flushed to the
disk and renamed, with its manifest after it. curl writes the same file to the same disk and does none of that; so
it is timed as it is, and once more with its file flushed to the disk as well, as a file that is home has to be.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.resuming import Transfer, download_resuming
from airflow_provider.live_sessions.core.retry import RetryPolicy
from benchmarks.apart import in_a_process, peak_mib
from benchmarks.report import Report, Say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

SIZE = 2 * 1024**3
SHARE = 0.8
"""Of curl's speed, its file flushed as ours is, wanted."""
GROWTH_MIB = 64
ROUNDS = 3
"""Runs of each, in turn; the best of each counts."""


def run(say: Say, quick: bool) -> Report:
    """Fetch the file in turn with curl, then let transfers be cut; 2 GiB, the quick slice 256 MiB."""
    size = SIZE // 8 if quick else SIZE
    curl = shutil.which("curl")
    report = Report(figures={"bytes": size, "curl": _version(curl)})
    with tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as folder, _server(size) as server:
        url = f"http://127.0.0.1:{server['port']}"
        ours: list[dict[str, Any]] = []
        theirs: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(ROUNDS):
            for flushed, times in theirs.items() if curl else ():
                times.append(_curl(str(curl), f"{url}/whole", Path(folder), flushed=flushed))
            ours.append(_fetched(f"{url}/whole", Path(folder)))
        cut = _fetched(f"{url}/cut", Path(folder))
        for told in (*ours, cut):
            report.expect(told["sha256"] == server["sha256"], "the file is the one that was sent")
            report.expect(told["bytes"] == size, f"{size} bytes, {told['bytes']} are home")
            report.expect(told["growth_mib"] < GROWTH_MIB, f"{told['growth_mib']} MiB of growth")
        report.expect(cut["transfers"] > 1, "the transfer was cut")
    mib = size / 2**20
    best = round(mib / min(one["seconds"] for one in ours))
    growth = max(one["growth_mib"] for one in ours)
    report.figures |= {"mib_per_second": best, "growth_mib": growth, "transfers_after_cuts": cut["transfers"]}
    report.line = f"a file of {mib:.0f} MiB at {best} MiB/s with {growth} MiB of growth"
    if curl:
        plain, peer = (round(mib / min(theirs[flushed])) for flushed in (False, True))
        report.figures |= {
            "curl_mib_per_second": plain,
            "share_of_curl": round(best / plain, 2),
            "curl_flushed_mib_per_second": peer,
            "share_of_curl_flushed": round(best / peer, 2),
        }
        report.expect(best >= SHARE * peer, f"{best} MiB/s, curl flushed {peer} MiB/s, {SHARE:.0%} of it wanted")
        report.line += f", {best / peer:.2f} of curl's with a flush, {best / plain:.2f} of curl's without"
    say(report.line)
    return report


def _curl(curl: str, url: str, folder: Path, *, flushed: bool) -> float:
    target = folder / "curl.webm"
    os.sync()  # nobody pays for what was written before
    begun = time.monotonic()
    subprocess.run([curl, "--silent", "--fail", "--output", str(target), url], check=True, timeout=600)  # noqa: S603 - our own server
    if flushed:
        with target.open("rb") as file:
            os.fsync(file.fileno())
    seconds = time.monotonic() - begun
    target.unlink()
    return seconds


def _fetched(url: str, folder: Path) -> dict[str, Any]:
    os.sync()
    try:
        return in_a_process(_fetch, url, str(folder / "home"))
    finally:
        shutil.rmtree(folder / "home")


def _fetch(told: Connection, url: str, folder: str) -> None:
    asked = [0]

    def address() -> SecretStr:
        asked[0] += 1
        return SecretStr(url)

    before, begun = peak_mib(), time.monotonic()
    writer = Writer(LocalStorage(folder), "recording", kind="recording", session_key="k")
    transfer = Transfer()
    pieces = download_resuming(
        address,
        transfer=transfer,
        platform="Bench",
        conn_id="bench",
        label="fetch a recording",
        max_bytes=2 * SIZE,
        allow_plain_http=True,
        retry=RetryPolicy(base=0.0, cap=0.0),
    )
    entry = writer.add("recording.webm", pieces, media_type="video/webm", hashed=transfer)
    writer.finish(Manifest("recording", "bench", "bench", "k", Completeness.COMPLETE))
    seconds = time.monotonic() - begun
    told.send(
        {
            "seconds": seconds,
            "bytes": entry.bytes,
            "sha256": entry.sha256,
            "growth_mib": round(peak_mib() - before, 1),
            "transfers": asked[0],
        }
    )


@contextmanager
def _server(size: int) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.file_server", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own
        try:
            yield json.loads("" if server.stdout is None else server.stdout.readline())
        finally:
            server.kill()


def _version(curl: str | None) -> str:
    if curl is None:
        return ""
    done = subprocess.run([curl, "--version"], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - as found
    return done.stdout.split()[1]
