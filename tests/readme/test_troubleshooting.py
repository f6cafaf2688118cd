"""The page that people come to with an error message knows the messages of this release."""

from __future__ import annotations

import re

import pytest

from airflow_provider.live_sessions.core import errors
from tests.readme.messages import GAP, messages, told
from tests.readme.pages import ROOT
from tests.readme.tables import cells

PAGE = ROOT / "docs" / "troubleshooting.md"

RAISERS = {"compat", "decorators", "flows", "forms", "hooks", "operators", "sensors"}
"""Floors whose errors end a task; what lower ones raise is on the page where people are likely to meet it."""

NOT_LISTED = {
    r"\S+ (is|has to be) .+, not …\.": "an argument, and what it takes",
    r"(`\w+`|\w+) is a list of .+\.": "an argument, and what it takes",
    r"(A session needs a|Give either) `.*": "an argument, and what it takes",
    r"There is no (quality )?…\.": "an argument or a file, and the advice says what to give",
    r"The horizon is a number of hours up to a month, not …\.": "an argument, and what it takes",
    r"Nothing is to be changed\.": "no argument was given, and the advice names them",
    r"older_than reaches back before the calendar begins\.": "an argument, and what is wrong with it",
    r"… has no participant …\.": "an argument, and what is wrong with it",
    r"`\w+` has no files\.": "the advice says what to pass",
    r"`export` is not the result of an export\.": "on the page with a gap for the argument's name",
    r"… describes no export\.": "the advice says what to pass",
    r"… is no platform\.": "a trigger row's own words; no DAG can name one",
    r"It sends no webhooks\.": "only a platform of one's own meets it",
}
"""What the page leaves out, each with the reason; the first sorts are named at its top."""


def rows_below(head: str) -> list[tuple[str, ...]]:
    """Return the rows of every table of the page whose first column is headed so."""
    tables = re.findall(r"(?:^\|.*\n)+", PAGE.read_text(), re.MULTILINE)
    taken = [table.splitlines() for table in tables if cells(table.splitlines()[0])[0] == head]
    return [cells(line) for lines in taken for line in lines[2:]]


def quoted(cell: str) -> str:
    span = re.fullmatch(r"(`+) ?(.*?) ?\1", cell)
    assert span, cell
    return span[2]


LISTED = [quoted(row[0]) for row in rows_below("message")]


@pytest.mark.parametrize("message", LISTED)
def test_every_message_of_the_page_is_one_that_the_code_can_give(message: str) -> None:
    assert message in messages()


def left_out(text: str) -> list[str]:
    return [pattern for pattern in NOT_LISTED if re.fullmatch(pattern, text)]


@pytest.mark.parametrize(
    "message",
    sorted(
        {
            one.text
            for one in told()
            if one.floor in RAISERS and one.kind not in {"warning", "AirflowSkipException"}
        }
    ),
)
def test_every_error_that_ends_a_task_is_on_the_page_or_says_enough_by_itself(message: str) -> None:
    assert message in LISTED or left_out(message)


def test_nothing_is_left_out_for_a_reason_that_holds_for_no_message() -> None:
    needed = {pattern for one in told() if one.text not in LISTED for pattern in left_out(one.text)}
    assert needed == set(NOT_LISTED)


def test_no_message_is_explained_twice() -> None:
    assert len(LISTED) == len(set(LISTED)) > 40


def test_a_message_says_enough_to_be_found_by_it() -> None:
    assert [one for one in LISTED if len(one.replace(GAP, "").split()) < 2] == []


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
