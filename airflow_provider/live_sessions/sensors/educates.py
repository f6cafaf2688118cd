"""Educates' sensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.hooks.educates import HOOK
from airflow_provider.live_sessions.sensors.session import SessionEndSensor, SessionStartSensor

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.polling import Outcome
    from airflow_provider.live_sessions.core.record import SessionRecord


class EducatesActivationSensor(SessionStartSensor):
    """Wait until learners have opened their links, and tell who has not.

    Only a session that RUNS was opened: its start and end times are there before anybody came. All arguments of
    :class:`SessionStartSensor` apply.

    Returns:
        As every sensor; ``missing`` is None where it cannot be told who came (``present`` names who was seen).
    """

    hook_class: ClassVar[str] = HOOK

    def known(self, record: SessionRecord) -> dict[str, str]:
        """Return who is who, also of those whom a repeated launch gave no link because they are done."""
        return learners_by_user(record)

    def result(self, record: SessionRecord, outcome: Outcome) -> dict[str, Any]:
        """As for every sensor, but never a no-show that is only a guess."""
        return without_guesses(super().result(record, outcome), outcome)


class EducatesSessionEndSensor(SessionEndSensor):
    """Wait until all sessions of a workshop class are over; tell ended, cancelled and never held apart.

    Never held means that every activation window lapsed. Educates keeps nothing after the end: a class whose whole
    life fell into a gap of the waiting is reported as ended with ``held`` unknown, never as a no-show. ``settle``
    has no meaning here. All arguments of :class:`SessionEndSensor` apply.

    Returns:
        As every sensor; ``missing`` is None where it cannot be told who came (``present`` names who was seen).
    """

    hook_class: ClassVar[str] = HOOK

    def known(self, record: SessionRecord) -> dict[str, str]:
        """Return who is who, also of those whom a repeated launch gave no link because they are done."""
        return learners_by_user(record)

    def result(self, record: SessionRecord, outcome: Outcome) -> dict[str, Any]:
        """As for every sensor, but never a no-show that is only a guess."""
        return without_guesses(super().result(record, outcome), outcome)


def without_guesses(result: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    """Leave out who is missing where the wait cannot know: then nobody can be counted either."""
    known = outcome.status is not None and outcome.status.people is not None
    return result if known else {**result, "missing": None}


def learners_by_user(record: SessionRecord) -> dict[str, str]:
    """Return each learner's id by the portal's user."""
    from airflow_provider.live_sessions.platforms.educates.seats import seats_of

    return {one.user: one.learner for one in seats_of(record.ref)}
