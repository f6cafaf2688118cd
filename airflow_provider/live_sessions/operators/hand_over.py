"""Handing each participant their own link, once, however often the task is tried.

Who was served is written down under the session's key: a retry, a cleared task and another run that meets the same
class all go on where the last one stopped. A lane whose class another run has taken over hands nothing over.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import (
    AirflowNotFoundException,
    AirflowSkipException,
    BaseHook,
    BaseOperator,
    conf,
)

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.contract import Watch
from airflow_provider.live_sessions.core.errors import ConfigurationError, Refused, Unavailable
from airflow_provider.live_sessions.core.reading import load_json
from airflow_provider.live_sessions.core.record import SealedLink, SessionRecord
from airflow_provider.live_sessions.core.status import Seen
from airflow_provider.live_sessions.core.times import format_optional_time
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.hooks.storage import open_storage, shared_destination
from airflow_provider.live_sessions.operators.claims import claims_url, skip_if_taken
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage, of_account, of_place
from airflow_provider.live_sessions.operators.link_mail import BODY, SUBJECT, LinkMail
from airflow_provider.live_sessions.triggers.pausing import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    from airflow_provider.live_sessions.core.storage import Storage
    from airflow_provider.live_sessions.operators.link_mail import Texts

    Deliver = Callable[[SessionRecord, SealedLink], None]

LEDGERS = "handed-over"


class HandOverLinksOperator(TellsLineage, BaseOperator):
    """Hand each participant their own link: by mail where an SMTP connection exists, else sealed in XCom.

    Links are handed over when the launch said so (``hand_over_before``), and not at all for a session that was
    cancelled by then.

    Args:
        session: A launch operator's result.
        smtp_conn_id: The SMTP connection; where Airflow has none of this name, the links stay sealed in XCom
            and the log says so. None never mails.
        destination: Where the list of who was served is kept: the same for all workers.
        timezone: The zone in which the mail tells times.
        from_email: The sender; the SMTP connection's own by default.
        subject: The mail's subject; ``$title``, ``$name``, ``$role`` and ``$start`` are filled in. For each role
            its own: ``{"teacher": "...", "default": "..."}``; where ``default`` (or an empty role) is missing, the
            usual one is everybody else's.
        html_body: The mail's body, likewise, with ``$url`` as well.
        deferrable: Wait for the moment without a worker slot.

    Returns:
        ``handed_over``: for each participant ``participant``, ``name``, ``email``, ``by`` (``mail`` or ``xcom``),
        ``at``, and for ``xcom`` the sealed ``url``; ``title`` and ``key``.

    Raises:
        AirflowSkipException: The session was cancelled, is over, or is in another run's hands.
        Unavailable: Some mails could not be sent, or the platform could not be asked; the retry goes on.
    """

    hook_class: ClassVar[str]
    messages: ClassVar[str] = "mails"
    """What could not be sent, in the error that says so."""

    template_fields: Sequence[str] = ("session", "smtp_conn_id", "destination", "timezone", "from_email")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json"}
    ui_color = "#efe3f5"

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg,
        smtp_conn_id: str | None = "smtp_default",
        destination: str = "",
        timezone: str = "UTC",
        from_email: str | None = None,
        subject: Texts = SUBJECT,
        html_body: Texts = BODY,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.session = session
        self.smtp_conn_id = smtp_conn_id
        self.destination = destination
        self.timezone = timezone
        self.from_email = from_email
        self.subject = subject
        self.html_body = html_body
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait for the moment, then hand over."""
        with airflow_errors():
            record = SessionRecord.from_json(self.session)
            if record.hand_over_at is not None:
                wait_until(self, record.hand_over_at, method_name="execute_hand_over", deferrable=self.deferrable)
            return self.execute_hand_over(context)

    def execute_hand_over(self, context: Context, event: object = None) -> dict[str, Any]:
        """Hand over now; the way back from waiting for the moment."""
        del context, event
        with airflow_errors():
            record = SessionRecord.from_json(self.session)
            self._letter()  # wrong arguments are found before anybody is served
            skip_if_taken(record.claim)
            self._refuse_if_off(record)
            ledger = Ledger(open_storage(shared_destination(self.destination)), self.ledger_key(record))
            served, failed = [], []
            recorded = 0
            links = record.links or ()
            with contextlib.ExitStack() as stack:
                ways = self.ways(stack)
                for number, link in enumerate(links, start=1):
                    by, deliver = self.choose(ways, link)
                    entry = ledger.served(link, by)
                    if entry is None:
                        try:
                            deliver(record, link)
                        except Exception as error:  # noqa: BLE001 - one bad address stops nobody else's mail
                            failed.append(link.participant.id)
                            # What others' errors say may hold a link or an address.
                            said = str(error) if isinstance(error, ConfigurationError) else type(error).__name__
                            self.log.warning("%d of %d failed: %s", number, len(links), said)
                            continue
                        # After, not before: a crash in between sends one mail twice rather than none.
                        entry = ledger.record(link, by)
                        recorded += 1
                        how = (
                            "stays sealed inside Airflow; nobody was sent it" if by == "xcom" else f"sent by {by}"
                        )
                        self.log.info("Link %d of %d: %s.", number, len(links), how)
                    told = {"participant": link.participant.id, "name": link.participant.name, **entry}
                    served.append({**told, "url": link.url} if entry["by"] == "xcom" else told)
            if failed:
                raise Unavailable(
                    f"{len(failed)} of {len(links)} {self.messages} could not be sent: {', '.join(failed)}.",
                    advice="The retry serves only those.",
                )
            self.lineage = functools.partial(self._lineage, record, ledger.url, recorded, len(links))
            return {"title": record.title, "key": record.ref.key, "handed_over": served}

    def _lineage(self, record: SessionRecord, ledger: str, recorded: int, links: int) -> Lineage:
        read = [of_account(record.ref.platform, record.ref.conn_id)]
        if record.claim:
            read.append(of_place(claims_url(record.claim)))
        if recorded < links:  # the others had been served before
            read.append(of_place(ledger))
        return Lineage(tuple(read), (of_place(ledger, files=recorded),) if recorded else ())

    def ledger_key(self, record: SessionRecord) -> str:
        """Return under what it is written down who was served; the session's key, which outlives its retries."""
        return record.ref.key

    def ways(self, stack: contextlib.ExitStack) -> Mapping[str, Deliver]:
        """Return the ways that are open, by name; what they need is closed with the stack."""
        smtp = self._smtp(stack)
        return {} if smtp is None else {"mail": functools.partial(self._letter().send, smtp)}

    def choose(self, ways: Mapping[str, Deliver], link: SealedLink) -> tuple[str, Deliver]:
        """Return the name of a participant's way, and what goes it; sealed in XCom where there is none."""
        if "mail" in ways and link.participant.email:
            return "mail", ways["mail"]
        return "xcom", _stay

    def _refuse_if_off(self, record: SessionRecord) -> None:
        if record.links is None:
            raise AirflowSkipException(f"{record.title!r} is {record.state}: there are no links to hand over.")
        platform = hook_class_of(self.hook_class)(record.ref.conn_id).platform()
        try:
            seen = Seen(planned_start=record.start, planned_end=record.end, deadline=record.end)
            (status,) = platform.statuses([Watch(record.ref, seen)], datetime.now(UTC))
        except Refused as error:
            # A key that is being changed heals; without an answer no link leaves, but the task is tried again.
            raise Unavailable(f"Whether it still takes place could not be asked: {error.what}") from None
        finally:
            platform.close()
        if datetime.now(UTC) >= record.end:
            raise AirflowSkipException(
                f"{record.title!r} was to end at {record.end}: nobody gets a link any more."
            )
        if status is not None and status.state.over:
            raise AirflowSkipException(f"{record.title!r} is {status.state}: nobody gets a link any more.")

    def _smtp(self, stack: contextlib.ExitStack) -> SmtpHook | None:
        if not self.smtp_conn_id:
            return None
        try:
            BaseHook.get_connection(self.smtp_conn_id)
        except AirflowNotFoundException:
            self.log.warning(
                "No mail is set up: Airflow has no connection %r. Nobody is sent anything, the links stay sealed "
                "in this task's XCom. Make the connection and clear this task, and who has an address is mailed.",
                self.smtp_conn_id,
            )
            return None
        try:
            from airflow.providers.smtp.hooks.smtp import SmtpHook
        except ImportError:
            raise ConfigurationError(
                "Mailing needs the SMTP provider.", advice="Install airflow-provider-live-sessions[smtp]."
            ) from None
        hook: SmtpHook = stack.enter_context(SmtpHook(smtp_conn_id=self.smtp_conn_id))
        return hook

    def _letter(self) -> LinkMail:
        return LinkMail(self.subject, self.html_body, timezone=self.timezone, from_email=self.from_email)


def _stay(record: SessionRecord, link: SealedLink) -> None:
    """Leave the link where it is: sealed in XCom."""
    del record, link


def anybody_served(destination: str, key: str) -> bool:
    """Return whether it is written down that a session's link was handed over, also one that stayed in XCom.

    Args:
        destination: Where the hand-over keeps its list; empty for the default. Where none is set that all workers
            see, no hand-over has run.
        key: The digest of the session's launch key.
    """
    try:
        storage = open_storage(shared_destination(destination))
    except ConfigurationError:
        return False
    return bool(storage.list(f"{LEDGERS}/{key}"))


class Ledger:
    """Who was served already: one file a participant, below the session's key.

    The key stays when a class is moved or renamed, and two tasks that serve different people do not overwrite each
    other's entries.

    Args:
        storage: Where it is kept.
        key: The digest of the session's launch key.
    """

    def __init__(self, storage: Storage, key: str) -> None:
        self._storage = storage
        self._folder = f"{LEDGERS}/{key}"

    @property
    def url(self) -> str:
        """Where the ledgers of all sessions lie."""
        return self._storage.url(LEDGERS)

    def served(self, link: SealedLink, by: str) -> dict[str, str] | None:
        """Return when and how a participant was served, or None when there is something left to do.

        Args:
            link: The participant's link.
            by: How it would be handed over now: who was only served in XCom is still sent theirs.
        """
        try:
            entry = load_json(self._storage.get(self._name(link)))
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(entry, dict) or entry.get("by") == "xcom" != by:
            return None
        # Another address, or a link that works at other times: the one they have is no longer right.
        now = {"email": link.participant.email, "until": format_optional_time(link.not_after) or ""}
        return entry if all(entry.get(name) == value for name, value in now.items()) else None

    def record(self, link: SealedLink, by: str) -> dict[str, str]:
        """Write down that a participant was served."""
        entry = {
            "by": by,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "email": link.participant.email,
            "until": format_optional_time(link.not_after) or "",
        }
        self._storage.put(self._name(link), [json.dumps(entry, indent=2, sort_keys=True).encode()])
        return entry

    def _name(self, link: SealedLink) -> str:
        # The id is the caller's own text: a digest of it is safe as a name.
        return f"{self._folder}/{hashlib.sha256(link.participant.id.encode()).hexdigest()[:32]}.json"
