"""A page's commands, run as they stand, and what they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.readme.pages import ROOT, blocks

_SAVED = re.compile(r"Save this as `([^`]+)`:\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "#### command"


@dataclass(frozen=True)
class Command:
    """One command of a page.

    Args:
        text: The command, with its indented further lines.
        prints: The lines that the page says it prints; ``...`` stands for anything.
    """

    text: str
    prints: tuple[str, ...]


def commands(page: str) -> list[Command]:
    """Return a page's commands: what follows ``$`` in its console blocks."""
    found = []
    for block in blocks("console"):
        if block.page == page:
            for one in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                first, *rest = one.rstrip("\n").split("\n")
                more = [line for line in rest if line.startswith(" ")]
                prints = tuple(line for line in rest if line.strip() and not line.startswith(" "))
                found.append(Command("\n".join([first, *more]), prints))
    return found


def saved_files(page: str) -> dict[str, str]:
    """Return the files that a page has its readers save, by the path it names."""
    return dict(_SAVED.findall((ROOT / page).read_text()))


def _answering(command: str) -> str:
    """Return what waits, in a shell, until a server that was just started answers: whoever types sees it do so."""
    port = re.search(r"--port (\d+)", command)
    if port is None:
        return "sleep 3"
    return f"for _ in $(seq 240); do (: < /dev/tcp/127.0.0.1/{port[1]}) 2>/dev/null && break; sleep 0.25; done"


def play(steps: list[Command], files: dict[str, str], folder: Path, *, timeout: float) -> str:
    """Run commands one after the other in one shell, as a reader does; the first that fails ends it.

    Files are saved as soon as their folder is there.

    Args:
        steps: The commands.
        files: What to save where; the path may name variables of the shell.
        folder: Where the shell begins.
        timeout: Seconds for all.

    Returns:
        Everything that was printed, with a mark before each command.
    """
    script = ["set -m", "trap 'kill $(jobs -p) 2>/dev/null' EXIT"]  # jobs, as in a shell that somebody types into
    for number, text in enumerate(files.values()):
        (folder / f"file-{number}").write_text(text)
    for number, step in enumerate(steps):
        script += [f"echo; echo '{MARK} {number}'", step.text]
        script += [_answering(step.text)] if step.text.endswith("&") else ["[ $? = 0 ] || exit 1"]
        script += [
            f'[ ! -d "$(dirname "{path}")" ] || cp "{folder}/file-{at}" "{path}"' for at, path in enumerate(files)
        ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": str(ROOT),
        "NO_PROXY": "127.0.0.1,localhost",
        "COLUMNS": "400",  # nothing is cut
    }
    done = subprocess.run(  # noqa: S603 - the page's own commands
        ["bash", "-c", "\n".join(script)],  # noqa: S607
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def unmet(steps: list[Command], printed: str) -> list[str]:
    """Return the lines that the page promises and that did not come, at or after their command."""
    missing = []
    for number, step in enumerate(steps):
        after = printed[printed.index(f"{MARK} {number}\n") :]
        for line in step.prints:
            pattern = ".*".join(re.escape(part) for part in line.split("..."))
            if not re.search(f"^{pattern}$", after, re.MULTILINE):
                missing.append(line)
    return missing
