"""``make distributed`` runs what docker-compose.yaml says: the same services, commands and environment."""

from __future__ import annotations

import re
import shutil
import socket
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.airflow_stack import StackError
from distributed.broker import Broker
from distributed.cluster import Cluster
from distributed.compose import read
from distributed.topology import HASTE, HOME, OVERRIDDEN, Topology, kind_of, native, relocated, settings

VARIABLES = settings(Path("there is none"))
SERVICES: dict[str, Any] = read(VARIABLES)["services"]
TOPOLOGY = Topology.of(VARIABLES)
PORTS = {"api-server": 50001, "scheduler": 50002, "redis": 50003, "postgres": 50004}
HERE = Path("/somewhere/else")
ENVIRONMENT = TOPOLOGY.environment(PORTS, HERE)

BESIDE = {"postgres", "redis", "sandbox"}
"""Services that are not Airflow: started by programs of their own."""
IN_CONTAINERS = {"worker": {"DUMB_INIT_SETSID"}}
"""What the image's first process reads, which no process of this machine has."""


def test_every_service_that_stays_runs_as_often_as_the_compose_file_says() -> None:
    stay = {name for name, one in SERVICES.items() if one["restart"] != "no"}
    assert {kind_of(one) for one in TOPOLOGY.components} | BESIDE == stay
    for name in stay - BESIDE:
        running = [one for one in TOPOLOGY.components if kind_of(one) == name]
        assert len(running) == SERVICES[name]["deploy"].get("replicas", 1), name


@pytest.mark.parametrize("component", TOPOLOGY.components)
def test_a_component_is_started_by_the_compose_file_s_command(component: str) -> None:
    wanted = SERVICES[kind_of(component)]["command"].split()
    command = TOPOLOGY.command(component, HERE)
    assert command[: len(wanted)] == wanted
    assert "--skip-serve-logs" in command or kind_of(component) in {"api-server", "dag-processor"}


@pytest.mark.parametrize("component", TOPOLOGY.components)
def test_a_component_has_the_compose_file_s_environment_and_nothing_unnamed(component: str) -> None:
    kind = kind_of(component)
    given = SERVICES[kind]["environment"]
    wanted = {name: value for name, value in given.items() if name not in IN_CONTAINERS.get(kind, ())}
    own = {**native(PORTS, HERE), **HASTE}
    assert set(own) & set(wanted) == OVERRIDDEN, "any more would hide what the compose file says"
    assert set(ENVIRONMENT) == set(wanted) | set(own)
    for name, value in wanted.items():
        if name in OVERRIDDEN:
            continue
        assert ENVIRONMENT[name] == relocated(value, PORTS, HERE), name


def test_what_components_share_lies_where_their_environment_says() -> None:
    folders = TOPOLOGY.folders(HERE)
    assert len(folders) == len({*folders, HERE / "logs"}) == 3
    shared = {value for name, value in ENVIRONMENT.items() if name.startswith("AIRFLOW__LIVE_SESSIONS__")}
    assert {Path(value.removeprefix("file://")) for value in shared} == {*folders} - {HERE / "logs"}


def test_nothing_leads_to_a_container_or_off_this_machine() -> None:
    urls = {name: value for name, value in ENVIRONMENT.items() if "://" in value}
    assert len(urls) >= 5
    for name, value in urls.items():
        assert re.search(r"://([^/@]*@)?127\.0\.0\.1:5000\d(/|$)", value) or value.startswith(f"file://{HERE}"), (
            name
        )
    assert not [name for name, value in ENVIRONMENT.items() if HOME in value]


def test_addresses_keep_their_user_their_password_and_their_path() -> None:
    places = {"postgres": 1, "redis": 2, "api-server": 3}
    assert relocated("postgresql+psycopg2://u:p@postgres/airflow", places, HERE).endswith(
        "//u:p@127.0.0.1:1/airflow"
    )
    assert relocated("redis://:p@redis:6379/0", places, HERE) == "redis://:p@127.0.0.1:2/0"
    assert relocated("http://api-server:8080/execution/", places, HERE) == "http://127.0.0.1:3/execution/"
    assert relocated("file:///opt/airflow/brought-home", places, HERE) == f"file://{HERE}/brought-home"
    assert relocated("http://elsewhere/redis", places, HERE) == "http://elsewhere/redis"


@given(st.text(st.characters(exclude_characters="/")))
def test_what_is_no_address_stays_as_it_is(value: str) -> None:
    assert relocated(value, PORTS, HERE) == value


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="Redis is not installed here.")
def test_a_broker_that_is_restarted_still_has_what_it_was_given(tmp_path: Path) -> None:
    service = SERVICES["redis"]
    with Broker(tmp_path / "redis", service, TOPOLOGY.configs) as broker:
        assert ask(broker, service, "SET", "queued", "task") == b"+OK"
        assert service["environment"]["REDISCLI_AUTH"] not in " ".join(broker.command)
        broker.stop()
        with pytest.raises(OSError, match="refused"):
            ask(broker, service, "PING")
        broker.start()
        assert ask(broker, service, "GET", "queued").endswith(b"task")
        with socket.create_connection(("127.0.0.1", broker.port)) as stranger:
            stranger.sendall(b"GET queued\r\n")
            assert stranger.recv(200).startswith(b"-NOAUTH")


def ask(broker: Broker, service: dict[str, Any], *words: str) -> bytes:
    with socket.create_connection(("127.0.0.1", broker.port)) as asking, asking.makefile("rb") as answers:
        asking.sendall(f"AUTH {service['environment']['REDISCLI_AUTH']}\r\n{' '.join(words)}\r\n".encode())
        assert answers.readline() == b"+OK\r\n"
        answer = answers.readline()
        return (answers.readline() if answer.startswith(b"$") else answer).strip()


def test_a_user_s_own_env_is_what_is_run(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    own = {**VARIABLES, "AIRFLOW_ADMIN_USER": "ada"}
    for text in ("{name}={value}\n", '{name} = "{value}" \n# by hand\n\n'):
        env.write_text("".join(text.format(name=name, value=value) for name, value in own.items()))
        assert settings(env) == own
    topology = Topology.of(settings(env))
    assert topology.first_user == ("ada", VARIABLES["AIRFLOW_ADMIN_PASSWORD"])
    assert topology.environment(PORTS, HERE) == ENVIRONMENT


@pytest.mark.parametrize("failing", ["db migrate", "users create", "nothing"])
def test_init_is_run_by_the_compose_file_s_command(tmp_path: Path, failing: str) -> None:
    """An ``airflow`` of the test's own stands in: it writes down how it was called, and fails at one call."""
    cluster = Cluster(tmp_path, TOPOLOGY, PORTS, {})
    stand_in = tmp_path / "airflow"
    stand_in.write_text(
        "#!/bin/sh\n"
        f'echo "$@ for $AIRFLOW_ADMIN_USER on $AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" >> {tmp_path}/calls\n'
        f'case "$*" in "{failing}"*) echo refused >&2; exit 1;; esac\n'
    )
    stand_in.chmod(0o755)
    cluster.environment["PATH"] = f"{tmp_path}:{cluster.environment['PATH']}"
    with pytest.raises(StackError, match="refused") if failing != "nothing" else nullcontext():
        cluster.initialise()
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0].startswith("db migrate for admin on postgresql")
    assert all("@127.0.0.1:50004/" in call for call in calls)
    assert len(calls) == {"db migrate": 1}.get(failing, 3)
