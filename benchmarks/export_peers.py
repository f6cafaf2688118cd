"""How others read the same list: a script with one ``requests.Session``, and dlt's REST source.

Run as ``python -m benchmarks.export_peers``: it takes its orders as one line of JSON on its input (who, the list's
URL, the key, the folder to write to) and prints rows and seconds as one line of JSON. The time begins after the
imports.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def dlt_version() -> str:
    """Return dlt's release; empty where it is not installed."""
    try:
        return version("dlt")
    except PackageNotFoundError:
        return ""


def with_requests(url: str, key: str, folder: Path) -> dict[str, Any]:
    """Follow the pages one after the other and write JSON Lines, as a careful script does."""
    import requests

    rows = 0
    begun = time.monotonic()
    with requests.Session() as session, (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        session.headers["Authorization"] = f"Organisation {key}"
        following: str | None = url
        while following:
            answer = session.get(following, timeout=30)
            answer.raise_for_status()
            page = answer.json()
            for row in page["results"]:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                rows += 1
            following = page["next"]
    return {"rows": rows, "seconds": time.monotonic() - begun}


def with_dlt(url: str, key: str, folder: Path) -> dict[str, Any]:
    """Let dlt extract the list, and then normalise and load it into JSON Lines; both are told."""
    import dlt
    from dlt.sources.rest_api import rest_api_source

    split = urlsplit(url)
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{split.scheme}://{split.netloc}/",
                "headers": {"Authorization": f"Organisation {key}"},
                "paginator": {"type": "json_link", "next_url_path": "next"},
            },
            "resources": [
                {
                    "name": "sessions",
                    "endpoint": {"path": f"{split.path.lstrip('/')}?{split.query}", "data_selector": "results"},
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.filesystem(bucket_url=(folder / "home").as_uri()),
        dataset_name="bench",
        pipelines_dir=str(folder / "pipelines"),
    )
    begun = time.monotonic()
    pipeline.extract(source)
    extracted = time.monotonic() - begun
    pipeline.normalize()
    pipeline.load()
    whole = time.monotonic() - begun
    counts = pipeline.last_trace.last_normalize_info.row_counts
    return {"rows": counts["sessions"], "seconds": extracted, "whole_seconds": whole}


PEERS = {"requests": with_requests, "dlt": with_dlt}


def main() -> None:
    """Read as ordered."""
    orders = json.loads(sys.stdin.readline())
    told = PEERS[orders["who"]](orders["url"], orders["key"], Path(orders["folder"]))
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
