"""Coviu's answers as JSON (dossier 2.1 and 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.coviu.wire import written

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.coviu.options import Options
    from airflow_provider.live_sessions.sandbox.coviu.state import Participant, Session

ENTRY = "/coviu/session/"


class Shapes:
    """Renders for one request.

    Args:
        options: Formats and which fields there are.
        team_id: The team.
        origin: The scheme and host that entry URLs begin with.
    """

    def __init__(self, options: Options, team_id: str, origin: str) -> None:
        self._options = options
        self._team_id = team_id
        self._origin = origin

    def session(self, one: Session, *, deleted: bool) -> dict[str, Any]:
        """Render a session; optional fields that are not set are left out."""
        dates = self._options.dates
        shown: dict[str, Any] = {
            "session_id": one.id,
            "start_time": written(one.start, dates),
            "end_time": written(one.end, dates),
            "team_id": self._team_id,
            "client_id": self._options.api_key,
            "participants": [self.participant(person) for person in one.shown(deleted=deleted)],
        }
        if one.name is not None:
            shown["session_name"] = one.name
        if one.picture is not None:
            shown["picture"] = one.picture
        if one.feature_flags:
            shown["feature_flags"] = list(one.feature_flags)
        if one.canceled is not None and self._options.canceled_time:
            shown["canceled_time"] = written(one.canceled, dates)
        if self._options.actual_end_time:
            shown["actual_end_time"] = None if one.actual_end is None else written(one.actual_end, dates)
        return shown

    def participant(self, one: Participant) -> dict[str, Any]:
        """Render a participant, with the link that lets its bearer in."""
        shown: dict[str, Any] = {
            "client_id": self._options.api_key,
            "participant_id": one.id,
            "session_id": one.session_id,
            "entry_url": f"{self._origin}{ENTRY}{one.id}",
            "role": one.role,
        }
        for name in ("display_name", "picture", "state", "phone"):
            value = getattr(one, name)
            if value is not None:
                shown[name] = value
        if one.deleted_at is not None:
            shown["deleted_at"] = written(one.deleted_at, self._options.dates)
        return shown

    def summary(self, one: Session) -> dict[str, Any]:
        """Render who was there: first entry and latest exit of each who came."""
        dates = self._options.dates
        came = []
        for person in one.participants:
            if not person.visits:
                continue
            left = [visit.left for visit in person.visits if visit.left is not None]
            gone = bool(left) and not person.inside
            came.append(
                {
                    "participant_id": person.id,
                    "role": person.role,
                    "entry_time": written(person.visits[0].entered, dates),
                    "exit_time": {"left_at": written(max(left), dates), "left_reason": "left"} if gone else None,
                    "bandwidth": {"avg_sent_bandwidth": 512, "avg_receive_bandwidth": 768},
                }
            )
        return {
            "start_time": written(one.start, dates),
            "end_time": written(one.end, dates),
            "actual_end_time": None if one.actual_end is None else written(one.actual_end, dates),
            "participants": came,
        }
