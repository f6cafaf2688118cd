"""An honest cancel on a platform that has no call to end a session (``apis/lessonspace.md`` section 3.1).

What can be done is done, what cannot is named, and a link that may have been handed over is never reported as
revoked: it keeps the expiry that was signed into it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import Refused
from airflow_provider.live_sessions.core.models import ENDS_BY_ITSELF, CancelOutcome, People
from airflow_provider.live_sessions.core.status import Seen, SessionStatus, State
from airflow_provider.live_sessions.core.times import format_time, parse_time
from airflow_provider.live_sessions.platforms.lessonspace.launching import cancel_mark, cancelled_day
from airflow_provider.live_sessions.platforms.lessonspace.watching import marked_spaces, read_space
from airflow_provider.live_sessions.platforms.lessonspace.window import judge

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient

NO_SUCH_CALL = "Lessonspace has no call that ends a session or puts people out."
LEADER = "A leader can end it in the room with 'End Session for All'."


def current_status(client: LessonspaceClient, ref: SessionRef, *, settle: float) -> SessionStatus:
    """Return how a class stands right now, read directly from its space."""
    stretches = read_space(client, ref)
    marked = ref.detail("mode") == "occurrence" and ref.detail("space") in marked_spaces(
        client, cancelled_day(ref)
    )
    seen = Seen(
        planned_start=parse_time(ref.detail("planned_start")),
        planned_end=parse_time(ref.detail("planned_end")),
        deadline=parse_time(ref.detail("window_end")),
        settle=settle,
    )
    return judge(stretches, seen, client.now(), cancelled=marked)


def cancel(client: LessonspaceClient, ref: SessionRef, *, settle: float, handed_over: bool) -> CancelOutcome:
    """Cancel as far as Lessonspace can.

    Args:
        client: The organisation's client.
        ref: The class.
        settle: Seconds without anybody that make an end.
        handed_over: False when no link can have left Airflow: then the cancel is complete.
    """
    status = current_status(client, ref, settle=settle)
    if status.state is State.LIVE:
        return _live(ref, status)
    if status.state.over:
        return CancelOutcome(
            state_before=status.state,
            done=(f"Nothing had to be done: {status.why}",),
            confirmed=status.state is not State.CANCELLED or not handed_over,
            links_valid_until=_links_until(client, ref, handed_over=handed_over),
            people_inside=People.NO,
        )
    return _scheduled(client, ref, handed_over=handed_over)


def _live(ref: SessionRef, status: SessionStatus) -> CancelOutcome:
    if status.empty:
        return CancelOutcome(
            state_before=State.LIVE,
            not_done=(status.why,),
            links_valid_until=parse_time(ref.detail("links_end")),
            people_inside=People.NO,
            next=ENDS_BY_ITSELF,
        )
    hard_stop = ref.detail("hard_stop")
    bound = (
        f"Every link puts its bearer out at {hard_stop}; the session ends some 30 seconds later."
        if hard_stop
        else "It was launched without hard_stop, so nothing puts the people out."
    )
    return CancelOutcome(
        state_before=State.LIVE,
        not_done=(NO_SUCH_CALL, bound),
        links_valid_until=parse_time(ref.detail("links_end")),
        people_inside=People.YES,
        next=LEADER,
    )


def _scheduled(client: LessonspaceClient, ref: SessionRef, *, handed_over: bool) -> CancelOutcome:
    done: list[str] = []
    not_done: list[str] = []
    marked = False
    if ref.in_lasting_room:
        not_done.append("A persistent space is not marked: the mark would hold for the next class as well.")
    else:
        same_room(client, ref, client.launch(cancel_mark(ref, client.now())).room_id)
        marked = ref.detail("space") in marked_spaces(client, cancelled_day(ref))
        if marked:
            done.append("The space was marked as cancelled: tasks that wait for the class see it, people do not.")
        else:
            not_done.append(
                "The mark was sent but cannot be read back, so a wait for this class runs to its deadline."
            )
    if not handed_over:
        if marked:
            done.append("No link had left Airflow, so nobody can come.")
        else:
            not_done.append(
                "No link had left Airflow, but a hand-over that is still waiting cannot see this cancel: "
                "stop that task as well."
            )
        return CancelOutcome(
            state_before=State.SCHEDULED,
            done=tuple(done),
            not_done=tuple(not_done),
            confirmed=marked,  # who hands links over looks for the mark first
            people_inside=People.NO,
        )
    until = _links_until(client, ref, handed_over=True)
    if until is not None:
        not_done.append(f"A link that has left Airflow cannot be revoked; it works until {format_time(until)}.")
    return CancelOutcome(
        state_before=State.SCHEDULED,
        done=tuple(done),
        not_done=tuple(not_done),
        confirmed=until is None,
        links_valid_until=until,
        people_inside=People.NO,
        next="" if until is None else "Tell the participants yourself: nobody else does.",
    )


def same_room(client: LessonspaceClient, ref: SessionRef, room_id: str) -> None:
    """Make sure that a launch reached the class's own room.

    Raises:
        Refused: It led to another one.
    """
    if room_id != ref.detail("space"):
        raise Refused(
            "launch a space: the same id led to another room than the class has.",
            platform="Lessonspace",
            conn_id=client.conn_id,
            advice="Was it launched with other settings, or by another release? Look at it in the dashboard.",
        )


def _links_until(client: LessonspaceClient, ref: SessionRef, *, handed_over: bool) -> datetime | None:
    until = parse_time(ref.detail("links_end"))
    return until if handed_over and until > client.now() else None
