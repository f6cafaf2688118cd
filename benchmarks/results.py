"""Where measured figures go: one file for all, a section for each measurement.

Several measurements may end at the same time in processes of their own, so a section is merged under a lock and
the file replaced whole: no reader ever sees half of it, and nobody takes another's section away.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RESULTS = Path(__file__).with_name("results.json")


def record(section: str, figures: Mapping[str, object], *, path: Path = RESULTS) -> None:
    """Merge one section into the results; other sections stay as they are.

    Args:
        section: The measurement's name; its former figures are replaced.
        figures: What was measured, JSON values; units stand in the names.
        path: The file; made when it is not there.

    Raises:
        TypeError, ValueError: A figure is no JSON value; the file is as it was.
    """
    entry = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "figures": dict(figures),
    }
    json.dumps(entry, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        sections = {**read(path), section: entry}
        _replace(path, json.dumps(dict(sorted(sections.items())), indent=2, allow_nan=False) + "\n")


def read(path: Path = RESULTS) -> dict[str, Any]:
    """Return the recorded sections; what cannot be read counts as none, the next measurement writes it anew."""
    try:
        sections = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return sections if isinstance(sections, dict) else {}


def machine() -> dict[str, object]:
    """Return what a figure depends on: processors, memory, kernel, Python, Airflow."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "airflow": _version("apache-airflow"),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or sys.platform
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as part:
            part.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
