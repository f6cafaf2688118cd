"""Whether a run kept the promises, by the sandbox's own records and the files on the disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Manifest
from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from crash.venues.venue import Held, Venue


@dataclass
class Verdict:
    """What a run left behind.

    Args:
        duplicates: Sessions beyond one for each launch key that the platform's API could have excluded.
        lost: Launches that succeeded without a session that lets people in, or never succeeded.
        wrongly_ended: Sessions ended or cancelled that nobody asked to end.
        torn: Files that are not whole, and manifests that do not fit their files.
        allowed: Sessions beyond one that the API cannot exclude, by the reason.
        unclear: What kept the run from being judged.
        said: A sentence for each of these.
    """

    duplicates: int = 0
    lost: int = 0
    wrongly_ended: int = 0
    torn: int = 0
    unclear: int = 0
    allowed: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return not (self.duplicates or self.lost or self.wrongly_ended or self.torn or self.unclear)

    def count(self, what: str, why: str, number: int = 1) -> None:
        """Count something that must not be."""
        setattr(self, what, getattr(self, what) + number)
        self.said.append(f"{what}: {why}")


def judge_doubles(
    verdict: Verdict, venue: Venue, held: Sequence[Held], records: Mapping[str, Any], *, people: int, late: bool
) -> None:
    """Count the sessions of each launch beyond those recorded.

    Args:
        verdict: Where it is counted.
        venue: The platform.
        held: Every session at the sandbox.
        records: Each lane's result.
        people: Participants of each.
        late: A create outlived its sender.
    """
    for lane, record in records.items():
        mine = venue.recorded(record)
        standing = [one for one in held if one.lane == lane and not one.gone]
        extra = [one for one in standing if one.id not in mine]
        excused = [reason for one in extra if (reason := venue.excuse(one, late=late))]
        verdict.allowed.update(excused)
        over = len(standing) - len(excused) - venue.expected(people)
        if over > 0:
            verdict.count("duplicates", f"{lane} has {len(standing)} sessions that stand", over)


def judge_standing(
    verdict: Verdict, venue: Venue, held: Sequence[Held], records: Mapping[str, Any], *, people: int, inside: bool
) -> None:
    """Count recorded sessions that are not there, or do not stand, or have lost the people who were in them."""
    for lane, record in records.items():
        there = {one.id: one for one in held if one.lane == lane}
        mine = venue.recorded(record)
        for one in mine:
            if one not in there:
                verdict.count("lost", f"the recorded session of {lane} does not exist")
            elif there[one].gone:
                verdict.count("wrongly_ended", f"the recorded session of {lane} was ended though nobody asked")
        here = sum(one.inside for one in there.values())
        if inside and here < people and all(not there[one].gone for one in mine if one in there):
            verdict.count("wrongly_ended", f"of {people} people in {lane} only {here} are still inside")


@dataclass(frozen=True)
class Snapshot:
    """What is visible in the destination at a moment.

    Args:
        files: Each file's content.
        problems: Manifests that do not fit their files.
    """

    files: Mapping[str, bytes]
    problems: tuple[str, ...]


def look(destination: Path) -> Snapshot:
    """Look at what is home, as a reader of the files would."""
    storage = LocalStorage(destination)
    files = {name: storage.get(name) for name in storage.list()}
    problems: list[str] = []
    for name, content in files.items():
        if name.endswith(".manifest.json"):
            try:
                problems += Manifest.from_bytes(content).verify(storage)
            except ConfigurationError as error:
                problems.append(f"{name}: {error}")
    return Snapshot(files, tuple(problems))


def judge_files(
    verdict: Verdict, before: Snapshot, after: Snapshot, results: Sequence[Any], expected: int
) -> None:
    """Count files that were not whole after the kill, or are not in the end.

    Args:
        verdict: Where it is counted.
        before: What was visible after the kill.
        after: What is visible in the end.
        results: The manifests in XCom.
        expected: How many files there have to be, manifests included.
    """
    for problem in (*before.problems, *after.problems):
        verdict.count("torn", problem)
    for name, content in before.files.items():
        # A repeat writes the same bytes, so what was visible after the kill has to be what is there in the end.
        if after.files.get(name) != content:
            verdict.count("torn", f"{name} was visible with {len(content)} bytes and is not what it was")
    if len(after.files) != expected:
        verdict.count("torn", f"{len(after.files)} files are home; there have to be {expected}")
    described: set[str] = set()
    for result in results:
        manifest = Manifest.from_json({key: result[key] for key in result if key != "extra_tasks"})
        described |= {manifest.name, *(entry.name for entry in manifest.files)}
        if manifest.status.value != "complete":
            verdict.count("torn", f"the manifest says {manifest.status}: {manifest.why}")
        if after.files.get(manifest.name) != manifest.to_bytes():
            verdict.count("torn", f"{manifest.name} is not the manifest in XCom")
    for name in set(after.files) - described:
        verdict.count("torn", f"no manifest describes {name}")
