"""The README's tables of calls, read as its readers see them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "README.md"
HEAD = ("call", "supported", "by, or why not", "tested by")

_TABLE = re.compile(r"<summary>(\w+): ([^\n]*)</summary>\n\n(.*?)\n\n</details>", re.DOTALL)
_CALL = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)")
_QUOTED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Row:
    """One row.

    Args:
        platform: The platform.
        what: The first cell as it stands.
        supported: ``yes`` or ``no``.
        by: Which method and operators make the call, or why nothing does.
        tests: Each as ``path::name``.
    """

    platform: str
    what: str
    supported: str
    by: str
    tests: tuple[str, ...]

    @property
    def calls(self) -> list[str]:
        """Method and path of what the row is about; none for what is no call."""
        return [one for one in _QUOTED.findall(self.what) if _CALL.fullmatch(one)]

    @property
    def names(self) -> list[str]:
        """The classes and methods that are named."""
        return [one for one in _QUOTED.findall(self.by) if re.fullmatch(r"[A-Z]\w+(\.\w+)?", one)]

    def means(self, method: str, path: str) -> bool:
        """Return whether a request is one of this row's calls."""
        return any(re.fullmatch(_pattern(one), f"{method} {path}") for one in self.calls)


def _pattern(call: str) -> str:
    """Return the regular expression of a call: each name in braces stands for one part of the path."""
    return "[^/]+".join(re.escape(one) for one in re.split(r"\{\w+\}", call))


def cells(line: str) -> tuple[str, ...]:
    """Return the cells of one line of a table."""
    return tuple(one.strip() for one in line.strip().strip("|").split("|"))


def rows() -> list[Row]:
    """Return every row of every platform's table."""
    found = []
    for platform, _, table in _TABLE.findall(PAGE.read_text()):
        head, *lines = table.splitlines()
        assert cells(head) == HEAD
        for line in lines[1:]:
            what, supported, by, tested = cells(line)
            found.append(Row(platform, what, supported, by, tuple(_QUOTED.findall(tested))))
    return found


def summaries() -> dict[str, str]:
    """Return what each platform's table says of itself."""
    return {platform: told for platform, told, _ in _TABLE.findall(PAGE.read_text())}


def page_rows(platform: str) -> dict[str, str]:
    """Return the parameters of each call as the platform's page has them."""
    text = (ROOT / "docs" / "platforms" / f"{platform.casefold()}.md").read_text()
    _, _, section = text.partition("\n## Every call of the API\n")
    section = section.partition("\n## ")[0]
    told: dict[str, str] = {}
    for line in section.splitlines():
        first, *others = cells(line) if line.startswith("|") else ("",)
        for call in _QUOTED.findall(first):
            if _CALL.fullmatch(call):
                told[call] = " ".join((told.get(call, ""), *others)).strip()
    return told
