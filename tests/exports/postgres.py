"""A PostgreSQL of the tests' own on loopback, where its programs are installed."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALLED = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest version's; None where there is none."""
    versions = sorted(INSTALLED.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = versions[-1] if versions else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def postgres(programs: Path) -> Iterator[str]:
    """Run a database and give its Airflow connection URI; stopped and forgotten afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="live-sessions-pg-"))
    password = secrets.token_urlsafe(16)
    (folder / "password").write_text(password)
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    if user:
        account = pwd.getpwnam(user)
        for path in (folder, folder / "password"):
            os.chown(path, account.pw_uid, account.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        quiet = subprocess.DEVNULL
        subprocess.run(  # noqa: S603 - the database's own programs
            [str(programs / program), "-D", str(folder / "data"), *arguments],
            user=user,
            cwd=folder,
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            check=True,
            timeout=120,
        )

    try:
        run("initdb", "-U", "airflow", "-A", "scram-sha-256", "--pwfile", str(folder / "password"), "-E", "UTF8")
        options = f"-p {port} -k {folder} -h 127.0.0.1 -F"
        run("pg_ctl", "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            yield f"postgres://airflow:{password}@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
