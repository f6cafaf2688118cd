"""``make distributed``: 200 classes on the compose file's deployment, without Docker, while parts of it fail.

PostgreSQL, Redis, api-server, scheduler, dag-processor, two Celery workers, two triggerers and the sandbox run as
processes of this machine, on loopback, with the environment that docker-compose.yaml gives them. A worker is
killed, a triggerer freezes for a minute, Redis is restarted. Exit 0 only when the sandbox's records show every
class held once and to its end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider.live_sessions.sandbox.client import SandboxControl
from benchmarks.results import record
from demo.__main__ import Teller
from demo.airflow_stack import StackError, free_port
from demo.postgres import postgres, programs
from demo.sandbox_process import sandbox
from distributed.broker import Broker
from distributed.cluster import Cluster
from distributed.compose import TOP
from distributed.topology import Topology, settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crash.judge import Verdict

CLASSES, STEP = 200, 20
"""Held by default, and at a time: five on each platform."""
HOME = TOP / ".run" / "distributed"
CONNECTIONS = 100
"""PostgreSQL's own default, which the compose file leaves alone."""

SHORT = (
    *("--end-after", "4"),  # seconds after which an empty class is over
    *("--educates-delete-after", "0", "--educates-duration", "1000000"),
    *("--coviu-expires-in", "600"),
)
"""The sandbox's thresholds for classes of a minute; everything else is as documented, rate limits too."""


def main() -> int:
    """Run it and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m distributed", description=__doc__)
    parser.add_argument("--classes", type=int, default=CLASSES, help="a multiple of 20 (200)")
    parser.add_argument("--home", type=Path, default=HOME, help="Airflow's home, made anew")
    asked = parser.parse_args()
    if asked.classes < STEP or asked.classes % STEP:
        parser.error(f"--classes is a multiple of {STEP}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shutil.rmtree(asked.home, ignore_errors=True)
    asked.home.mkdir(parents=True)
    try:
        return _run(asked.home.resolve(), asked.classes)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def _run(home: Path, classes: int) -> int:
    say = Teller()
    topology = Topology.of(settings())
    found = programs()
    if found is None:
        raise StackError("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    with ExitStack() as running:
        ports = {name: free_port() for name in ("api-server", "scheduler")}
        broker = running.enter_context(Broker(home / "redis", topology.services["redis"], topology.configs))
        ports["redis"] = broker.port
        ports["postgres"] = running.enter_context(database(found, topology))
        options = [*topology.services["sandbox"]["command"], *SHORT]
        url = running.enter_context(sandbox(home, options))
        control = SandboxControl(url)
        # Before anything imports Airflow: its key opens the links by which people come.
        environment = topology.environment(ports, home)
        os.environ.update(environment)
        from crash.venues import VENUES
        from distributed.run import Run

        venues = {name: venue() for name, venue in VENUES.items()}
        connections = connections_of(control, venues)
        say(f"Sandbox at {url}. Starting {', '.join(topology.components)}.")
        began = time.monotonic()
        cluster = running.enter_context(Cluster(home, topology, ports, connections))
        say(f"Airflow at {cluster.url} is healthy, with the environment of docker-compose.yaml.")
        slowness = time.monotonic() - began
        run = Run(cluster, broker, control, venues, topology.components, say, slowness)
        figures = run.play(classes)
    if classes == CLASSES:  # a slice is no measurement
        record("distributed", figures)
    return report(run.verdict, figures)


@contextmanager
def database(programs_in: Path, topology: Topology) -> Iterator[int]:
    """Run the compose file's PostgreSQL and give its port.

    Args:
        programs_in: Where its programs are.
        topology: What the compose file says.
    """
    wanted = topology.services["postgres"]["environment"]
    with tempfile.TemporaryDirectory(prefix="live-sessions-pg-") as folder:
        Path(folder).chmod(0o755)  # the database's own user has to get in
        with postgres(
            Path(folder) / "database",
            programs_in,
            password=wanted["POSTGRES_PASSWORD"],
            database=wanted["POSTGRES_DB"],
            connections=CONNECTIONS,
        ) as url:
            yield int(urlsplit(url).port or 0)


def connections_of(control: SandboxControl, venues: Mapping[str, Any]) -> dict[str, str]:
    """Return a connection to each of the sandbox's platforms, as ``connections.env`` would have it."""
    info = control.info()
    return {
        f"AIRFLOW_CONN_{name.upper()}_DEFAULT": json.dumps(venue.connection(info[name]))
        for name, venue in venues.items()
    }


def report(verdict: Verdict, figures: Mapping[str, Any]) -> int:
    """Print what broke and, in the last line, the figures; return the exit status."""
    for sentence in verdict.said:
        print(f"BROKEN: {sentence}")
    for reason, number in sorted(verdict.allowed.items()):
        print(f"allowed by policy: {number} x {reason}; see docs/reliability.md")
    print(json.dumps(figures, indent=2))
    print(
        "{classes} classes, {duplicates} duplicates, {lost} lost, {wrongly_ended} wrongly ended, {unclear} "
        "unclear; {allowed} allowed by policy; {tries_repeated} tries repeated, {waits_taken_over} waits taken "
        "over ({seconds} s)".format_map(figures),
        flush=True,
    )
    return 0 if verdict.kept else 1


if __name__ == "__main__":
    sys.exit(main())
