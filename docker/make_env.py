"""Writes ``.env`` for docker-compose.yaml: ``.env.example`` with a new random secret wherever it leaves one out.

Usage: ``python docker/make_env.py``. A ``.env`` that is there is left as it is, because a new Fernet key could not
open what the old one sealed. Beside it goes ``connections.env``, which every component reads: to begin with, the
connection ``lessonspace_default`` to the sandbox.
"""

from __future__ import annotations

import json
import secrets
import sys
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TOP = Path(__file__).resolve().parents[1]

MADE_OTHERWISE: dict[str, Callable[[], str]] = {
    "AIRFLOW_FERNET_KEY": lambda: urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "SANDBOX_API_KEY": lambda: str(uuid.uuid4()),
}


def filled(example: str) -> str:
    """Return the example with a secret in every line that gives none.

    Args:
        example: Lines ``NAME=value``, comments and empty lines.
    """
    return "".join(f"{line}\n" for line in map(_filled_line, example.splitlines()))


def _filled_line(line: str) -> str:
    name, sign, value = line.partition("=")
    if line.startswith("#") or not sign or value:
        return line
    return f"{name}={MADE_OTHERWISE.get(name, lambda: secrets.token_hex(32))()}"


def sandbox_connections(env: str) -> str:
    """Return the connections to the sandbox that a ``.env`` describes, as lines of an environment file.

    Args:
        env: The text of the ``.env``.
    """
    values = dict(line.split("=", 1) for line in env.splitlines() if "=" in line and not line.startswith("#"))
    lessonspace = {
        "conn_type": "lessonspace",
        "host": "http://sandbox:8899/lessonspace/v2",
        "password": values["SANDBOX_API_KEY"],
    }
    return f"AIRFLOW_CONN_LESSONSPACE_DEFAULT='{json.dumps(lessonspace)}'\n"


def main(top: Path = TOP) -> int:
    """Write both files, for their owner alone, where they are not there yet; return the exit status."""
    env = top / ".env"
    _write(env, filled((top / ".env.example").read_text()))
    _write(top / "connections.env", sandbox_connections(env.read_text()))
    sys.stdout.write("The UI's user and password are AIRFLOW_ADMIN_... in .env.\n")
    return 0


def _write(target: Path, text: str) -> None:
    try:
        target.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        sys.stdout.write(f"{target.name} is there and stays as it is.\n")
        return
    target.write_text(text)
    sys.stdout.write(f"{target.name} is made.\n")


if __name__ == "__main__":
    sys.exit(main())
