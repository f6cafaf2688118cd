"""What every case has to end in: a result, or one of our errors with a message that says what to do."""

from __future__ import annotations

import os
import threading
import unicodedata
from typing import TYPE_CHECKING, TypeVar

from hypothesis import HealthCheck, settings

from airflow_provider.live_sessions.core.errors import LiveSessionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EFFORT = float(os.environ.get("FUZZ", "1"))
"""How many times as many cases as `make test` runs: `make fuzz` sets it."""

LONGEST_MESSAGE = 1500
WALL = 30.0
"""Seconds after which a case is taken for hung; the cases themselves sleep milliseconds."""

_T = TypeVar("_T")


def cases(number: int) -> settings:
    """Return the settings of a property test with so many cases, times the effort asked for."""
    return settings(
        max_examples=max(1, round(number * EFFORT)),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def check(error: LiveSessionError, secrets: Iterable[str] = ()) -> None:
    """Hold an error of ours against its promises."""
    told = str(error)
    assert error.what.strip(), "it does not say what happened"
    assert error.standing_advice.strip(), f"it does not say what to do: {told}"
    assert len(told) <= LONGEST_MESSAGE, f"a message of {len(told)} characters"
    odd = [one for one in told if unicodedata.category(one) in ("Cc", "Cf", "Cs") or one in "\u2028\u2029"]
    assert not odd, f"the message holds {odd!r}"
    told.encode()
    for secret in secrets:
        assert secret not in told, "the message holds a secret"
    cause: BaseException | None = error
    while cause is not None:
        shown = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
        assert shown is None or isinstance(shown, LiveSessionError), f"a traceback would show {shown!r}"
        cause = shown


def played(act: Callable[[], _T], secrets: Iterable[str] = ()) -> _T | LiveSessionError:
    """Run an act within the wall limit; return its result or its error, checked."""
    outcome: list[_T | BaseException] = []

    def run() -> None:
        try:
            outcome.append(act())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is looked at below
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WALL)
    assert outcome, f"it has been going on for {WALL:.0f} s"
    (result,) = outcome
    if isinstance(result, LiveSessionError):
        check(result, secrets)
        return result
    if isinstance(result, BaseException):
        raise result
    return result
