"""What the matrix needs to know of a platform: how its sessions are launched, held, and counted by the sandbox."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.hooks.sealing import reveal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.sandbox.client import SandboxControl

OPERATORS = "airflow_provider.live_sessions.operators"


class LinkBrokenError(Exception):
    """A link that was recorded does not let its bearer in."""


@dataclass(frozen=True)
class Held:
    """One session as the sandbox's own records show it.

    Args:
        lane: The launch it belongs to: the title of its class.
        id: What the sandbox calls it.
        gone: Cancelled, stopped or over.
        inside: How many people are in it.
        started: Somebody was ever in it.
    """

    lane: str
    id: str
    gone: bool
    inside: int
    started: bool


class Venue(ABC):
    """One platform."""

    name: ClassVar[str]
    launch: ClassVar[str]
    """Import path of the launching operator."""
    retrieve: ClassVar[str] = ""
    """Import path of the operator that brings files home; empty where the platform leaves nothing."""
    files: ClassVar[int] = 0
    """How many files that operator writes for a session with people in it, the manifest among them."""
    fetches: ClassVar[int] = 1
    """How many requests that operator makes at least."""
    create: ClassVar[Mapping[str, Any]]
    """The request that creates, as a fault's rule."""
    look: ClassVar[Mapping[str, Any]]
    """A request of the look-up, as a fault's rule."""
    fewest: ClassVar[int] = 1
    """People without whom nothing is held."""
    creates_each: ClassVar[bool] = False
    """One create for each participant."""
    settles: ClassVar[float]
    """Seconds after that until the platform's end is final."""
    twins: ClassVar[str] = ""
    """Why two processes of one try, which Airflow itself refuses, can leave another session than the recorded one;
    empty: they cannot."""
    leaps: ClassVar[bool] = True
    """The platform's clock may run ahead of this machine's: no wait here is due by the platform's clock."""
    api: ClassVar[str]
    """A regular expression that the path of every call of the API fits."""
    forgets_credentials: ClassVar[bool] = True
    """A 401 is final: a person has to mend the connection and clear the task."""

    def options(self, seed: int) -> dict[str, Any]:
        """Return how the sandbox behaves under a seed; the same for every run of a worker unless it says so."""
        del seed
        return {}

    @abstractmethod
    def connection(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Airflow connection.

        Args:
            info: What the sandbox tells of this platform.
        """

    def prepare(self, control: SandboxControl, lanes: Sequence[str], people: int) -> None:
        """Make ready at the platform what a launch takes for granted; most need nothing."""
        del control, lanes, people

    def arguments(self, lane: str) -> dict[str, Any]:
        """Return what the launch of a lane needs beside title, times and people."""
        del lane
        return {}

    def expected(self, people: int) -> int:
        """Return how many sessions one launch makes."""
        del people
        return 1

    @abstractmethod
    def held(self, state: Mapping[str, Any]) -> list[Held]:
        """Return every session that the sandbox knows."""

    @abstractmethod
    def recorded(self, record: Mapping[str, Any]) -> set[str]:
        """Return what the sandbox calls the sessions of a launch's result."""

    @abstractmethod
    def come(self, control: SandboxControl, record: Mapping[str, Any]) -> None:
        """Let everybody in through the links of a launch's result.

        Raises:
            LinkBrokenError: A link does not work.
        """

    @abstractmethod
    def go(self, control: SandboxControl, record: Mapping[str, Any]) -> None:
        """Let everybody leave at the planned end."""

    def excuse(self, extra: Held, *, late: bool) -> str:
        """Return why the platform's API cannot exclude this session beside the recorded one; empty: it can.

        Args:
            extra: The session.
            late: A create outlived the process that sent it.
        """
        del extra, late
        return ""


def links(record: Mapping[str, Any]) -> list[str]:
    """Return a result's links, opened.

    Raises:
        LinkBrokenError: It has none.
    """
    if not record["links"]:
        raise LinkBrokenError("The recorded session has no links.")
    return [reveal(one["url"], mask=False) for one in record["links"]]


def visit(url: str, *, method: str = "POST") -> Any:
    """Open a link, as its bearer's browser would; return what it answers.

    Raises:
        LinkBrokenError: It does not let its bearer in.
    """
    request = urllib.request.Request(url, method=method, data=b"" if method == "POST" else None)  # noqa: S310 - the sandbox's own links
    try:
        with _OPENER.open(request, timeout=20) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            raise LinkBrokenError(f"A recorded link answers {error.code}.") from None
    try:
        return json.loads(body)
    except ValueError:
        return None


def go_to(control: SandboxControl, moment: str, *, seconds: float = 1.0) -> None:
    """Let the platform's clock stand just after a moment; it never goes back."""
    ahead = (parse_time(moment) - control.now()).total_seconds() + seconds
    if ahead > 0:
        control.advance(ahead)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody: where a link leads after it let its bearer in does not matter."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        del req, code, msg, headers
        return fp

    http_error_301 = http_error_303 = http_error_307 = http_error_302


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
