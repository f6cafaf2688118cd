"""A PostgreSQL of this machine's own, where its programs are installed: for runs that SQLite is too small for."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from demo.airflow_stack import StackError, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALLED = Path("/usr/lib/postgresql")
"""Where Debian puts its versions; elsewhere ``initdb`` is on the path."""
USER = "airflow"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest version's; None where there is none."""
    versions = sorted(INSTALLED.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = versions[-1] if versions else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def postgres(
    folder: Path, bin_folder: Path, *, password: str = "", database: str = "postgres", connections: int = 200
) -> Iterator[str]:
    """Run a database on loopback and give its SQLAlchemy URL; stopped and forgotten afterwards.

    Args:
        folder: Where it lives; made anew.
        bin_folder: Where its programs are.
        password: Of its one user; a random one by default.
        database: The database in it.
        connections: How many it takes at a time.

    Raises:
        StackError: It did not start.
    """
    folder.mkdir(parents=True)
    password, port, data = password or secrets.token_urlsafe(16), free_port(), folder / "data"
    words = folder / "password"
    words.write_text(password)
    words.chmod(0o600)
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    if user:
        account = pwd.getpwnam(user)
        for path in (folder, words):
            os.chown(path, account.pw_uid, account.pw_gid)

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(bin_folder / program), *arguments],
            user=user,
            cwd=folder,
            env={**os.environ, "PGPASSWORD": password},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT if program != "pg_ctl" else subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            log = folder / "log"
            told = done.stdout or (log.read_text(errors="replace") if log.exists() else "")
            raise StackError(f"{program} failed:\n{told[-2000:]}")

    run("initdb", "-D", str(data), "-U", USER, "-A", "scram-sha-256", "--pwfile", str(words), "-E", "UTF8")
    # Nothing in it outlives the run, so nothing waits for the disk.
    options = f"-p {port} -k {folder} -h 127.0.0.1 -F -c max_connections={connections}"
    run("pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
    try:
        if database != "postgres":
            run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", USER, database)
        yield f"postgresql+psycopg2://{USER}:{password}@127.0.0.1:{port}/{database}"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
