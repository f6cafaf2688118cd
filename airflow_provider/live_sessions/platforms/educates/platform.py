"""Educates as the mechanisms see it: the contract, met with the client and the rules beside this file.

One plan is one class, and each of its learners has a session of their own. The class is live as soon as one
learner is in, and over when all sessions are gone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.contract import (
    Ability,
    ArtifactWait,
    Found,
    Lookup,
    Unprovable,
    Verdict,
    Watch,
    unsupported,
)
from airflow_provider.live_sessions.core.status import Held, Seen, SessionStatus, State
from airflow_provider.live_sessions.platforms.educates import deliveries, ending, extending
from airflow_provider.live_sessions.platforms.educates.client import STANDING
from airflow_provider.live_sessions.platforms.educates.judging import Sighting, judge
from airflow_provider.live_sessions.platforms.educates.launching import Desk, Launching, Patience
from airflow_provider.live_sessions.platforms.educates.models import Phase
from airflow_provider.live_sessions.platforms.educates.options import EducatesOptions
from airflow_provider.live_sessions.platforms.educates.placing import existing, learners, users_of
from airflow_provider.live_sessions.platforms.educates.refusals import PLATFORM
from airflow_provider.live_sessions.platforms.educates.seats import NAME, Launch, last_end, make_ref, seats_of
from airflow_provider.live_sessions.platforms.educates.watching import DIRECT_READS, Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.core.deliveries import Delivery, Finding
    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import CancelOutcome, Launched, Plan, SessionRef
    from airflow_provider.live_sessions.core.sealing import Cipher
    from airflow_provider.live_sessions.platforms.educates.client import EducatesClient
    from airflow_provider.live_sessions.platforms.educates.extending import Extension


class EducatesPlatform:
    """One training portal.

    Args:
        client: The portal's client; closed with the platform.
        index_url: Where browsers go at the end, where a plan does not say.
        cipher: Opens parameters and webhook addresses that come sealed; called only then.
        patience: How long sessions may take to come up and to go.
        direct_reads: Sessions that are asked for by name in one look at most.
    """

    name = NAME
    keeps_history = False
    abilities = frozenset({Ability.CANCEL_SCHEDULED, Ability.END_LIVE, Ability.EXTEND})

    def __init__(
        self,
        client: EducatesClient,
        *,
        cipher: Callable[[], Cipher],
        index_url: str = "",
        patience: Patience | None = None,
        direct_reads: int = DIRECT_READS,
    ) -> None:
        self.client = client
        self._patience = patience or Patience()
        self._desk = Desk(client, index_url, cipher, self._patience)
        self._watching = Watching(client, direct_reads=direct_reads)

    def close(self) -> None:
        """Revoke the token and give back the connection."""
        self.client.close()

    # ---- launch

    def launch(self, plan: Plan, key: LaunchKey) -> Launched:
        """Request a session for each learner.

        Raises:
            ConfigurationError: The plan's options do not fit.
            Unavailable: The portal is full.
            OutcomeUnknown: An answer was lost; the retry finds what became of it.
        """
        return Launching(self._desk, plan, key).run()

    def adopt(self, found: Found, plan: Plan, key: LaunchKey) -> Launched:
        """Ask for the links once more, which restarts the activation windows of who has not come.

        Learners without a session get one before the planned end; one known to have ended is not made again.
        """
        return Launching(self._desk, plan, key, found).run()

    def find(self, key: LaunchKey, plan: Plan) -> Lookup:
        """Look for the sessions of the launch's users, in all environments of the workshop.

        Absence proves nothing: what is over leaves no trace, and looks as if it had never been.
        """
        options = EducatesOptions.of(plan, self.client.conn_id)
        catalogue = self.client.environments(sessions=True, states=STANDING)
        now = self.client.now()
        users, known = users_of(plan, key, options), existing(catalogue, options.workshop)
        mine = [(one, known[users[one.id]]) for one in learners(plan) if users[one.id] in known]
        if not mine:
            return Unprovable("no session carries the key; one that is over leaves no trace")
        seats = [has.seat(person) for person, has in mine]
        sightings = [Sighting.of(seat, now) for seat in seats]
        for sighting, (_, has) in zip(sightings, mine, strict=True):
            sighting.observe(has.row, now)
        duration = max(
            (one.duration for one in catalogue.environments if one.workshop.own_name == options.workshop),
            default=0,
        )
        launch = Launch(
            portal_uid=catalogue.portal.uid,
            workshop=options.workshop,
            requested_at=now,
            window_end=last_end(plan, seats, duration),
            shared=options.users == "learner",
        )
        status = judge(seats, sightings, Seen(plan.start, plan.end, launch.window_end), now)
        if all(has.row.state is Phase.STOPPING for _, has in mine):
            # Requested again it would begin anew: a retry must not restart what somebody just ended.
            status = replace(status, state=State.ENDED, held=Held.UNKNOWN, why="It is being ended just now.")
        return Found(make_ref(plan, key, launch, seats, conn_id=self.client.conn_id), status)

    # ---- wait, end, extend

    def statuses(self, watches: Sequence[Watch], now: datetime) -> Sequence[SessionStatus | None]:
        """Return how the classes stand, from one list. The portal's clock counts, not ``now``."""
        del now
        return self._watching.statuses(watches)

    def cancel(self, ref: SessionRef, *, force: bool = False, handed_over: bool = True) -> CancelOutcome:
        """End all sessions of a class, whoever is in; with ``force`` also those that another launch may share.

        Links die with their sessions, so whether they were handed over makes no difference.
        """
        del handed_over
        return self.end(ref, force=force)

    def end(
        self,
        ref: SessionRef,
        *,
        learners: Collection[str] | None = None,
        live: bool = True,
        force: bool = False,
    ) -> CancelOutcome:
        """End sessions of a class.

        Args:
            ref: The class.
            learners: Only these participants' sessions.
            live: Also those that somebody has opened.
            force: Also those that another launch may share.
        """
        return ending.end_sessions(
            self.client, ref, patience=self._patience, learners=learners, live=live, force=force
        )

    def extend(self, ref: SessionRef, *, learners: Collection[str] | None = None) -> list[Extension]:
        """Extend sessions of a class that are about to end.

        Args:
            ref: The class.
            learners: Only these participants' sessions.
        """
        return [extending.extend(self.client, seat) for seat in seats_of(ref, learners)]

    def confirm(self, delivery: Delivery, ref: SessionRef | None) -> Finding:
        """Ask whether what a delivery says is so."""
        return deliveries.confirm(self.client, delivery, ref)

    def readiness(self, ability: Ability, ref: SessionRef | None, session_id: str, asked: ArtifactWait) -> Verdict:
        """Say that there is nothing to wait for.

        Raises:
            Unsupported: Always.
        """
        del ref, session_id, asked
        return unsupported(
            PLATFORM,
            self.client.conn_id,
            f"Educates keeps no {ability}: nothing at all is left of a session after its end.",
            "Who came is in the end sensor's result; what they did goes to analytics_url while they do it.",
        )
