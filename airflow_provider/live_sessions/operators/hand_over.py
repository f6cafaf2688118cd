"""Handing each participant their own link, once, however often the task is tried.

Who was served is written down under the session's key: a retry, a cleared task and another run that meets the same
class all go on where the last one stopped. A lane whose class another run has taken over hands nothing over.
"""

from __future__ import annotations

import contextlib
import functools
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
from airflow_provider.live_sessions.core.errors import ConfigurationError, Refused, TooLate, Unavailable
from airflow_provider.live_sessions.core.record import SealedLink, SessionRecord
from airflow_provider.live_sessions.core.status import Held, Seen, State
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.hooks.storage import open_storage, shared_destination
from airflow_provider.live_sessions.operators.claims import claims_url, skip_if_taken
from airflow_provider.live_sessions.operators.hand_over_ledger import XCOM, Ledger
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage, of_account, of_place
from airflow_provider.live_sessions.operators.link_mail import BODY, SUBJECT, LinkMail
from airflow_provider.live_sessions.triggers.pausing import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.operators.link_mail import Texts

    Deliver = Callable[[SessionRecord, SealedLink], None]


class HandOverLinksOperator(TellsLineage, BaseOperator):
    """Hand each participant their own link: by mail where an SMTP connection exists, else sealed in XCom.

    Links are handed over when the launch said so (``hand_over_before``), and not at all for a session that was
    cancelled by then. A late link is never sent: where a session is over and somebody never got theirs, the task
    fails and names them, so that a session without links is not green.

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
        AirflowSkipException: The session was cancelled, is in another run's hands, or is over and everybody had
            got their link; the log says which.
        AirflowFailException: The session is over, and somebody never got a link; a retry changes nothing.
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
            try:
                skip_if_taken(record.claim)
                self._refuse_if_off(record)
            except AirflowSkipException as off:
                # Airflow's own line has the reason in a field that not every view of a log shows.
                self.log.info("Nothing is handed over: %s", off)
                raise
            ledger = self._ledger(record)
            links = record.links or ()
            served: dict[int, dict[str, str]] = {}
            failed: list[str] = []
            recorded = 0
            with contextlib.ExitStack() as stack:
                ways = self.ways(stack)
                for number in ledger.in_order(links):
                    link = links[number]
                    by, deliver = self.choose(ways, link)
                    entry = ledger.served(link, by)
                    if entry is None:
                        if by != XCOM:
                            ledger.begin(link)  # a list that cannot be written stops the mail, not its note
                        try:
                            deliver(record, link)
                        except Exception as error:  # noqa: BLE001 - one bad address stops nobody else's mail
                            failed.append(link.participant.id)
                            # What others' errors say may hold a link or an address.
                            said = str(error) if isinstance(error, ConfigurationError) else type(error).__name__
                            self.log.warning("%d of %d failed: %s", number + 1, len(links), said)
                            stack.close()
                            ways = self.ways(stack)  # the server may have hung up: the next one needs it open
                            continue
                        # After, not before: a crash in between sends one mail twice rather than none.
                        entry = ledger.record(link, by)
                        recorded += 1
                        if by == XCOM:
                            self.log.info(
                                "Link %d of %d, %s: stays sealed inside Airflow; nobody was sent it. %s",
                                number + 1,
                                len(links),
                                link.participant.name or link.participant.id,
                                self.how_to_reach(link),
                            )
                        else:
                            self.log.info("Link %d of %d: sent by %s.", number + 1, len(links), by)
                    told = {"participant": link.participant.id, "name": link.participant.name, **entry}
                    served[number] = {**told, "url": link.url} if entry["by"] == XCOM else told
            if failed:
                raise Unavailable(
                    f"{len(failed)} of {len(links)} {self.messages} could not be sent: {', '.join(failed)}.",
                    advice="The retry serves only those.",
                )
            self.lineage = functools.partial(self._lineage, record, ledger.url, recorded, len(links))
            return {
                "title": record.title,
                "key": record.ref.key,
                "handed_over": [served[one] for one in sorted(served)],
            }

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
        return XCOM, _stay

    def how_to_reach(self, link: SealedLink) -> str:
        """Return what gets a link to its person that stays sealed, in one sentence."""
        if link.participant.email:
            first = "Make the connection that smtp_conn_id names and clear this task"
        else:
            first = "Give an address, in the timetable or at the next launch"
        return f"{first}, or send it in a task of your own with reveal()."

    def _ledger(self, record: SessionRecord) -> Ledger:
        return Ledger(open_storage(shared_destination(self.destination)), self.ledger_key(record))

    def _refuse_if_off(self, record: SessionRecord) -> None:
        if record.links is None:
            off = f"{record.title!r} is {record.state}"
            # Its launch was finished too late: an earlier try made the session, and nobody had its links.
            if record.state in (State.ENDED, State.NEVER_HELD) and datetime.now(UTC) >= record.start:
                self._refuse_if_never_served(record, off)
            raise AirflowSkipException(f"{off}: there are no links to hand over.")
        platform = hook_class_of(self.hook_class)(record.ref.conn_id).platform()
        try:
            seen = Seen(planned_start=record.start, planned_end=record.end, deadline=record.end)
            (status,) = platform.statuses([Watch(record.ref, seen)], datetime.now(UTC))
        except Refused as error:
            # A key that is being changed heals; without an answer no link leaves, but the task is tried again.
            raise Unavailable(f"Whether it still takes place could not be asked: {error.what}") from None
        finally:
            platform.close()
        now = datetime.now(UTC)
        over = status if status is not None and status.state.over else None
        if over and _called_off(record, over, now):
            raise AirflowSkipException(f"{record.title!r} is {over.state}: nobody gets a link any more.")
        if now >= record.end:
            off = f"{record.title!r} was to end at {record.end}"
        elif over:
            off = f"{record.title!r} is {over.state}"
        else:
            return
        self._refuse_if_never_served(record, off)
        raise AirflowSkipException(f"{off}: nobody gets a link any more.")

    def _refuse_if_never_served(self, record: SessionRecord, off: str) -> None:
        """Fail for a session that is over where somebody who was to get a link never did."""
        ledger = self._ledger(record)
        people = record.participants if record.links is None else [link.participant for link in record.links]
        never = [one.id for one in people if not ledger.was_served(one)]
        if never:
            raise TooLate(
                f"{off}, and {len(never)} of {len(people)} people never got a link: {', '.join(never)}.",
                advice="No link is sent any more: a retry changes nothing.",
            )

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


def _called_off(record: SessionRecord, over: SessionStatus, now: datetime) -> bool:
    """Return whether a session is over because it was called off, not because its time came."""
    if over.state is State.CANCELLED:
        # Stopped after its start, it may well be a no-show that was withdrawn: nobody comes who got no link.
        return over.ended_at is None or over.ended_at < record.start
    # Over before its time and not held: it was called off, also where a platform has no word for that.
    return now < record.start and over.held is not Held.YES


def _stay(record: SessionRecord, link: SealedLink) -> None:
    """Leave the link where it is: sealed in XCom."""
    del record, link
