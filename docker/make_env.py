"""Writes ``.env`` for docker-compose.yaml: ``.env.example`` with a new random secret wherever it leaves one out.

Usage: ``python docker/make_env.py``. A ``.env`` that is there is left as it is, because a new Fernet key could not
open what the old one sealed. Beside it goes ``connections.env``, which every component reads: to begin with, the
connections to the sandbox's platforms and the timetables of the example DAGs.
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


SANDBOX = "http://sandbox:8899"
TIMETABLES = "/opt/airflow/dags/timetables"


def first_connections(env: str) -> str:
    """Return what ``connections.env`` begins with: connections to the sandbox, timetables of the examples.

    Args:
        env: The text of the ``.env``; without a SANDBOX_API_KEY in it there are no connections.
    """
    values = dict(line.split("=", 1) for line in env.splitlines() if "=" in line and not line.startswith("#"))
    key = values.get("SANDBOX_API_KEY", "")
    lines = [
        "# AIRFLOW_CONN_..., AIRFLOW_VAR_...: every component has these. Replace the sandbox's by your own.",
        f"AIRFLOW_VAR_CLASS_DAY_TIMETABLE={TIMETABLES}/example.csv",
        f"AIRFLOW_VAR_TELEHEALTH_DAY_TIMETABLE={TIMETABLES}/appointments.csv",
    ]
    if key:
        back = values.get("AIRFLOW_BASE_URL", "http://localhost:8080")
        for platform, connection in sandbox_connections(key, back).items():
            given = json.dumps({"conn_type": platform, **connection})
            lines.append(f"AIRFLOW_CONN_{platform.upper()}_DEFAULT='{given}'")
        lines.append("# Screenleap is left out: it is asked over TLS only, but on the machine itself.")
    return "".join(f"{line}\n" for line in lines)


def sandbox_connections(key: str, back: str) -> dict[str, dict[str, object]]:
    """Return the connections to the sandbox, by platform.

    Args:
        key: The one key that all its platforms ask for.
        back: Where browsers go at the end of a workshop.
    """
    return {
        "lessonspace": {"host": f"{SANDBOX}/lessonspace/v2", "password": key},
        "coviu": {"host": f"{SANDBOX}/coviu/v1", "login": key, "password": key},
        "educates": {
            "host": f"{SANDBOX}/educates",
            "login": "robot@educates",
            "password": key,
            "extra": {"client_id": key, "client_secret": key, "index_url": back},
        },
    }


def main(top: Path = TOP) -> int:
    """Write both files, for their owner alone, where they are not there yet; return the exit status."""
    env = top / ".env"
    _write(env, filled((top / ".env.example").read_text()))
    _write(top / "connections.env", first_connections(env.read_text()))
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
