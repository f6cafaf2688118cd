"""What the portal's refusals mean: its statuses say little, its bodies more (``apis/educates.md`` section 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.answer import words_of
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    LiveSessionError,
    NotFound,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.answer import Answer

PLATFORM = "Educates"
LOG_IN = "log in"

NO_ROBOT = ("Session requests not permitted", "Status requests not permitted")
NO_ENVIRONMENT = "Environment does not exist"
NOT_REACQUIRED = "Cannot be reacquired"


class NoSession(Unavailable):
    """The portal itself says that it has no session to give: nothing was made.

    One message for five causes: the environment or the portal is full, the user is at a cap, the environment is
    being replaced, or the session named is gone.

    Args:
        reacquirable: False for a session of this user that was made on the portal's web page.
    """

    def __init__(self, what: str, *, reacquirable: bool = True, conn_id: str = "", advice: str = "") -> None:
        super().__init__(what, platform=PLATFORM, conn_id=conn_id, advice=advice)
        self.reacquirable = reacquirable


def meaning(answer: Answer, secrets: Sequence[SecretStr] = ()) -> LiveSessionError | None:
    """Return the error that an answer means beyond its status; None where the status says it all.

    Args:
        answer: Any answer that is not what was hoped for.
        secrets: Taken out of the portal's words.
    """
    if answer.status == 403:
        return _forbidden(answer)
    if answer.status == 400 and answer.label == LOG_IN:
        return AuthenticationFailed(
            f"{LOG_IN}: the robot account was not accepted: {words_of(answer, secrets)}",
            platform=PLATFORM,
            conn_id=answer.conn_id,
            advice="Compare Robot account and its password with status.educates.credentials.robot of the portal.",
            status=400,
            words=words_of(answer, secrets),
        )
    if answer.status == 503 and answer.is_json:
        # An ingress says 503 as well, with a page: then the request may be under way.
        words = words_of(answer, secrets)
        return NoSession(
            f"{answer.label}: {words}.", reacquirable=NOT_REACQUIRED not in words, conn_id=answer.conn_id
        )
    return None


def _forbidden(answer: Answer) -> LiveSessionError | None:
    words = answer.text.strip()
    if not words:
        return AuthenticationFailed(
            f"{answer.label}: the token was not accepted, nor was one from a fresh login.",
            platform=PLATFORM,
            conn_id=answer.conn_id,
            advice="Is the connection's host the portal that the credentials belong to?",
            status=403,
        )
    if words in NO_ROBOT:
        return AuthenticationFailed(
            f"{answer.label}: the account is not the portal's robot.",
            platform=PLATFORM,
            conn_id=answer.conn_id,
            advice="Use status.educates.credentials.robot of the TrainingPortal.",
            status=403,
            words=words,
        )
    if words == NO_ENVIRONMENT:
        return NotFound(
            f"{answer.label}: there is no such environment (any more).",
            platform=PLATFORM,
            conn_id=answer.conn_id,
            advice="Environments are replaced when their workshop is updated; the retry looks for the new one.",
            status=403,
            words=words,
        )
    return None
