"""Faults on demand: which requests go wrong, and how. The handler carries them out."""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import dataclass, field, fields
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.sandbox.wire import Request


class Kind(StrEnum):
    """How a request goes wrong."""

    DELAY = "delay"  # served, but late
    STATUS = "status"  # answered with a given status, headers and body
    THROTTLE = "throttle"  # the platform's 429
    EXPIRED = "expired"  # the platform's 401, as if the credentials had expired
    RESET_BEFORE = "reset_before"  # the connection is reset and nothing was done
    RESET_AFTER = "reset_after"  # it was done, then the connection is reset
    TRUNCATE = "truncate"  # Content-Length promises more than is sent
    MALFORMED = "malformed"  # a whole body that is not JSON
    HTML = "html"  # a page where JSON is expected
    DRIP = "drip"  # the body comes a few bytes at a time
    HOLD_BEFORE = "hold_before"  # kept waiting until it is released, and done only then
    HOLD_AFTER = "hold_after"  # it was done, and its answer is kept until it is released


# Faults of these kinds let the request do its work first.
EFFECT_FIRST = frozenset(
    {
        Kind.DELAY,
        Kind.RESET_AFTER,
        Kind.TRUNCATE,
        Kind.MALFORMED,
        Kind.DRIP,
        Kind.HOLD_BEFORE,
        Kind.HOLD_AFTER,
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule: which requests go wrong, how often, and how.

    Args:
        kind: How.
        method: Only this method; empty is any.
        path: A regular expression searched in the path.
        query: A regular expression searched in the raw query string.
        nth: Only the nth request that matches, from 1; 0 is all of them.
        count: At most so many times; 0 is without end.
        probability: The share of matching requests, 0 to 1, drawn with ``seed``.
        seed: Makes the draw repeatable.
        delay: Seconds to wait before anything else.
        status: For ``status`` and ``html``: the status to answer with.
        body: For ``status``, ``html`` and ``malformed``: the body.
        headers: For ``status`` and ``html``: headers to add.
        retry_after: For ``throttle``: seconds; None sends no header.
        retry_after_date: Send Retry-After as an HTTP date.
        effect: For ``status``, ``html``, ``throttle`` and ``expired``: do what was asked for, then lie.
        sent: For ``truncate``: how many bytes of the body are sent.
        seconds: For ``drip``: how long the body takes in all.
    """

    kind: Kind
    method: str = ""
    path: str = ""
    query: str = ""
    nth: int = 0
    count: int = 0
    probability: float = 1.0
    seed: int = 0
    delay: float = 0.0
    status: int = 503
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    retry_after_date: bool = False
    effect: bool = False
    sent: int = 1
    seconds: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", Kind(self.kind))
        for name in ("nth", "count", "status", "sent", "probability", "delay", "seconds"):
            if isinstance(getattr(self, name), bool) or not isinstance(getattr(self, name), int | float):
                raise TypeError(f"A fault's {name} is a number.")
        for pattern in (self.path, self.query):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}.") from None

    @property
    def does_its_work(self) -> bool:
        """True when the request has its effect in spite of the fault."""
        return self.effect or self.kind in EFFECT_FIRST

    def concerns(self, request: Request) -> bool:
        """Return whether the rule is about this request, not yet whether it strikes."""
        return (
            self.method in ("", request.method)
            and re.search(self.path, request.path) is not None
            and re.search(self.query, request.query) is not None
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fault:
        """Read a rule from the control API.

        Raises:
            ValueError: A name or a value is unknown.
        """
        unknown = set(data) - {one.name for one in fields(cls)}
        if unknown:
            raise ValueError(f"A fault has no {', '.join(sorted(unknown))}.")
        if "kind" not in data:
            raise ValueError(f"A fault needs a kind: {', '.join(Kind)}.")
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that befalls one request, and the gate that holds it where the fault holds."""

    fault: Fault
    gate: Gate


@dataclass(slots=True)
class _Standing:
    number: int
    fault: Fault
    chance: random.Random
    gate: Gate = field(default_factory=Gate)
    seen: int = 0
    struck: int = 0

    def strikes(self) -> bool:
        """Count one matching request and say whether it goes wrong."""
        self.seen += 1
        drawn = self.chance.random() < self.fault.probability
        if self.fault.nth and self.seen != self.fault.nth:
            return False
        return drawn and not (self.fault.count and self.struck >= self.fault.count)


class Faults:
    """The rules that stand. The first one added that strikes wins."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers = itertools.count(1)
        self._standing: list[_Standing] = []

    def add(self, kind: str, **rule: Any) -> int:
        """Add a rule; the arguments are those of :class:`Fault`.

        Returns:
            The rule's number, for :meth:`remove`.
        """
        return self.put(Fault.from_json({"kind": kind, **rule}))

    def put(self, fault: Fault) -> int:
        """Add a rule and return its number."""
        with self._lock:
            number = next(self._numbers)
            # Repeatable draws are the purpose; nothing secret hangs on them.
            self._standing.append(_Standing(number, fault, random.Random(fault.seed)))  # noqa: S311
            return number

    def remove(self, number: int) -> bool:
        """Remove one rule; return whether it stood."""
        with self._lock:
            gone = [one for one in self._standing if one.number == number]
            self._standing = [one for one in self._standing if one.number != number]
        for one in gone:
            one.gate.open(drop=True)
        return bool(gone)

    def clear(self) -> None:
        """Remove every rule; what they hold is reset, and what was not done yet never will be."""
        with self._lock:
            gone, self._standing = self._standing, []
        for one in gone:
            one.gate.open(drop=True)

    def release(self, number: int, *, drop: bool = False) -> None:
        """Let go what a ``hold_before`` or ``hold_after`` holds, and hold no more.

        Args:
            number: The rule's number.
            drop: Reset the connections instead; what was not done yet never will be.

        Raises:
            ValueError: No such rule stands.
        """
        self._gate(number).open(drop=drop)

    def wait_held(self, number: int, *, held: int = 1, timeout: float = 30.0) -> int:
        """Wait until a rule has held so many requests, in real time, and return how many it has.

        Raises:
            ValueError: No such rule stands.
        """
        return self._gate(number).wait(held, timeout)

    def _gate(self, number: int) -> Gate:
        with self._lock:
            for one in self._standing:
                if one.number == number:
                    return one.gate
        raise ValueError(f"No fault {number} stands.")

    def strike(self, request: Request) -> Strike | None:
        """Return the fault that befalls this request, if any, and count it."""
        with self._lock:
            chosen: _Standing | None = None
            for one in self._standing:
                if one.fault.concerns(request) and one.strikes() and chosen is None:
                    chosen = one
            if chosen is None:
                return None
            chosen.struck += 1
            return Strike(chosen.fault, chosen.gate)

    def listed(self) -> list[dict[str, Any]]:
        """Return the rules with how often each matched and struck."""
        with self._lock:
            return [
                {
                    "number": one.number,
                    "seen": one.seen,
                    "struck": one.struck,
                    "held": one.gate.held,
                    **{part.name: getattr(one.fault, part.name) for part in fields(Fault)},
                }
                for one in self._standing
            ]
