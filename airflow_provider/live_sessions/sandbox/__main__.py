"""Runs the sandbox as a process: ``python -m airflow_provider.live_sessions.sandbox --port 8899``."""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import fields
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from airflow_provider.live_sessions.sandbox.clock import utc
from airflow_provider.live_sessions.sandbox.lessonspace.options import Options
from airflow_provider.live_sessions.sandbox.screenleap.options import Options as ScreenleapOptions
from airflow_provider.live_sessions.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser; each of the platforms' options is an argument of its own."""
    made = argparse.ArgumentParser(prog="python -m airflow_provider.live_sessions.sandbox", description=__doc__)
    made.add_argument("--port", type=int, default=8899, help="0 picks a free one")
    made.add_argument("--host", default="127.0.0.1", help="anything but a loopback address is open to the network")
    made.add_argument("--start", type=_moment, help="the time to begin at, with an offset")
    made.add_argument("--frozen", action="store_true", help="time stands still until it is advanced")
    _add_options(made, "Lessonspace", Options)
    _add_options(made, "Screenleap", ScreenleapOptions, "screenleap-")
    return made


def _add_options(made: argparse.ArgumentParser, title: str, options: Any, prefix: str = "") -> None:
    group = made.add_argument_group(title)
    hints = get_type_hints(options)
    for option in fields(options):
        kind: Any = hints[option.name]
        how: dict[str, Any] = {"type": kind}
        if kind is bool:
            how = {"action": argparse.BooleanOptionalAction}
        elif get_origin(kind) is not None:
            how = {"choices": get_args(kind)}
        flag = f"--{prefix}{option.name.replace('_', '-')}"
        group.add_argument(flag, default=argparse.SUPPRESS, **how)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        arguments: The command line, None for the process's own.

    Returns:
        The exit status.
    """
    given = vars(parser().parse_args(arguments))
    common = {name: given.pop(name) for name in ("port", "host", "start", "frozen")}
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    screenleap = {
        one.name: given.pop(flag)
        for one in fields(ScreenleapOptions)
        if (flag := f"screenleap_{one.name}") in given
    }
    with Sandbox(**common, lessonspace=Options(**given), screenleap=ScreenleapOptions(**screenleap)) as sandbox:
        one = sandbox.lessonspace
        line = f"Lessonspace {one.url} api_key={one.api_key} organisation={one.organisation}"
        sys.stdout.write(f"Sandbox {sandbox.url} | {line}\n")
        sys.stdout.flush()
        stop.wait()
    return 0


def _moment(text: str) -> datetime:
    return utc(datetime.fromisoformat(text))


if __name__ == "__main__":
    sys.exit(main())
