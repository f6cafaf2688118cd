"""Adding, changing and removing a session's participants without losing the launch key on one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import ConfigurationError, NotFound, OutcomeUnknown, Refused
from airflow_provider.live_sessions.platforms.coviu import launching, marks
from airflow_provider.live_sessions.platforms.coviu.models import ParticipantRequest

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import Participant as Person
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
    from airflow_provider.live_sessions.platforms.coviu.models import Participant


def add(client: CoviuClient, session_id: str, person: Person) -> tuple[Participant, bool]:
    """Add a participant, or find the one that an earlier try added.

    Args:
        client: The team's client.
        session_id: The session.
        person: Whom; told from the others by their state.

    Returns:
        The participant, and whether it was made now.

    Raises:
        OutcomeUnknown: The answer was lost; the next try finds what it did.
    """
    there = marks.named(client.participants(session_id), launching.state_of(person))
    if there is not None:
        return there, False
    return client.add_participant(session_id, launching.participant_request(person)), True


def change(client: CoviuClient, ref: SessionRef, state: str, request: ParticipantRequest) -> Participant:
    """Change a participant; a new state keeps the launch key behind it.

    Args:
        client: The team's client.
        ref: The session.
        state: The user's state of the participant to change.
        request: What is to be different.

    Raises:
        ConfigurationError: The session has no such participant, or another has the new state.
    """
    people = client.participants(ref.session_id)
    person = marks.named(people, state)
    if person is None and request.state is not None:
        person = marks.named(people, request.state)  # an earlier try may have changed it already
    if person is None:
        raise ConfigurationError(
            f"The session has no participant with the state {state!r}.",
            platform=launching.LABEL,
            conn_id=ref.conn_id,
            advice="A participant is named by the `id` (or `state`) it was launched with.",
        )
    if request.state is not None:
        twin = marks.named(people, request.state)
        if twin is not None and twin.participant_id != person.participant_id:
            raise ConfigurationError(
                f"Another participant of the session has the state {request.state!r}.",
                platform=launching.LABEL,
                conn_id=ref.conn_id,
            )
        key = marks.key_in(person.state)
        if key:
            request = request.model_copy(update={"state": marks.marked(request.state, key)})
    return client.update_participant(person.participant_id, request)


def remove(client: CoviuClient, ref: SessionRef, state: str) -> list[str]:
    """Remove a participant; if it bears the launch key, the key moves to another one first.

    Returns:
        What was done, one sentence each; empty when the participant was not there any more.

    Raises:
        Refused: Coviu does not remove it; the session may have finished.
        OutcomeUnknown: The answer was lost and the participant is still there.
    """
    people = client.participants(ref.session_id)
    person = marks.named(people, state)
    if person is None:
        return []
    told = []
    key = marks.key_in(person.state)
    heirs = [one for one in people if one.participant_id != person.participant_id]
    if key and not any(marks.key_in(one.state) == key for one in heirs):
        if heirs:
            heir = next((one for one in heirs if one.role.casefold() == "host"), heirs[0])
            moved = marks.marked(marks.own_state(heir.state), key)
            client.update_participant(heir.participant_id, ParticipantRequest(state=moved))
            told.append("The launch key moved to another participant.")
        else:
            told.append("Nobody is left to bear the launch key; the session is found by its planned time only.")
    delete(client, person, ref.session_id)
    return [*told, "The participant was removed; their link no longer lets anybody in."]


def delete(client: CoviuClient, person: Participant, session_id: str) -> None:
    """Remove a participant; where the answer is doubtful, look whether they are still there.

    Raises:
        Refused: They are still there.
        OutcomeUnknown: They are still there, and whether the removal is on its way is not known.
    """
    try:
        client.cancel_participant(person.participant_id)
    except (NotFound, Refused, OutcomeUnknown):
        there = {one.participant_id for one in client.participants(session_id) if one.deleted_at is None}
        if person.participant_id in there:
            raise
