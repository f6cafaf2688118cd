"""The sandbox of docker-compose.yaml: it can be tried by a person at a browser, and by the example DAGs."""

from __future__ import annotations

import json
import runpy
import shlex
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.hooks.coviu import CoviuHook
from airflow_provider.live_sessions.hooks.educates import EducatesHook
from airflow_provider.live_sessions.hooks.lessonspace import LessonspaceHook
from airflow_provider.live_sessions.sandbox import (
    CoviuOptions,
    EducatesOptions,
    LessonspaceOptions,
    Sandbox,
)
from airflow_provider.live_sessions.sandbox.__main__ import main, parser
from distributed.compose import TOP, read, values_of
from tests.platforms.kit import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.models import Launched

# By its path: a package named docker may be installed.
make_env = SimpleNamespace(**runpy.run_path(str(TOP / "docker/make_env.py")))

ENV = make_env.filled((TOP / ".env.example").read_text())
SETTINGS = values_of(ENV)
SERVICE: dict[str, Any] = read(SETTINGS)["services"]["sandbox"]
KEY = SETTINGS["SANDBOX_API_KEY"]
HOOKS: dict[str, Any] = {"lessonspace": LessonspaceHook, "coviu": CoviuHook, "educates": EducatesHook}
SOON = timedelta(minutes=2)
"""A class that is asked for in the form begins after so long."""
MOMENTS = (timedelta(seconds=30), timedelta(seconds=270), timedelta(seconds=1500))
"""Before anybody comes, while everybody is there, and long after they left; from when it was asked for."""


def arguments(service: dict[str, Any]) -> list[str]:
    """Return its command line, with the mounted file where it lies here."""
    line = [*service["entrypoint"][3:], *service["command"]]
    (mount,) = service["volumes"]
    source, target, mode = mount.split(":")
    assert mode == "ro"
    return [one.replace(target, str(TOP / source)) for one in line]


GIVEN = vars(parser().parse_args(arguments(SERVICE)))


def test_the_sandbox_takes_the_command_line_it_is_given() -> None:
    assert SERVICE["entrypoint"][:3] == ["python", "-m", "airflow_provider.live_sessions.sandbox"]
    assert (GIVEN["host"], GIVEN["port"], GIVEN["api_key"]) == (SERVICE["hostname"], 8899, KEY)
    assert SERVICE["healthcheck"]["test"][-1] == "http://sandbox:8899/_sandbox/"


def test_the_sandbox_knows_no_secret_of_airflow_s() -> None:
    assert not {"environment", "env_file"} & set(SERVICE)
    assert [mount.split(":")[0] for mount in SERVICE["volumes"]] == ["./docker/people.json"]


def test_the_sandbox_s_image_is_never_looked_for_in_a_registry() -> None:
    assert SERVICE["pull_policy"] == "never"
    assert SERVICE["image"] == read(SETTINGS)["services"]["init"]["image"], "that builds it"


def test_without_the_sandbox_its_key_need_not_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    without = {name: value for name, value in SETTINGS.items() if name != "SANDBOX_API_KEY"}
    service = read(without)["services"]["sandbox"]
    with pytest.raises(SystemExit):  # who asks for the sandbox all the same is told why it does not start
        main(arguments(service))
    assert "--api-key: it is empty" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["8899", "9001"])
def test_links_lead_to_the_port_that_is_published(port: str) -> None:
    service = read({**SETTINGS, "SANDBOX_PORT": port})["services"]["sandbox"]
    assert service["ports"] == [f"127.0.0.1:{port}:8899"]
    assert vars(parser().parse_args(arguments(service)))["public_url"] == f"http://localhost:{port}"


# ---- what is tried on it


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The service's sandbox, on a free port and with a clock to move."""
    options: dict[str, Any] = {
        "lessonspace": LessonspaceOptions(api_key=GIVEN["api_key"]),
        "coviu": CoviuOptions(api_key=GIVEN["coviu_api_key"], key_secret=GIVEN["coviu_key_secret"]),
        "educates": EducatesOptions(
            **{name: GIVEN[f"educates_{name}"] for name in ("password", "client_id", "client_secret")}
        ),
    }
    with Sandbox(frozen=True, public_url=GIVEN["public_url"], **options) as running:
        for script in GIVEN["people"]:
            running.scripts.add(script)
        yield running


@pytest.fixture
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What ``make env`` writes into ``connections.env``, read as Compose reads it, leading to the sandbox."""
    lines = make_env.first_connections(ENV).splitlines()
    words = dict(shlex.split(line, comments=True)[0].split("=", 1) for line in lines if not line.startswith("#"))
    for name, value in words.items():
        monkeypatch.setenv(name, value.replace("http://sandbox:8899", sandbox.url))
    return words


@pytest.mark.parametrize("platform", HOOKS)
def test_a_connection_that_is_made_leads_to_the_sandbox(environment: dict[str, str], platform: str) -> None:
    given = json.loads(environment[f"AIRFLOW_CONN_{platform.upper()}_DEFAULT"])
    assert given["host"].startswith(f"http://{SERVICE['hostname']}:{GIVEN['port']}/{platform}")
    good, said = HOOKS[platform](f"{platform}_default").test_connection()
    assert good, said


def test_screenleap_is_not_connected_for_it_wants_tls_off_this_machine(environment: dict[str, str]) -> None:
    assert {name for name in environment if name.startswith("AIRFLOW_CONN_")} == {
        f"AIRFLOW_CONN_{platform.upper()}_DEFAULT" for platform in HOOKS
    }
    assert "TLS" in make_env.first_connections(ENV)


def test_the_timetables_of_the_examples_are_where_their_variables_say(environment: dict[str, str]) -> None:
    dags = {target: source for source, target, _ in (one.split(":") for one in MOUNTS if one.startswith("./"))}
    named = {name: value for name, value in environment.items() if name.startswith("AIRFLOW_VAR_")}
    assert set(named) == {"AIRFLOW_VAR_CLASS_DAY_TIMETABLE", "AIRFLOW_VAR_TELEHEALTH_DAY_TIMETABLE"}
    for value in named.values():
        assert (TOP / value.replace("/opt/airflow/dags", dags["/opt/airflow/dags"])).is_file(), value


MOUNTS: list[str] = read(SETTINGS)["services"]["worker"]["volumes"]


def test_without_a_key_of_the_sandbox_no_connection_is_made() -> None:
    lines = make_env.first_connections("COMPOSE_PROFILES=\n").splitlines()
    assert not [line for line in lines if line.startswith("AIRFLOW_CONN")]


PEOPLE = (
    Participant("teacher-1", "Tess Teacher", role="teacher", leader=True),
    Participant("student-1", "Sam Student", role="student"),
)
OPTIONS = {"educates": {"workshop": "lab-basics"}}
"""What a launch needs beside title, times and people."""


@pytest.fixture
def opened(environment: dict[str, str]) -> Iterator[Callable[[str], SessionPlatform]]:
    """Opens a platform by the connection that was made."""
    assert environment
    with ExitStack() as open_ones:

        def platform_of(name: str) -> SessionPlatform:
            platform: SessionPlatform = HOOKS[name](f"{name}_default").platform()
            return open_ones.enter_context(closing(platform))

        yield platform_of


def launched(platform: SessionPlatform, plan: Plan) -> Launched:
    """Launch under a key of the plan's own."""
    return platform.launch(
        plan, LaunchKey.for_occurrence(conn_id="c", timetable="t", uid=plan.title, start=plan.start)
    )


def plan_of(name: str, start: datetime, people: tuple[Participant, ...] = PEOPLE) -> Plan:
    return Plan("Extra lesson", start, start + timedelta(minutes=45), people, OPTIONS.get(name, {}))


@pytest.mark.parametrize("name", ["lessonspace", "coviu"])
def test_a_link_can_be_opened_by_a_browser_outside_the_components_network(
    sandbox: Sandbox, opened: Callable[[str], SessionPlatform], name: str
) -> None:
    links = launched(opened(name), plan_of(name, sandbox.clock.now() + SOON)).links or ()
    sandbox.clock.advance(2 * SOON.total_seconds())
    assert len(links) == 2
    for link in (one.url.get_secret_value() for one in links):
        assert link.startswith(f"{GIVEN['public_url']}/{name}/")
        page = requests.get(link.replace(GIVEN["public_url"], sandbox.url), timeout=10)
        assert (page.status_code, "Extra lesson" in page.text) == (200, True)


def test_what_a_program_follows_leads_back_to_where_it_asked() -> None:
    options = LessonspaceOptions(api_key=KEY, page_size=1)
    with Sandbox(public_url=GIVEN["public_url"], lessonspace=options) as sandbox:
        api, headers = sandbox.lessonspace.url, {"Authorization": f"Organisation {KEY}"}
        for number in range(2):
            body = {"id": f"class-{number}", "user": {"id": "t", "name": "T"}}
            requests.post(f"{api}/spaces/launch/", json=body, headers=headers, timeout=10)
        spaces = f"{api}/organisations/{sandbox.lessonspace.organisation}/spaces/"
        assert requests.get(spaces, headers=headers, timeout=10).json()["next"].startswith(spaces)


@pytest.mark.parametrize("name", HOOKS)
def test_a_class_that_is_tried_goes_live_and_ends(
    sandbox: Sandbox, opened: Callable[[str], SessionPlatform], name: str
) -> None:
    platform = opened(name)
    asked = sandbox.clock.now()
    ref = launched(platform, plan_of(name, asked + SOON)).ref
    wait = watch(ref, deadline=asked + timedelta(hours=2))
    states = []
    for after in MOMENTS:
        sandbox.clock.set(asked + after)
        (told,) = platform.statuses([wait], sandbox.clock.now())
        states.append(told and told.state)
    assert states == [State.SCHEDULED, State.LIVE, State.ENDED]


def test_the_people_of_a_class_planned_ahead_come_when_its_door_opens(
    sandbox: Sandbox, opened: Callable[[str], SessionPlatform]
) -> None:
    start = sandbox.clock.now() + timedelta(hours=2)
    launched(opened("lessonspace"), plan_of("lessonspace", start))
    sandbox.clock.advance(3600)
    assert sandbox.state()["lessonspace"]["sessions"] == []
    sandbox.clock.set(start)
    (session,) = sandbox.state()["lessonspace"]["sessions"]
    assert session["people"] == ["teacher-1", "student-1"]


def test_who_is_added_while_a_class_runs_does_not_keep_it_for_ever(
    sandbox: Sandbox, opened: Callable[[str], SessionPlatform]
) -> None:
    platform = opened("lessonspace")
    start = sandbox.clock.now() + SOON
    launched(platform, plan_of("lessonspace", start))
    sandbox.clock.advance(400)
    newcomer = Participant("student-2", "Nora Newcomer", role="student")
    launched(platform, plan_of("lessonspace", start, (*PEOPLE, newcomer)))
    sandbox.clock.advance(1200)
    sessions = sandbox.state()["lessonspace"]["sessions"]
    assert any("student-2" in one["people"] for one in sessions)
    assert all(one["end_time"] for one in sessions)


def test_a_file_of_people_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "people.json"
    for text in ("{", "[1]", '[{"evnts": []}]', '{"events": []}'):
        wrong.write_text(text)
        with pytest.raises(SystemExit):
            parser().parse_args(["--people", str(wrong)])
        assert "no list of scripts" in capsys.readouterr().err
