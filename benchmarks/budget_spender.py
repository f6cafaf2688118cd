"""One of the processes of ``budget``: reads as fast as its rate budget lets it, and counts.

Run as ``python -m benchmarks.budget_spender``: it takes its orders as one line of JSON on its input, prints
``ready``, begins at the next line, and prints what it did as one line of JSON.
"""

from __future__ import annotations

import json
import logging
import sys
import time

from pydantic import SecretStr  # noqa: TID253 - not read by any DAG

from airflow_provider.live_sessions.core.errors import LiveSessionError
from airflow_provider.live_sessions.core.host_budget import HostBudgets
from airflow_provider.live_sessions.core.surroundings import Surroundings
from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
from airflow_provider.live_sessions.platforms.lessonspace.filters import SessionFilters


def main() -> None:
    """Spend for the time ordered."""
    logging.getLogger("airflow_provider").setLevel(logging.ERROR)  # refusals are counted by the platform
    orders = json.loads(sys.stdin.readline())
    # Without a folder every process has a budget of its own, as it would be if nothing were shared.
    shared = Surroundings(HostBudgets(orders["state"])) if orders["state"] else Surroundings()
    done = failed = 0
    with LessonspaceClient(
        api_key=SecretStr(orders["key"]),
        conn_id="bench",
        base_url=orders["url"],
        organisation=orders["organisation"],
        surroundings=shared,
    ) as client:
        client.hello()  # not limited: the connection stands before the first request that counts
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        end = time.monotonic() + orders["seconds"]
        while time.monotonic() < end:
            try:
                list(client.sessions(SessionFilters()))
            except LiveSessionError as error:
                failed += 1
                if orders["state"]:  # without, it is what was to be shown
                    sys.stderr.write(f"{error}\n")
            else:
                done += 1
    sys.stdout.write(json.dumps({"done": done, "failed": failed}) + "\n")


if __name__ == "__main__":
    main()
