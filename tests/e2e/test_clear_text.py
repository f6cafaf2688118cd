"""The search for links in clear text finds one wherever it is planted, so its silence means something."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from demo import clear_text

if TYPE_CHECKING:
    from pathlib import Path

SIGNATURE = "c2lnbmF0dXJlLW9mLWEtbGluaw0123456789"
TOKEN = f"eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoxfQ.{SIGNATURE}"
PATH = f"/space/7f1c2f34?user={TOKEN}&lang=en"
LINK = f"http://127.0.0.1:8899/lessonspace{PATH}"
SECRET = "5ecc0de5-aaaa-bbbb-cccc-0123456789ab"
GIVEN = {"links": [LINK], "secrets": [SECRET]}
TABLES = {"xcom": "value", "rendered_task_instance_fields": "rendered_fields", "trigger": "kwargs", "log": "extra"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "airflow.db")) as database:
        for table, column in TABLES.items():
            database.execute(f'CREATE TABLE "{table}" (id INTEGER, "{column}" BLOB)')
            database.execute(f'INSERT INTO "{table}" VALUES (1, ?)', ['"sealed:v1:gAAAA"'])  # noqa: S608 - the table is the test's own
        database.commit()
    (tmp_path / "logs" / "dag_id=class_day").mkdir(parents=True)
    (tmp_path / "logs" / "dag_id=class_day" / "attempt=1.log").write_text("GET /*** HTTP/1.1\n")
    return tmp_path


def found(home: Path) -> list[str]:
    return clear_text.find(clear_text.secrets_of(GIVEN), home)


def plant(home: Path, table: str, text: str | bytes) -> None:
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        database.execute(f'INSERT INTO "{table}" VALUES (2, ?)', [text])  # noqa: S608 - the table is the test's own
        database.commit()


def test_a_clean_home_is_clean(home: Path) -> None:
    assert found(home) == []


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("secret", [LINK, PATH.removeprefix("/space"), SIGNATURE, SECRET])
def test_a_secret_in_any_table_is_found(home: Path, table: str, secret: str) -> None:
    if secret.startswith("/7f1c"):
        secret = f"/lessonspace/space{secret}"
    plant(home, table, json.dumps({"told": f"see {secret}!"}))
    assert f"airflow.db, table {table}" in found(home)


def test_a_secret_in_a_blob_is_found(home: Path) -> None:
    plant(home, "xcom", f"\x00\x01{LINK}".encode())
    assert "airflow.db, table xcom" in found(home)


@pytest.mark.parametrize(
    "written", [LINK, json.dumps(LINK), quote(LINK, safe=""), LINK.replace("&", "&amp;"), TOKEN, SECRET]
)
def test_a_secret_in_a_log_is_found_in_every_form_it_takes(home: Path, written: str) -> None:
    log = home / "logs" / "dag_id=class_day" / "attempt=1.log"
    log.write_text(f"something\nbefore {written} after\n")
    assert found(home) == ["logs/dag_id=class_day/attempt=1.log"]


def test_what_is_too_short_to_open_anything_is_not_looked_for() -> None:
    secrets = clear_text.secrets_of({"links": ["http://h/?user=a.b.c"], "secrets": ["short", SECRET]})
    assert SECRET in secrets
    assert "short" not in secrets
    assert all(len(one) >= clear_text.SHORTEST for one in secrets)
