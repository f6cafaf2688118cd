from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.manifest import Completeness, FileEntry, Manifest
from airflow_provider.live_sessions.core.errors import ConfigurationError
from tests.artifacts.memory import MemoryStorage

DIGEST = hashlib.sha256(b"abc").hexdigest()
START = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
moments = st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is drawn beside it
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
entries = st.builds(
    FileEntry,
    name=words,
    url=st.just("s3://bucket/a"),
    media_type=words,
    bytes=st.integers(0, 10**12),
    sha256=st.binary(max_size=4).map(lambda content: hashlib.sha256(content).hexdigest()),
    counts=st.dictionaries(words, st.integers(0, 10**9), max_size=3),
)
manifests = st.builds(
    Manifest,
    kind=st.sampled_from(["transcript", "attendance", "recording"]),
    platform=words,
    conn_id=words,
    session_key=words,
    status=st.sampled_from([Completeness.COMPLETE, Completeness.PARTIAL]),
    session_ids=st.lists(words, max_size=3).map(tuple),
    title=words,
    planned_start=moments,
    planned_end=moments,
    actual_start=moments,
    actual_end=moments,
    why=words.map(lambda text: f"Because {text}."),
    files=st.lists(entries, max_size=3, unique_by=lambda entry: entry.name).map(tuple),
    source=st.lists(words.map(lambda text: text.replace("?", "")), max_size=2).map(tuple),
    extra=st.dictionaries(words, values, max_size=3),
    name=words,
)


def entry(**changes: Any) -> FileEntry:
    given_: dict[str, Any] = {
        "name": "day/a.json",
        "url": "file:///home/day/a.json",
        "media_type": "application/json",
        "bytes": 3,
        "sha256": DIGEST,
        "counts": {"segments": 1},
    }
    return FileEntry(**{**given_, **changes})


def manifest(**changes: Any) -> Manifest:
    given_: dict[str, Any] = {
        "kind": "transcript",
        "platform": "lessonspace",
        "conn_id": "space",
        "session_key": "1f0c",
        "status": Completeness.COMPLETE,
        "planned_start": START,
        "files": (entry(),),
    }
    return Manifest(**{**given_, **changes})


@given(manifests)
def test_a_manifest_survives_the_way_through_xcom_and_through_a_file(one: Manifest) -> None:
    assert Manifest.from_json(one.to_json()) == one
    assert Manifest.from_json(json.loads(json.dumps(one.to_json()))) == one
    assert Manifest.from_bytes(one.to_bytes()) == one


@given(manifests, st.randoms())
def test_equal_manifests_are_equal_bytes_whatever_the_order_of_their_making(one: Manifest, random: Any) -> None:
    def shuffled(mapping: dict[str, Any]) -> dict[str, Any]:
        items = list(mapping.items())
        random.shuffle(items)
        return dict(items)

    data = shuffled(one.to_json())
    data["extra"] = shuffled(data["extra"])
    data["files"] = [{**shuffled(file), "counts": shuffled(file["counts"])} for file in data["files"]]
    random.shuffle(data["files"])
    assert Manifest.from_json(data).to_bytes() == one.to_bytes()


def test_a_manifest_holds_no_time_of_its_own_making() -> None:
    data = manifest().to_json()
    assert [data[name] for name in ("planned_start", "planned_end", "actual_start", "actual_end")] == [
        "2026-09-01T07:00:00+00:00",
        None,
        None,
        None,
    ]
    assert set(data) == {
        "schema_version", "kind", "platform", "conn_id", "session_key", "session_ids", "title", "status",
        "planned_start", "planned_end", "actual_start", "actual_end",
        "why", "files", "source", "extra", "name", "url",
    }  # fmt: skip


def test_one_moment_in_two_zones_is_one_manifest() -> None:
    elsewhere = START.astimezone(timezone(timedelta(hours=2)))
    assert manifest(planned_start=elsewhere).to_bytes() == manifest().to_bytes()


def test_odd_text_of_a_platform_never_stops_the_writing() -> None:
    data = json.loads(manifest(title="half \ud83d pair").to_bytes())
    assert data["title"] == "half ? pair"


def test_what_is_not_complete_says_why() -> None:
    for status in (Completeness.PARTIAL, Completeness.NONE):
        with pytest.raises(ValueError, match="says why"):
            manifest(status=status, files=(), why=" ")
    told = manifest(status=Completeness.NONE, files=(), why="Never transcribed: shorter than 150 s.")
    assert Manifest.from_json(told.to_json()).why == "Never transcribed: shorter than 150 s."


def test_nothing_retrieved_names_no_files() -> None:
    with pytest.raises(ValueError, match="names files"):
        manifest(status=Completeness.NONE, why="Gone.")


@pytest.mark.parametrize("url", ["https://host/a?X-Amz-Signature=1", "s3://user:password@bucket/a"])
def test_a_url_that_opens_a_door_is_refused_and_not_repeated(url: str) -> None:
    for make in (entry, manifest):
        with pytest.raises(ValueError, match="a query or a password") as caught:
            make(url=url)
        assert url not in str(caught.value)


def test_a_connection_id_in_an_object_url_is_no_password() -> None:
    assert entry(url="s3://aws_default@bucket/a").url == "s3://aws_default@bucket/a"


def test_a_source_with_a_query_is_refused() -> None:
    with pytest.raises(ValueError, match="query"):
        manifest(source=("GET /sessions/?token=1",))


@pytest.mark.parametrize("kind", ["", "Transcript", "a/b", "../a", "a b", "x" * 50])
def test_a_kind_is_a_word_that_a_file_name_can_hold(kind: str) -> None:
    with pytest.raises(ValueError, match="kind"):
        manifest(kind=kind)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        manifest(actual_end=datetime(2026, 9, 1, 9, 0))  # noqa: DTZ001 - that is the point


def changed(**changes: Any) -> dict[str, Any]:
    return {**manifest().to_json(), **changes}


@pytest.mark.parametrize(
    "data",
    [
        {},
        changed(schema_version=2),
        changed(schema_version="x"),
        changed(status="finished"),
        changed(status="partial"),
        changed(title=None),
        changed(session_ids=None),
        changed(planned_start="yesterday"),
        changed(planned_start="2026-09-01T09:00:00"),
        changed(files=[{}]),
        changed(files=[1]),
        changed(files=[{**entry().to_json(), "sha256": "abc"}]),
        changed(files=[{**entry().to_json(), "counts": {"a": "many"}}]),
        changed(extra=None),
    ],
)
def test_what_is_no_manifest_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Manifest.from_json(data)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"null", b"{}"])
def test_a_file_that_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="not a manifest"):
        Manifest.from_bytes(content)


def test_verify_finds_what_is_missing_cut_or_changed() -> None:
    storage = MemoryStorage()
    storage.put("whole", [b"abc"])
    storage.put("cut", [b"ab"])
    storage.put("changed", [b"abd"])
    names = ("whole", "cut", "changed", "missing")
    problems = manifest(files=tuple(entry(name=name) for name in names)).verify(storage)
    assert problems == [
        "changed is not what was written: its sha256 differs.",
        "cut has 2 bytes; 3 were written.",
        "missing is missing.",
    ]
    assert manifest(files=(entry(name="whole"),)).verify(storage) == []
