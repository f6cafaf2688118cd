"""What docker-compose.yaml says, for processes of one machine: the same services, commands and environment.

Nothing of a component's environment is written down here but what one machine makes necessary (``native``) and
what makes an accident show in seconds instead of minutes (``HASTE``).
"""

from __future__ import annotations

import re
import runpy
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed.compose import TOP, read, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = "127.0.0.1"
HOME = "/opt/airflow"
"""Airflow's home in the image: its volumes are folders below the home here."""

HASTE = {
    # Seconds after which a triggerer that is silent has lost its waits, 30 by default.
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    # Seconds after which a task whose worker is silent goes to its next try, 300 by default; looked at every 10.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    # Seconds after which a task that no worker took is sent again, 600 by default; looked at every 120.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "15",
}
"""What an accident costs by default is in docs/sizing.md; a run of a quarter of an hour cannot wait for it."""


def settings(env: Path = TOP / ".env") -> dict[str, str]:
    """Return what ``.env`` sets, or, where there is none, what ``make env`` would write into it.

    ``connections.env`` is not read: its connections may lead to real platforms.

    Args:
        env: The ``.env``.
    """
    if env.exists():
        return values_of(env.read_text(encoding="utf-8"))
    fill = runpy.run_path(str(TOP / "docker" / "make_env.py"))["filled"]
    return values_of(fill((TOP / ".env.example").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Topology:
    """The services with their variables filled in.

    Args:
        services: The compose file's, by name.
        configs: The text of each of its ``configs``, by name.
    """

    services: Mapping[str, Any]
    configs: Mapping[str, str]

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Topology:
        """Read the compose file.

        Args:
            variables: What ``.env`` sets.
        """
        model = read(variables)
        return cls(model["services"], {name: one["content"] for name, one in model["configs"].items()})

    @property
    def first_user(self) -> tuple[str, str]:
        """The name and the password of the user that the service ``init`` makes."""
        environment = self.services["init"]["environment"]
        return environment["AIRFLOW_ADMIN_USER"], environment["AIRFLOW_ADMIN_PASSWORD"]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Airflow's services that stay, in the order of the file."""
        stay = {name: one for name, one in self.services.items() if one["restart"] != "no"}
        return tuple(name for name, one in stay.items() if "AIRFLOW__CORE__EXECUTOR" in one.get("environment", ()))

    @property
    def components(self) -> tuple[str, ...]:
        """Airflow's processes: a service of several replicas has numbers, ``worker-1`` and ``worker-2``."""
        names: list[str] = []
        for kind in self.kinds:
            replicas = self.services[kind]["deploy"].get("replicas", 1)
            names += [kind] if replicas == 1 else [f"{kind}-{number + 1}" for number in range(replicas)]
        return tuple(names)

    def folders(self, home: Path) -> list[Path]:
        """Return where the volumes of all components lie here; what is mounted from the checkout is none."""
        volumes = [one.split(":")[:2] for one in self.services["scheduler"]["volumes"]]
        return [Path(target.replace(HOME, str(home))) for source, target in volumes if not source.startswith(".")]

    def command(self, component: str, home: Path) -> list[str]:
        """Return the arguments of ``airflow`` that start a component.

        Args:
            component: One of ``components``.
            home: AIRFLOW_HOME.
        """
        kind = kind_of(component)
        alone = {
            # Log servers would listen on all interfaces.
            "scheduler": ["--skip-serve-logs"],
            "triggerer": ["--skip-serve-logs"],
            # In containers of their own, hosts and files have names of their own.
            "worker": [
                *("--skip-serve-logs", "--celery-hostname", f"{component}@{HOST}"),
                *("--pid", str(home / f"{component}.pid")),
            ],
        }
        return [*shlex.split(self.services[kind]["command"]), *alone.get(kind, ())]

    def environment(self, ports: Mapping[str, int], home: Path, service: str = "scheduler") -> dict[str, str]:
        """Return what a service has in its environment; the components' is the same for all.

        Args:
            ports: Where each service listens on loopback.
            home: AIRFLOW_HOME.
            service: Its name.
        """
        given = self.services[service]["environment"]
        there = {name: relocated(str(value), ports, home) for name, value in given.items()}
        return {**there, **native(ports, home), **HASTE}


def kind_of(component: str) -> str:
    """Return the service that a component is one of."""
    return re.sub(r"-\d+$", "", component)


OVERRIDDEN = frozenset({"AIRFLOW__API__BASE_URL"})
"""What the compose file says and ``native`` says otherwise: the UI's address, whose port is a free one here."""


def native(ports: Mapping[str, int], home: Path) -> dict[str, str]:
    """Return what processes of one machine need and containers do not: a home, names, addresses."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "distributed.hosts.name",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(ports["api-server"]),
        "AIRFLOW__API__BASE_URL": f"http://{HOST}:{ports['api-server']}",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": HOST,
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(ports["scheduler"]),
        "NO_PROXY": f"{HOST},localhost",
    }


def relocated(value: str, ports: Mapping[str, int], home: Path) -> str:
    """Return a setting's value with services at loopback and the image's home at ``home``; all else as it is."""
    hosts = "|".join(re.escape(name) for name in ports)

    def here(found: re.Match[str]) -> str:
        return f"{found['before']}{HOST}:{ports[found['host']]}"

    value = re.sub(rf"(?P<before>://(?:[^/@\s]*@)?)(?P<host>{hosts})(?::\d+)?(?=/|$)", here, value)
    return value.replace(HOME, str(home))
