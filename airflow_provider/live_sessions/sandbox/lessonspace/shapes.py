"""Lessonspace's objects as JSON, field by field as in its API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.lessonspace.links import INVITE

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.lessonspace.artifacts import Artifacts
    from airflow_provider.live_sessions.sandbox.lessonspace.options import Options
    from airflow_provider.live_sessions.sandbox.lessonspace.state import Person, Session, Space
    from airflow_provider.live_sessions.sandbox.wire import Request


class Shapes:
    """Writes objects for one answer.

    Args:
        options: How this Lessonspace behaves.
        artifacts: Knows what is ready.
        request: Asks; its links lead back to where its client is, those of people to the door.
        now: The time.
    """

    def __init__(self, options: Options, artifacts: Artifacts, request: Request, now: datetime) -> None:
        self._options = options
        self._artifacts = artifacts
        self._base, self._door = request.origin, request.door
        self._now = now

    def session(self, session: Session) -> dict[str, Any]:
        """Write a session as the organisation's list and the detail show it."""
        return {**self._session(session), "space": self.space(session.space)}

    def space_session(self, session: Session) -> dict[str, Any]:
        """Write a session as the space's list shows it: with logs, without the space."""
        return {
            **self._session(session),
            "logs": [
                {
                    "id": line.number,
                    "log_type": line.kind,
                    "date": iso(line.at),
                    "profile": str(line.person.number) if line.person else None,
                    "guest_uuid": line.guest or None,
                    "created_at": iso(line.at),
                    "user_socket_id": line.socket_id or None,
                }
                for line in session.logs
            ],
            "connected_users": sorted({one.person.number for one in session.inside if one.person}),
        }

    def space(self, space: Space) -> dict[str, Any]:
        """Write a space."""
        shown: dict[str, Any] = {
            "id": space.id,
            "alias": None,
            "slug": space.id,
            "name": space.name,
            "organisation": self._options.organisation,
            "is_locked": False,
            "tags": dict(space.tags),
            "url": f"{self._door}{INVITE}{space.id}/",
            "created_at": iso(space.created_at),
            "locks": [],
            "region": space.region,
            "record_av": space.record_av,
        }
        if self._options.newer_fields:
            shown |= {"transcribe": space.transcribe, "summarise": space.summarise}
        return shown

    def member(self, person: Person) -> dict[str, Any]:
        """Write a user as the user list shows it."""
        url = f"{self._base}/lessonspace/v2/organisations/{self._options.organisation}/users/{person.number}/"
        return {
            "user": {"id": person.number, "username": person.email or f"user-{person.number}"},
            "role": person.role,
            "active": True,
            "name": person.name,
            "external_id": person.external_id,
            "url": url,
        }

    def _session(self, session: Session) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": session.number,
            "uuid": session.uuid,
            "name": session.name,
            "playback_url": f"{self._base}/lessonspace/v2/sessions/{session.uuid}/playback/",
            "start_time": iso(session.started_at),
            "end_time": iso(session.ended_at) if session.ended_at else None,
            "profiles": [_profile(one) for one in session.people.values()],
            "guests": [
                {"id": session.number * 100 + position, "uuid": guest, "session": session.number}
                for position, guest in enumerate(session.guests)
            ],
            "billable_seconds": session.billable_seconds(self._now),
            "tags": dict(session.tags),
            "recording_access_policy": list(session.policy),
        }
        if self._options.newer_fields:
            shown |= {
                "recording_available": self._artifacts.recording_ready(session, self._now),
                "recording_deleted": session.recording_deleted,
                "summary": self._artifacts.summary(session, self._now),
            }
        return shown


def _profile(person: Person) -> dict[str, Any]:
    picture = None
    if person.picture:
        picture = {
            "id": person.number,
            "uploaded_at": None,
            "admin_verified": "not-verified",
            "image": person.picture,
        }
    return {
        "user": person.number,
        "name": person.name,
        "profile_picture": picture,
        "email": person.email,
        "role": person.role,
    }
