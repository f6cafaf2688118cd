"""Airflow's services of the compose file as processes of this machine, all on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from demo.airflow_stack import AirflowStack, StackError
from distributed.compose import TOP
from distributed.hosts import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distributed.topology import Topology

DAGS = Path(__file__).with_name("dags")


class Cluster(AirflowStack):
    """A real Airflow with CeleryExecutor.

    Args:
        home: AIRFLOW_HOME; made anew.
        topology: What the compose file says.
        ports: Where each service listens on loopback.
        connections: What ``connections.env`` would add to the environment.
    """

    start_seconds = 300.0  # seven processes that each import all of Airflow

    def __init__(
        self, home: Path, topology: Topology, ports: Mapping[str, int], connections: Mapping[str, str]
    ) -> None:
        super().__init__(home, DAGS, {})
        self._topology = topology
        self._ports = ports
        self._user, self._password = topology.first_user
        self.port = ports["api-server"]
        self.url = f"http://127.0.0.1:{self.port}"
        # Nothing of a stack's own settings: these are the compose file's.
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            **topology.environment(ports, home),
            **connections,
            "PYTHONPATH": str(TOP),
            VARIABLE: "init",
        }

    def command(self, name: str) -> Sequence[str]:
        """Return the arguments of ``airflow`` that start a component."""
        return self._topology.command(name, self.home)

    def environment_of(self, name: str) -> Mapping[str, str]:
        """Return a component's environment: with a host name of its own, as a container has."""
        return {**self.environment, VARIABLE: name}

    def start(self) -> None:
        """Do what the service ``init`` does, start the components and wait until all are healthy.

        Raises:
            StackError: One did not get there.
        """
        for folder in self._topology.folders(self.home):
            folder.mkdir(parents=True, exist_ok=True)
        (self.home / "dags").symlink_to(DAGS)
        self.initialise()
        for name in self._topology.components:
            self.start_component(name)
        self._wait_until_healthy()

    def initialise(self) -> None:
        """Run the command of the service ``init``: it migrates the database and makes the first user.

        Raises:
            StackError: A step of it failed.
        """
        done = subprocess.run(
            self._topology.services["init"]["command"],
            env={**self.environment, **self._topology.environment(self._ports, self.home, "init")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=300,
            start_new_session=True,  # at a terminal, it would ask whoever sits there for the password
        )
        if done.returncode:
            raise StackError(f"The service init failed:\n{done.stderr.decode(errors='replace')[-3000:]}")

    def tree(self, name: str) -> list[psutil.Process]:
        """Return a component's processes, its own first; empty where it does not run."""
        process = self._processes.get(name)
        if process is None:
            return []
        try:
            own = psutil.Process(process.pid)
            return [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def busy(self, name: str) -> int:
        """Return how many tasks a worker has in hand: each child of its pool has one as a child of its own."""
        tree = self.tree(name)
        with suppress(psutil.NoSuchProcess):
            parents = {one.pid: one.ppid() for one in tree}
            return sum(parents.get(parent) == tree[0].pid for parent in parents.values())
        return 0

    def kill(self, name: str) -> None:
        """Kill a component and everything it started, at once, as a machine that is switched off."""
        tree = self.tree(name)
        for one in tree:
            with suppress(psutil.NoSuchProcess):
                one.suspend()  # or a parent would report the death of its child
        self.signal_component(name, signal.SIGKILL)
        for one in tree:
            with suppress(psutil.NoSuchProcess):
                one.kill()
