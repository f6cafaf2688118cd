"""What a plan may say to Educates beside people and times."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError  # noqa: TID253 - loaded at run time

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.sealing import is_sealed, unseal
from airflow_provider.live_sessions.platforms.educates.refusals import PLATFORM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.core.models import Plan
    from airflow_provider.live_sessions.core.sealing import Cipher

SHORTEST_WINDOW = 60
"""Seconds; what the portal itself takes for an activation window."""


class LearnerOptions(BaseModel):
    """A participant's own fields.

    Args:
        parameters: Values for this learner's workshop, over those of the whole class.
        email: Stored on the portal with the user; it goes into the portal's access log.
        first_name: Likewise.
        last_name: Likewise.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    parameters: dict[str, SecretStr] = Field(default_factory=dict)
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class EducatesOptions(BaseModel):
    """The launch settings of a class.

    Args:
        workshop: The Workshop resource's name. The environment that runs it is looked up at every launch.
        index_url: Where a browser goes at the end; the connection's own where it is empty.
        activate_within: Seconds after the planned start in which a learner has to open the link; a late launch
            counts them from itself.
        timeout: The portal's own activation window in seconds from the launch, instead; 0 is no bound.
        users: ``launch`` gives each learner of each launch a portal user of their own; ``learner`` keeps one a
            learner, so that the portal's caps count and a session that exists is shared.
        parameters: Values for the workshop, the same for everybody. Text, sealed where it is secret.
        analytics_url: Where the sessions' events go; ``{key}`` and ``{user}`` in it are filled in. May be sealed.
        share_emails: Tell the portal the learners' e-mail addresses.
        allow_partial: When the portal is full, go on with the learners who have a session.
        grace: Seconds after the last possible end until when a wait goes on.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    workshop: str = Field(min_length=1)
    index_url: str = ""
    activate_within: float = Field(900.0, ge=SHORTEST_WINDOW)
    timeout: int | None = Field(None, ge=0)
    users: Literal["launch", "learner"] = "launch"
    parameters: dict[str, SecretStr] = Field(default_factory=dict)
    analytics_url: SecretStr | None = None
    share_emails: bool = False
    allow_partial: bool = False
    grace: float = Field(1800.0, ge=0)

    @classmethod
    def of(cls, plan: Plan, conn_id: str = "") -> EducatesOptions:
        """Read the options of a plan, its participants' included.

        Raises:
            ConfigurationError: An option is unknown or wrong; all are named at once.
        """
        try:
            options = cls.model_validate(dict(plan.options))
            for person in plan.participants:
                LearnerOptions.model_validate(dict(person.options))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'options'}: {one['msg']}" for one in error.errors()
            )
            raise ConfigurationError(
                f"The launch options of {plan.title!r} do not fit: {problems}.",
                platform=PLATFORM,
                conn_id=conn_id,
                advice="EducatesOptions and LearnerOptions list what is known; workshop is required.",
            ) from None
        return options

    def window(self, plan: Plan, now: datetime) -> int:
        """Return the activation window in whole seconds from now; 0 is no bound."""
        if self.timeout is not None:
            return self.timeout
        until = max(plan.start, now) + timedelta(seconds=self.activate_within)
        return math.ceil((until - now).total_seconds())


def opened(secret: SecretStr, cipher: Callable[[], Cipher]) -> SecretStr:
    """Return a value that may have come sealed; the key is fetched only where it was.

    Raises:
        ConfigurationError: It cannot be opened.
    """
    text = secret.get_secret_value()
    return unseal(text, cipher()) if is_sealed(text) else secret


def parameters_of(
    options: EducatesOptions, own: LearnerOptions, cipher: Callable[[], Cipher]
) -> Mapping[str, SecretStr]:
    """Return what one learner's workshop is told."""
    merged = {**options.parameters, **own.parameters}
    return {name: opened(value, cipher) for name, value in merged.items()}


def analytics_of(options: EducatesOptions, key: str, user: str, cipher: Callable[[], Cipher]) -> SecretStr | None:
    """Return where one session's events go."""
    if options.analytics_url is None:
        return None
    url = opened(options.analytics_url, cipher).get_secret_value()
    return SecretStr(url.replace("{key}", key).replace("{user}", user))
