"""The page that people come to with an error message knows the messages of this release."""

from __future__ import annotations

import re

import pytest

from airflow_provider.live_sessions.core import errors
from tests.readme.messages import GAP, messages
from tests.readme.pages import ROOT
from tests.readme.tables import cells

PAGE = ROOT / "docs" / "troubleshooting.md"


def rows_below(head: str) -> list[tuple[str, ...]]:
    """Return the rows of every table of the page whose first column is headed so."""
    tables = re.findall(r"(?:^\|.*\n)+", PAGE.read_text(), re.MULTILINE)
    taken = [table.splitlines() for table in tables if cells(table.splitlines()[0])[0] == head]
    return [cells(line) for lines in taken for line in lines[2:]]


def quoted(cell: str) -> str:
    return cell.strip("`").strip()


LISTED = [quoted(row[0]) for row in rows_below("message")]


@pytest.mark.parametrize("message", LISTED)
def test_every_message_of_the_page_is_one_that_the_code_can_give(message: str) -> None:
    assert message in messages()


def test_no_message_is_explained_twice() -> None:
    assert len(LISTED) == len(set(LISTED)) > 40


def test_a_message_says_enough_to_be_found_by_it() -> None:
    assert [one for one in LISTED if len(one.replace(GAP, "").split()) < 3] == []


def test_every_kind_of_error_is_explained_with_what_airflow_does_about_it() -> None:
    told = {quoted(row[0]): row[1] for row in rows_below("kind")}
    kinds = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.LiveSessionError)
    }
    assert set(told) == set(kinds)
    final = (errors.ConfigurationError, errors.Refused)
    for name, kind in kinds.items():
        if kind is not errors.LiveSessionError:
            assert told[name] == ("fails, no retry" if issubclass(kind, final) else "retries"), name
