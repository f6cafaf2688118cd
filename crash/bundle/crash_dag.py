"""The DAG that every try parses: a launch that waits, plain or mapped, and a retrieval where there is one."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow.sdk import DAG

scene = json.loads(Path(os.environ["LIVE_SESSIONS_CRASH_SCENE"]).read_text(encoding="utf-8"))


def operator(path: str) -> Any:
    """Return an operator's class by its import path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


with DAG("crash_matrix", schedule=None):
    launch_class = operator(scene["launch"])
    if scene["mapped"]:
        launch = launch_class.partial(task_id="launch", **scene["common"]).expand_kwargs(scene["lanes"])
    else:
        launch = launch_class(task_id="launch", **scene["common"], **scene["lanes"][0])
    if scene["retrieve"]:
        retrieve_class = operator(scene["retrieve"])
        given = {"task_id": "retrieve", "destination": scene["destination"], "retries": scene["common"]["retries"]}
        if scene["mapped"]:
            retrieve_class.partial(**given).expand(session=launch.output)
        else:
            retrieve_class(**given, session=launch.output)
