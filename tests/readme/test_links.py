"""Every link between the pages leads somewhere; nothing is asked of the network."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.readme.pages import PAGES, ROOT, anchors, links, name_of

if TYPE_CHECKING:
    from pathlib import Path

EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=name_of)

anchors_of = cache(anchors)


@EACH_PAGE
def test_every_link_of_a_page_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors_of(target), link


def test_links_are_found_at_all() -> None:
    assert sum(len(links(page)) for page in PAGES) > 60


def test_every_page_that_the_code_names_exists() -> None:
    named = set()
    for folder in ("airflow_provider", "dags", "demo", "crash", "benchmarks", "e2e"):
        for source in (ROOT / folder).rglob("*.py"):
            named |= set(re.findall(r"\bdocs/[\w/-]+\.md\b", source.read_text()))
    assert named
    assert [one for one in sorted(named) if not (ROOT / one).is_file()] == []
