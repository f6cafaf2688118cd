"""Looks for join links in clear text wherever an Airflow keeps things: the promise is that there are none."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from pathlib import Path

SHORTEST = 20
"""Characters; shorter parts of a link say nothing."""

SHORTEST_CREDENTIAL = 8
"""Characters; a shorter password would be found in innocent words."""

OWN_KEYS = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET")
"""What opens the sealed links, and the door to Airflow itself."""


def secrets_of(given: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what must not be found: join links, their paths, the tokens in them, the spaces' secrets.

    Args:
        given: The ``links`` and ``secrets`` that a sandbox gave out.
    """
    found = set(given["secrets"])
    for link in given["links"]:
        split = urlsplit(link)
        found |= {link, f"{split.path}?{split.query}"}
        # A token alone opens the door as well: its signature is what is searched for.
        found |= {value.rpartition(".")[2] for name, value in parse_qsl(split.query) if name == "user"}
    return sorted(one for one in found if len(one) >= SHORTEST)


def credentials_of(settings: Mapping[str, str]) -> list[str]:
    """Return the credentials in an Airflow's environment: of its connections, and its own keys.

    Args:
        settings: The environment; connections are JSON under ``AIRFLOW_CONN_...``.
    """
    found = {settings[name] for name in OWN_KEYS if settings.get(name)}
    for name, value in settings.items():
        if name.startswith("AIRFLOW_CONN_"):
            connection = json.loads(value)
            extra = connection.get("extra") or {}
            extra = json.loads(extra) if isinstance(extra, str) else extra
            found |= {str(connection.get("password") or "")}
            found |= {str(one) for key, one in extra.items() if "secret" in key or "token" in key}
    return sorted(one for one in found if len(one) >= SHORTEST_CREDENTIAL)


def needles(secrets: Iterable[str]) -> frozenset[bytes]:
    """Return every form in which a secret might be written."""
    return frozenset(form.encode() for secret in secrets for form in _forms(secret))


def find(secrets: Iterable[str], home: Path, *, spare: Container[str] = ()) -> list[str]:
    """Return where a secret stands in clear text: in a table of the database, or in a file below the home.

    Args:
        secrets: What must not be found.
        home: AIRFLOW_HOME, with the database and the logs.
        spare: Files that are no part of this Airflow, by their names.
    """
    wanted = needles(secrets)
    places = [
        f"{name}, table {table}" for name, table, row in _rows(home) if any(needle in row for needle in wanted)
    ]
    files = [path for path in home.rglob("*") if path.is_file() and path.name not in spare]
    places += [str(path.relative_to(home)) for path in files if _holds(path, wanted)]
    return sorted(set(places))


def _holds(path: Path, wanted: Iterable[bytes]) -> bool:
    content = path.read_bytes()
    return any(one in content for one in wanted)


def _forms(secret: str) -> set[str]:
    return {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), secret.replace("&", "&amp;")}


def _rows(home: Path) -> Iterable[tuple[str, str, bytes]]:
    for path in sorted(home.glob("*.db")):
        with closing(sqlite3.connect(path)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")]
            for table in tables:
                for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - the names are the database's own
                    text = "\n".join(
                        cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell) for cell in row
                    )
                    yield path.name, table, text.encode()
