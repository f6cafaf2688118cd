"""A process that spends from a host's budget; run by ``test_host_budget`` as ``python -m tests.core.spender``.

It prints a line when it stands ready, waits for one on its input, and then prints the time of each turn it got.
"""

from __future__ import annotations

import sys
import time

from airflow_provider.live_sessions.core.budget import account_of
from airflow_provider.live_sessions.core.host_budget import HostBudgets


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    folder, rate, turns, pause = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    budget = HostBudgets(folder).of(account_of("Toy", "https://toy.test", "key"), rate)
    say("ready")
    sys.stdin.readline()
    if pause:
        budget.pause(pause)
        say("paused")
    for _ in range(turns):
        left = budget.acquire(patience=60)
        say(-left if left else time.clock_gettime(time.CLOCK_MONOTONIC))


if __name__ == "__main__":
    main()
