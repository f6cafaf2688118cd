"""The judge of the crash matrix, with sessions and files made up: it has to see what it is there for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.writer import Writer
from crash.judge import Verdict, judge_doubles, judge_files, judge_standing, look
from crash.matrix import MODES, combinations
from crash.points import BY_NAME
from crash.scene import Combination, scene_of
from crash.venues import VENUES
from crash.venues.venue import Held

if TYPE_CHECKING:
    from pathlib import Path

RECORD = {"ref": {"session_id": "s-1"}}
COVIU = VENUES["coviu"]()
SCREENLEAP = VENUES["screenleap"]()


def held(identity: str, *, gone: bool = False, inside: int = 2, started: bool = True) -> Held:
    return Held("lane", identity, gone, inside, started)


def doubles(*sessions: Held, late: bool = False) -> Verdict:
    verdict = Verdict()
    judge_doubles(verdict, COVIU, sessions, {"lane": RECORD}, people=2, late=late)
    return verdict


def test_a_second_session_that_stands_is_a_duplicate_and_one_that_was_cancelled_is_none() -> None:
    assert doubles(held("s-1")).kept
    assert doubles(held("s-1"), held("s-2", gone=True)).kept
    assert doubles(held("s-1"), held("s-2"), held("s-3")).duplicates == 2


def test_a_create_that_outlived_its_sender_is_allowed_and_counted_apart() -> None:
    verdict = doubles(held("s-1"), held("s-2"), late=True)
    assert verdict.kept
    assert sum(verdict.allowed.values()) == 1


def test_a_share_that_somebody_started_is_never_excused() -> None:
    assert SCREENLEAP.excuse(held("x", started=False), late=False)
    assert not SCREENLEAP.excuse(held("x", started=True), late=False)


@pytest.mark.parametrize(
    ("sessions", "counted"),
    [
        ([held("s-1")], ""),
        ([], "lost"),
        ([held("s-2")], "lost"),
        ([held("s-1", gone=True)], "wrongly_ended"),
        ([held("s-1", inside=1)], "wrongly_ended"),
    ],
)
def test_a_recorded_session_has_to_exist_to_stand_and_to_keep_its_people(
    sessions: list[Held], counted: str
) -> None:
    verdict = Verdict()
    judge_standing(verdict, COVIU, sessions, {"lane": RECORD}, people=2, inside=True)
    assert verdict.kept is (counted == "")
    assert not counted or getattr(verdict, counted) >= 1


def bring_home(folder: Path, *contents: bytes) -> Manifest:
    writer = Writer(LocalStorage(folder), "day", kind="transcript", session_key="k")
    for number, content in enumerate(contents):
        writer.add(f"{number}.txt", [content], media_type="text/plain")
    draft = Manifest("transcript", "coviu", "crash", "k", Completeness.COMPLETE)
    return writer.finish(draft)


def test_whole_files_with_their_manifest_are_not_torn(tmp_path: Path) -> None:
    before = look(tmp_path)
    manifest = bring_home(tmp_path, b"one", b"two")
    verdict = Verdict()
    judge_files(verdict, before, look(tmp_path), [manifest.to_json()], 3)
    assert verdict.kept, verdict.said


@pytest.mark.parametrize("what", ["changed", "stray", "manifest"])
def test_a_file_that_is_not_what_it_was_or_that_nobody_describes_is_torn(tmp_path: Path, what: str) -> None:
    (tmp_path / "day").mkdir()
    if what == "changed":
        (tmp_path / "day" / "0.txt").write_bytes(b"on")  # visible after the kill, half of it
    before = look(tmp_path)
    manifest = bring_home(tmp_path, b"one")
    if what == "stray":
        (tmp_path / "day" / "stray.txt").write_bytes(b"?")
    if what == "manifest":
        (tmp_path / "day" / "0.txt").write_bytes(b"another")
    verdict = Verdict()
    judge_files(verdict, before, look(tmp_path), [manifest.to_json()], 2)
    assert verdict.torn >= 1


def test_every_point_lies_on_every_platform_but_for_files_where_there_are_none() -> None:
    chosen = combinations(tuple(VENUES), MODES, tuple(BY_NAME), 20)
    assert len(chosen) == len(set(chosen))
    kills = {one.point for one in chosen if BY_NAME[one.point].kill}
    assert len(kills) >= 12
    for platform in VENUES:
        mine = {one.point for one in chosen if one.platform == platform and BY_NAME[one.point].kill}
        assert len(mine) >= 12
        assert len([one for one in chosen if one.platform == platform and one.point in kills]) >= 12 * 2 * 20


@given(
    st.builds(
        Combination,
        st.sampled_from(sorted(VENUES)),
        st.sampled_from(MODES),
        st.sampled_from(sorted(BY_NAME)),
        st.integers(0, 10_000),
    )
)
def test_a_run_is_named_by_its_seed_and_is_the_same_every_time(combination: Combination) -> None:
    venue = VENUES[combination.platform]()
    assert Combination.parse(str(combination)) == combination
    if BY_NAME[combination.point].lies_on(venue):
        first, again = scene_of(combination, venue), scene_of(combination, venue)
        assert (first.strikes, first.later, first.titles, first.struck) == (
            again.strikes,
            again.later,
            again.titles,
            again.struck,
        )
        assert first.people >= venue.fewest
