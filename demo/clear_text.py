"""Looks for join links in clear text wherever an Airflow keeps things: the promise is that there are none."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

SHORTEST = 20
"""Characters; shorter parts of a link say nothing."""


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


def find(secrets: Iterable[str], home: Path) -> list[str]:
    """Return where a secret stands in clear text: in a table of the database, or in a file below the home.

    Args:
        secrets: What must not be found.
        home: AIRFLOW_HOME, with the database and the logs.
    """
    needles = {form.encode() for secret in secrets for form in _forms(secret)}
    places = [
        f"{name}, table {table}" for name, table, row in _rows(home) if any(needle in row for needle in needles)
    ]
    files = [path for path in home.rglob("*") if path.is_file()]
    places += [str(path.relative_to(home)) for path in files if any(one in path.read_bytes() for one in needles)]
    return sorted(set(places))


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
