"""Stopping a share, and saying what is known of it afterwards (``apis/screenleap.md`` section 2.3).

A stop is a message to the presenter's app: its 200 is no end, so ``endTime`` is waited for. A 404 means "no such
code" or "ended already"; for a code that this account made it is the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import NotFound
from airflow_provider.live_sessions.core.models import CancelOutcome, People
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.core.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from airflow_provider.live_sessions.platforms.screenleap.client import ScreenleapClient
    from airflow_provider.live_sessions.platforms.screenleap.models import Share

PATIENCE = 15.0
"""Seconds that the end after a stop is waited for, where the caller says nothing."""

STEP = 2.0
"""Seconds between two looks."""

LEFT_ALONE = "Somebody shares their screen, and it was not asked to end such a share."
STILL_OPEN = "Whether a code that was stopped before its start can still be started is not documented."
ENFORCE = "ScreenleapStopSessionOperator with enforce=True stops it when it starts; the reaper does so later."


@dataclass(frozen=True, slots=True)
class Pace:
    """How the end after a stop is waited for.

    Args:
        patience: Seconds in all.
        step: Seconds between two looks.
        sleep: Waits so many seconds.
    """

    patience: float
    step: float
    sleep: Callable[[float], None]


def look(client: ScreenleapClient, code: SecretStr) -> tuple[Share | None, bool]:
    """Return a share as it stands now, and whether the recent list shows it.

    The list comes first: it is certain to show what is open. None for a code that nothing shows.
    """
    for share in client.recent():
        if share.code == code:
            return share, True
    try:
        return client.share(code), False
    except NotFound:
        return None, False


def state_of(share: Share | None, *, listed: bool) -> State:
    """Return how a share stands for a stop: an end is an end at once."""
    if share is None or share.ended_at is not None:
        return State.ENDED
    if share.started_at is not None:
        return State.LIVE
    return State.SCHEDULED if listed else State.NEVER_HELD


def stop(
    client: ScreenleapClient, code: SecretStr, *, handed_over: bool, pace: Pace, live: bool = True
) -> CancelOutcome:
    """Stop a share that this account is known to have made.

    Args:
        client: The account's client.
        code: The share's code.
        handed_over: False when its launch data has not left Airflow: then nobody can start it.
        pace: How its end is waited for.
        live: Also stop a share that somebody has begun; otherwise it is left alone.

    Raises:
        Refused: 403: the share was made by Screenleap's own widget, which the API may not stop.
    """
    share, listed = look(client, code)
    state = state_of(share, listed=listed)
    if state is State.LIVE and not live:
        return CancelOutcome(state, not_done=(LEFT_ALONE,), people_inside=People.YES)
    if share is not None and share.ended_at is not None:
        why = f"Nothing had to be done: it ended at {format_time(share.ended_at)}."
        return CancelOutcome(state, done=(why,), confirmed=True, people_inside=People.NO)
    known = _send(client, code)
    if share is None:
        return _unseen(state, known=known)
    if state is State.LIVE:
        return _live(client, code, known=known, pace=pace)
    return _unstarted(client, code, state, known=known, handed_over=handed_over)


def _send(client: ScreenleapClient, code: SecretStr) -> bool:
    """Send the stop; False where the platform knows nothing to stop."""
    try:
        client.stop(code)
    except NotFound:
        return False
    return True


def _live(client: ScreenleapClient, code: SecretStr, *, known: bool, pace: Pace) -> CancelOutcome:
    waited = 0.0
    while True:
        share, listed = look(client, code)
        if state_of(share, listed=listed) is not State.LIVE:
            told = "" if share is None or share.ended_at is None else f" at {format_time(share.ended_at)}"
            return CancelOutcome(
                State.LIVE, done=(f"It was stopped and ended{told}.",), confirmed=True, people_inside=People.NO
            )
        if waited >= pace.patience:
            break
        step = min(pace.step, pace.patience - waited)
        pace.sleep(step)
        waited += step
    sent = (
        "The stop message was sent to the presenter's app."
        if known
        else "The stop was asked for; the platform says that there is nothing to stop."
    )
    return CancelOutcome(
        State.LIVE,
        done=(sent,),
        not_done=(f"Its end was not seen within {pace.patience:.0f} s.",),
        people_inside=People.YES,
        next="Wait for its end; a second stop does no harm.",
    )


def _unseen(state: State, *, known: bool) -> CancelOutcome:
    if known:
        return CancelOutcome(
            state,
            done=("The stop message was accepted.",),
            not_done=("Nothing shows the share, so its end cannot be seen.",),
        )
    why = "Nothing had to be done: nothing shows the share, and there is nothing to stop."
    return CancelOutcome(state, done=(why,), confirmed=True, people_inside=People.NO)


def _unstarted(
    client: ScreenleapClient, code: SecretStr, state: State, *, known: bool, handed_over: bool
) -> CancelOutcome:
    answer = "was accepted" if known else "found nothing to stop, as is usual before the start"
    done = [f"The stop {answer}."]
    share, listed = look(client, code)
    after = state_of(share, listed=listed)
    if after is State.LIVE:  # somebody started it in this very moment
        return CancelOutcome(
            state,
            done=tuple(done),
            not_done=("It was started meanwhile.",),
            people_inside=People.YES,
            next="Stop it again.",
        )
    if not handed_over:
        done.append("Its launch data had not left Airflow, so nobody can start it.")
    closed = after is not State.SCHEDULED
    if closed:
        done.append("It has left the list of open shares.")
    confirmed = closed or not handed_over
    return CancelOutcome(
        state,
        done=tuple(done),
        not_done=() if confirmed else (STILL_OPEN,),
        confirmed=confirmed,
        links_open_ended=not confirmed,
        people_inside=People.NO,
        next="" if confirmed else ENFORCE,
    )
