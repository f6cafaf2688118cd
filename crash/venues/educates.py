"""Educates: one session a learner, unique by its user; nothing is left of it after its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from crash.venues.venue import OPERATORS, Held, Venue, links, visit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.sandbox.client import SandboxControl


class Educates(Venue):
    """A training portal, with a workshop for each lane."""

    name = "educates"
    launch = f"{OPERATORS}.educates.EducatesLaunchSessionOperator"
    create: ClassVar = {"method": "POST", "path": "/request/$"}
    settles = 1.0
    leaps = False
    look: ClassVar = {"method": "GET", "path": "/catalog/environments/$"}
    creates_each = True
    api = "^/educates/(workshops|oauth2)/"
    forgets_credentials = False

    def options(self, seed: int) -> dict[str, Any]:
        """Return a portal whose tokens and sessions outlive every move of the clock."""
        del seed
        return {"delete_after": 0.0, "token_life": 1e8, "duration": 1e6}

    def connection(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Airflow connection."""
        secrets = {"client_id": info["client_id"], "client_secret": info["client_secret"]}
        return {
            "conn_type": self.name,
            "login": info["username"],
            "password": info["password"],
            "host": info["url"],
            "extra": {**secrets, "index_url": "https://hub.example/"},
        }

    def prepare(self, control: SandboxControl, lanes: Sequence[str], people: int) -> None:
        """Offer a workshop for each lane, with room for twice as many learners as are meant to come."""
        for lane in lanes:
            control.do(self.name, "add_workshop", resource=lane, capacity=2 * people)

    def arguments(self, lane: str) -> dict[str, Any]:
        """Name the lane's workshop."""
        return {"workshop": lane}

    def expected(self, people: int) -> int:
        """Return one session a learner."""
        return people

    def held(self, state: Mapping[str, Any]) -> list[Held]:
        """Count sessions that were given to somebody."""
        return [
            Held(
                one["workshop"],
                one["name"],
                one["state"] in ("STOPPING", "STOPPED"),
                int(one["activated"] and one["state"] == "RUNNING"),
                started=one["activated"],
            )
            for one in state["sessions"]
            if one["user"]
        ]

    def recorded(self, record: Mapping[str, Any]) -> set[str]:
        """Return the sessions' names."""
        return {seat["session"] for seat in json.loads(record["ref"]["details"]["seats"])}

    def come(self, control: SandboxControl, record: Mapping[str, Any]) -> None:
        """Open each learner's link; a workshop needs no appointed time."""
        portal = control.info()[self.name]["url"]
        for url in links(record):
            split = urlsplit(url)
            path = split.path if split.path.startswith("/educates/") else f"/educates{split.path}"
            origin = urlsplit(portal)
            visit(f"{origin.scheme}://{origin.netloc}{path}?{split.query}", method="GET")

    def go(self, control: SandboxControl, record: Mapping[str, Any]) -> None:
        """Let every learner press "Finish workshop"."""
        for name in sorted(self.recorded(record)):
            control.do(self.name, "finish", session=name)
