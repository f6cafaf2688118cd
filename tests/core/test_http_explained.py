"""A platform whose bodies say more than its statuses is asked what an answer means before its status decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions.core.errors import OutcomeUnknown, Refused, Unavailable
from tests.core import scripted
from tests.core.desk import desk, ok

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.answer import Answer
    from airflow_provider.live_sessions.core.errors import LiveSessionError


def full(answer: Answer) -> LiveSessionError | None:
    return Unavailable("full") if answer.text == "full" else None


def test_a_write_that_the_platform_explains_is_settled_and_not_unknown() -> None:
    with desk(scripted.reply(503, "full"), explain=full) as at:
        with pytest.raises(Unavailable, match="full"):
            at.post()
        assert len(at.server.received) == 1


def test_what_the_platform_does_not_explain_is_decided_by_its_status() -> None:
    with desk(scripted.reply(503, "busy"), explain=full) as at, pytest.raises(OutcomeUnknown):
        at.post()
    with desk(scripted.reply(503, "busy"), ok(), explain=full) as at:
        assert at.get().json() == {"ok": True}


def test_new_credentials_are_tried_before_a_refusal_is_explained() -> None:
    with desk(
        scripted.reply(403, ""),
        ok(),
        renew=lambda answer: answer.status == 403,
        explain=lambda answer: Refused("never", status=answer.status),
    ) as at:
        assert at.get().json() == {"ok": True}


def test_an_explanation_settles_nothing_of_an_earlier_try_that_was_lost() -> None:
    answers = (scripted.hang_up(), scripted.reply(400, "full"))
    told = pytest.raises(Refused, match="An earlier try of this call may have taken effect")
    with desk(*answers, explain=full) as at, told:
        at.put()
