"""Lessonspace as the mechanisms see it: the contract, met with the client and the rules beside this file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.contract import (
    Ability,
    ArtifactWait,
    Found,
    Lookup,
    Readiness,
    Unprovable,
    Verdict,
    Watch,
    unsupported,
)
from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.errors import Refused, Transient
from airflow_provider.live_sessions.core.models import (
    CancelOutcome,
    JoinLink,
    Launched,
    Participant,
    Plan,
    SessionRef,
)
from airflow_provider.live_sessions.core.status import Seen, SessionStatus, State
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.lessonspace import (
    attendance,
    cancelling,
    deliveries,
    doors,
    exporting,
    launching,
    recordings,
    spoken,
    transcripts,
)
from airflow_provider.live_sessions.platforms.lessonspace.ended import OVERLAP, ended_since
from airflow_provider.live_sessions.platforms.lessonspace.filters import SessionFilters, SpaceFilters, UserFilters
from airflow_provider.live_sessions.platforms.lessonspace.launching import LessonspaceOptions
from airflow_provider.live_sessions.platforms.lessonspace.watching import Watching, marked_spaces
from airflow_provider.live_sessions.platforms.lessonspace.window import Stretch, Window, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from airflow_provider.live_sessions.artifacts.attendance import Presence
    from airflow_provider.live_sessions.core.contract import ArtifactRules
    from airflow_provider.live_sessions.core.deliveries import Delivery, Finding
    from airflow_provider.live_sessions.core.ended import EndedSession
    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.segment_rows import SegmentRow
    from airflow_provider.live_sessions.core.session_rows import ExportAsk, SessionRow, Tally
    from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient

SETTLE = 600.0
"""Seconds with nobody in the room that end a class before its planned end."""


class LessonspacePlatform:
    """One organisation on Lessonspace.

    Args:
        client: The organisation's client; closed with the platform.
        settle: Seconds with nobody in the room that end a class before its planned end.
    """

    name = launching.NAME
    keeps_history = True
    ended_overlap = OVERLAP
    export_rules = exporting.RULES
    abilities = frozenset(
        {
            Ability.CANCEL_SCHEDULED,
            Ability.UPDATE,
            Ability.TRANSCRIPT,
            Ability.RECORDING,
            Ability.ATTENDANCE,
            Ability.REMOVE_USER,
        }
    )

    def __init__(self, client: LessonspaceClient, *, settle: float = SETTLE) -> None:
        self.client = client
        self._settle = settle
        self._watching = Watching(client)
        self._people: dict[str, str] | None = None

    def close(self) -> None:
        """Give back the connection."""
        self.client.close()

    # ---- launch

    def launch(self, plan: Plan, key: LaunchKey) -> Launched:
        """Create or get the class's space and make a join link for each participant.

        Raises:
            ConfigurationError: The plan's options do not fit.
            OutcomeUnknown: An answer was lost; the space is the same on the next try.
        """
        options = LessonspaceOptions.of(plan, self.client.conn_id)
        links: list[JoinLink] = []
        warnings: list[str] = []
        if not plan.participants:
            warnings.append("No participants were named: one link for a guest was made, whoever has it comes in.")
        elif not any(one.leader for one in plan.participants):
            warnings.append("Nobody leads: no participant is marked as the leader, so nobody can end it for all.")
        ref: SessionRef | None = None
        created = False
        secret: SecretStr | None = None
        for person, request in launching.requests_of(plan, key, options):
            answer = self.client.launch(request, client_ip=options.client_ip)
            if ref is None:
                created, secret = answer.created, answer.secret
                warnings.extend(launching.silently_changed(request, answer))
                ref = launching.make_ref(
                    plan,
                    key,
                    options,
                    conn_id=self.client.conn_id,
                    room_id=answer.room_id,
                    session_id=answer.session_id,
                    settings=answer.room_settings,
                )
            elif answer.room_id != ref.detail("space"):
                raise Refused(
                    "launch a space: the same id led to two rooms.",
                    platform="Lessonspace",
                    conn_id=self.client.conn_id,
                    advice="Ask Lessonspace's support; hand out none of the links.",
                )
            links.append(
                JoinLink(
                    participant=person,
                    url=answer.client_url,
                    user_id="" if answer.user_id is None else str(answer.user_id),
                    not_before=options.window(plan).start,
                    not_after=options.links_end(plan),
                )
            )
        if ref is None:
            raise AssertionError("requests_of gives at least one request")
        return Launched(ref=ref, links=tuple(links), created=created, warnings=tuple(warnings), secret=secret)

    def adopt(self, found: Found, plan: Plan, key: LaunchKey) -> Launched:
        """Launch the same space again: it brings the name up to date and makes fresh links.

        Links made before stay good until their own end; nothing is doubled, because the ``id`` is the same.
        """
        launched = self.launch(plan, key)
        cancelling.same_room(self.client, found.ref, launched.ref.detail("space"))
        # A launch takes the cancel mark away: what was cancelled is scheduled again.
        status = None if found.status.state is State.CANCELLED else found.status
        return replace(launched, created=False, status=status)

    def find(self, key: LaunchKey, plan: Plan) -> Lookup:
        """Look for the class by its key: first its sessions, then its space.

        A class that nobody entered has no session, so no row proves nothing; the space's tag does. Where both
        are silent the launch is unprovable, which on Lessonspace is safe: the same ``id`` is the same space.
        """
        options = LessonspaceOptions.of(plan, self.client.conn_id)
        tag = {launching.KEY_TAG: key.digest}
        rows = [
            row
            for row in self.client.sessions(
                SessionFilters(launch_id=launching.space_id(key, options), tags=tag, include_single_user=True)
            )
            # The server ignores filters it does not know, so a row counts only when it carries the key itself.
            if row.tags.get(launching.KEY_TAG, "").casefold() == key.digest
        ]
        spaces = list(self.client.spaces(SpaceFilters(tag_key=launching.KEY_TAG, tag_value=key.digest)))
        rooms = [row.space for row in rows if row.space is not None] + spaces
        if not rooms:
            return Unprovable("no session and no space carries the key; an unused launch may leave no trace")
        room = rooms[0]
        ref = launching.make_ref(
            plan,
            key,
            options,
            conn_id=self.client.conn_id,
            room_id=room.slug or room.id,
            session_id=rows[0].uuid if rows else "",
        )
        return Found(
            ref=ref,
            status=self._status_of(ref, [one for row in rows if (one := Stretch.of(row))], plan),
            fingerprint=(rows[0].tags if rows else room.tags).get(launching.PLAN_TAG, ""),
        )

    def _status_of(self, ref: SessionRef, stretches: Sequence[Stretch], plan: Plan) -> SessionStatus:
        window = Window.of(ref)
        marked = ref.detail("mode") == "occurrence" and ref.detail("space") in marked_spaces(
            self.client, launching.cancelled_day(ref)
        )
        return judge(
            [one for one in stretches if window.holds(one)],
            Seen(plan.start, plan.end, window.end, self._settle),
            self.client.now(),
            cancelled=marked,
        )

    # ---- wait, cancel

    def statuses(self, watches: Sequence[Watch], now: datetime) -> Sequence[SessionStatus | None]:
        """Return how the classes stand, from three lists. Lessonspace's clock counts, not ``now``."""
        del now
        return self._watching.statuses(watches)

    def ended_since(self, since: datetime, until: datetime | None = None) -> tuple[list[EndedSession], datetime]:
        """Return the organisation's sessions that ended from a moment on, whoever launched them."""
        return ended_since(self.client, since, until)

    def confirm(self, delivery: Delivery, ref: SessionRef | None) -> Finding:
        """Ask whether what a delivery says is so."""
        return deliveries.confirm(self.client, delivery, ref, key_tag=launching.KEY_TAG)

    def cancel(self, ref: SessionRef, *, force: bool = False, handed_over: bool = True) -> CancelOutcome:
        """Mark a class that nobody entered as cancelled; say what cannot be done about the rest.

        ``force`` changes nothing: there is nothing uncertain to try.
        """
        del force
        return cancelling.cancel(self.client, ref, settle=self._settle, handed_over=handed_over)

    def current(self, ref: SessionRef) -> SessionStatus:
        """Return how a class stands, read directly from its space."""
        return cancelling.current_status(self.client, ref, settle=self._settle)

    def open_door(self, door: Door, ref: SessionRef, visitor: Participant) -> SecretStr:
        """Return a fresh link into the class's room, or to its last replay."""
        if door is Door.RECORDING:
            return doors.open_recording(self.client, ref, settle=self._settle)
        return doors.open_room(self.client, ref, visitor, settle=self._settle)

    # ---- export

    def now(self) -> datetime:
        """Return Lessonspace's time."""
        return self.client.now()

    def ended_sessions(self, ask: ExportAsk, tally: Tally) -> Iterator[SessionRow]:
        """Yield every session of the organisation that ended within a time, also those made elsewhere."""
        return exporting.ended_sessions(self.client, ask, tally)

    def spoken_segments(
        self,
        ask: ExportAsk,
        tally: Tally,
        rules: ArtifactRules,
        launched: Callable[[str], Mapping[str, Participant]],
    ) -> Iterator[SegmentRow]:
        """Yield what was said in every session of the organisation that ended within a time."""
        speakers = spoken.Speakers(launched, self._external_ids)
        return spoken.spoken_segments(self.client, ask, tally, rules, speakers)

    def _external_ids(self) -> dict[str, str]:
        """Return whose id is whose, read once: an export asks for it a row at a time."""
        if self._people is None:
            self._people = spoken.external_ids(self.client)
        return self._people

    # ---- artifacts

    def session_ids(self, ref: SessionRef) -> tuple[str, ...]:
        """Return every session of the class, oldest first."""
        return self.current(ref).session_ids

    def readiness(self, ability: Ability, ref: SessionRef | None, session_id: str, asked: ArtifactWait) -> Verdict:
        """Say whether a session's transcript or recording is there.

        Raises:
            Unsupported: Another artifact.
        """
        if ability is Ability.TRANSCRIPT:
            return self.transcript(ref, session_id, asked).verdict
        if ability is Ability.RECORDING:
            return self.recording(ref, session_id, asked).verdict
        return unsupported(
            "Lessonspace",
            self.client.conn_id,
            f"There are no {ability} to wait for.",
            "Read attendance directly.",
        )

    def transcript(self, ref: SessionRef | None, session_id: str, asked: ArtifactWait) -> transcripts.Retrieved:
        """Return a session's transcript, or why there is none (yet)."""
        try:
            return transcripts.retrieve(self.client, ref, session_id, asked)
        except (Refused, Transient) as error:
            return transcripts.Retrieved(self._unreadable(error, asked))

    def recording(self, ref: SessionRef | None, session_id: str, asked: ArtifactWait) -> recordings.Recording:
        """Return a session's recording as far as it can be had."""
        return recordings.retrieve(self.client, ref, session_id, asked)

    def _unreadable(self, error: Refused | Transient, asked: ArtifactWait) -> Verdict:
        if isinstance(error, Transient) or self.client.now() < asked.deadline:
            return Verdict(Readiness.PENDING, f"the session cannot be read: {error.what}")
        return Verdict(Readiness.FAILED, f"the session cannot be read and the deadline has passed: {error.what}")

    def participants(self, ref: SessionRef, expected: Sequence[Participant]) -> dict[str, str]:
        """Return the expected participant's id for each Lessonspace user id seen in the class's room.

        What a launch tells with its links, asked for afterwards: people keep the id they were launched with.
        """
        ids = {person.id.casefold(): person.id for person in expected}
        people = self.client.users(UserFilters(space=(ref.detail("space"),)))
        return {
            str(one.user.id): ids[one.external_id.casefold()]
            for one in people
            if one.external_id and one.external_id.casefold() in ids
        }

    def attendance(self, ref: SessionRef, participants: Mapping[str, str]) -> list[Presence]:
        """Return who was in the class.

        Args:
            ref: The class.
            participants: The caller's participant id for each Lessonspace user id.
        """
        window = Window.of(ref)
        rows = self.client.space_sessions(ref.detail("space"), SessionFilters(include_single_user=True))
        inside = [row for row in rows if (one := Stretch.of(row)) and window.holds(one)]
        return attendance.presences(inside, participants)


def planned(ref: SessionRef) -> tuple[datetime, datetime]:
    """Return the planned start and end that a ref carries."""
    return parse_time(ref.detail("planned_start")), parse_time(ref.detail("planned_end"))
