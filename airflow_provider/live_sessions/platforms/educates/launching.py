"""Making a class's sessions exist, one a learner: asked for again after a lost answer, replaced where dead.

A 500 on a request may have left a session that never leaves STARTING and that every repeat gets back with a 200
(``apis/educates.md`` section 7.1), so a launch looks once at what it got.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import ConfigurationError, NotFound, Refused, Unavailable
from airflow_provider.live_sessions.core.models import JoinLink, Launched
from airflow_provider.live_sessions.core.times import later
from airflow_provider.live_sessions.platforms.educates.client import STANDING
from airflow_provider.live_sessions.platforms.educates.models import Phase
from airflow_provider.live_sessions.platforms.educates.options import (
    EducatesOptions,
    LearnerOptions,
    analytics_of,
    parameters_of,
)
from airflow_provider.live_sessions.platforms.educates.placing import existing, learners, running, users_of
from airflow_provider.live_sessions.platforms.educates.refusals import PLATFORM, NoSession
from airflow_provider.live_sessions.platforms.educates.seats import Launch, Seat, last_end, make_ref, seats_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider.live_sessions.core.contract import Found
    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import Participant, Plan
    from airflow_provider.live_sessions.core.sealing import Cipher
    from airflow_provider.live_sessions.platforms.educates.client import EducatesClient
    from airflow_provider.live_sessions.platforms.educates.models import (
        Catalogue,
        EnvironmentRow,
        Requested,
        SessionRow,
    )
    from airflow_provider.live_sessions.platforms.educates.placing import Existing


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take.

    Args:
        starting: Seconds that a session may stay STARTING after its request was answered.
        stopping: Seconds that a session may take to go after it was terminated.
        pause: Seconds between two looks.
        sleep: Waits so many seconds.
    """

    starting: float = 30.0
    stopping: float = 60.0
    pause: float = 1.0
    sleep: Callable[[float], None] = time.sleep

    def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Look again and again until something is done; return False when it takes longer than allowed."""
        left = seconds
        while not done():
            if left <= 0:
                return False
            self.sleep(self.pause)
            left -= self.pause
        return True


@dataclass(frozen=True, slots=True)
class Desk:
    """What every launch of a connection shares.

    Args:
        client: The portal's client.
        index_url: Where browsers go at the end, where the plan does not say.
        cipher: Opens what came sealed; the key is fetched only then.
        patience: How long things may take.
    """

    client: EducatesClient
    index_url: str
    cipher: Callable[[], Cipher]
    patience: Patience


class Launching:
    """One launch of one class.

    Args:
        desk: What every launch shares.
        plan: The class.
        key: The launch's identity.
        found: What an earlier try left; a session that it names and that is gone is not made again.

    Raises:
        ConfigurationError: The options do not fit.
    """

    def __init__(self, desk: Desk, plan: Plan, key: LaunchKey, found: Found | None = None) -> None:
        self._desk = desk
        self._client = desk.client
        self._plan = plan
        self._key = key
        self._found = found
        self._options = EducatesOptions.of(plan, self._client.conn_id)
        self._users = users_of(plan, key, self._options)
        self._seats: list[Seat] = []
        self._requested: list[tuple[Participant, Requested]] = []
        self._warnings: list[str] = []

    def run(self) -> Launched:
        """Request a session for each learner; those that exist are taken over as they are.

        Raises:
            ConfigurationError: The portal has no such workshop, or a value is missing.
            Unavailable: The portal is full. Who has a session keeps it; the retry goes on with the others.
            OutcomeUnknown: An answer was lost; the retry finds what became of it.
        """
        catalogue = self._list()
        requested_at = self._client.now()
        known = existing(catalogue, self._options.workshop)
        before = self._before(catalogue.portal.uid)
        late = self._found is not None and requested_at >= self._plan.end
        taken_over = False
        for person in learners(self._plan):
            has = known.get(self._users[person.id])
            if has is not None:
                taken_over = True
                self._take_over(person, has)
            elif person.id in before:
                self._leave(before[person.id], "is over")
            elif late:
                self._warnings.append(f"{person.id} has no session; after the planned end none is made.")
            elif not self._make(person, running(catalogue, self._options.workshop, self._client.conn_id)):
                break
        if taken_over and (self._options.parameters or self._options.analytics_url):
            self._warnings.append(
                "Educates keeps the parameters and analytics_url of sessions that exist; only new ones got these."
            )
        shared = taken_over and self._options.users == "learner"
        return self._finish(requested_at, shared=shared)

    def _before(self, portal_uid: str) -> dict[str, Seat]:
        """Return the seats of earlier tries by learner: those that stand, and those that the task remembers."""
        if self._found is None:
            return {}
        known = (self._found.recorded, self._found.ref)
        refs = [one for one in known if one is not None and one.detail("portal_uid") == portal_uid]
        return {seat.learner: seat for ref in refs for seat in seats_of(ref)}

    # ---- one learner

    def _take_over(self, person: Participant, has: Existing) -> None:
        """Ask for the link of a session that exists: for exactly this one, so nothing that ended begins anew."""
        if has.row.state is Phase.STOPPING:
            self._leave(has.seat(person), "is being ended")
            return
        try:
            answer = self._request(person, has.environment, session=has.row.name)
        except NoSession as error:
            if not error.reacquirable:
                raise Refused(
                    f"{person.id} has a session of this workshop that was made on the portal's web page.",
                    platform=PLATFORM,
                    conn_id=self._client.conn_id,
                    advice="Its link cannot be had; end it there first, or use users='launch'.",
                    status=503,
                ) from None
            self._leave(has.seat(person), "ended just now")
            return
        self._requested.append((person, answer))

    def _leave(self, seat: Seat, why: str) -> None:
        self._seats.append(seat)
        self._warnings.append(f"The session of {seat.learner} {why}; it was not made again.")

    def _make(self, person: Participant, place: EnvironmentRow) -> bool:
        """Request a new session; return False when the portal is full and that is allowed."""
        try:
            self._requested.append((person, self._request(person, place.name)))
        except NoSession:
            self._full(person, place.name)
            return False
        return True

    def _request(self, person: Participant, environment: str, *, session: str | None = None) -> Requested:
        options, own = self._options, LearnerOptions.model_validate(dict(person.options))
        user = self._users[person.id]
        index_url = options.index_url or self._desk.index_url
        if not index_url:
            raise ConfigurationError(
                "Where a browser goes after the workshop is not known.",
                platform=PLATFORM,
                conn_id=self._client.conn_id,
                advice="Give index_url at the launch or in the connection; the portal requires it.",
            )
        answer = self._client.request_session(
            environment,
            index_url=index_url,
            user=user,
            session=session,
            timeout=options.window(self._plan, self._client.now()),
            email=own.email or (person.email if options.share_emails and person.email else None),
            first_name=own.first_name,
            last_name=own.last_name,
            analytics_url=analytics_of(options, self._key.digest, user, self._desk.cipher),
            parameters=parameters_of(options, own, self._desk.cipher),
        )
        if answer.user != user:
            raise Refused(
                "request a session: the portal answered with another user's session.",
                platform=PLATFORM,
                conn_id=self._client.conn_id,
                advice="Hand out none of the links; look at the portal.",
            )
        return answer

    def _full(self, person: Participant, environment: str) -> None:
        """Say why there is no session for a learner; go on with those served where that is allowed."""
        reason = f"There is no session for {person.id}"
        with contextlib.suppress(NotFound, Unavailable):
            now = self._client.environment(environment)
            reason += f": {environment} is {now.state} with {now.allocated} of {now.capacity} sessions in use"
            if now.state is Phase.RUNNING and now.allocated < now.capacity:
                reason += ", so the whole portal is full, or the user has as many as a user may have"
        served, everybody = len(self._seats) + len(self._requested), len(learners(self._plan))
        if self._options.allow_partial and self._requested:
            self._warnings.append(f"{reason}. {served} of {everybody} learners have a session.")
            return
        raise Unavailable(
            f"{reason}; {served} of {everybody} learners have one.",
            platform=PLATFORM,
            conn_id=self._client.conn_id,
            advice="The retry keeps those and asks for the rest; raise the workshop's capacity, or allow_partial.",
        )

    # ---- what was got

    def _finish(self, requested_at: datetime, *, shared: bool) -> Launched:
        catalogue = self._list()
        known = {user: one.row for user, one in existing(catalogue, self._options.workshop).items()}
        links: list[JoinLink] = []
        for person, first in self._requested:
            answer, row = first, known.get(first.user)
            if row is not None and row.state is Phase.STARTING and not self._comes_up(row.name):
                answer, row = self._replace(person, first)
            seat = Seat(
                person.id,
                answer.user,
                answer.name,
                answer.environment,
                None if row is None else row.started,
                None if row is None else row.expires,
            )
            self._seats.append(seat)
            links.append(JoinLink(person, answer.url, user_id=answer.user, not_after=seat.expires))
        order = [person.id for person in learners(self._plan)]
        seats = sorted(self._seats, key=lambda one: order.index(one.learner) if one.learner in order else -1)
        places = [one for one in catalogue.environments if one.workshop.own_name == self._options.workshop]
        duration = max((one.duration for one in places), default=0)
        launch = Launch(
            portal_uid=catalogue.portal.uid,
            workshop=self._options.workshop,
            requested_at=requested_at,
            window_end=later(last_end(self._plan, seats, duration), self._options.grace),
            shared=shared,
        )
        return Launched(
            ref=make_ref(self._plan, self._key, launch, seats, conn_id=self._client.conn_id),
            links=tuple(links),
            created=self._found is None,
            status=None if self._found is None else self._found.status,
            warnings=tuple(self._warnings),
        )

    def _comes_up(self, session: str) -> bool:
        """Return whether a session leaves STARTING; after its request was answered it should have."""

        def up() -> bool:
            return self._client.schedule(session).status is not Phase.STARTING

        try:
            return self._desk.patience.until(up, self._desk.patience.starting)
        except NotFound:
            return False

    def _replace(self, person: Participant, dead: Requested) -> tuple[Requested, SessionRow | None]:
        """End a session that the cluster never made, which nobody can be in, and request another."""
        with contextlib.suppress(NotFound):
            self._client.terminate(dead.name)
        place = running(self._list(), self._options.workshop, self._client.conn_id)
        answer = self._request(person, place.name)
        if not self._comes_up(answer.name):
            raise Unavailable(
                f"The portal's cluster makes no session for {person.id}, now a second time.",
                platform=PLATFORM,
                conn_id=self._client.conn_id,
                advice="Look at the cluster; the retry tries once more.",
            )
        self._warnings.append(f"The session of {person.id} was dead at birth; it was replaced.")
        now = existing(self._list(), self._options.workshop).get(answer.user)
        return answer, None if now is None else now.row

    def _list(self) -> Catalogue:
        return self._client.environments(sessions=True, states=STANDING)
