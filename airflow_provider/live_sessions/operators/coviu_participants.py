"""Coviu's operators for one participant of a session: add, change, remove."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.record import SealedLink, SessionRecord
from airflow_provider.live_sessions.core.sealing import seal
from airflow_provider.live_sessions.hooks.coviu import CoviuHook
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg


class CoviuAddParticipantOperator(BaseOperator):
    """Add a participant to a session, before or during it; a retry finds the one that was added.

    Args:
        session: A launch operator's result.
        participant: ``{"id", "name", "email", "role", "leader", "options"}``; only one of id, email and name is
            required. Told from the others by ``options.state``, else by ``id``.

    Returns:
        The session's record with the participant and their sealed link, for a
        :class:`CoviuHandOverLinksOperator`, which serves only who has no link yet.
    """

    template_fields: Sequence[str] = ("session", "participant")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json", "participant": "json"}
    ui_color = "#e7f0e0"

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg,
        participant: Mapping[str, Any] | XComArg,
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.session = session
        self.participant = participant

    def execute(self, context: Context) -> dict[str, Any]:
        """Add the participant and return the record."""
        del context
        with airflow_errors():
            cipher = AirflowCipher()  # before anything is made: without a key the link could go nowhere
            record = SessionRecord.from_json(self.session)
            person = Participant.from_json(self.participant)  # type: ignore[arg-type]  # rendered by now
            platform = CoviuHook(record.ref.conn_id).platform()
            try:
                link, created = platform.add_participant(record.ref, person)
            finally:
                platform.close()
            self.log.info("%s: participant %s.", record.title, "added" if created else "found")
            sealed = SealedLink(person, seal(link.url, cipher), link.user_id, link.not_before, link.not_after)
            without = _without(record, person.id)
            return replace(
                without,
                participants=(*without.participants, person),
                links=(*(without.links or ()), sealed),
            ).to_json()


class CoviuUpdateParticipantOperator(BaseOperator):
    """Change a participant's name, role, picture or state; their link stays the same.

    Args:
        session: A launch operator's result.
        participant: The participant's ``id`` in it.
        name: The new name.
        role: ``host``, ``guest`` or ``participant``.
        picture: URL of another picture.
        state: Your own text on them, unique within the session.

    Returns:
        The session's record with what changed.
    """

    template_fields: Sequence[str] = ("session", "participant", "name", "role", "picture", "state")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json"}
    ui_color = "#e7f0e0"

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg,
        participant: str,
        name: str = "",
        role: str = "",
        picture: str = "",
        state: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.session = session
        self.participant = participant
        self.name = name
        self.role = role
        self.picture = picture
        self.state = state

    def execute(self, context: Context) -> dict[str, Any]:
        """Change the participant and return the record."""
        del context
        with airflow_errors():
            from airflow_provider.live_sessions.platforms.coviu.launching import participant_update, state_of

            record = SessionRecord.from_json(self.session)
            person = _named(record, self.participant)
            own = {"role": self.role.casefold(), "picture": self.picture, "state": self.state}
            options = {name: value for name, value in own.items() if value}
            if not options and not self.name:
                raise ConfigurationError(
                    "Nothing is to be changed.", advice="Give a name, role, picture or state."
                )
            request = participant_update(self.name, options)
            platform = CoviuHook(record.ref.conn_id).platform()
            try:
                platform.update_participant(record.ref, state_of(person), request)
            finally:
                platform.close()
            changed = replace(person, name=self.name or person.name, options={**person.options, **options})
            return _with(record, changed, user_id=state_of(changed)).to_json()


class CoviuCancelParticipantOperator(BaseOperator):
    """Remove a participant from a session, for good; their link then lets nobody in.

    The launch key, where this participant bears it, moves to another one first. Not after the session's end; for
    people who are inside, the effect is not known.

    Args:
        session: A launch operator's result.
        participant: The participant's ``id`` in it.

    Returns:
        The session's record without the participant.
    """

    template_fields: Sequence[str] = ("session", "participant")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json"}
    ui_color = "#fbe4dd"

    def __init__(self, *, session: Mapping[str, Any] | XComArg, participant: str, **kwargs: Any) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.session = session
        self.participant = participant

    def execute(self, context: Context) -> dict[str, Any]:
        """Remove the participant and return the record."""
        del context
        with airflow_errors():
            from airflow_provider.live_sessions.platforms.coviu.launching import state_of

            record = SessionRecord.from_json(self.session)
            person = _named(record, self.participant)
            platform = CoviuHook(record.ref.conn_id).platform()
            try:
                told = platform.remove_participant(record.ref, state_of(person))
            finally:
                platform.close()
            for sentence in told or ["The participant was not there any more."]:
                self.log.info("%s: %s", record.title, sentence)
            return _without(record, person.id).to_json()


def _named(record: SessionRecord, participant: str) -> Participant:
    for person in record.participants:
        if person.id == participant:
            return person
    raise ConfigurationError(
        f"{record.title!r} has no participant {participant!r}.",
        advice="Give the `id` of one of its participants, and the record that names them.",
    )


def _without(record: SessionRecord, participant: str) -> SessionRecord:
    return replace(
        record,
        participants=tuple(one for one in record.participants if one.id != participant),
        links=record.links and tuple(one for one in record.links if one.participant.id != participant),
    )


def _with(record: SessionRecord, person: Participant, *, user_id: str) -> SessionRecord:
    return replace(
        record,
        participants=tuple(person if one.id == person.id else one for one in record.participants),
        links=record.links
        and tuple(
            replace(one, participant=person, user_id=user_id) if one.participant.id == person.id else one
            for one in record.links
        ),
    )
