"""What can go wrong, sorted by what the caller can do about it.

::

    LiveSessionError
    ├── ConfigurationError       fix the connection or the arguments; retrying is useless
    ├── Refused                  the platform understood and said no; carries its own words
    │   ├── AuthenticationFailed
    │   ├── NotFound
    │   ├── Unsupported          the platform has no such ability; names what does work
    │   └── TooLate              the session is past it; nothing has to be corrected
    ├── Transient                try again later
    │   ├── RateLimited          carries the wait asked for
    │   └── Unavailable
    └── OutcomeUnknown           a write was sent and its answer lost: look before doing anything again

A message says what happened, where, and what to do next. It never holds a secret or a URL with a query.
"""

from __future__ import annotations

from typing import ClassVar


class LiveSessionError(Exception):
    """The root of every error that this package raises on purpose.

    Args:
        what: What happened, one sentence, free of secrets.
        platform: The platform concerned, as shown to people, e.g. ``Lessonspace``.
        conn_id: The Airflow connection concerned.
        advice: What the reader can do next, one sentence; what is usual for this kind of error where it is empty.
    """

    usual_advice: ClassVar[str] = "If it happens again, report it with the task's log."

    def __init__(self, what: str, *, platform: str = "", conn_id: str = "", advice: str = "") -> None:
        self.what = what
        self.platform = platform
        self.conn_id = conn_id
        self.advice = advice
        super().__init__(what)

    @property
    def standing_advice(self) -> str:
        """What the reader can do next; never empty."""
        return self.advice or self.usual_advice

    def __str__(self) -> str:
        where = self.platform
        if self.conn_id:
            where = f"{where} (connection {self.conn_id!r})".strip()
        return f"{where}: {self.what} {self.standing_advice}" if where else f"{self.what} {self.standing_advice}"

    def __reduce__(self) -> tuple[type[LiveSessionError], tuple[str], dict[str, object]]:
        # Airflow and process pools pickle exceptions; keyword-only arguments need this.
        return (type(self), (self.what,), dict(self.__dict__))


class ConfigurationError(LiveSessionError):
    """The connection or the arguments are wrong; a retry changes nothing."""

    usual_advice: ClassVar[str] = "Correct the connection or the task's arguments; a retry changes nothing."


class Refused(LiveSessionError):
    """The platform understood the request and said no.

    Args:
        status: The HTTP status of the answer, 0 where there was none.
        words: The platform's own words, redacted and shortened.
    """

    usual_advice: ClassVar[str] = "Correct what was asked for; a retry changes nothing."

    def __init__(
        self,
        what: str,
        *,
        platform: str = "",
        conn_id: str = "",
        advice: str = "",
        status: int = 0,
        words: str = "",
    ) -> None:
        super().__init__(what, platform=platform, conn_id=conn_id, advice=advice)
        self.status = status
        self.words = words


class AuthenticationFailed(Refused):
    """The platform does not accept the credentials of the connection."""

    usual_advice: ClassVar[str] = "Check the credentials of the connection."


class NotFound(Refused):
    """The platform does not know what was asked for."""

    usual_advice: ClassVar[str] = (
        "See whether it is still there, and whether the connection is of the same account."
    )


class Unsupported(Refused):
    """The platform has no such ability; the advice names the nearest thing that works."""


class TooLate(Refused):
    """Nothing is wrong with the connection or arguments: the session has begun, is over or is another run's."""

    usual_advice: ClassVar[str] = "Nothing was changed."


class Transient(LiveSessionError):
    """It may work later: try again."""

    usual_advice: ClassVar[str] = "If it lasts, see whether the platform is up and can be reached from here."


class RateLimited(Transient):
    """The platform asked to slow down.

    Args:
        retry_after: Seconds to wait before the next request, as asked for by the platform, clamped.
    """

    usual_advice: ClassVar[str] = "If it lasts, lower requests_per_second of the connection."

    def __init__(
        self,
        what: str,
        *,
        platform: str = "",
        conn_id: str = "",
        advice: str = "",
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(what, platform=platform, conn_id=conn_id, advice=advice)
        self.retry_after = retry_after


class Unavailable(Transient):
    """The platform did not answer, or answered that it cannot.

    Args:
        retry_after: Seconds to wait where the platform named them, else 0.
    """

    def __init__(
        self,
        what: str,
        *,
        platform: str = "",
        conn_id: str = "",
        advice: str = "",
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(what, platform=platform, conn_id=conn_id, advice=advice)
        self.retry_after = retry_after


class OutcomeUnknown(LiveSessionError):
    """A write was sent and its answer was lost: it may or may not have happened.

    Never repeat the write; look for its effect first. Airflow's retry does exactly that.
    """

    usual_advice: ClassVar[str] = "Look for its effect before it is sent again; a retry of the task does."
