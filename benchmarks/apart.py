"""Work in a process of its own, so that the memory measured is its alone."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def in_a_process(work: Callable[..., None], *arguments: Any) -> dict[str, Any]:
    """Return what work in a new process sends.

    Args:
        work: A function of a module; called with the connection to send to, and the arguments.
        arguments: What it is called with.

    Raises:
        EOFError: It died.
    """
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(there, *arguments))
    process.start()
    there.close()
    try:
        told: dict[str, Any] = here.recv()
        return told
    finally:
        process.join()


def peak_mib() -> float:
    """Return the most memory that this process has had."""
    # Not ru_maxrss: a process begins with its parent's, and the parent holds the truth.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
