"""What this package wrote once and reads again may have become anything meanwhile: XCom, files, sealed strings."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.artifacts.manifest import Completeness, FileEntry, Manifest
from airflow_provider.live_sessions.artifacts.writer import Writer, read_manifest
from airflow_provider.live_sessions.core.contract import DEFAULT_RULES, ArtifactRules, ArtifactWait
from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    LiveSessionError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.models import JoinLink, Launched, Participant, Plan, SessionRef
from airflow_provider.live_sessions.core.polling import Conclusion, Goal, GoalKind, Outcome
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.sealing import seal, unseal
from airflow_provider.live_sessions.core.status import Held, Seen, SessionStatus, State
from airflow_provider.live_sessions.hooks.screenleap import reveal_launch_data
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher, reveal
from airflow_provider.live_sessions.operators.hand_over_ledger import Ledger
from airflow_provider.live_sessions.operators.identity import occurrence_of
from airflow_provider.live_sessions.platforms.educates.seats import seats_of
from airflow_provider.live_sessions.schedules.claims import Claim, ClaimBook, Ticket
from airflow_provider.live_sessions.schedules.model import Occurrence
from airflow_provider.live_sessions.triggers.events import (
    error_event,
    milestone_event,
    outcome_event,
    read_event,
    read_milestone,
    read_outcome,
)
from tests.artifacts.memory import MemoryStorage
from tests.core.cipher import FernetCipher
from tests.fuzz.tampering import BODIES, RAW, VALUES, damaged
from tests.fuzz.verdict import cases, played

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 9, 1, 9, tzinfo=UTC)
END = START + timedelta(hours=1)
ADA = Participant("ada", "Ada", "ada@school.test", "teacher", leader=True, options={"a": 1})
REF = SessionRef("lessonspace", "c", "s-1", "k" * 32, (("space", "x"), ("window_end", END.isoformat())))
STATUS = SessionStatus(State.ENDED, Held.YES, "over", END, START, END, ("s-1",), 2, frozenset({"1"}))
PLAN = Plan("Algebra", START, END, (ADA,))
LINK = JoinLink(ADA, SecretStr("https://rooms.test/?user=secret"), "1", START, END)
RECORD = SessionRecord.of(Launched(REF, (LINK,), True, STATUS), PLAN, FernetCipher())
CLAIM = Claim("k", "d", "launch", "dag", "run", 0, "Algebra", START, "2026-09-01")
ENTRY = FileEntry("x/a.json", "file:///x/a.json", "application/json", 1, "0" * 64, {"rows": 1})
MANIFEST = Manifest(
    kind="transcript",
    platform="lessonspace",
    conn_id="c",
    session_key="k",
    status=Completeness.COMPLETE,
    session_ids=("s-1",),
    files=(ENTRY,),
)
SEEN = Seen(START, END, END, 600.0, START, START, State.LIVE, START)
OUTCOME = Outcome(Conclusion.REACHED, "over", STATUS)

READERS: dict[str, tuple[Callable[[Any], object], Any]] = {
    "participant": (Participant.from_json, ADA.to_json()),
    "ref": (SessionRef.from_json, REF.to_json()),
    "status": (SessionStatus.from_json, STATUS.to_json()),
    "seen": (Seen.from_json, SEEN.to_json()),
    "goal": (Goal.from_json, Goal(GoalKind.START, 2, frozenset({"1"})).to_json()),
    "outcome": (Outcome.from_json, OUTCOME.to_json()),
    "artifact wait": (ArtifactWait.from_json, DEFAULT_RULES.after(END).to_json()),
    "artifact rules": (ArtifactRules.of, {"min_seconds": 1.0}),
    "record": (SessionRecord.from_json, RECORD.to_json()),
    "claim": (Claim.from_json, CLAIM.to_json()),
    "ticket": (Ticket.from_json, Ticket("file:///x", "f", CLAIM).to_json()),
    "manifest": (Manifest.from_json, MANIFEST.to_json()),
    "occurrence": (Occurrence.from_json, Occurrence("u", "Algebra", START, END, participants=(ADA,)).to_json()),
    "a task's session": (occurrence_of, Occurrence("u", "Algebra", START, END).to_json()),
    "error event": (lambda event: read_event(event, "outcome"), error_event(ConfigurationError("x"))),
    "outcome event": (read_outcome, outcome_event(OUTCOME)),
    "milestone event": (read_milestone, {**milestone_event(type("M", (), {"seen": SEEN})())}),
}


@pytest.mark.parametrize("name", READERS)
@cases(60)
@given(data=st.data())
def test_what_came_back_changed_is_read_or_refused(name: str, data: st.DataObject) -> None:
    read, good = READERS[name]
    value = data.draw(damaged(good))
    played(lambda: read(value))


@pytest.mark.parametrize("name", READERS)
def test_what_came_back_as_something_else_is_read_or_refused(name: str) -> None:
    read, good = READERS[name]
    for value in (good, *VALUES):
        played(lambda value=value: read(value))  # type: ignore[misc]  # binds the loop's value


CONTENTS = [
    *(make(json.dumps(CLAIM.to_json()).encode()) for make in BODIES),
    *(json.dumps(MANIFEST.to_json()).replace("1", raw).encode() for raw in RAW),
    *(json.dumps(CLAIM.to_json()).replace("0,", f"{raw},").encode() for raw in RAW),
    *(raw.encode() for raw in RAW),
]


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
def test_a_file_of_ours_that_was_spoilt_counts_as_none_or_is_refused(content: bytes) -> None:
    storage = MemoryStorage()
    book, ledger = ClaimBook(storage, "week"), Ledger(storage, "k")
    assert RECORD.links is not None
    (link,) = RECORD.links
    book.write(CLAIM)
    ledger.record(link, "mail")
    storage.files["class/transcript.manifest.json"] = b""
    for name in storage.files:
        storage.files[name] = content
    played(lambda: book.read({"2026-09-01"}))
    played(lambda: book.find("2026-09-01", "k"))
    played(lambda: Ticket("file:///x", "week", CLAIM).taken_by(storage))
    played(lambda: ledger.served(link, "mail"))
    played(lambda: ledger.in_order([link]))
    played(lambda: Manifest.from_bytes(content))
    played(lambda: read_manifest(storage, "class", "transcript"))
    played(lambda: Writer(storage, "class", kind="transcript", session_key="k"))


@cases(60)
@given(where=st.integers(0, 400), what=st.sampled_from(["", "é", "\x00", "A", "=", "\ud800", "sealed:v1:"]))
def test_a_sealed_string_that_was_changed_is_refused_in_words(where: int, what: str) -> None:
    clear = "https://rooms.test/join?user=very-secret-indeed"
    sealed = seal(SecretStr(clear), AirflowCipher())
    at = where % len(sealed)
    changed = sealed[:at] + what + sealed[at + 1 :]
    for open_it in (reveal, reveal_launch_data, lambda text: unseal(text, AirflowCipher())):
        result = played(lambda open_it=open_it: open_it(changed), [clear])  # type: ignore[misc]  # binds the loop's value
        assert changed == sealed or isinstance(result, LiveSessionError)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_what_is_no_sealed_string_is_refused_in_words(value: Any) -> None:
    for open_it in (reveal, reveal_launch_data):
        assert isinstance(played(lambda open_it=open_it: open_it(value)), LiveSessionError)  # type: ignore[misc]
    played(lambda: SessionRecord.from_json({**RECORD.to_json(), "links": [value]}))


@pytest.mark.parametrize(
    "content", [b"null", b"[" * 100_000, *(one.encode() for one in RAW)], ids=range(2 + len(RAW))
)
def test_launch_data_that_is_none_is_refused_in_words(content: bytes) -> None:
    sealed = seal(SecretStr(content.decode()), AirflowCipher())
    played(lambda: reveal_launch_data(sealed, mask=False))


@pytest.mark.parametrize("seats", [*RAW, "null", "[null]", '[{"learner": 1}]', "[" * 100_000])
def test_seats_that_are_none_are_refused_in_words(seats: str) -> None:
    ref = SessionRef("educates", "c", "s", "k", (("seats", seats),))
    played(lambda: seats_of(ref))


@pytest.mark.parametrize("kind", [Refused, NotFound, RateLimited, Unavailable, OutcomeUnknown])
@pytest.mark.parametrize("advice", ["", "Mend it."])
def test_an_error_that_a_trigger_reported_is_raised_again_word_for_word(
    kind: type[LiveSessionError], advice: str
) -> None:
    error = kind("it broke.", platform="Toy", conn_id="toy", advice=advice)
    with pytest.raises(kind) as told:
        read_event(error_event(error), "outcome")
    assert str(told.value) == str(error)
    assert (told.value.platform, told.value.conn_id) == ("Toy", "toy")


def test_an_error_event_of_an_older_release_keeps_its_message() -> None:
    old = {"version": 1, "kind": "error", "error": "NotFound", "message": "Toy: it is gone."}
    with pytest.raises(NotFound, match=r"Toy: it is gone\."):
        read_event(old, "outcome")
