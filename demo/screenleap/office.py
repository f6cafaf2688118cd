"""The demo's support office: five cases of today with their people, and the account's shares of the day before."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HELPED, STOPPED, NOBODY, CALLED_OFF = "helped", "stopped", "nobody came", "called off"

CUSTOMER, HELPER = "customer", "helper"


@dataclass(frozen=True)
class Case:
    """One support case of today, and what is to become of it.

    Args:
        ticket: Its number; the share's external id.
        title: What it is about.
        fate: helped, stopped, nobody came or called off.
        acts: What the customer does after the beginning: seconds, and a verb of the sandbox.
        minutes: After which it is stopped.
        no_show: Seconds after which nobody is waited for any longer.
        lost: The answer to its first create is lost, so that it is launched twice.
        runs: How many runs are about it.
    """

    ticket: str
    title: str
    fate: str
    acts: tuple[tuple[float, str], ...] = ()
    minutes: float = 30.0
    no_show: float = 900.0
    lost: bool = False
    runs: int = 1

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The runs about it; a second one meets the share of the first."""
        return tuple(f"{self.ticket}-{number + 1}" for number in range(self.runs))

    @property
    def held(self) -> bool:
        """Whether anybody shared a screen."""
        return self.fate in (HELPED, STOPPED)


FORGOTTEN = Case("T-1003", "Forgotten migration", STOPPED, minutes=2, runs=2)
"""Goes first: its time limit is what the demo lasts."""

CASES = (
    Case("T-1001", "Printer prints nothing", HELPED, acts=((8, "end"),), lost=True),
    # The window is closed by mistake and opened again: no end, because it did not stand for long enough.
    Case("T-1002", "VPN für Zürich", HELPED, acts=((5, "crash"), (7, "present"), (12, "end"))),
    FORGOTTEN,
    Case("T-1004", "Tax form", NOBODY, no_show=30.0),
    Case("T-1005", "New laptop", CALLED_OFF),
)


class People:
    """The customers and helpers: they begin as soon as their page has what it needs, and act as planned.

    Args:
        do: Calls a verb of the sandbox's Screenleap with arguments.
        call_off: Stops a share by its code, as the company's own program would.
    """

    def __init__(self, do: Callable[..., Any], call_off: Callable[[str], None]) -> None:
        self._do = do
        self._call_off = call_off
        self._left: dict[str, list[tuple[float, str]]] = {}
        self._begun: dict[str, tuple[float, str]] = {}
        self._by_title = {case.title: case for case in CASES}

    def arrived(self, message: Mapping[str, Any]) -> None:
        """Begin with what was handed over; called by the page."""
        case = self._by_title.get(message["title"])
        if case is None or not message["presenter"]:
            return
        code = message["launch_data"]["screenShareCode"]
        if case.fate == CALLED_OFF:
            self._call_off(code)
        elif case.held:
            self._do("present", share=code)
            self._do("view", share=code, viewer=HELPER)
            self._left[case.ticket] = list(case.acts)
            self._begun[case.ticket] = (time.monotonic(), code)

    def has_begun(self, case: Case) -> bool:
        """Return whether a case's share was started."""
        return case.ticket in self._begun

    def act(self) -> None:
        """Do what is due: one thing a case at a time, so that everybody can see it."""
        for ticket, (begun, code) in list(self._begun.items()):
            left = self._left[ticket]
            if left and time.monotonic() - begun >= left[0][0]:
                self._do(left.pop(0)[1], share=code)


@dataclass(frozen=True)
class Past:
    """A share of the account that began before the demo.

    Args:
        external_id: The account's own id of it.
        title: Shown to viewers.
        started: When it began.
        ended: When it ended; None while it runs.
        viewers: Who watched.
        api: False for one that the API may not stop.
    """

    external_id: str
    title: str
    started: datetime
    ended: datetime | None = None
    viewers: tuple[str, ...] = ()
    api: bool = True

    def verb(self) -> dict[str, Any]:
        """Return it as the sandbox takes it."""
        return {
            "external_id": self.external_id,
            "title": self.title,
            "started_at": self.started.isoformat(),
            "ended_at": self.ended.isoformat() if self.ended else "",
            "viewers": list(self.viewers),
            "api": self.api,
        }


@dataclass(frozen=True)
class Yesterday:
    """The day before, in a zone, with its shares and those still open.

    Args:
        zone: The zone of the day.
        since: Its begin.
        until: Its end.
        shares: All that began before the demo.
        exported: Titles of those that the day's usage has: watched, and ended within it.
        overdue: External ids of those that have been open too long, with what the reaper makes of them.
    """

    zone: str
    since: datetime
    until: datetime
    shares: Sequence[Past]
    exported: frozenset[str]
    overdue: Mapping[str, str] = field(default_factory=dict)


def yesterday(now: datetime) -> Yesterday:
    """Return the account's day before.

    Args:
        now: The present, aware.
    """
    zone = quiet_zone(now)
    local = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    until = local.astimezone(UTC)
    since = (local.replace(tzinfo=None) - timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    hour, present = timedelta(hours=1), now.replace(microsecond=0)
    counted = (
        Past("acme-1", "Quarter's figures", since + 8 * hour, since + 9 * hour, ("ada", "bo")),
        Past("acme-2", "=Formula", since + 10 * hour, since + 10.5 * hour, ("ada",)),
        Past("", "Nobody's", since + 11 * hour, since + 11.25 * hour, ("cleo",)),
        Past("night-shift", "Into the day", since - hour, since + 2 * hour, ("bo",)),
        Past("last-second", "To the last second", until - hour, until - timedelta(seconds=1), ("bo",)),
    )
    others = (
        Past("the-day-before", "Until midnight", since - 2 * hour, since - timedelta(seconds=1), ("ada",)),
        Past("into-today", "Into today", until - hour, until, ("ada",)),
        Past("lonely", "Nobody watched", since + 12 * hour, since + 13 * hour),
        Past("just-begun", "Open for a while", present - 2 * hour, viewers=("ada",)),
    )
    left_open = (
        Past("left-open", "Left open", present - 10 * hour, viewers=("bo",)),
        Past("widget", "Made by a widget", present - 9 * hour, api=False),
    )
    return Yesterday(
        zone,
        since,
        until,
        (*counted, *others, *left_open),
        frozenset(one.title for one in counted),
        {"left-open": "stopped", "widget": "refused"},
    )


def quiet_zone(now: datetime) -> str:
    """Return a zone whose midnight is not near: an export waits for a quarter of an hour after it.

    Args:
        now: The present, aware.
    """
    zones = ("Europe/Berlin", "Asia/Tokyo")
    return next(one for one in zones if 1 <= now.astimezone(ZoneInfo(one)).hour < 23)
