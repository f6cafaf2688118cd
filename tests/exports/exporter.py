"""A process that exports days of the sandbox's Lessonspace, for ``test_parallel_backfill``.

Nothing is shared with the others but the key, the place where files go, and the host's rate budget. It prints a
line when it stands ready, waits for one on its input, and then prints what the export says.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime

from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, export
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.core.host_budget import HostBudgets
from airflow_provider.live_sessions.core.surroundings import Surroundings
from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    given = json.loads(sys.argv[1])
    client = LessonspaceClient(
        api_key=SecretStr(given["key"]),
        conn_id="school",
        base_url=given["url"],
        organisation=given["organisation"],
        requests_per_second=given["rate"],
        surroundings=Surroundings(HostBudgets(given["state"])),
    )
    platform = LessonspacePlatform(client)
    days = cut(datetime.fromisoformat(given["since"]), datetime.fromisoformat(given["until"]), Period.DAY)
    say("ready")
    sys.stdin.readline()
    export(platform, ExportPlan(LocalStorage(given["folder"]), "school"), days, say=say)
    platform.close()


if __name__ == "__main__":
    main()
