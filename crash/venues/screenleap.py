"""Screenleap: every create is another share, and its launch data is given once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from airflow_provider.live_sessions.hooks.screenleap import reveal_launch_data
from airflow_provider.live_sessions.sandbox.log import digest
from crash.venues.venue import OPERATORS, Held, LinkBrokenError, Venue, go_to, links

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.sandbox.client import SandboxControl


class Screenleap(Venue):
    """A developer account."""

    name = "screenleap"
    launch = f"{OPERATORS}.screenleap.ScreenleapLaunchSessionOperator"
    retrieve = f"{OPERATORS}.screenleap.ScreenleapRetrieveUsageOperator"
    files = 5
    fetches = 1
    fewest = 2
    create: ClassVar = {"method": "POST", "path": "/screen-shares$"}
    settles = 301.0
    look: ClassVar = {"method": "GET", "path": "screen-shares$"}
    twins = "a share that one of two processes of the same try gave up for its own"
    api = "^/screenleap/v2/"

    def options(self, seed: int) -> dict[str, Any]:
        """Return an account that does one of three things with a stop before the start: none is documented."""
        return {"stop_after": 0.0, "stop_unstarted": ("404", "ended", "ignored")[seed % 3]}

    def connection(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Airflow connection."""
        return {
            "conn_type": self.name,
            "login": info["account_id"],
            "password": info["authtoken"],
            "host": info["url"],
            "extra": {},
        }

    def arguments(self, lane: str) -> dict[str, Any]:
        """Name the presenter's country, so that no warning is due."""
        del lane
        return {"presenter_country_code": "DE"}

    def held(self, state: Mapping[str, Any]) -> list[Held]:
        """Count shares."""
        return [
            Held(
                one["title"],
                one["share"],
                one["ended_at"] is not None,
                len(one["inside"]) + (one["started_at"] is not None and one["ended_at"] is None),
                started=one["started_at"] is not None,
            )
            for one in state["shares"]
        ]

    def recorded(self, record: Mapping[str, Any]) -> set[str]:
        """Return the digest of the share's code, as the sandbox shows it."""
        from airflow_provider.live_sessions.core.sealing import unseal
        from airflow_provider.live_sessions.hooks.sealing import AirflowCipher

        return {digest(unseal(record["ref"]["details"]["code"], AirflowCipher()).get_secret_value())}

    def come(self, control: SandboxControl, record: Mapping[str, Any]) -> None:
        """Start the share with the recorded launch data, and watch it by the recorded links."""
        go_to(control, record["start"])
        code = self._code(record)
        control.do(self.name, "present", share=code)
        for url in links(record)[1:]:
            split = urlsplit(url)
            if split.path.rpartition("/")[2] != code:
                raise LinkBrokenError("A viewer's link leads to another share.")
            control.do(self.name, "view", share=code, viewer=parse_qs(split.query)["externalId"][0])

    def go(self, control: SandboxControl, record: Mapping[str, Any]) -> None:
        """Let the presenter press stop; the end counts after five minutes."""
        go_to(control, record["end"])
        control.do(self.name, "end", share=self._code(record))

    def excuse(self, extra: Held, *, late: bool) -> str:
        """Name the share whose launch data reached nobody: nobody can start it, and it costs nothing."""
        del late
        return "" if extra.started else "a share that nobody can start, for its launch data was lost"

    @staticmethod
    def _code(record: Mapping[str, Any]) -> str:
        if not record["links"]:
            raise LinkBrokenError("The recorded share has no launch data.")
        return str(reveal_launch_data(record["links"][0]["url"], mask=False)["screenShareCode"])
