"""An honest cancel on a platform that cancels before the start and never ends a call.

A cancelled session answers 401 and is seen no more, so a read confirms the cancel. A running one cannot be
cancelled; ``force`` tries the two documented calls that come near (``apis/coviu.md`` section 3), whose effect on
people inside nobody has written down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import LiveSessionError, NotFound, OutcomeUnknown, Refused
from airflow_provider.live_sessions.core.models import ENDS_BY_ITSELF, CancelOutcome, People
from airflow_provider.live_sessions.core.status import SessionStatus, State
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.platforms.coviu import marks, people
from airflow_provider.live_sessions.platforms.coviu.dates import MARGIN, whole_second
from airflow_provider.live_sessions.platforms.coviu.judging import Sighting, judge
from airflow_provider.live_sessions.platforms.coviu.models import Session, SessionUpdate

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient

NO_SUCH_CALL = "Coviu cancels no session that has started, and has no call that ends one."
WHAT_FORCE_TRIES = (
    "force=True would set its end a few seconds ahead and remove its participants; whether that puts people out "
    "of a running call is not known."
)
LEAVING = "The people inside can end the call by leaving."


def cancel(
    client: CoviuClient, ref: SessionRef, *, settle: float, force: bool, handed_over: bool
) -> CancelOutcome:
    """Cancel as far as Coviu can.

    Args:
        client: The team's client.
        ref: The session.
        settle: Seconds for which an early end must stand.
        force: Also try to close a session that has started.
        handed_over: Whether a link has left Airflow.

    Raises:
        OutcomeUnknown: The cancel was sent, its answer lost, and the session is still there.
    """
    try:
        session = client.session(ref.session_id, deleted_participants=True)
    except NotFound:
        return _nothing(State.CANCELLED, "Coviu no longer shows it: it was cancelled before.")
    status = _status(client, session, settle)
    if status.state.over:
        return _nothing(status.state, status.why)
    if status.state is State.SCHEDULED:
        outcome = _scheduled(client, session)
        if outcome is not None:
            return outcome
        session = client.session(ref.session_id, deleted_participants=True)  # it has started meanwhile
    if force:
        return _close(client, session)
    if status.empty:
        return CancelOutcome(
            state_before=State.LIVE,
            not_done=(status.why,),
            links_valid_until=session.end_time if handed_over else None,
            people_inside=People.NO,
            next=ENDS_BY_ITSELF,
        )
    return CancelOutcome(
        state_before=State.LIVE,
        not_done=(NO_SUCH_CALL, WHAT_FORCE_TRIES),
        links_valid_until=session.end_time if handed_over else None,
        people_inside=People.UNKNOWN,
        next=LEAVING,
    )


def _status(client: CoviuClient, session: Session, settle: float) -> SessionStatus:
    return judge(Sighting.of(session), client.now(), settle=settle, grace=0.0)


def _nothing(state: State, why: str) -> CancelOutcome:
    return CancelOutcome(
        state_before=state, done=(f"Nothing had to be done: {why}",), confirmed=True, people_inside=People.NO
    )


def _scheduled(client: CoviuClient, session: Session) -> CancelOutcome | None:
    """Cancel before the start; None when the start came first."""
    doubt: LiveSessionError | None = None
    try:
        client.cancel_session(session.session_id)
    except (Refused, OutcomeUnknown) as error:
        doubt = error
    try:
        now_shown = client.session(session.session_id)
    except NotFound:
        return CancelOutcome(
            state_before=State.SCHEDULED,
            done=("The session was cancelled; Coviu no longer shows it, and its links let nobody in.",),
            confirmed=True,
            people_inside=People.NO,
        )
    if client.now() >= now_shown.start_time:
        return None
    if isinstance(doubt, OutcomeUnknown):
        raise doubt
    why = doubt.what if doubt is not None else "Coviu said it was done, yet still shows the session."
    return CancelOutcome(
        state_before=State.SCHEDULED,
        not_done=(why,),
        links_valid_until=now_shown.end_time,
        people_inside=People.NO,
        next="Try again before the start, or cancel it in Coviu.",
    )


def _close(client: CoviuClient, session: Session) -> CancelOutcome:
    """Set the end of a started session a few seconds ahead and remove everybody, the key's bearer last."""
    done: list[str] = []
    not_done: list[str] = []
    end = min(whole_second(client.now() + MARGIN), session.end_time)
    try:
        client.update_session(session.session_id, SessionUpdate(end_time=end))
        done.append(f"Its end was set to {format_time(end)}.")
    except (Refused, OutcomeUnknown) as error:
        end = session.end_time
        not_done.append(f"Its end was not brought forward: {error.what}")
    there = [one for one in session.participants if one.deleted_at is None]
    removed = 0
    for one in sorted(there, key=lambda one: bool(marks.key_in(one.state))):
        try:
            people.delete(client, one, session.session_id)
            removed += 1
        except (Refused, OutcomeUnknown) as error:
            not_done.append(f"A participant was not removed: {error.what}")
    done.append(f"{removed} of {len(there)} participants were removed; their links let nobody in any more.")
    shut = removed == len(there)
    not_done.append("Whether people who were inside were put out is not known.")
    return CancelOutcome(
        state_before=State.LIVE,
        done=tuple(done),
        not_done=tuple(not_done),
        confirmed=shut,
        links_valid_until=None if shut else end,
        people_inside=People.UNKNOWN,
        next=LEAVING,
    )
