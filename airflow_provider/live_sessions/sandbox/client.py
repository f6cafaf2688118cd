"""Drives a sandbox that runs in another process, over its control API."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from typing import Any


class SandboxError(Exception):
    """The sandbox would not do it.

    Args:
        why: The sandbox's sentence.
        status: 400 for a bad call, 404 for a thing that is not there, 409 for a rule of the platform.
    """

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


class SandboxControl:
    """The control API as methods.

    Args:
        url: The sandbox's base URL, e.g. ``http://127.0.0.1:8899``.
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, url: str, *, timeout: float = 30.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError("The sandbox's URL begins with http://.")
        self._url = url.rstrip("/")
        self._timeout = timeout
        # The sandbox is on this machine; a proxy would not find it.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def info(self) -> dict[str, Any]:
        """Return the base URL and, for each platform, what a client needs to connect."""
        return dict(self._call("GET", ""))

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return _time(self._call("GET", "clock"))

    def advance(self, seconds: float) -> datetime:
        """Move the sandbox's time forward and return it."""
        return _time(self._call("POST", "clock", {"advance": seconds}))

    def set_time(self, moment: datetime) -> datetime:
        """Move the sandbox's time forward to an aware moment and return it."""
        return _time(self._call("POST", "clock", {"set": moment.isoformat()}))

    def freeze(self) -> datetime:
        """Stop the sandbox's clock."""
        return _time(self._call("POST", "clock", {"frozen": True}))

    def resume(self) -> datetime:
        """Let the sandbox's clock run on."""
        return _time(self._call("POST", "clock", {"frozen": False}))

    def add_fault(self, kind: str, **rule: Any) -> int:
        """Add a fault and return its number; the arguments are those of ``faults.Fault``."""
        return int(self._call("POST", "faults", {"kind": kind, **rule})["number"])

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that stand, with how often each matched and struck."""
        return list(self._call("GET", "faults"))

    def clear_faults(self) -> None:
        """Remove every fault."""
        self._call("DELETE", "faults")

    def release(self, number: int, *, drop: bool = False) -> None:
        """Let go what a holding fault holds; with ``drop``, reset the connections instead."""
        self._call("POST", "faults/release", {"number": number, "drop": drop})

    def wait_held(self, number: int, *, held: int = 1, timeout: float = 20.0) -> int:
        """Wait until a fault has held so many requests, in real time, and return how many it has."""
        answer = self._call("POST", "faults/wait", {"number": number, "held": held, "timeout": timeout})
        return int(answer["held"])

    def add_script(self, script: dict[str, Any]) -> int:
        """Add a standing script for launches from now on and return its number."""
        return int(self._call("POST", "scripts", script)["number"])

    def scripts(self) -> list[dict[str, Any]]:
        """Return the scripts that stand."""
        return list(self._call("GET", "scripts"))

    def clear_scripts(self) -> None:
        """Remove every script."""
        self._call("DELETE", "scripts")

    def log(self, **wanted: str | int) -> list[dict[str, Any]]:
        """Return logged requests; the arguments are those of ``RequestLog.entries``."""
        query = urllib.parse.urlencode(wanted)
        return list(self._call("GET", f"log?{query}" if query else "log"))

    def clear_log(self) -> None:
        """Forget the logged requests."""
        self._call("DELETE", "log")

    def state(self) -> dict[str, Any]:
        """Return what exists on every platform."""
        return dict(self._call("GET", "state"))

    def reset(self) -> None:
        """Forget everything but the credentials."""
        self._call("POST", "reset")

    def do(self, platform: str, verb: str, **arguments: Any) -> Any:
        """Call one of a platform's own verbs, e.g. ``do("lessonspace", "join", space="algebra", user="t1")``."""
        return self._call("POST", f"{platform}/{verb}", arguments)

    def _call(self, method: str, path: str, data: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked in __init__
            f"{self._url}/_sandbox/{path}",
            method=method,
            data=None if data is None else json.dumps(data).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                why = json.loads(error.read() or b"{}").get("error", error.reason)
            raise SandboxError(str(why), error.code) from None


def _time(answer: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(answer["now"])
