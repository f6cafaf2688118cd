"""Screenleap as the mechanisms see it: the contract, met with the client and the rules beside this file."""

from __future__ import annotations

import logging
import time
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
from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    NotFound,
    OutcomeUnknown,
    Refused,
    Transient,
    Unavailable,
)
from airflow_provider.live_sessions.core.models import CancelOutcome, Launched, Participant, Plan, SessionRef
from airflow_provider.live_sessions.core.sealing import seal, unseal
from airflow_provider.live_sessions.core.status import Seen, SessionStatus, State
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.screenleap import cancelling, deliveries, exporting, launching
from airflow_provider.live_sessions.platforms.screenleap.ended import OVERLAP, ended_since
from airflow_provider.live_sessions.platforms.screenleap.filters import ShareFilters
from airflow_provider.live_sessions.platforms.screenleap.judging import SETTLE, judge
from airflow_provider.live_sessions.platforms.screenleap.launching import ScreenleapOptions
from airflow_provider.live_sessions.platforms.screenleap.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.deliveries import Delivery, Finding
    from airflow_provider.live_sessions.core.ended import EndedSession
    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.sealing import Cipher
    from airflow_provider.live_sessions.core.session_rows import ExportAsk, SessionRow, Tally
    from airflow_provider.live_sessions.platforms.screenleap.client import ScreenleapClient
    from airflow_provider.live_sessions.platforms.screenleap.models import Share

log = logging.getLogger(__name__)

TWICE = "Its launch data is given once, at the create: a share that was found cannot be handed to a presenter."


class ScreenleapPlatform:
    """One developer account on Screenleap.

    Args:
        client: The account's client; closed with the platform.
        cipher: Makes what seals and opens codes; called only when one has to be sealed or opened.
        settle: Seconds that an end must stand before it is final.
        patience: Seconds that the end after a stop is waited for.
        sleep: Waits so many seconds.
    """

    name = launching.NAME
    keeps_history = False
    ended_overlap = OVERLAP
    export_rules = exporting.RULES
    abilities = frozenset({Ability.CANCEL_SCHEDULED, Ability.END_LIVE, Ability.ATTENDANCE})

    def __init__(
        self,
        client: ScreenleapClient,
        *,
        cipher: Callable[[], Cipher],
        settle: float = SETTLE,
        patience: float = cancelling.PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client = client
        self._cipher = cipher
        self._settle = settle
        self._pace = cancelling.Pace(patience, cancelling.STEP, sleep)
        self._watching = Watching(client, self.code_of)

    def close(self) -> None:
        """Give back the connection."""
        self.client.close()

    def code_of(self, ref: SessionRef) -> SecretStr:
        """Return a ref's code, opened.

        Raises:
            ConfigurationError: It was sealed with another key.
        """
        return unseal(ref.detail("code"), self._cipher())

    # ---- export

    def now(self) -> datetime:
        """Return Screenleap's time."""
        return self.client.now()

    def ended_sessions(self, ask: ExportAsk, tally: Tally) -> Iterator[SessionRow]:
        """Yield every watched share of the account that ended within a time, also those made elsewhere."""
        return exporting.ended_sessions(self.client, ask, tally)

    # ---- launch

    def launch(self, plan: Plan, key: LaunchKey) -> Launched:
        """Reserve a code and obtain the presenter's launch data and the viewers' links. Nothing runs yet.

        Raises:
            ConfigurationError: The plan's options do not fit, or nothing can be sealed.
            OutcomeUnknown: The answer was lost: the next try stops what it finds and makes another.
        """
        return self._make(plan, key)

    def _make(self, plan: Plan, key: LaunchKey, *, instead_of: SessionRef | None = None) -> Launched:
        options = ScreenleapOptions.of(plan, self.client.conn_id)
        query = options.query(plan, key)
        cipher = self._cipher()  # before anything is made: a code that cannot be sealed could go nowhere
        made = self.client.create(query)
        ref = self._ref(plan, key, options, made.code, cipher)
        launched = Launched(
            ref=ref,
            links=launching.links_of(
                plan, options, data=made.data, viewer_url=made.viewer_url or self.client.viewer_url(made.code)
            ),
            created=True,
            warnings=options.warnings(plan),
        )
        return self._alone(launched, plan, key, options, made.code, instead_of=instead_of)

    def adopt(self, found: Found, plan: Plan, key: LaunchKey) -> Launched:
        """Take over a share that was found.

        One that runs is adopted without links. One that nobody started cannot be handed out a second time:
        another is made, unless its planned end has passed, and the old one is stopped as far as that can be done.
        """
        if found.status.state is not State.SCHEDULED or self.client.now() >= plan.end:
            return Launched(found.ref, None, created=False, status=found.status, warnings=(TWICE,))
        # The new one first: were the old one stopped and the create failed, the retry would find it cancelled.
        launched = self._make(plan, key, instead_of=found.ref)
        if not launched.created:
            return launched
        told = f"An earlier share that nobody had started ({found.ref.session_id}) was given up for a new one."
        return replace(launched, warnings=(*launched.warnings, told))

    def find(self, key: LaunchKey, plan: Plan) -> Lookup:
        """Look for a share by its external id: among the recent ones, then in the history.

        A share that nobody started, or watched, may have left the one and never enters the other; so silence
        proves nothing. One that was stopped before anybody started it leaves as little, so it does not count.
        """
        options = ScreenleapOptions.of(plan, self.client.conn_id)
        mark = options.mark(key)
        recent = [one for one in self._marked(mark) if one.started_at is not None or one.ended_at is None]
        listed = bool(recent)
        shares = recent or list(self.client.shares(ShareFilters(external_id=mark)))
        if not shares:
            return Unprovable("no list shows it; a share that nobody started or watched may leave no trace")
        share = min(shares, key=_rank)
        if share.code is None:
            raise AssertionError("the client drops rows without a code")
        seen = self._seen(plan, options)
        ref = self._ref(plan, key, options, share.code, self._cipher())
        return Found(ref, judge(share, seen, self.client.now(), listed=listed, digest=ref.session_id))

    def _alone(
        self,
        launched: Launched,
        plan: Plan,
        key: LaunchKey,
        options: ScreenleapOptions,
        code: SecretStr,
        *,
        instead_of: SessionRef | None,
    ) -> Launched:
        """Look again after a create: of doubles, keep the newest, or the one that was started.

        The newest, because its launch data is in the hands of the try that made it last; any other's is lost.
        The others are given up once the one that is kept is recorded.
        """
        given_up = {} if instead_of is None else {instead_of.session_id: instead_of}
        launched = replace(launched, afterwards=lambda: self._give_up(given_up.values()))
        try:
            rows = [one for one in self._marked(options.mark(key)) if one.ended_at is None]
            mine = next((one for one in rows if one.code == code), None)
            if mine is None:
                return launched  # the list lags, so it cannot be told whose is the newest
            others = [one for one in rows if one is not mine]
            running = [one for one in others if one.started_at is not None]
            rivals = [one for one in others if one.code is None or self.client.digest(one.code) not in given_up]
            kept = min(running or [mine, *rivals], key=_rank)
            for one in rows:
                if one is not kept and one.started_at is None and one.code is not None:
                    ref = self._ref(plan, key, options, one.code, self._cipher())
                    given_up[ref.session_id] = ref
        except (Transient, Refused, OutcomeUnknown) as error:
            log.warning("Whether another share was made at the same time cannot be told: %s", error)
            return launched
        if kept is mine or kept.code is None:
            return launched
        ref = self._ref(plan, key, options, kept.code, self._cipher())
        status = judge(kept, self._seen(plan, options), self.client.now(), listed=True, digest=ref.session_id)
        told = "Another try of this launch made a share at the same time; that one is kept."
        return replace(launched, ref=ref, links=None, created=False, status=status, warnings=(told, TWICE))

    def _marked(self, mark: str) -> list[Share]:
        return [one for one in self.client.recent() if one.external_id == mark]

    def _give_up(self, refs: Iterable[SessionRef]) -> None:
        """Stop shares that nobody started; one that was started meanwhile has people in it and is left alone."""
        for ref in refs:
            try:
                code = self.code_of(ref)
                share, _ = cancelling.look(self.client, code)
                if share is not None and share.started_at is None and share.ended_at is None:
                    self.client.stop(code)
            except NotFound:
                pass  # usual before the start: there is nothing to stop
            except (ConfigurationError, OutcomeUnknown, Refused, Transient) as error:
                log.warning("The share %s could not be given up: %s", ref.session_id, error)

    # ---- wait, cancel

    def statuses(self, watches: Sequence[Watch], now: datetime) -> Sequence[SessionStatus | None]:
        """Return how the shares stand, from one list. Screenleap's clock counts, not ``now``."""
        del now
        return self._watching.statuses(watches)

    def current(self, ref: SessionRef) -> SessionStatus:
        """Return how a share stands, read directly."""
        seen = Seen(
            planned_start=parse_time(ref.detail("planned_start")),
            planned_end=parse_time(ref.detail("planned_end")),
            deadline=parse_time(ref.detail("window_end")),
            settle=self._settle,
        )
        (status,) = Watching(self.client, self.code_of).statuses([Watch(ref, seen)])
        if status is None:
            raise Unavailable(
                "How the share stands cannot be told yet.", platform=launching.LABEL, conn_id=ref.conn_id
            )
        return status

    def share_of(self, ref: SessionRef) -> Share | None:
        """Return a share with its usage: read by its code, else from the history; None where nothing shows it."""
        share, _ = cancelling.look(self.client, self.code_of(ref))
        if share is not None and (share.ended_at is None or share.user_minutes is not None):
            return share
        mine = ShareFilters(external_id=ref.detail("external_id"))
        past = [
            one
            for one in self.client.shares(mine)
            if one.code is not None and self.client.digest(one.code) == ref.session_id
        ]
        return past[0] if past else share

    def ended_since(self, since: datetime, until: datetime | None = None) -> tuple[list[EndedSession], datetime]:
        """Return the account's shares whose end became final from a moment on, whoever made them."""
        return ended_since(self.client, since, until)

    def confirm(self, delivery: Delivery, ref: SessionRef | None) -> Finding:
        """Ask whether what a delivery says is so. Its address is the account's, so no launch is known."""
        del ref
        return deliveries.confirm(self.client, delivery)

    def cancel(self, ref: SessionRef, *, force: bool = False, handed_over: bool = True) -> CancelOutcome:
        """Stop a share, and wait a moment for its end.

        ``force`` changes nothing: there is nothing uncertain to try.

        Raises:
            Refused: The share was not made through the API.
            ConfigurationError: The ref's code was sealed with another key.
        """
        del force
        return self.stop(self.code_of(ref), handed_over=handed_over)

    def stop(
        self, code: SecretStr, *, handed_over: bool = True, patience: float | None = None, live: bool = True
    ) -> CancelOutcome:
        """Stop the share of a code that this account made.

        Args:
            code: The code, opened.
            handed_over: False when its launch data has not left Airflow.
            patience: Seconds to wait for the end; the platform's own where None.
            live: Also one that somebody has begun.
        """
        pace = self._pace if patience is None else replace(self._pace, patience=patience)
        return cancelling.stop(self.client, code, handed_over=handed_over, pace=pace, live=live)

    def open_door(self, door: Door, ref: SessionRef, visitor: Participant) -> SecretStr:
        """Return the viewer page's address for this visitor.

        Raises:
            Unsupported: A recording.
            Refused: The share is over, or nothing shows it any more.
        """
        if door is not Door.ROOM:
            unsupported(
                launching.LABEL,
                self.client.conn_id,
                "No call of Screenleap tells where a recording is.",
                "Its webhook RECORDING_COMPLETE goes to the URL in the account's settings.",
            )
        code = self.code_of(ref)
        share, _ = cancelling.look(self.client, code)
        if share is None or share.ended_at is not None:
            raise Refused(
                "The share is over.",
                platform=launching.LABEL,
                conn_id=self.client.conn_id,
                advice="Launch another one.",
            )
        return launching.viewer_link(self.client.viewer_url(code), visitor)

    # ---- artifacts

    def readiness(self, ability: Ability, ref: SessionRef | None, session_id: str, asked: ArtifactWait) -> Verdict:
        """Refuse: Screenleap leaves nothing that could be waited for.

        Raises:
            Unsupported: Always.
        """
        del ref, session_id, asked
        what, instead = {
            Ability.TRANSCRIPT: ("Screenleap makes no transcripts.", "Usage tells who watched and how long."),
            Ability.RECORDING: (
                "No call of Screenleap tells whether a recording is ready, or where it is.",
                "Its webhook RECORDING_COMPLETE goes to the URL in the account's settings.",
            ),
        }.get(ability, (f"There are no {ability} to wait for.", "Read usage and attendance after the end."))
        return unsupported(launching.LABEL, self.client.conn_id, what, instead)

    # ---- inside

    def _ref(
        self, plan: Plan, key: LaunchKey, options: ScreenleapOptions, code: SecretStr, cipher: Cipher
    ) -> SessionRef:
        return launching.make_ref(
            plan,
            key,
            options,
            conn_id=self.client.conn_id,
            digest=self.client.digest(code),
            sealed_code=seal(code, cipher),
        )

    def _seen(self, plan: Plan, options: ScreenleapOptions) -> Seen:
        return Seen(plan.start, plan.end, options.window(plan)[1], self._settle)


def _rank(share: Share) -> tuple[int, float, str]:
    """Order doubles: who runs, then who ended, then who waits; among equals the newest."""
    group = 2 if share.started_at is None else 0 if share.ended_at is None else 1
    created, code = _age(share)
    return group, -created, code


def _age(share: Share) -> tuple[float, str]:
    created = 0.0 if share.created_at is None else share.created_at.timestamp()
    return created, "" if share.code is None else share.code.get_secret_value()
