"""Delivers webhooks for real: signed bodies to loopback URLs, in order, retried with back-off."""

from __future__ import annotations

import heapq
import http.client
import ipaddress
import itertools
import time
from collections import deque
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKERS = 4
KEPT = 20_000


@dataclass(slots=True)
class Delivery:
    """One event on its way to one URL.

    Args:
        id: The same on every try.
        event: The event's key.
        url: Where to; a secret may be in its query.
        lane: What keeps its order: deliveries of one lane go one after the other.
        body: The raw body.
        headers: The headers, signature included.
        attempts: What came of each try: ``status`` or ``error``, and ``real``, seconds since 1970.
        outcome: pending, delivered, failed (tries used up) or refused (not a loopback URL).
    """

    id: str
    event: str
    url: str = field(repr=False)
    lane: tuple[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    outcome: str = "pending"

    def to_json(self) -> dict[str, Any]:
        """Write for the control API, without body, signature and query."""
        parts = urlsplit(self.url)
        return {
            "id": self.id,
            "event": self.event,
            "url": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}",
            "outcome": self.outcome,
            "attempts": [dict(one) for one in self.attempts],
        }


class Deliverer:
    """Sends deliveries from background threads, which start with the first one.

    Args:
        tries: Tries of one delivery at most.
        backoff: Real seconds before the second try; doubled for each later one.
        timeout: Real seconds to wait for an answer.
    """

    def __init__(self, *, tries: int, backoff: float, timeout: float) -> None:
        self._tries = tries
        self._backoff = backoff
        self._timeout = timeout
        self._lock = Condition()
        self._numbers = itertools.count()
        self._lanes: dict[tuple[str, str], deque[Delivery]] = {}
        self._ready: list[tuple[float, int, tuple[str, str]]] = []
        self._kept: deque[Delivery] = deque(maxlen=KEPT)
        self._threads: list[Thread] = []
        self._stopping = False

    def put(self, delivery: Delivery) -> None:
        """Take a delivery over; it goes out in the background."""
        with self._lock:
            self._kept.append(delivery)
            if not is_loopback(delivery.url):
                delivery.outcome = "refused"
                return
            lane = self._lanes.setdefault(delivery.lane, deque())
            lane.append(delivery)
            if len(lane) == 1:
                self._schedule(delivery.lane, 0.0)
            if not self._threads:
                self._threads = [
                    Thread(target=self._work, name=f"sandbox-webhooks-{number}", daemon=True)
                    for number in range(WORKERS)
                ]
                for thread in self._threads:
                    thread.start()

    def listed(self) -> list[dict[str, Any]]:
        """Return the deliveries, oldest first."""
        with self._lock:
            return [one.to_json() for one in self._kept]

    def wait_idle(self, seconds: float) -> bool:
        """Wait until nothing is pending; return False when that took longer than ``seconds`` of real time."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._lanes, seconds)

    def clear(self) -> None:
        """Forget every delivery; one that is on the wire finishes."""
        with self._lock:
            self._lanes.clear()
            self._ready.clear()
            self._kept.clear()
            self._lock.notify_all()

    def stop(self) -> None:
        """End the threads; what is pending is dropped."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        for thread in self._threads:
            # One that waits for a slow receiver ends by itself.
            thread.join(timeout=1)

    def _schedule(self, lane: tuple[str, str], wait: float) -> None:
        heapq.heappush(self._ready, (time.monotonic() + wait, next(self._numbers), lane))
        self._lock.notify_all()

    def _work(self) -> None:
        while (delivery := self._next()) is not None:
            attempt = self._try(delivery)
            with self._lock:
                self._settle(delivery, attempt)

    def _next(self) -> Delivery | None:
        with self._lock:
            while not self._stopping:
                wait = self._ready[0][0] - time.monotonic() if self._ready else None
                if wait is None or wait > 0:
                    self._lock.wait(wait)
                    continue
                lane = heapq.heappop(self._ready)[2]
                return self._lanes[lane][0]
            return None

    def _try(self, delivery: Delivery) -> dict[str, Any]:
        parts = urlsplit(delivery.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        began = time.time()
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port or 80, timeout=self._timeout)
        try:
            connection.request("POST", path, body=delivery.body, headers=dict(delivery.headers))
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            return {"error": type(error).__name__, "real": began}
        else:
            return {"status": answer.status, "real": began}
        finally:
            connection.close()

    def _settle(self, delivery: Delivery, attempt: dict[str, Any]) -> None:
        delivery.attempts.append(attempt)
        lane = self._lanes.get(delivery.lane)
        if lane is None or lane[0] is not delivery:
            return  # cleared meanwhile
        if 200 <= attempt.get("status", 0) < 300:
            delivery.outcome = "delivered"
        elif len(delivery.attempts) >= self._tries:
            delivery.outcome = "failed"
        else:
            self._schedule(delivery.lane, self._backoff * 2 ** (len(delivery.attempts) - 1))
            return
        lane.popleft()
        if lane:
            self._schedule(delivery.lane, 0.0)
        else:
            del self._lanes[delivery.lane]
            self._lock.notify_all()


def is_loopback(url: str) -> bool:
    """Return whether a URL leads to this machine; the sandbox calls nobody else, and asks no name server."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        return False
    try:
        known = parts.port is None or parts.port > 0
        return known and (parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname).is_loopback)
    except ValueError:
        return False
