"""What the demo holds the warehouse against: it finds what is missing, too much or different."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.writer import Writer
from demo.warehouse.night import conf
from demo.warehouse.truth import Warehouse, sessions_of
from tests.artifacts.memory import MemoryStorage

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = "ab" * 16


def session(uuid: str, ended: datetime | None, people: int = 2) -> dict[str, Any]:
    end = ended.isoformat() if ended else None
    return {"uuid": uuid, "end_time": end, "people": ["p"] * people, "guests": 1}


def warehouse(**changes: Any) -> Warehouse:
    """Return a warehouse in which everything agrees but for the changes."""
    storage = MemoryStorage()
    spoken = [{"text": "one two"}, {"text": ""}]
    for kind, name, content, extra in (
        ("transcript", "transcript-01.json", spoken, {}),
        ("attendance", "attendance.json", [], {"counts": {"expected": 3, "late": 1, "absent": 1}}),
    ):
        writer = Writer(storage, "2026-09-01/1100-algebra-abababab", kind=kind, session_key=KEY)
        writer.add(name, [json.dumps(content).encode()], media_type="application/json")
        writer.finish(Manifest(kind, "lessonspace", "c", KEY, Completeness.COMPLETE, title="Algebra", extra=extra))
    rows: dict[str, list[dict[str, Any]]] = {
        "sessions": [{"session_id": "a", "participants": [1, 2, 3]}],
        "segments": [
            {"words": 2, "participant_id": "p"},
            {"words": 0, "participant_id": "p"},
        ],
        "classes": [{"class_key": KEY, "session_ids": ["a"], "expected": 3, "late": 1, "absent": 1}],
    }
    loaded = {"sessions": 1, "segments": 2, "classes": 1}
    return Warehouse("lessonspace", storage, {**rows, **changes.get("rows", {})}, changes.get("loaded", loaded))


TRUTH = {"a": 3}


def test_a_warehouse_that_agrees_has_no_problem() -> None:
    assert warehouse().problems(TRUTH) == []
    assert warehouse().figures() == (1, 3, 2, 2, 1, 3, 1)


@pytest.mark.parametrize(
    ("changes", "truth", "said"),
    [
        ({}, {"a": 3, "b": 1}, "1 sessions are missing"),
        ({}, {"a": 2}, "1 sessions are missing, too many or have other people: a"),
        ({"rows": {"segments": []}, "loaded": {"sessions": 1, "classes": 1}}, TRUTH, "segments and words"),
        ({"rows": {"segments": [{"words": 2, "participant_id": ""}, {"words": 0, "participant_id": "p"}]}}, TRUTH,
         "nobody knows who spoke"),
        ({"rows": {"classes": []}}, TRUTH, "is no class"),
        ({"rows": {"classes": [{"class_key": KEY, "session_ids": ["a"], "expected": 3, "late": 0, "absent": 1}]}},
         TRUTH, "0 late, its attendance table says 1"),
        ({"loaded": {"sessions": 1, "segments": 1, "classes": 1}}, TRUTH, "the database has 1 segments"),
    ],
)  # fmt: skip
def test_what_does_not_agree_is_named(changes: dict[str, Any], truth: dict[str, int], said: str) -> None:
    assert any(said in one for one in warehouse(**changes).problems(truth))


def test_the_truth_is_what_ended_within_the_time() -> None:
    state = {
        "lessonspace": {
            "sessions": [
                session("in", NOW),
                session("live", None),
                session("late", NOW + HOUR),
                session("early", NOW - HOUR),
            ]
        },
        "coviu": {
            "sessions": [
                {"session_id": "x", "end_time": NOW.isoformat(), "canceled": False, "participants": [1, 2]},
                {"session_id": "y", "end_time": NOW.isoformat(), "canceled": True, "participants": [1]},
            ]
        },
        "screenleap": {
            "shares": [
                {"share": "s", "ended_at": NOW.isoformat(), "total_viewers": 1},
                {"share": "t", "ended_at": NOW.isoformat(), "total_viewers": 0},
                {"share": "u", "ended_at": None, "total_viewers": 1},
            ]
        },
    }
    found = {one: sessions_of(state, one, NOW, NOW + HOUR) for one in state}
    assert found == {"lessonspace": {"in": 3}, "coviu": {"x": 2}, "screenleap": {"s": 0}}


def test_the_form_names_the_connections_of_what_was_played() -> None:
    told = conf(["lessonspace"], NOW, NOW + HOUR)
    assert told["connections"] == {"lessonspace": "lessonspace_default"}
    assert (told["wait"], told["since"]) == (False, "2026-09-01T12:00:00+00:00")
