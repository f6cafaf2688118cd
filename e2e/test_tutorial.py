"""The tutorial as a newcomer follows it: each command as it stands, each promised line of output."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from demo.airflow_stack import free_port
from tests.readme.pages import blocks
from tests.readme.transcript import commands, play, saved_files, unmet

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "docs/tutorial.md"
PORT = "8899"
INSTALLED = ("make install", ". .venv/bin/activate")


@pytest.mark.timeout(600)
def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    port = str(free_port())  # the page's own may be in use here
    steps = [
        replace(
            step, text=step.text.replace(PORT, port), prints=tuple(one.replace(PORT, port) for one in step.prints)
        )
        for step in commands(PAGE)
        if step.text not in INSTALLED
    ]
    assert len(steps) > 8
    printed = play(steps, saved_files(PAGE), tmp_path, timeout=540)
    assert unmet(steps, printed) == []
    for block in blocks("text"):
        if block.page == PAGE:
            for line in block.text.splitlines():
                assert line.strip() in printed
