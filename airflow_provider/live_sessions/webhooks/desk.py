"""What happens to one delivery after its answer: its signature, the question to the platform, and what is told.

Nothing here believes a delivery. It looks for the space's secret in what the launch wrote down, asks the platform,
and tells Airflow what the platform answered, unless that is old: whoever has a URL could have it told again.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider.live_sessions.core.deliveries import ConfirmingPlatform, Fact, NotYet
from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    LiveSessionError,
    RateLimited,
    Transient,
    Unavailable,
)
from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.core.sealing import is_sealed, unseal
from airflow_provider.live_sessions.hooks.base import hook_class_of, hook_path_of
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.webhooks.airflow import assets_of, told_of
from airflow_provider.live_sessions.webhooks.limits import Recent
from airflow_provider.live_sessions.webhooks.urls import SEALED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.core.deliveries import Finding
    from airflow_provider.live_sessions.core.signatures import Signature
    from airflow_provider.live_sessions.hooks.base import LiveSessionHook
    from airflow_provider.live_sessions.webhooks.airflow import AirflowSide
    from airflow_provider.live_sessions.webhooks.queue import Job

log = logging.getLogger(__name__)

AGAIN: Final = 30.0
"""Seconds after which a platform, or Airflow, that could not be asked is asked again; twice as many each time."""

LONGEST_AGAIN: Final = 900.0
"""So many at most: the looks that a delivery gets last for three quarters of an hour then."""

UNWRITTEN: Final = 60.0
"""Seconds in which a launch may still be writing down the secret of a space that already sends."""

MAX_AGE: Final = timedelta(days=4)
"""How old what is told may be: a transcript a day late, sent again for a day, or an outage over a long weekend."""

NOT_CHECKED: Final = "the secret of its launch is not in the task state store; its address alone admits it"
REFUSED_UNCHECKED: Final = (
    "the secret of its launch is not known here, so its signature cannot be checked; "
    "[live_sessions] webhooks_unsigned is refuse"
)


class Desk:
    """Looks at deliveries, one call for each look.

    Args:
        airflow: What a launch wrote down, and who is told.
        signature: How signed platforms sign; None where signatures are not looked at.
        refuse_unchecked: Drop what a signed platform sends where its signature cannot be checked; else its URL
            alone admits it to being confirmed.
        max_age: What happened longer before its delivery came is not told.
    """

    def __init__(
        self,
        airflow: AirflowSide,
        *,
        signature: Signature | None,
        refuse_unchecked: bool = False,
        max_age: timedelta = MAX_AGE,
    ) -> None:
        self._airflow = airflow
        self._signature = signature
        self._refuse_unchecked = refuse_unchecked
        self._max_age = max_age
        self._told = Recent()

    def handle(self, job: Job) -> float | None:
        """Look at a delivery; return the seconds after which to look again, None when it is done."""
        hook_class = hook_class_of(hook_path_of(job.addressee.platform))
        try:
            record = self._airflow.recall(job.addressee) if job.addressee.of_task else {}
        except Exception as error:  # noqa: BLE001 - whatever a database or a network raises: later
            return self._say(job, f"Airflow could not be asked ({type(error).__name__})", _later(job))
        if not job.checked:
            again = self._check(job, hook_class, record)
            if again is not None or not job.checked:
                return again
        finding = self._ask(job, hook_class, _ref_in(record))
        if isinstance(finding, float | None):
            return finding
        if isinstance(finding, Fact):
            return self._tell(job, finding)
        if isinstance(finding, NotYet):
            return self._say(job, finding.why, finding.after)
        log.info("A delivery was not borne out: %s", _about(job, finding.why))
        return None

    # ---- the signature

    def _check(self, job: Job, hook_class: type[LiveSessionHook], record: Mapping[str, Any]) -> float | None:
        """Look at the signature; the job is ``checked`` afterwards, or refused, or to be looked at again."""
        header = hook_class.signature_header
        if header and self._signature is not None and (job.addressee.of_task or self._refuse_unchecked):
            sealed = record.get(SEALED)
            if not is_sealed(sealed):
                may_come = job.addressee.of_task and self._airflow.remembers
                if may_come and time.monotonic() - job.taken_at < UNWRITTEN:
                    job.tries -= 1  # the platform was not asked; the time bounds this
                    return UNWRITTEN / 6
                if self._refuse_unchecked:
                    log.warning("A delivery was refused: %s", _about(job, REFUSED_UNCHECKED))
                    return None
                level = logging.WARNING if self._airflow.remembers else logging.INFO
                log.log(level, "A delivery's signature cannot be checked: %s", _about(job, NOT_CHECKED))
            elif not self._fits(job, header, str(sealed)):
                log.warning(
                    "A delivery was refused: %s",
                    _about(job, "its signature is not that of its space; see [live_sessions] webhooks_signature"),
                )
                return None
        job.checked, job.body, job.headers = True, b"", {}
        return None

    def _fits(self, job: Job, header: str, sealed: str) -> bool:
        if self._signature is None:
            return True
        try:
            secret = unseal(sealed, AirflowCipher())
        except ConfigurationError as error:
            log.warning("A delivery's signature cannot be checked: %s", error)
            return False
        return self._signature.fits(secret, job.body, job.headers.get(header, ""))

    # ---- the question

    def _ask(self, job: Job, hook_class: type[LiveSessionHook], ref: SessionRef | None) -> Finding | float | None:
        """Ask the platform; where it could not be asked, return what :meth:`handle` does."""
        try:
            # As the shared poll: no long sleep inside a question, the queue has the patience.
            platform = hook_class.open(hook_class.get_connection(job.addressee.conn_id), polling=True)
            try:
                if not isinstance(platform, ConfirmingPlatform):
                    return None
                return platform.confirm(job.delivery, ref)
            finally:
                platform.close()
        except Transient as error:
            wait = error.retry_after if isinstance(error, RateLimited | Unavailable) else 0.0
            return self._say(job, error.what, max(_later(job), wait))
        except AirflowNotFoundException as error:
            # Airflow says the same of a connection that does not exist and of a secrets backend that is away.
            again = _later(job)
            log.warning("The connection of a delivery is not found, asked again in %.0f s: %s", again, error)
            return again
        except LiveSessionError as error:
            log.warning("A delivery could not be confirmed: %s", error)
            return None

    # ---- who is told

    def _tell(self, job: Job, fact: Fact) -> float | None:
        if self._is_old(job, fact):
            log.warning(
                "A delivery was let go: %s",
                _about(job, "it is true, but of too long ago; see [live_sessions] webhooks_max_age_days"),
            )
            return None
        extra = told_of(job.addressee, fact)
        known = told = False
        for uri, partition_key in assets_of(job.addressee, fact):
            # Each asset by itself: another delivery of the fact tells the one that this one may fail to tell.
            met = (job.addressee.platform, job.addressee.conn_id, fact.happening, fact.session_id, uri)
            if uri in job.told or not self._told.add(met):
                continue
            try:
                known = self._airflow.tell(uri, extra, partition_key) or known
            except Exception as error:  # noqa: BLE001 - whatever a database or a network raises: later
                self._told.forget(met)
                return self._say(job, f"Airflow could not be told ({type(error).__name__})", _later(job))
            job.told.add(uri)
            told = True
        if not told:
            return None  # two deliveries of one fact
        log.info("Confirmed: %s", _about(job, "told" if known else "no DAG is scheduled on it"))
        return None

    def _is_old(self, job: Job, fact: Fact) -> bool:
        at = fact.at or fact.session_ended_at
        waited = timedelta(seconds=time.monotonic() - job.taken_at)  # being asked about makes nothing older
        return at is not None and datetime.now(UTC) - waited - at > self._max_age

    def _say(self, job: Job, why: str, again: float) -> float:
        log.info("Not confirmed yet, asked again in %.0f s: %s", again, _about(job, why))
        return again


def _later(job: Job) -> float:
    """Return the seconds after which whoever was away is asked again."""
    return min(AGAIN * 2.0 ** max(0, job.tries - 1), LONGEST_AGAIN)


def _about(job: Job, why: str) -> str:
    """Say which delivery, without what might open a door: the session's id is left out."""
    where = f"{job.addressee.platform} (connection {job.addressee.conn_id!r})"
    return f"{where}, {job.delivery.happening}: {why}"


def _ref_in(record: Mapping[str, Any]) -> SessionRef | None:
    found = record.get("ref")
    if not isinstance(found, dict):
        return None
    try:
        return SessionRef.from_json(found)
    except ConfigurationError:
        return None
