"""The control API under ``/_sandbox/``: what the Python object can do, for other processes."""

from __future__ import annotations

import inspect
import json
import re
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.wire import Response
from airflow_provider.live_sessions.sandbox.world import ControlError

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.server import Sandbox
    from airflow_provider.live_sessions.sandbox.wire import Request


class Control:
    """Answers control calls.

    Args:
        sandbox: What is controlled.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._routes = {
            ("GET", ""): self._info,
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._set_clock,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "faults/release"): self._release,
            ("POST", "faults/wait"): self._wait_held,
            ("GET", "scripts"): self._scripts,
            ("POST", "scripts"): self._add_script,
            ("DELETE", "scripts"): self._clear_scripts,
            ("GET", "log"): self._log,
            ("DELETE", "log"): self._clear_log,
            ("GET", "state"): self._state,
            ("POST", "reset"): self._reset,
        }

    def answer(self, request: Request) -> Response:
        """Answer one call; errors are ``{"error": sentence}``."""
        # A page in somebody's browser must not steer the sandbox.
        if request.header("origin"):
            return Response.json(HTTPStatus.FORBIDDEN, {"error": "Not from a browser."})
        try:
            return Response.json(HTTPStatus.OK, self._do(request, _body(request)))
        except ControlError as error:
            return Response.json(error.status, {"error": str(error)})
        except (OverflowError, TypeError, ValueError, re.error) as error:
            return Response.json(HTTPStatus.BAD_REQUEST, {"error": str(error)})

    def _do(self, request: Request, data: dict[str, Any]) -> Any:
        what = request.path.removeprefix("/_sandbox/").strip("/")
        route = self._routes.get((request.method, what))
        if route is not None:
            return route(request, data)
        name, _, verb = what.partition("/")
        platform = self._sandbox.platforms.get(name)
        verb = verb.replace("-", "_")
        if request.method != "POST" or platform is None or verb not in platform.verbs():
            raise ControlError(f"There is no {request.method} /_sandbox/{what}.", HTTPStatus.NOT_FOUND)
        method = getattr(platform, verb)
        bound = inspect.signature(method).bind(**data)
        return method(*bound.args, **bound.kwargs)

    def _info(self, _request: Request, _data: dict[str, Any]) -> Any:
        platforms = {name: dict(one.info()) for name, one in self._sandbox.platforms.items()}
        return {"url": self._sandbox.url, **platforms}

    def _clock(self, _request: Request, _data: dict[str, Any]) -> Any:
        clock = self._sandbox.clock
        return {"now": iso(clock.now()), "frozen": clock.frozen}

    def _set_clock(self, request: Request, data: dict[str, Any]) -> Any:
        clock = self._sandbox.clock
        match list(data.items()):
            case [("advance", seconds)]:
                clock.advance(float(seconds))
            case [("set", moment)]:
                clock.set(datetime.fromisoformat(moment))
            case [("frozen", bool(frozen))]:
                _ = clock.freeze() if frozen else clock.resume()
            case _:
                raise ControlError('Send {"advance": seconds}, {"set": time} or {"frozen": true or false}.')
        return self._clock(request, {})

    def _faults(self, _request: Request, _data: dict[str, Any]) -> Any:
        return self._sandbox.faults.listed()

    def _add_fault(self, _request: Request, data: dict[str, Any]) -> Any:
        return {"number": self._sandbox.faults.add(**{"kind": "", **data})}

    def _clear_faults(self, _request: Request, _data: dict[str, Any]) -> Any:
        self._sandbox.faults.clear()
        return {}

    def _release(self, _request: Request, data: dict[str, Any]) -> Any:
        self._sandbox.faults.release(**data)
        return {}

    def _wait_held(self, _request: Request, data: dict[str, Any]) -> Any:
        return {"held": self._sandbox.faults.wait_held(**data)}

    def _scripts(self, _request: Request, _data: dict[str, Any]) -> Any:
        with self._sandbox.world.lock:
            return self._sandbox.scripts.listed()

    def _add_script(self, _request: Request, data: dict[str, Any]) -> Any:
        with self._sandbox.world.lock:
            return {"number": self._sandbox.scripts.add(data)}

    def _clear_scripts(self, _request: Request, _data: dict[str, Any]) -> Any:
        with self._sandbox.world.lock:
            self._sandbox.scripts.clear()
        return {}

    def _log(self, request: Request, _data: dict[str, Any]) -> Any:
        wanted: dict[str, Any] = dict(request.pairs())
        for name in ("status", "since"):
            if name in wanted:
                wanted[name] = int(wanted[name])
        return [one.to_json() for one in self._sandbox.log.entries(**wanted)]

    def _clear_log(self, _request: Request, _data: dict[str, Any]) -> Any:
        self._sandbox.log.clear()
        return {}

    def _state(self, _request: Request, _data: dict[str, Any]) -> Any:
        return self._sandbox.state()

    def _reset(self, _request: Request, _data: dict[str, Any]) -> Any:
        self._sandbox.reset()
        return {}


def _body(request: Request) -> dict[str, Any]:
    data = json.loads(request.body) if request.body else {}
    if not isinstance(data, dict):
        raise ControlError("Send a JSON object.")
    return data
