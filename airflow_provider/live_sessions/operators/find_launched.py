"""Finding again what another run launched: for a form that cancels, or that retrieves once more."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.contract import Ability, Watch
from airflow_provider.live_sessions.core.errors import ConfigurationError, Refused, TooLate, Unsupported
from airflow_provider.live_sessions.core.models import ENDS_BY_ITSELF
from airflow_provider.live_sessions.core.pages import LaunchPlace
from airflow_provider.live_sessions.core.proof import check
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.status import Seen, State
from airflow_provider.live_sessions.core.times import format_time, in_zone
from airflow_provider.live_sessions.hooks.base import hook_class_of, hook_path_of
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.hooks.storage import open_storage, shared_destination
from airflow_provider.live_sessions.operators.claims import refuse_if_taken
from airflow_provider.live_sessions.operators.hand_over_ledger import XCOM, Ledger, may_be_out, share_key
from airflow_provider.live_sessions.operators.identity import is_true
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage, of_account
from airflow_provider.live_sessions.schedules.claims import Ticket
from airflow_provider.live_sessions.schedules.zones import find_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider.live_sessions.core.record import SealedLink
    from airflow_provider.live_sessions.hooks.base import LiveSessionHook

WHERE_IDS_ARE = "Copy the id from the page Live sessions, where each session names the run that launched it."

OVER = {State.ENDED: "over", State.CANCELLED: "cancelled already", State.NEVER_HELD: "over; it was not held"}
"""How a message says that nothing more will come of a session."""

YET_TO_LAUNCH = frozenset(
    {"scheduled", "queued", "running", "restarting", "deferred", "up_for_retry", "up_for_reschedule"}
)
"""States of a launch that may still become one; none at all is another."""

SHOWN = 20
"""How many sessions a message names at most."""


class FindLaunchedOperator(TellsLineage, BaseOperator):
    """Find the session that a run launched, on whatever platform, and look how it stands now.

    Only a record with its launch's proof is taken: who writes XComs can name no session of their own choosing.

    Args:
        dag_id: The DAG.
        run_id: Its run.
        hook_class: Import path of the platform's hook; that of the session's own platform by default.
        launch_task: The launching task's id, with its group's; for several DAGs, the id by each DAG's.
        title: Which one, where the run launched several: its title, or its start and title as the message that
            asks for it says them; the start as ISO 8601 in UTC is read too.
        cannot_end_live: For a cancel: what to say where the platform cannot end what people are in, e.g. who else
            can; a text, or one by each platform's name. A session that no cancel changes is then refused here,
            before anybody is asked: one that is live on such a platform, is over, is in a lasting room, or is
            another run's by now.
        end_live: For a cancel on any other platform: let a session pass that is live, for it is to be ended.
        timezone: The zone in which messages and the XCom ``now`` say times.

    Returns:
        The launch operator's result, for all operators that take a ``session``. Its XCom ``now`` says how it
        stands: ``platform`` (as people write it), ``state`` (``unknown`` where the platform does not say),
        ``people`` (how many were seen, None where that is not told), ``handed_over`` (whether a link may have left
        Airflow), ``sent`` (how many people are known to have been sent theirs), ``ends_live`` (whether it may be
        ended with people in it), ``empty`` (live, but everybody left), ``why``, ``when`` (its planned time, in
        words) and ``links_until`` (until when its links work, in words; empty where that is not told).

    Raises:
        AirflowFailException: There is no such run, it launched none, or several fit; the record is not as its
            launch wrote it; or it cannot be cancelled.
    """

    template_fields: Sequence[str] = (
        "dag_id_of_launch",
        "run_id_of_launch",
        "launch_task",
        "title",
        "end_live",
        "timezone",
    )
    ui_color = "#e9e9e9"
    _UNKNOWN: ClassVar[dict[str, Any]] = {"state": "unknown", "people": None, "empty": False, "why": ""}

    def __init__(
        self,
        *,
        dag_id: str,
        run_id: str,
        hook_class: str = "",
        launch_task: str | Mapping[str, str] = "class.launch",
        title: str = "",
        cannot_end_live: str | Mapping[str, str] = "",
        end_live: bool | str = False,
        timezone: str = "UTC",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        # A task has a dag_id of its own.
        self.dag_id_of_launch = dag_id
        self.run_id_of_launch = run_id
        self.hook_class = hook_class
        self.launch_task = launch_task
        self.title = title
        self.cannot_end_live = cannot_end_live
        self.end_live = end_live
        self.timezone = timezone

    def execute(self, context: Context) -> dict[str, Any]:
        """Find it, look at it, and return its record."""
        ti = context["ti"]
        with airflow_errors():
            zone = find_zone(self.timezone)
            self.run_id_of_launch = str(self.run_id_of_launch or "").strip()  # as it was copied
            found = self._find(ti, zone)
            record = SessionRecord.from_json(found)
            self._check_proof(record, ti)
            hook = hook_class_of(self.hook_class or hook_path_of(record.ref.platform))
            hook.check_ref(record.ref)
            seen = self._look(hook, record)
            now = {
                **seen,
                "why": in_zone(seen["why"], zone),
                "platform": hook.platform_label,
                "handed_over": record.handed_over(datetime.now(UTC))
                or may_be_out(record.ref.key, claim=record.claim),
                "sent": _sent(record),
                "when": _when(record.start, record.end, zone),
                "links_until": _links_until(record, zone),
            }
            self.log.info("%s: %s. %s", _label(record, zone), now["state"], now["why"])
            if self.cannot_end_live:
                self._refuse_what_no_cancel_changes(record, now)
            ti.xcom_push(key="now", value=now)
            self.lineage = lambda: Lineage((of_account(record.ref.platform, record.ref.conn_id),))
            return found

    def _refuse_what_no_cancel_changes(self, record: SessionRecord, now: dict[str, Any]) -> None:
        if now["empty"] and not now["ends_live"]:
            raise TooLate(f"{record.title!r} cannot be cancelled any more. {now['why']}", advice=ENDS_BY_ITSELF)
        if now["state"] == State.LIVE and not now["ends_live"]:
            inside = f"people are in it ({now['people']} seen)." if now["people"] else f"it is live. {now['why']}"
            raise TooLate(
                f"{record.title!r} cannot be cancelled: {inside}",
                advice=self._why_not_live(record.ref.platform) or "Allow that it is ended with people in it.",
            )
        if now["state"] in OVER:
            raise TooLate(f"{record.title!r} is {OVER[now['state']]}: there is nothing to cancel.")
        refuse_if_taken(record.claim)
        if record.ref.in_lasting_room:
            raise Unsupported(
                f"{record.title!r} is in a lasting room, where a cancel changes nothing.",
                advice="Tell its people. In a timetable set its status to cancelled, and no link is handed over; "
                "else mark a hand-over that still waits as failed.",
            )

    def _why_not_live(self, platform: str) -> str:
        told = self.cannot_end_live
        return told if isinstance(told, str) else told.get(platform, "")

    def _check_proof(self, record: SessionRecord, ti: Any) -> None:
        """Believe a record only as its launch wrote it: what is found here is cancelled, and brought home."""
        cipher = AirflowCipher()
        *others, last = self._places(ti)
        for place in others:
            with suppress(Refused):
                return check(record, place, cipher)
        return check(record, last, cipher)

    def _places(self, ti: Any) -> list[LaunchPlace]:
        """Return the launches of the run: XComs of a mapped task come without their map index."""
        task_id, run_id = self._launch_task_id(), self.run_id_of_launch
        states = ti.get_task_states(dag_id=self.dag_id_of_launch, task_ids=[task_id], run_ids=[run_id])
        mapped = (name.removeprefix(f"{task_id}_") for name in states.get(run_id, {}) if _is_of(name, task_id))
        indexes = sorted(int(one) for one in mapped if one.isdecimal())
        return [LaunchPlace(self.dag_id_of_launch, run_id, task_id, index) for index in (*indexes, -1)]

    def _launch_task_id(self) -> str:
        if isinstance(self.launch_task, str):
            return self.launch_task
        try:
            return self.launch_task[self.dag_id_of_launch]
        except KeyError:
            raise ConfigurationError(
                f"Which task of {self.dag_id_of_launch!r} launches sessions is not told.",
                advice=f"Told are those of {', '.join(self.launch_task)}: add it to `launch_task`.",
            ) from None

    def _find(self, ti: Any, zone: ZoneInfo) -> dict[str, Any]:
        if not self.run_id_of_launch:
            raise ConfigurationError("The run id is empty.", advice=WHERE_IDS_ARE)
        pulled = ti.xcom_pull(
            dag_id=self.dag_id_of_launch, run_id=self.run_id_of_launch, task_ids=self._launch_task_id()
        )
        # One value of a task of its own, a list of those of a mapped one.
        launched = [one for one in (pulled if isinstance(pulled, list) else [pulled]) if one is not None]
        run = f"The run {self.run_id_of_launch!r} of {self.dag_id_of_launch!r}"
        if not launched:
            self._tell_why_nothing(ti, run)
        records = [SessionRecord.from_json(one) for one in launched]
        wanted = " ".join(str(self.title).split())
        fit = [
            one
            for one, record in zip(launched, records, strict=True)
            if not wanted or wanted.casefold() in (one.casefold() for one in _names_of(record, zone))
        ]
        if len(fit) == 1:
            return dict(fit[0])
        if fit:
            called = f", {len(fit)} of them called {wanted!r}" if wanted else ""
            raise ConfigurationError(
                f"{run} launched {len(records)} sessions{called}.", advice=_which(records, zone)
            )
        raise ConfigurationError(
            f"{run} launched no session called {wanted!r}.",
            advice=f"Leave the title empty: it launched {_title(records[0])} alone."
            if len(records) == 1
            else _which(records, zone),
        )

    def _tell_why_nothing(self, ti: Any, run: str) -> NoReturn:
        states = ti.get_task_states(dag_id=self.dag_id_of_launch, run_ids=[self.run_id_of_launch])
        if not states.get(self.run_id_of_launch):
            raise ConfigurationError(
                f"There is no run {self.run_id_of_launch!r} of {self.dag_id_of_launch!r}.", advice=WHERE_IDS_ARE
            )
        task_id = self._launch_task_id()
        of_launch = (state for name, state in states[self.run_id_of_launch].items() if _is_of(name, task_id))
        if any(state is None or str(state) in YET_TO_LAUNCH for state in of_launch):
            raise ConfigurationError(
                f"{run} has launched nothing yet: its task {task_id} is still to do.",
                advice="To call it off, mark that run as failed; else wait for its launch.",
            )
        raise ConfigurationError(f"{run} launched nothing.", advice=f"Look what became of its task {task_id}.")

    def _look(self, hook: type[LiveSessionHook], record: SessionRecord) -> dict[str, Any]:
        platform = hook(record.ref.conn_id).platform()
        can_end = Ability.END_LIVE in platform.abilities and not self._why_not_live(record.ref.platform)
        ends_live = can_end and is_true(self.end_live)
        try:
            seen = Seen(planned_start=record.start, planned_end=record.end, deadline=record.end)
            (status,) = platform.statuses([Watch(record.ref, seen)], datetime.now(UTC))
        finally:
            platform.close()
        if status is None:
            return {**self._UNKNOWN, "ends_live": ends_live}
        return {
            "state": status.state.value,
            "people": status.people,
            "empty": status.empty,
            "why": status.why,
            "ends_live": ends_live,
        }


def _is_of(name: str, task_id: str) -> bool:
    """Return whether a task's name among states is a task's, or one of its lanes'."""
    lane = name.removeprefix(f"{task_id}_")
    return name == task_id or (lane != name and lane.isdecimal())


def _when(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    start, end = start.astimezone(zone), end.astimezone(zone)
    last = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%A %d %B %Y, %H:%M}"
    return f"{start:%A %d %B %Y, %H:%M} to {last} ({zone.key})"


def _links_until(record: SessionRecord, zone: ZoneInfo) -> str:
    ends = [link.not_after for link in record.links or () if link.not_after is not None]
    return f"{max(ends).astimezone(zone):%A %d %B %Y, %H:%M} ({zone.key})" if ends else ""


def _sent(record: SessionRecord) -> int:
    """Return how many people's links are written down as sent; of a list that cannot be read, none are known."""
    try:
        kept = Ticket.from_json(record.claim).destination if record.claim else ""
        storage = open_storage(shared_destination(kept))
        keys = (record.ref.key, share_key(record.ref)) if record.ref.session_id else (record.ref.key,)
        ledgers = [Ledger(storage, key) for key in keys]
        return sum(_was_sent(ledgers, link) for link in record.links or ())
    except Exception:  # noqa: BLE001 - a storage that is away keeps no class from being called off
        return 0


def _was_sent(ledgers: Iterable[Ledger], link: SealedLink) -> bool:
    return any(entry["by"] != XCOM for one in ledgers if (entry := one.served(link, XCOM)) is not None)


def _title(record: SessionRecord) -> str:
    return " ".join(record.title.split())


def _label(record: SessionRecord, zone: ZoneInfo) -> str:
    return f"{record.start.astimezone(zone):%Y-%m-%d %H:%M} {_title(record)}"


def _names_of(record: SessionRecord, zone: ZoneInfo) -> tuple[str, ...]:
    """Return what a session may be called by; each tells it from more others than the one before."""
    return (_title(record), _label(record, zone), f"{format_time(record.start)} {_title(record)}")


def _which(records: Sequence[SessionRecord], zone: ZoneInfo) -> str:
    """Ask which one is meant: by titles, and for those whose titles repeat, by their starts as well."""
    known = [_names_of(one, zone) for one in records]
    taken = Counter(one.casefold() for names in known for one in names)
    shown = sorted(next((one for one in names if taken[one.casefold()] == 1), names[-1]) for names in known)
    times = "" if set(shown) <= {names[0] for names in known} else f" (times of {zone.key})"
    return f"Give one of these as the title{times}: {'; '.join(shown[:SHOWN])}{'; ...' if shown[SHOWN:] else ''}"
