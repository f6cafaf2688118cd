"""Runs the sandbox as a process: ``python -m airflow_provider.live_sessions.sandbox --port 8899``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from contextlib import ExitStack
from dataclasses import MISSING, fields
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from airflow_provider.live_sessions.sandbox.clock import utc
from airflow_provider.live_sessions.sandbox.coviu.options import Options as CoviuOptions
from airflow_provider.live_sessions.sandbox.educates.options import Options as EducatesOptions
from airflow_provider.live_sessions.sandbox.lessonspace.options import Options as LessonspaceOptions
from airflow_provider.live_sessions.sandbox.screenleap.options import Options as ScreenleapOptions
from airflow_provider.live_sessions.sandbox.scripts import Script
from airflow_provider.live_sessions.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

# Lessonspace was the first: its options have no prefix.
OPTIONS: dict[str, tuple[str, Any]] = {
    "lessonspace": ("", LessonspaceOptions),
    "coviu": ("coviu_", CoviuOptions),
    "screenleap": ("screenleap_", ScreenleapOptions),
    "educates": ("educates_", EducatesOptions),
}


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser; each of a platform's options is an argument of its own."""
    made = argparse.ArgumentParser(prog="python -m airflow_provider.live_sessions.sandbox", description=__doc__)
    made.add_argument("--port", type=int, default=8899, help="0 picks a free one")
    made.add_argument("--host", default="127.0.0.1", help="anything but a loopback address is open to the network")
    made.add_argument("--start", type=_moment, help="the time to begin at, with an offset")
    made.add_argument("--public-url", default="", help="what links begin with, where browsers find it elsewhere")
    made.add_argument("--people", type=_scripts, default=(), help="a JSON list of scripts, as in README.md")
    made.add_argument("--frozen", action="store_true", help="time stands still until it is advanced")
    for platform, (prefix, options) in OPTIONS.items():
        _add_options(made.add_argument_group(platform.capitalize()), options, prefix)
    return made


def _add_options(group: argparse._ArgumentGroup, options: Any, prefix: str) -> None:
    hints = get_type_hints(options)
    for option in fields(options):
        kind: Any = hints[option.name]
        how: dict[str, Any] = {"type": kind if option.default_factory is MISSING else _credential}
        if kind is bool:
            how = {"action": argparse.BooleanOptionalAction}
        elif get_origin(kind) is not None:
            how = {"choices": get_args(kind)}
        flag = f"--{prefix}{option.name}".replace("_", "-")
        group.add_argument(flag, dest=f"{prefix}{option.name}", default=argparse.SUPPRESS, **how)


def _options_of(given: dict[str, Any]) -> dict[str, Any]:
    return {
        platform: options(
            **{
                option.name: given[prefix + option.name]
                for option in fields(options)
                if prefix + option.name in given
            }
        )
        for platform, (prefix, options) in OPTIONS.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        arguments: The command line, None for the process's own.

    Returns:
        The exit status: 1 where nothing can listen at that address.
    """
    given = vars(parser().parse_args(arguments))
    common = {name: given.pop(name) for name in ("port", "host", "start", "frozen", "public_url")}
    people = given.pop("people")
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        try:
            sandbox = stack.enter_context(Sandbox(**common, **_options_of(given)))
        except OSError as error:
            sys.stderr.write(
                f"The sandbox cannot listen on {common['host']}, port {common['port']}: {error.strerror}. "
                "Is another one still running? --port takes another port, 0 any free one.\n"
            )
            return 1
        for script in people:
            sandbox.scripts.add(script)
        told = [f"Sandbox {sandbox.url}"]
        for name, platform in sandbox.platforms.items():
            info = dict(platform.info())
            told.append(
                " ".join([name.capitalize(), info.pop("url"), *(f"{key}={value}" for key, value in info.items())])
            )
        sys.stdout.write(" | ".join(told) + "\n")
        sys.stdout.flush()
        stop.wait()
    return 0


def _moment(text: str) -> datetime:
    return utc(datetime.fromisoformat(text))


def _credential(text: str) -> str:
    """Take what would otherwise be made up; an empty one comes of a variable that is not set."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty; leave it out to have one made")
    return text


def _scripts(path: str) -> list[dict[str, Any]]:
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"))
        for one in read:
            Script.from_json(0, one)
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise argparse.ArgumentTypeError(f"no list of scripts: {error}") from None
    return list(read)


if __name__ == "__main__":
    sys.exit(main())
