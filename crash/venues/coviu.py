"""Coviu: one session an appointment, and a create that the API cannot make unique."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from crash.venues.venue import OPERATORS, Held, Venue, go_to, links, visit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.sandbox.client import SandboxControl


class Coviu(Venue):
    """A practice."""

    name = "coviu"
    launch = f"{OPERATORS}.coviu.CoviuLaunchSessionOperator"
    retrieve = f"{OPERATORS}.coviu.CoviuRetrieveAttendanceOperator"
    files = 3
    fetches = 3
    create: ClassVar = {"method": "POST", "path": "/v1/sessions$"}
    settles = 410.0
    look: ClassVar = {"method": "GET", "path": "/v1/sessions$"}
    api = "^/coviu/v1/(sessions|auth)"
    forgets_credentials = False

    def options(self, seed: int) -> dict[str, Any]:
        """Return a practice whose tokens outlive every move of the clock."""
        del seed
        return {"expires_in": 10**8}

    def connection(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Airflow connection."""
        return {
            "conn_type": self.name,
            "login": info["api_key"],
            "password": info["key_secret"],
            "host": info["url"],
            "extra": {},
        }

    def held(self, state: Mapping[str, Any]) -> list[Held]:
        """Count sessions."""
        return [
            Held(
                one["name"],
                one["session_id"],
                one["canceled"] or one["actual_end_time"] is not None,
                sum(person["inside"] for person in one["participants"]),
                started=any(person["visits"] for person in one["participants"]),
            )
            for one in state["sessions"]
        ]

    def recorded(self, record: Mapping[str, Any]) -> set[str]:
        """Return the session's id."""
        return {record["ref"]["session_id"]}

    def come(self, control: SandboxControl, record: Mapping[str, Any]) -> None:
        """Enter by each participant's entry URL."""
        go_to(control, record["start"])
        for url in links(record):
            visit(url)

    def go(self, control: SandboxControl, record: Mapping[str, Any]) -> None:
        """Let everybody leave just before the end, for a link dies with it; the end is told after a grace."""
        go_to(control, record["end"], seconds=-10)
        for url in links(record):
            visit(f"{url}?do=leave")

    def excuse(self, extra: Held, *, late: bool) -> str:
        """Name the one double that no look can exclude."""
        del extra
        return "a create that was done after its sender died and the retry had looked" if late else ""
