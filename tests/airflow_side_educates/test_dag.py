"""The example DAG: it parses, sends nothing while it does, and cleans up whatever happened before."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from demo.educates.school import others, refused

if TYPE_CHECKING:
    from types import ModuleType

FILE = Path(__file__).parents[2] / "dags" / "workshop_day.py"


@pytest.fixture
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("workshop_day_under_test", FILE)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_day_is_provisioned_watched_and_cleaned_up(module: ModuleType) -> None:
    dag: Any = module.workshop_day()
    tasks = dag.task_dict
    assert set(tasks) == {
        *("describe", "check_room", "provision", "hand_over", "wait_for_learners", "wait_for_end"),
        *("closing_time", "clean_up", "report"),
    }
    assert tasks["provision"].upstream_task_ids == {"check_room"}
    assert tasks["clean_up"].is_teardown
    assert tasks["provision"].is_setup
    assert "closing_time" in tasks["clean_up"].upstream_task_ids
    assert tasks["clean_up"].if_live == "end"
    assert tasks["clean_up"].end_live_from == tasks["closing_time"].target_time
    assert dag.schedule is None


def test_a_hand_over_that_failed_left_the_run_green_behind_its_report(module: ModuleType) -> None:
    tasks: Any = module.workshop_day().task_dict
    assert not tasks[
        "hand_over"
    ].downstream_task_ids  # its state is the run's: the report is green whatever happened
    assert tasks["report"].upstream_task_ids >= {"wait_for_learners", "wait_for_end", "clean_up"}


def test_the_form_is_sound(module: ModuleType) -> None:
    dag: Any = module.workshop_day()
    dag.params.validate()


def test_the_form_takes_the_minutes_of_every_class_of_the_demo(module: ModuleType) -> None:
    now = datetime(2026, 9, 1, 8, tzinfo=UTC)
    for course in (refused(now), *others(now)):
        params = module.workshop_day().params
        params.update(course.form())
        params.validate()


def test_parsing_it_loads_no_http_library() -> None:
    import subprocess

    script = (
        f"import sys, runpy; sys.path.insert(0, {str(FILE.parents[1])!r}); runpy.run_path({str(FILE)!r}); "
        "print([one for one in sys.modules if 'platforms.educates' in one])"
    )
    told = subprocess.run(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert told.stdout.strip().splitlines()[-1] == "[]"
