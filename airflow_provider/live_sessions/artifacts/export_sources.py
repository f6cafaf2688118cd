"""Where an export's rows come from: a platform's past sessions, or what was said in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.live_sessions.artifacts.class_plans import KeptPeople
from airflow_provider.live_sessions.artifacts.export_files import rows_of
from airflow_provider.live_sessions.artifacts.export_lacks import PATIENCE, Lacks
from airflow_provider.live_sessions.artifacts.manifest import OF
from airflow_provider.live_sessions.artifacts.row_shapes import SEGMENTS, SESSIONS
from airflow_provider.live_sessions.core.contract import DEFAULT_RULES
from airflow_provider.live_sessions.core.session_rows import ExportAsk, Tally
from airflow_provider.live_sessions.core.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from airflow_provider.live_sessions.artifacts.export_chunks import Chunk
    from airflow_provider.live_sessions.artifacts.manifest import Manifest
    from airflow_provider.live_sessions.artifacts.row_shapes import Row, Shape
    from airflow_provider.live_sessions.core.contract import ArtifactRules, ExportPlatform, TranscriptsPlatform
    from airflow_provider.live_sessions.core.models import Participant
    from airflow_provider.live_sessions.core.storage import Storage

Launches = Mapping[str, "Mapping[str, Participant]"]
"""By a launch key's digest: the participant for each of the platform's user ids, as the launch told them."""


class Source(Protocol):
    """What an export writes down, a day or hour at a time."""

    @property
    def shape(self) -> Shape:
        """What kind of rows they are."""

    @property
    def platform(self) -> str:
        """The platform's name."""

    @property
    def title(self) -> str:
        """What people call it, for manifests."""

    def asked(self, chunk: Chunk) -> Mapping[str, Any]:
        """Return what the rows depend on beside their time: a file asked for otherwise is written anew."""

    def rows(self, chunk: Chunk, tally: Tally) -> Iterator[Row]:
        """Yield the rows of a day or hour, in any order; one may come twice."""

    def agrees(self, storage: Storage, manifest: Manifest, chunk: Chunk) -> bool:
        """Return whether what is home is of the same sessions as would come now, at the price of a list."""

    def lacking(self, chunk: Chunk, tally: Tally, seconds: float) -> Lacks:
        """Return what is not whole, after the rows came.

        Args:
            chunk: The day or hour.
            tally: What was met.
            seconds: For how long it was read.
        """


@dataclass(frozen=True, slots=True)
class SessionSource:
    """Every session of an account.

    Args:
        account: The open account.
        look_back: How long a session may have lasted; None for the platform's own bound.
        attendance: Also who was there and when.
        patience: How long after its time a file waits for what the platform does not tell yet.
    """

    account: ExportPlatform
    look_back: timedelta | None = None
    attendance: bool = True
    patience: timedelta = PATIENCE
    shape: Shape = SESSIONS
    title: str = "Sessions of the account"

    @property
    def platform(self) -> str:
        """The platform's name."""
        return self.account.name

    def asked(self, chunk: Chunk) -> Mapping[str, Any]:
        """Return the look-back and whether attendance was asked for."""
        ask = self._ask(chunk)
        return {"attendance": ask.attendance, "look_back_seconds": round(ask.look_back.total_seconds())}

    def rows(self, chunk: Chunk, tally: Tally) -> Iterator[Row]:
        """Yield each session that ended within the time."""
        return self.account.ended_sessions(self._ask(chunk), tally)

    def agrees(self, storage: Storage, manifest: Manifest, chunk: Chunk) -> bool:
        """Return whether the platform's list has the same sessions with the same ends; attendance is not read."""
        listed = self.account.ended_sessions(replace(self._ask(chunk), attendance=False), Tally())
        now = {(one.session_id, one.counted_at) for one in listed}
        return now == {(row["session_id"], parse_time(row["counted_at"])) for row in rows_of(storage, manifest)}

    def lacking(self, chunk: Chunk, tally: Tally, seconds: float) -> Lacks:
        """Return what the platform did not tell, and whether it was asked too early."""
        return _lacks(self.account, chunk, tally, seconds, self.patience)

    def _ask(self, chunk: Chunk) -> ExportAsk:
        look_back = self.account.export_rules.look_back if self.look_back is None else self.look_back
        return ExportAsk(chunk.since, chunk.until, look_back, self.attendance)


@dataclass(frozen=True, slots=True)
class SegmentSource:
    """Everything that was said in the sessions of an account.

    Args:
        account: The open account.
        rules: Which sessions have a transcript, and how long one is waited for.
        launches: Who is behind the platform's user ids, where launches are at hand.
        look_back: How long a session may have lasted; None for the platform's own bound.
        storage: Where classes bring home their attendance tables: they tell it of other launches. Who is in none
            of both, the platform is asked about; None for no tables.
    """

    account: TranscriptsPlatform
    rules: ArtifactRules = DEFAULT_RULES
    launches: Launches = field(default_factory=dict, hash=False)
    look_back: timedelta | None = None
    storage: Storage | None = None
    shape: Shape = SEGMENTS
    title: str = "What was said in the account's sessions"

    @property
    def platform(self) -> str:
        """The platform's name."""
        return self.account.name

    def asked(self, chunk: Chunk) -> Mapping[str, Any]:
        """Return which sessions have a transcript at all, who was launched, and the look-back if given."""
        del chunk
        people = {
            key: {who: [one.id, one.name] for who, one in mapping.items()}
            for key, mapping in self.launches.items()
        }
        digest = hashlib.sha256(json.dumps(people, sort_keys=True).encode()).hexdigest()[:16] if people else ""
        own = {} if self.look_back is None else {"look_back_seconds": round(self.look_back.total_seconds())}
        return {
            "min_seconds": self.rules.min_seconds,
            "sure_seconds": self.rules.sure_seconds,
            "launches": digest,
            **own,
        }

    def rows(self, chunk: Chunk, tally: Tally) -> Iterator[Row]:
        """Yield each segment of each session that ended within the time."""
        ask = self._ask(chunk)
        listed = _Listed()
        tally.met.append(listed.add)
        yield from self.account.spoken_segments(ask, tally, self.rules, self._people(ask))
        tally.of = listed.digest

    def agrees(self, storage: Storage, manifest: Manifest, chunk: Chunk) -> bool:
        """Return whether the same speakers are known, and the same sessions with the same ends are listed.

        A class's table may have come home after the words. One that went since takes nobody's name away.
        """
        ask = self._ask(chunk)
        people = self._people(ask)
        if not all(_is_told(row, people(row["launch_key"])) for row in rows_of(storage, manifest)):
            return False
        listed = _Listed()
        for one in self.account.ended_sessions(ask, Tally()):
            listed.add(one.session_id, one.counted_at)
        return bool(manifest.extra.get(OF) == listed.digest)

    def lacking(self, chunk: Chunk, tally: Tally, seconds: float) -> Lacks:
        """Return which transcripts are not there (yet), and whether the sessions were asked for too early."""
        return _lacks(self.account, chunk, tally, seconds)

    def _ask(self, chunk: Chunk) -> ExportAsk:
        look_back = self.account.export_rules.look_back if self.look_back is None else self.look_back
        return ExportAsk(chunk.since, chunk.until, look_back, attendance=False)

    def _people(self, ask: ExportAsk) -> Callable[[str], Mapping[str, Participant]]:
        """Return what tells by a launch key who is behind the platform's user ids: the launch, else the table."""
        kept = None if self.storage is None else KeptPeople(self.storage, ask.since - ask.look_back, ask.until)

        def of(key: str) -> Mapping[str, Participant]:
            given = self.launches.get(key, {})
            return given if given or kept is None or not key else kept.of(key)

        return of


def _is_told(row: Mapping[str, Any], people: Mapping[str, Participant]) -> bool:
    """Return whether a segment's row has the speaker that is known by now."""
    person = people.get(row["speaker_id"])
    return person is None or (row["participant_id"], row["speaker"]) == (person.id, person.name or row["speaker"])


class _Listed:
    """Sessions and their ends in one number, in whatever order they come, so that none has to be held."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, session_id: str, counted_at: datetime) -> None:
        """Take a session; each comes once."""
        told = json.dumps([session_id, format_time(counted_at)]).encode()
        self._sum += int.from_bytes(hashlib.sha256(told).digest()[:16])

    @property
    def digest(self) -> str:
        """The same for the same sessions with the same ends."""
        return f"{self._sum % 2**128:032x}"


def _lacks(
    account: ExportPlatform, chunk: Chunk, tally: Tally, seconds: float, patience: timedelta = PATIENCE
) -> Lacks:
    # Asked afterwards and reckoned back: only an answer tells the platform's time.
    read_at = account.now() - timedelta(seconds=seconds)
    early = read_at < chunk.until + account.export_rules.catch_up
    too_early = (
        ["It was read before the platform's lists had caught up: sessions may be missing."] if early else []
    )
    if read_at >= chunk.until + patience:
        return Lacks((*too_early, *tally.lacking), (*tally.awaited, *tally.lost))
    return Lacks((*too_early, *tally.lacking, *tally.awaited), tuple(tally.lost))
