"""Lessonspace: one space a class, one create for each participant, transcripts afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from crash.venues.venue import OPERATORS, Held, LinkBrokenError, Venue, go_to, links, visit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.sandbox.client import SandboxControl


class Lessonspace(Venue):
    """A school."""

    name = "lessonspace"
    launch = f"{OPERATORS}.lessonspace.LessonspaceLaunchSessionOperator"
    retrieve = f"{OPERATORS}.lessonspace.LessonspaceRetrieveTranscriptOperator"
    files = 4
    fetches = 3
    fewest = 2
    create: ClassVar = {"method": "POST", "path": "/spaces/launch/$"}
    settles = 60.0
    look: ClassVar = {"method": "GET", "path": "/(sessions|spaces)/$"}
    creates_each = True
    api = "^/lessonspace/v2/"

    def __init__(self) -> None:
        self._connections: dict[str, list[tuple[str, str]]] = {}

    def options(self, seed: int) -> dict[str, Any]:
        """Return a school without a rate limit, whose transcripts come soon."""
        del seed
        return {"rate_limit": 0, "transcript_min": 0, "transcript_after": 5, "recording_after": 5}

    def connection(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Airflow connection."""
        return {"conn_type": self.name, "password": info["api_key"], "host": info["url"], "extra": {}}

    def arguments(self, lane: str) -> dict[str, Any]:
        """Ask for a transcript."""
        del lane
        return {"transcribe": True}

    def held(self, state: Mapping[str, Any]) -> list[Held]:
        """Count spaces: a class has one."""
        found = []
        for space in state["spaces"]:
            sessions = [one for one in state["sessions"] if one["space"] == space["id"]]
            cancelled = space["tags"].get("als_cancelled", "no") != "no"
            over = bool(sessions) and all(one["end_time"] for one in sessions)
            inside = sum(len(one["inside"]) for one in sessions)
            found.append(
                Held(space["name"], space["launch_id"], cancelled or over, inside, started=bool(sessions))
            )
        return found

    def recorded(self, record: Mapping[str, Any]) -> set[str]:
        """Return the space's launch id."""
        return {record["ref"]["details"]["launch_id"]}

    def come(self, control: SandboxControl, record: Mapping[str, Any]) -> None:
        """Join by each personal link."""
        go_to(control, record["start"])
        inside = self._connections.setdefault(record["ref"]["details"]["launch_id"], [])
        for url in links(record):
            answer = visit(f"{url}&do=join")
            if not answer or not answer.get("connection"):
                raise LinkBrokenError("A recorded link joins nothing.")
            inside.append((url, answer["connection"]))

    def go(self, control: SandboxControl, record: Mapping[str, Any]) -> None:
        """Close every page; the session ends half a minute later."""
        go_to(control, record["end"])
        for url, connection in self._connections.pop(record["ref"]["details"]["launch_id"], []):
            visit(f"{url}&do=leave&connection={connection}")
