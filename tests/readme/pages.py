"""The pages that people read, taken apart: headings, links and blocks of code."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SANDBOX = ROOT / "airflow_provider" / "live_sessions" / "sandbox" / "README.md"
PAGES = sorted(
    [*ROOT.glob("*.md"), SANDBOX]
    + [one for one in ROOT.glob("docs/**/*.md") if not {"_build", "generated"} & set(one.parts)]
)

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_CODE = re.compile(r"(`+).+?\1", re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Args:
        page: The page's path from the root.
        line: The line of the page that it begins in.
        language: As the page says; empty for output.
        text: The code.
    """

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    """Return a page's path from the root."""
    return page.relative_to(ROOT).as_posix()


def blocks(*languages: str) -> list[Block]:
    """Return all blocks in these languages, of every page."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for one in _FENCE.finditer(text):
            if one["language"].strip() in languages:
                line = text.count("\n", 0, one.start()) + 1
                code = textwrap.dedent(one["text"])
                found.append(Block(name_of(page), line, one["language"].strip(), code))
    return found


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """Return where a page's links lead, as written."""
    return _LINK.findall(_CODE.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    found: set[str] = set()
    for heading in _HEADING.findall(prose(page)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number, one = 0, slug
        while one in found:
            number += 1
            one = f"{slug}-{number}"
        found.add(one)
    return found
