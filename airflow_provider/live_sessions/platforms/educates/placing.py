"""Where a learner's session is, or goes: from the portal's catalogue, read at every launch. Pure.

Environments are replaced under their workshop (an update, a refresh), so a name of one is never kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import ConfigurationError, Unavailable
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.platforms.educates.models import Phase
from airflow_provider.live_sessions.platforms.educates.refusals import PLATFORM
from airflow_provider.live_sessions.platforms.educates.seats import Seat
from airflow_provider.live_sessions.platforms.educates.users import user_of_launch, user_of_learner

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import Plan
    from airflow_provider.live_sessions.platforms.educates.models import Catalogue, EnvironmentRow, SessionRow
    from airflow_provider.live_sessions.platforms.educates.options import EducatesOptions

GUEST = Participant(id="guest", name="Guest")
"""Who a class without participants is for: one session, for whoever gets its link."""


@dataclass(frozen=True, slots=True)
class Existing:
    """A session that a learner already has.

    Args:
        environment: Where; a repeated request has to go there, not to the workshop's newest environment.
        row: What the catalogue says of it.
    """

    environment: str
    row: SessionRow

    def seat(self, person: Participant) -> Seat:
        """Return it as a seat."""
        one = self.row
        return Seat(person.id, one.user, one.name, self.environment, one.started, one.expires)


def learners(plan: Plan) -> tuple[Participant, ...]:
    """Return who gets a session."""
    return plan.participants or (GUEST,)


def users_of(plan: Plan, key: LaunchKey, options: EducatesOptions) -> dict[str, str]:
    """Return each participant's user on the portal."""
    if options.users == "learner":
        return {one.id: user_of_learner(one.id) for one in learners(plan)}
    return {one.id: user_of_launch(key, one.id) for one in learners(plan)}


def existing(catalogue: Catalogue, workshop: str) -> dict[str, Existing]:
    """Return the sessions of a workshop by their users, over all its environments.

    A user may have one in each; one that can still be used goes before one that is being stopped.
    """
    found: dict[str, Existing] = {}
    for place in catalogue.environments:
        if place.workshop.own_name != workshop:
            continue
        for row in place.sessions or ():
            known = found.get(row.user)
            if known is None or known.row.state is Phase.STOPPING:
                found[row.user] = Existing(place.name, row)
    return found


def running(catalogue: Catalogue, workshop: str, conn_id: str) -> EnvironmentRow:
    """Return the environment that runs a workshop just now.

    Raises:
        ConfigurationError: The portal has no such workshop.
        Unavailable: It is being replaced, or nothing runs on the portal.
    """
    places = [one for one in catalogue.environments if one.workshop.own_name == workshop]
    up = [one for one in places if one.state is Phase.RUNNING]
    if up:
        return max(up, key=lambda one: one.name)
    if places or not catalogue.environments:
        raise Unavailable(
            f"No environment runs the workshop {workshop!r} just now.",
            platform=PLATFORM,
            conn_id=conn_id,
            advice="A new one is most likely starting; the retry looks again.",
        )
    aliased = [one.workshop.own_name for one in catalogue.environments if one.workshop.name == workshop]
    offered = sorted({one.workshop.own_name for one in catalogue.environments})
    raise ConfigurationError(
        f"The portal has no workshop {workshop!r}.",
        platform=PLATFORM,
        conn_id=conn_id,
        advice=f"That is an alias; the workshop itself is {aliased[0]!r}."
        if aliased
        else f"It offers {', '.join(offered)}.",
    )
