"""The figures for a deployment say what they are, and those that are computed are computed right."""

from __future__ import annotations

import re

import pytest
import yaml

from airflow_provider.live_sessions.connections import coviu, educates, lessonspace, screenleap
from tests.readme.pages import ROOT, blocks, prose
from tests.readme.tables import cells

PAGE = ROOT / "docs" / "sizing.md"
KINDS = re.compile(r"measured|computed|Airflow's default|the compose file's|starting value", re.IGNORECASE)
FORMS = {"Lessonspace": lessonspace, "Coviu": coviu, "Screenleap": screenleap, "Educates": educates}
PEOPLE = 2


def tables() -> list[tuple[str, list[list[str]]]]:
    """Return each table with the paragraph before it: header, rule and rows."""
    found = re.finditer(r"([^\n]*(?:\n[^\n]+)*)\n\n?((?:^\|[^\n]*\n)+)", prose(PAGE), re.MULTILINE)
    return [(one[1], [list(cells(line)) for line in one[2].splitlines()]) for one in found]


def table_headed(word: str) -> list[list[str]]:
    return next(rows[2:] for _, rows in tables() if word in rows[0])


def test_every_table_says_where_its_figures_come_from() -> None:
    assert len(tables()) >= 6
    for before, rows in tables():
        if "which is" in rows[0]:
            at = rows[0].index("which is")
            assert [row for row in rows[2:] if not KINDS.search(row[at])] == []
        else:
            assert KINDS.search(before), rows[0]


@pytest.mark.parametrize("row", table_headed("a launch"), ids=lambda row: row[0])
def test_the_launches_a_minute_are_what_the_budget_allows(row: list[str]) -> None:
    platform, launch, _, allowed, minute = row
    shape = re.match(r"(\d+)(?: \+ \*n\*)?", launch)
    assert shape
    requests = int(shape[1]) + (PEOPLE if "*n*" in shape[0] else 0)
    assert float(allowed) == FORMS[platform].FORM["conn-fields"]["requests_per_second"]["schema"]["default"]
    assert int(minute) == round(60 * float(allowed) / requests)


def test_what_a_wait_takes_is_what_the_measured_rows_say() -> None:
    rows = [
        (int(row[0].replace(",", "")), *(int(one) for one in re.findall(r"\d+", row[1])))
        for row in table_headed("waits on one triggerer")
    ]
    (few, runner, supervisor), (many, more, most) = rows[0], rows[-1]
    text = PAGE.read_text()
    assert f"{round(1024 * (more - runner) / (many - few))} KiB of the runner" in text
    assert f"{round(1024 * (most - supervisor) / (many - few))} of the supervisor" in text


def test_what_a_task_in_hand_takes_is_what_the_measured_rows_say() -> None:
    text = PAGE.read_text()
    least = re.search(r"just started it has (\d+)", text)
    busy = {int(row[0]): int(row[1]) for row in table_headed("tasks in hand")}
    assert least
    assert abs((busy[8] - int(least[1])) / 8 - 75) < 5
    assert f"a worker, just started | {least[1]} MiB" in text


def test_the_helm_values_ask_for_what_was_measured_and_a_third_more() -> None:
    (values,) = (yaml.safe_load(one.text) for one in blocks("yaml") if one.page == "docs/sizing.md")
    asked = {
        name: int(values[name]["resources"]["requests"]["memory"].removesuffix("Mi"))
        for name in ("workers", "triggerer")
    }
    most = max(int(row[1]) for row in table_headed("the task"))
    assert f"{most} x 4/3 is {round(most * 4 / 3)}" in " ".join(PAGE.read_text().split())
    assert asked["workers"] >= most * 4 / 3
    waits = {row[0]: row[1] for row in table_headed("waits on one triggerer")}
    assert asked["triggerer"] >= sum(int(one) for one in re.findall(r"\d+", waits["1,000"])) * 1.3
