"""The deployment in docker-compose.yaml: complete, alike in all components, and without a secret of its own."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_provider.live_sessions.provider_info import get_provider_info
from airflow_provider.live_sessions.sandbox import Sandbox
from airflow_provider.live_sessions.sandbox.__main__ import parser
from distributed.compose import FILE, TOP, VARIABLE, MissingError, read, values_of, written

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
    first = {name for name in SERVICES["init"]["environment"] if name.startswith("_AIRFLOW_")}
    own = {"worker": {"DUMB_INIT_SETSID"}, "init": first}
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


def test_components_wait_for_the_migrated_database() -> None:
    for name in COMPONENTS:
        waits = {on: how["condition"] for on, how in SERVICES[name]["depends_on"].items()}
        assert waits == {
            "init": "service_completed_successfully",
            "postgres": "service_healthy",
            "redis": "service_healthy",
        }


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


def test_only_the_ui_is_reachable_and_only_from_this_machine() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert published == {"api-server": ["127.0.0.1:8080:8080"]}


# ---- secrets


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_starts_without_a_secret(name: str) -> None:
    for without in ({**SETTINGS, name: ""}, {key: value for key, value in SETTINGS.items() if key != name}):
        with pytest.raises(MissingError, match=name):
            read(without)


def test_no_secret_has_a_default_or_is_written_down() -> None:
    used = list(VARIABLE.finditer(FILE.read_text()))
    assert {one["name"] for one in used} | {"COMPOSE_PROFILES"} == set(SETTINGS)
    assert {one["how"] for one in used if SECRET.search(one["name"])} == {":?"}
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


# ---- the sandbox


def test_the_sandbox_takes_the_command_line_it_is_given() -> None:
    one = SERVICES["sandbox"]
    given = vars(parser().parse_args([*one["entrypoint"][3:], *one["command"]]))
    assert given == {**given, "host": one["hostname"], "port": 8899, "api_key": SETTINGS["SANDBOX_API_KEY"]}
    assert one["healthcheck"]["test"][-1] == "http://sandbox:8899/_sandbox/"


def test_the_sandbox_knows_no_secret_of_airflow_s() -> None:
    assert not {"environment", "env_file", "volumes"} & set(SERVICES["sandbox"])


def test_the_connection_that_is_made_leads_to_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider.live_sessions.hooks.lessonspace import LessonspaceHook
    from airflow_provider.live_sessions.sandbox import LessonspaceOptions

    key = SETTINGS["SANDBOX_API_KEY"]
    line = make_env.sandbox_connections("\n".join(f"{name}={value}" for name, value in SETTINGS.items()))
    name, _, value = line.strip().partition("=")
    with Sandbox(lessonspace=LessonspaceOptions(api_key=key)) as sandbox:
        monkeypatch.setenv(name, value.strip("'").replace("http://sandbox:8899", sandbox.url))
        assert LessonspaceHook("lessonspace_default").test_connection()[0]


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
