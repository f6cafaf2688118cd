"""What a launch hands to the tasks behind it: a session's record, safe to rest in XCom.

It names the session, its times, its people and how it stood. Every join link in it is sealed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import Launched, Participant, Plan, SessionRef
from airflow_provider.live_sessions.core.reading import MISFITS, why
from airflow_provider.live_sessions.core.sealing import is_sealed, seal
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.core.times import (
    format_optional_time,
    format_time,
    parse_optional_time,
    parse_time,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.core.sealing import Cipher

VERSION = 1


@dataclass(frozen=True, slots=True)
class SealedLink:
    """One person's way in, sealed.

    Args:
        participant: For whom.
        url: ``sealed:v1:...``
        user_id: The platform's own id of the person, text; empty where it has none.
        not_before: From when the link works.
        not_after: Until when the link works.
    """

    participant: Participant
    url: str
    user_id: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Write for XCom."""
        return {
            "participant": self.participant.to_json(),
            "url": self.url,
            "user_id": self.user_id,
            "not_before": format_optional_time(self.not_before),
            "not_after": format_optional_time(self.not_after),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SealedLink:
        """Read what :meth:`to_json` wrote; a link in clear text is refused."""
        url = str(data["url"])
        if not is_sealed(url):
            raise ConfigurationError(
                "A join link of this session is not sealed.", advice="Pass a launch operator's own result."
            )
        return cls(
            participant=Participant.from_json(data["participant"], recorded=True),
            url=url,
            user_id=str(data.get("user_id", "")),
            not_before=parse_optional_time(data.get("not_before")),
            not_after=parse_optional_time(data.get("not_after")),
        )


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A launched session, as XCom carries it.

    Args:
        ref: Finds the session again.
        title: What people call it.
        start: Planned start.
        end: Planned end.
        participants: Who was expected.
        links: One a participant; None where none could be had (over, cancelled).
        created: False when the session existed before.
        state: How it stood at the launch.
        hand_over_at: When links may leave Airflow; None for at once.
        warnings: What the platform silently changed.
        claim: Whose hands the class is in, for lanes of a timetable; empty otherwise.
        proof: That its launch wrote it, sealed; see ``core/proof.py``.
    """

    ref: SessionRef
    title: str
    start: datetime
    end: datetime
    participants: tuple[Participant, ...]
    links: tuple[SealedLink, ...] | None
    created: bool
    state: State
    hand_over_at: datetime | None = None
    warnings: tuple[str, ...] = ()
    claim: Mapping[str, Any] = field(default_factory=dict, hash=False)
    proof: str = ""

    @classmethod
    def of(
        cls, launched: Launched, plan: Plan, cipher: Cipher, *, hand_over_at: datetime | None = None
    ) -> SessionRecord:
        """Seal what a launch gave."""
        links = None
        if launched.links is not None:
            links = tuple(
                SealedLink(link.participant, seal(link.url, cipher), link.user_id, link.not_before, link.not_after)
                for link in launched.links
            )
        return cls(
            ref=launched.ref,
            title=plan.title,
            start=plan.start,
            end=plan.end,
            participants=plan.participants,
            links=links,
            created=launched.created,
            state=State.SCHEDULED if launched.status is None else launched.status.state,
            hand_over_at=hand_over_at,
            warnings=launched.warnings,
        )

    def handed_over(self, now: datetime) -> bool:
        """Return whether a link may have left Airflow by now."""
        # Also where this launch gave none: an earlier one of the same session may have.
        return self.hand_over_at is None or now >= self.hand_over_at

    @property
    def window_end(self) -> datetime:
        """Until when somebody can be in the session as it was planned: its end, and any grace that it has."""
        end = self.ref.detail("window_end")
        return max(parse_time(end), self.end) if end else self.end

    def participants_by_user_id(self) -> dict[str, str]:
        """Return the participant's id for each of the platform's user ids that the launch told."""
        return {link.user_id: link.participant.id for link in self.links or () if link.user_id}

    def with_session_ids(self, session_ids: tuple[str, ...]) -> SessionRecord:
        """Return the record with the sessions that the wait found."""
        return replace(self, ref=self.ref.with_details(session_ids=",".join(session_ids)))

    def to_json(self) -> dict[str, Any]:
        """Write for XCom."""
        return {
            "version": VERSION,
            "ref": self.ref.to_json(),
            "title": self.title,
            "start": format_time(self.start),
            "end": format_time(self.end),
            "participants": [person.to_json() for person in self.participants],
            "links": None if self.links is None else [link.to_json() for link in self.links],
            "created": self.created,
            "state": self.state.value,
            "hand_over_at": format_optional_time(self.hand_over_at),
            "warnings": list(self.warnings),
            "claim": dict(self.claim),
            "proof": self.proof,
        }

    @classmethod
    def from_json(cls, data: Any) -> SessionRecord:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigurationError: It is not a session's record.
        """
        try:
            links = data["links"]
            _check_version(int(data.get("version", VERSION)))
            return cls(
                ref=SessionRef.from_json(data["ref"]),
                title=str(data["title"]),
                start=parse_time(data["start"]),
                end=parse_time(data["end"]),
                participants=tuple(Participant.from_json(one, recorded=True) for one in data["participants"]),
                links=None if links is None else tuple(SealedLink.from_json(one) for one in links),
                created=bool(data["created"]),
                state=State(data["state"]),
                hand_over_at=parse_optional_time(data.get("hand_over_at")),
                warnings=tuple(str(one) for one in data.get("warnings", ())),
                claim=dict(data.get("claim") or {}),
                proof=str(data.get("proof") or ""),
            )
        except MISFITS as error:
            told = f"it lacks {why(error)}" if isinstance(error, KeyError) else why(error)
            raise ConfigurationError(
                f"This is not the record of a launched session: {told}.",
                advice="Pass the result of a launch operator, e.g. session=launch.output.",
            ) from None


def _check_version(version: int) -> None:
    if version > VERSION:
        raise ValueError(f"it is of version {version}, written by a later release than this one")
