"""The example DAGs as Airflow reads and runs them, against the sandbox."""

from __future__ import annotations

import copy
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Manifest
from tests.airflow_side.stage import meanwhile
from tests.airflow_versions import DagBag, ParamValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import DAG

    from tests.airflow_side.stage import School

DAGS = Path(__file__).parents[2] / "dags"
LANE = {
    "class.launch",
    "class.hand_over",
    "class.wait_for_end",
    "class.retrieve_attendance",
    "class.wait_for_transcript",
    "class.retrieve_transcript",
    "class.wait_for_recording",
    "class.retrieve_recording",
}


@pytest.fixture(scope="module")
def bag(airflow_db: None) -> DagBag:
    return DagBag(str(DAGS))


def dag(bag: DagBag, name: str) -> DAG:
    found: DAG = bag.dags[name]
    return found


def states_of(run: Any) -> dict[str, str]:
    return {
        ti.task_id if ti.map_index < 0 else f"{ti.task_id}_{ti.map_index}": str(ti.state)
        for ti in run.get_task_instances()
    }


def conf(school: School, output: Path, **more: Any) -> dict[str, Any]:
    return {
        "conn_id": school.conn_id,
        "timezone": "UTC",
        "destination": output.as_uri(),
        "smtp_conn_id": "nowhere",
        "hard_stop_minutes": None,
        "poll_interval": 0.2,
        "check_delays": [0.2],
        "rules": {"min_seconds": 1, "sure_seconds": 1, "give_up_after": 86400, "give_up_after_short": 86400},
        **more,
    }


def school_day(school: School, seconds: float) -> Callable[[], None]:
    """Return the life of every class that was launched: people come, stay and leave; then the day passes."""

    def life() -> None:
        spaces = [one["id"] for one in school.spaces if one["name"] != "Early bird yoga"]
        visits = [(space, person) for space in spaces for person in ("t-1", "s-1")]
        try:
            for space, person in visits:
                school.sandbox.lessonspace.join(space, person)
            school.wait(seconds)
            for space, person in visits:
                school.sandbox.lessonspace.leave(space, person)
        finally:
            school.wait(3 * 3600)  # past every deadline, so that no wait outlives its test

    return life


# ---- read


def test_every_dag_is_read_without_an_error(bag: DagBag) -> None:
    assert bag.import_errors == {}
    stems = {path.stem for path in DAGS.glob("*.py")}
    assert stems >= {"class_day", "class_now"}
    # A file of several DAGs names them after itself.
    others = set(bag.dags) - stems
    assert stems <= set(bag.dags)
    assert all(bag.dags[one].fileloc.endswith(f"/{one[: one.rindex('_')]}.py") for one in others)


def test_no_dag_said_in_a_line_what_it_is_for(bag: DagBag) -> None:
    lines = {name: one.description or "" for name, one in bag.dags.items()}
    assert not [name for name, line in lines.items() if not re.match(r"[A-Z].{20,110}[.:,]$", line)], lines


def test_a_class_s_transcript_depends_on_its_launch_and_not_on_its_mail(bag: DagBag) -> None:
    for name in ("class_day", "class_now"):
        tasks = dag(bag, name).task_dict
        assert set(tasks) >= LANE
        assert tasks["class.wait_for_end"].upstream_task_ids == {"class.launch"}
        assert not tasks["class.hand_over"].downstream_task_ids & LANE
        assert all((tasks[one].retries or 0) >= 2 for one in LANE)


def test_the_report_waits_for_every_lane_and_for_the_cancels(bag: DagBag) -> None:
    report = dag(bag, "class_day").task_dict["report"]
    assert report.trigger_rule == "all_done"
    assert report.upstream_task_ids >= {"cancel", "class.hand_over", "class.retrieve_transcript"}


def test_unpausing_the_example_launches_nobody_s_classes(bag: DagBag) -> None:
    day = dag(bag, "class_day")
    assert day.params["timetable"] == ""
    assert not day.catchup


def strings_of(value: object) -> Iterator[str]:
    """Yield each text in what an operator was given, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from strings_of(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from strings_of(one)


def test_a_field_that_was_left_empty_is_never_rendered_as_the_word_none(bag: DagBag) -> None:
    rendered, wrong = 0, []
    for dag_id, one in bag.dags.items():
        fields = ((name, one.params.get_param(name)) for name in one.params)
        empty = {name for name, field in fields if "null" in field.schema.get("type", ())}
        where = {
            "params": {**one.params.dump(), **dict.fromkeys(empty)},
            "var": SimpleNamespace(value={}),
            "ti": SimpleNamespace(xcom_pull=lambda **_: defaultdict(str)),
        }
        environment = one.get_template_env()
        for task in one.tasks:
            shared = getattr(task, "partial_kwargs", {})
            for text in strings_of([shared.get(name, getattr(task, name, None)) for name in task.template_fields]):
                if any(f"params.{name}" in text for name in empty):
                    rendered += 1
                    said = environment.from_string(text).render(where)
                    wrong += [f"{dag_id}.{task.task_id}: {text}"] if "None" in str(said or "") else []
    assert rendered > 10
    assert wrong == []


# ---- class_now's form


@pytest.mark.parametrize(
    "form",
    [
        {"title": ""},
        {"title": "x" * 201},
        {"minutes": 0},
        {"minutes": 721},
        {"minutes": "45"},
        {"start": 7},
        {"participants": []},
        {"participants": [{"id": "x"}]},
        {"participants": [{"name": "Xen", "role": "ghost"}]},
        {"participants": [{"name": "Xen", "nick": "x"}]},
        {"participants": "Xen"},
        {"hard_stop_minutes": -1},
        {"participants": [" ", ""]},
        {"participants": ["Ada <ada@>"]},
        {"participants": ["ghost: Xen"]},
        {"poll_interval": 0},
        {"settle_seconds": 0},
        {"lead_seconds": -1},
        {"transcribe": "yes"},
    ],
)
def test_a_form_with_a_mistake_starts_no_run(bag: DagBag, form: dict[str, Any]) -> None:
    params = copy.deepcopy(dag(bag, "class_now").params)

    def filled_in() -> None:
        params.update(form)
        params.validate()

    with pytest.raises(ParamValidationError):
        filled_in()


def test_the_form_as_it_comes_and_with_a_start_is_valid(bag: DagBag) -> None:
    for name in ("class_now", "class_day"):
        dag(bag, name).params.validate()
    params = copy.deepcopy(dag(bag, "class_now").params)
    params.update({"start": "2099-09-01T09:00:00+02:00", "participants": [{"name": "Xen"}]})
    params.validate()


# ---- run


def test_a_day_of_classes_runs_from_timetable_to_files(bag: DagBag, school: School, tmp_path: Path) -> None:
    # Rooms open half an hour before, and the sandbox's clock stands still since a moment ago.
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=20)
    end = start + timedelta(minutes=60)
    timetable = tmp_path / "week.csv"
    timetable.write_text(
        "class_id,title,start,end,teacher,students,status\n"
        f"a,Algebra,{start.isoformat()},{end.isoformat()},t-1|Ada,s-1|Bo,\n"
        f"y,Early bird yoga,{start.isoformat()},{end.isoformat()},t-1|Ada,s-1|Bo,\n"
        f"c,Choir,{start.isoformat()},{end.isoformat()},t-1|Ada,s-1|Bo,cancelled\n"
    )
    output = tmp_path / "home"
    given = conf(school, output, timetable=str(timetable), hand_over_before_minutes=None)
    with meanwhile(lambda: school.polls >= 5, school_day(school, 5500)):
        run = dag(bag, "class_day").test(run_conf=given)
    states = states_of(run)
    by_lane = {name.rpartition("_")[2] for name in states if name.startswith("class.launch")}
    assert by_lane == {"0", "1"}
    # `dag.test` runs one task after the other, in no certain order: a wait may see the end before links go out,
    # and then the report says so.
    without_links = {name for name, state in states.items() if state == "failed"} - {"report"}
    assert {name.rpartition("_")[0] for name in without_links} <= {"class.hand_over"}, states
    assert str(run.state) == ("failed" if without_links else "success"), states
    assert len(school.spaces) == 2
    held = {name for name, state in states.items() if state == "success" and name.startswith("class.retrieve")}
    assert len(held) == 3
    assert sorted(state for name, state in states.items() if name.startswith("class.wait_for_end")) == [
        "skipped",
        "success",
    ]
    storage = LocalStorage(output)
    manifests = [name for name in storage.list() if name.endswith("manifest.json")]
    assert len(manifests) == 3
    for name in manifests:
        assert Manifest.from_json(json.loads(storage.get(name))).verify(storage) == []
    told = "".join(storage.get(name).decode() for name in storage.list())
    assert not any(secret in told for secret in school.secrets)


def test_a_class_now_runs_from_the_form_to_files(bag: DagBag, school: School, tmp_path: Path) -> None:
    people = [
        {"id": "t-1", "name": "Tess", "role": "teacher", "leader": True},
        {"id": "s-1", "name": "Sam", "role": "student"},
    ]
    given = conf(school, tmp_path / "home", title="Extra lesson", minutes=45, participants=people)
    with meanwhile(lambda: school.polls >= 3, school_day(school, 3000)):
        run = dag(bag, "class_now").test(run_conf=given)
    states = states_of(run)
    assert set(states) == LANE | {"describe"}
    # `dag.test` runs one task after the other, in no certain order: the wait may see the end before links go out.
    assert states.pop("class.hand_over") in ("success", "failed")
    assert set(states.values()) == {"success"}, states
    (space,) = school.spaces
    assert space["name"] == "Extra lesson"
    assert len([name for name in LocalStorage(tmp_path / "home").list() if name.endswith("manifest.json")]) == 3


# ---- what a form may leave empty


@pytest.mark.parametrize(
    "name", ["class_now", "retention", "forget_person", "screen_share_night", "session_warehouse"]
)
def test_a_form_whose_optional_texts_are_empty_can_be_sent(bag: DagBag, name: str) -> None:
    # Airflow's form demands every text whose type does not include null, and does not send what lacks one.
    params = {one: dag(bag, name).params.get_param(one) for one in dag(bag, name).params}
    empty = {one: param.schema["type"] for one, param in params.items() if param.value == ""}
    assert "destination" in empty
    assert {one: kind for one, kind in empty.items() if "null" not in kind} == {}
