"""A way into a class's room or recording for somebody who was not on the list.

A room's link comes of a launch, and a launch is not harmless (PLATFORM-RULES, "Cancel"): it takes a cancel mark
away, and after an end it reserves the next session. So the class is looked at first, and every space-level field
is sent again as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.contract import DEFAULT_RULES, Readiness
from airflow_provider.live_sessions.core.errors import Refused
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.lessonspace import recordings
from airflow_provider.live_sessions.platforms.lessonspace.cancelling import current_status, same_room
from airflow_provider.live_sessions.platforms.lessonspace.models import (
    JwtParameters,
    LaunchRequest,
    LaunchUser,
    Timeouts,
)
from airflow_provider.live_sessions.platforms.lessonspace.refs import settings_in

if TYPE_CHECKING:
    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.models import Participant, SessionRef
    from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient


def open_room(client: LessonspaceClient, ref: SessionRef, visitor: Participant, *, settle: float) -> SecretStr:
    """Return a link into the class's room that can be used once.

    Args:
        client: The organisation's client.
        ref: The class.
        visitor: Who comes in; the others see their name.
        settle: Seconds without anybody that make an end.

    Raises:
        Refused: The class is over or cancelled.
    """
    status = current_status(client, ref, settle=settle)
    if status.state is State.CANCELLED:
        raise _refused(client, "The class was cancelled.", "Launch it again to open its room.")
    if status.state.over:
        raise _refused(client, "The class is over, and so is its room.", "Its recording is a link of its own.")
    answer = client.launch(visitor_launch(ref, visitor))
    same_room(client, ref, answer.room_id)
    return answer.client_url


def open_recording(client: LessonspaceClient, ref: SessionRef, *, settle: float) -> SecretStr:
    """Return a fresh link to the replay of the class's last session that has one; good for at most 3 hours.

    Raises:
        Refused: There is none (yet).
    """
    why = "nobody has been in its room"
    for session_id in reversed(current_status(client, ref, settle=settle).session_ids):
        end = parse_time(ref.detail("planned_end"))
        found = recordings.retrieve(client, ref, session_id, DEFAULT_RULES.after(end))
        if found.verdict.readiness is Readiness.READY and found.link is not None:
            return found.link
        why = found.verdict.why
    raise _refused(client, f"The class has no recording that can be opened: {why}.", "")


def visitor_launch(ref: SessionRef, visitor: Participant) -> LaunchRequest:
    """Return the launch that lets a visitor in: the class as it was launched, with one more person.

    Args:
        ref: The class.
        visitor: Who comes in; put out with everybody else where the class has a hard stop.
    """
    bounded = JwtParameters.model_validate({"kickOnExp": True}) if ref.detail("hard_stop") else None
    return LaunchRequest(
        id=ref.detail("launch_id"),
        **settings_in(ref),
        user=LaunchUser(
            id=visitor.id,
            name=visitor.name,
            leader=visitor.leader,
            single_use=True,
            custom_jwt_parameters=bounded,
        ),
        timeouts=Timeouts(not_before=ref.detail("window_start"), not_after=ref.detail("links_end")),
    )


def _refused(client: LessonspaceClient, what: str, advice: str) -> Refused:
    return Refused(what, platform="Lessonspace", conn_id=client.conn_id, advice=advice)
