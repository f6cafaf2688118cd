"""The deployment in docker-compose.yaml: complete, alike in all components, and without a secret of its own."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, version
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from airflow_provider.live_sessions.provider_info import get_provider_info
from distributed.compose import FILE, TOP, VARIABLE, MissingError, read, values_of, written

if TYPE_CHECKING:
    from pathlib import Path

# By its path: a package named docker may be installed.
make_env = SimpleNamespace(**runpy.run_path(str(TOP / "docker/make_env.py")))

EXAMPLE = (TOP / ".env.example").read_text()
SETTINGS = values_of(make_env.filled(EXAMPLE))
MODEL = read(SETTINGS)
SERVICES: dict[str, Any] = MODEL["services"]

COMPONENTS = {
    "api-server": "api-server",
    "scheduler": "scheduler",
    "dag-processor": "dag-processor",
    "worker": "celery worker",
    "triggerer": "triggerer",
}
SECRET = re.compile(r"PASSWORD|KEY|SECRET|TOKEN|AUTH$")
SECRETS = [name for name in SETTINGS if SECRET.search(name)]


def test_everything_that_an_airflow_on_celery_needs_is_there() -> None:
    assert set(SERVICES) == {"postgres", "redis", "init", "sandbox", *COMPONENTS}
    assert {name: SERVICES[name]["command"] for name in COMPONENTS} == COMPONENTS
    assert {name for name, one in SERVICES.items() if "profiles" in one} == {"sandbox"}
    assert {name: one["deploy"].get("replicas", 1) for name, one in SERVICES.items()} == {
        **dict.fromkeys(SERVICES, 1),
        "worker": 2,
        "triggerer": 2,
    }


def test_all_components_run_the_same_image_with_the_same_environment_and_volumes() -> None:
    own = {"worker": {"DUMB_INIT_SETSID"}, "init": {"AIRFLOW_ADMIN_USER", "AIRFLOW_ADMIN_PASSWORD"}}
    common = SERVICES["scheduler"]["environment"]
    for name in (*COMPONENTS, "init"):
        one = SERVICES[name]
        assert {key: value for key, value in one["environment"].items() if key not in own.get(name, ())} == common
        for part in ("image", "build", "volumes", "env_file"):
            assert one[part] == SERVICES["scheduler"][part], (name, part)


def test_what_the_provider_shares_between_components_lies_on_their_common_volumes() -> None:
    environment, volumes = SERVICES["worker"]["environment"], SERVICES["worker"]["volumes"]
    mounted = {target: source for source, target in (one.split(":")[:2] for one in volumes)}
    for option in ("destination", "state_dir"):
        assert option in get_provider_info()["config"]["live_sessions"]["options"]
        folder = environment[f"AIRFLOW__LIVE_SESSIONS__{option.upper()}"].removeprefix("file://")
        assert mounted[folder] in MODEL["volumes"], option
        assert folder in (TOP / "docker/Dockerfile").read_text(), "else the volume would belong to root"


def test_every_service_that_stays_is_asked_for_its_health_and_started_again() -> None:
    for name, one in SERVICES.items():
        if name == "init":
            assert one["restart"] == "no"
            continue
        assert one["restart"] == "unless-stopped", name
        assert one["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name
        assert {"interval", "timeout", "retries", "start_period"} <= set(one["healthcheck"]), name


def test_a_check_that_loads_airflow_was_run_so_often_that_checks_kept_half_a_processor_busy() -> None:
    for name in COMPONENTS:
        check = SERVICES[name]["healthcheck"]
        over_http = check["test"][1] == "curl"
        assert (check["interval"], check["timeout"]) == (("10s", "5s") if over_http else ("2m", "1m")), name


def test_components_wait_for_what_init_does() -> None:
    for name in COMPONENTS:
        waits = {on: how["condition"] for on, how in SERVICES[name]["depends_on"].items() if on != "api-server"}
        assert waits == {
            "init": "service_completed_successfully",
            "postgres": "service_healthy",
            "redis": "service_healthy",
        }


def init(folder: Path, failing: str) -> tuple[int, list[str]]:
    """Run the command of ``init`` with an ``airflow`` that fails at one of its calls; return status and calls."""
    (folder / "airflow").write_text(
        f'#!/bin/sh\necho "$@" >> {folder}/calls\ncase "$*" in "{failing}"*) exit 1;; esac\n'
        f'case "$*" in "users create"*) cat > {folder}/typed;; esac\n'
    )
    (folder / "airflow").chmod(0o755)
    environment = {**SERVICES["init"]["environment"], "PATH": f"{folder}:{os.environ['PATH']}"}
    command = SERVICES["init"]["command"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)  # noqa: S603 - the compose file's
    return done.returncode, (folder / "calls").read_text().splitlines()


INIT = ("db migrate", "db check-migrations", "users create")
"""The steps of ``init``, in order."""


@pytest.mark.parametrize("failing", INIT)
def test_init_fails_where_a_step_of_it_fails(tmp_path: Path, failing: str) -> None:
    status, calls = init(tmp_path, failing)
    assert status != 0
    assert len(calls) == INIT.index(failing) + 1, "nothing is done after it"


def test_init_migrates_looks_at_it_and_makes_the_first_user(tmp_path: Path) -> None:
    status, calls = init(tmp_path, "nothing")
    assert status == 0
    assert len(calls) == len(INIT)
    assert all(call.startswith(step) for call, step in zip(calls, INIT, strict=True))
    assert "--username admin" in calls[-1]
    assert (tmp_path / "typed").read_text() == f"{SETTINGS['AIRFLOW_ADMIN_PASSWORD']}\n" * 2


def test_init_leaves_nothing_to_the_image_s_start_which_goes_on_after_failures() -> None:
    assert SERVICES["init"]["command"][0] == "bash", "the image's start runs bash, and hands airflow anything else"
    assert not [name for name in SERVICES["init"]["environment"] if name.startswith("_AIRFLOW_")]


def test_workers_wait_for_the_api_server_that_tasks_report_to() -> None:
    assert SERVICES["worker"]["depends_on"]["api-server"] == {"condition": "service_healthy"}
    # The others reach the database by themselves; a circle would start nothing.
    assert [name for name, one in SERVICES.items() if "api-server" in one.get("depends_on", ())] == ["worker"]


def test_links_lead_to_where_a_browser_finds_the_ui() -> None:
    at_home = SERVICES["worker"]["environment"]["AIRFLOW__API__BASE_URL"]
    assert SERVICES["api-server"]["ports"] == [f"127.0.0.1:{urlsplit(at_home).port}:8080"]
    behind = read({**SETTINGS, "AIRFLOW_BASE_URL": "https://airflow.school.example"})["services"]
    assert behind["worker"]["environment"]["AIRFLOW__API__BASE_URL"] == "https://airflow.school.example"


def test_no_connection_is_tested_from_the_ui_unless_that_was_asked_for() -> None:
    def tested(settings: dict[str, str]) -> str:
        return str(read(settings)["services"]["api-server"]["environment"]["AIRFLOW__CORE__TEST_CONNECTION"])

    without = {name: value for name, value in SETTINGS.items() if name != "AIRFLOW_TEST_CONNECTION"}
    assert (tested(SETTINGS), tested(without)) == ("Disabled", "Disabled")
    assert tested({**SETTINGS, "AIRFLOW_TEST_CONNECTION": "Enabled"}) == "Enabled"


def test_redis_reads_its_password_from_a_file_and_runs_as_its_own_user() -> None:
    one = SERVICES["redis"]
    (mounted,) = one["configs"]
    # The image's start gives up root where the command is the server itself.
    assert one["command"] == ["redis-server", mounted["target"]]
    told = MODEL["configs"][mounted["source"]]["content"].splitlines()
    assert told == ["appendonly yes", f"requirepass {SETTINGS['REDIS_PASSWORD']}"]


def test_no_command_line_shows_a_secret_of_airflow_s() -> None:
    secrets = {SETTINGS[name] for name in SECRETS} - {SETTINGS["SANDBOX_API_KEY"]}
    for name, one in SERVICES.items():
        lines = str(
            [one.get(part) for part in ("entrypoint", "command")] + [one.get("healthcheck", {}).get("test")]
        )
        assert not [secret for secret in secrets if secret in lines], name


def locked() -> dict[str, str]:
    """Return the packages that the Dockerfile takes from the lock, with their versions."""
    dockerfile = (TOP / "docker/Dockerfile").read_text()
    names = re.search(r'grep -E "\^\((.+)\)=="', dockerfile)
    lock = re.search(r"(requirements/\S+\.txt) >", dockerfile)
    assert names
    assert lock
    assert f"!{lock[1]}" in (TOP / ".dockerignore").read_text().splitlines()
    wanted = re.compile(rf"^({names[1]})==(\S+)$", re.MULTILINE)
    return dict(wanted.findall((TOP / lock[1]).read_text()))


def closure(*requirements: str) -> set[str]:
    """Return the names of all packages that these need, themselves too."""
    found: dict[str, Requirement] = {}
    todo = [Requirement(one) for one in requirements]
    while todo:
        one = todo.pop()
        if found.setdefault(str(one), one) is one:
            try:
                needs = distribution(one.name).requires or []
            except PackageNotFoundError:  # of another Python or system
                continue
            extras = ("", *one.extras)
            read_ones = [Requirement(need) for need in needs]
            todo += [
                need
                for need in read_ones
                if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras)
            ]
    return {canonicalize_name(one.name) for one in found.values()}


def test_what_the_image_lacks_is_installed_in_the_locked_versions() -> None:
    tested = SERVICES["worker"]["build"]["args"]["AIRFLOW_VERSION"]
    if version("apache-airflow") != tested:
        pytest.skip("Another Airflow needs other packages.")
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    ours = closure(*project["dependencies"], *project["optional-dependencies"]["smtp"], "celery")
    assert ours - closure("apache-airflow") == set(locked())
    assert locked()["celery"].startswith("5.6.")


def test_every_service_has_a_limit_of_processor_and_memory() -> None:
    for name, one in SERVICES.items():
        limits = one["deploy"]["resources"]["limits"]
        assert float(limits["cpus"]) > 0, name
        assert re.fullmatch(r"\d+[MG]", limits["memory"]), name


def test_every_image_is_pinned_to_a_version() -> None:
    for name, one in SERVICES.items():
        assert re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", one["image"]), name
    base = re.search(r"ARG AIRFLOW_VERSION=(.+)", (TOP / "docker/Dockerfile").read_text())
    assert base is not None
    assert SERVICES["worker"]["build"]["args"]["AIRFLOW_VERSION"] == base[1]
    assert SERVICES["worker"]["image"].endswith(f":{base[1]}")


def test_only_the_ui_and_the_sandbox_are_reachable_and_only_from_this_machine() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert published == {"api-server": ["127.0.0.1:8080:8080"], "sandbox": ["127.0.0.1:8899:8899"]}


# ---- secrets


@pytest.mark.parametrize("name", sorted({*SECRETS} - {"SANDBOX_API_KEY"}))
def test_nothing_starts_without_a_secret(name: str) -> None:
    for without in ({**SETTINGS, name: ""}, {key: value for key, value in SETTINGS.items() if key != name}):
        with pytest.raises(MissingError, match=name):
            read(without)


def test_no_secret_has_a_default_or_is_written_down() -> None:
    used = list(VARIABLE.finditer(FILE.read_text()))
    assert {one["name"] for one in used} | {"COMPOSE_PROFILES"} == set(SETTINGS)
    secrets = [one for one in used if SECRET.search(one["name"])]
    assert {one["how"] for one in secrets if one["name"] != "SANDBOX_API_KEY"} == {":?"}
    assert {(one["how"], one["rest"]) for one in secrets if one["name"] == "SANDBOX_API_KEY"} == {(":-", "")}
    assert not any(value for name, value in values_of(EXAMPLE).items() if SECRET.search(name))
    for service in written()["services"].values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name):
                assert VARIABLE.fullmatch(value), name


def test_secrets_are_random_each_their_own_and_of_the_right_kind() -> None:
    again = values_of(make_env.filled(EXAMPLE))
    secrets = [of[name] for of in (SETTINGS, again) for name in SECRETS]
    assert len(set(secrets)) == 2 * len(SECRETS)
    assert all(len(one) >= 32 for one in secrets)
    assert len(SETTINGS["AIRFLOW_JWT_SECRET"]) >= 64
    Fernet(SETTINGS["AIRFLOW_FERNET_KEY"])
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"):  # they stand in URLs
        assert re.fullmatch(r"[\w-]+", SETTINGS[name])


def test_the_files_with_the_secrets_are_their_owner_s_and_made_once(tmp_path: Any) -> None:
    (tmp_path / ".env.example").write_text(EXAMPLE)
    assert make_env.main(tmp_path) == 0
    made = {name: (tmp_path / name).read_text() for name in (".env", "connections.env")}
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in made} == {0o600}
    assert make_env.main(tmp_path) == 0
    assert {name: (tmp_path / name).read_text() for name in made} == made
    ignored = (TOP / ".gitignore").read_text().splitlines()
    assert {f"/{name}" for name in made} <= set(ignored)


# ---- Compose itself


def test_compose_accepts_the_file(tmp_path: Any) -> None:
    client = shutil.which("docker")
    if client is None:
        pytest.skip("No docker client here; the model above is what was tested.")
    there = subprocess.run([client, "compose", "version"], capture_output=True, timeout=60, check=False)  # noqa: S603 - the client that was found
    if there.returncode:
        pytest.skip("The docker client here has no compose plugin; the model above is what was tested.")
    env = tmp_path / ".env"
    env.write_text(make_env.filled(EXAMPLE))
    command = [client, "compose", "--file", str(FILE), "--env-file", str(env), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - the same
    assert done.returncode == 0, done.stderr
