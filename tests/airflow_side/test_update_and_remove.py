"""Updating a class's sessions and removing people from the organisation."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceRemoveUserOperator,
    LessonspaceUpdateSessionOperator,
)
from tests.airflow_side.stage import School, context


def update(school: School, **arguments: Any) -> list[dict[str, Any]]:
    operator = LessonspaceUpdateSessionOperator(task_id="update", conn_id=school.conn_id, **arguments)
    return list(operator.execute(context()))


def remove(school: School, **arguments: Any) -> dict[str, Any]:
    operator = LessonspaceRemoveUserOperator(task_id="remove", conn_id=school.conn_id, **arguments)
    return dict(operator.execute(context()))


# ---- update


def test_every_session_of_a_class_is_renamed_and_its_policy_set(school: School) -> None:
    record = school.launch()
    school.hold(record, seconds=600)
    school.join(record, "t-1", "s-1")
    updated = update(school, session=record, name="Algebra, twice", recording_access_policy=["teacher"])
    assert len({one["session_id"] for one in updated}) == 2
    assert {one["name"] for one in updated} == {"Algebra, twice"}
    assert [one["recording_access_policy"] for one in updated] == [["teacher"], ["teacher"]]


def test_the_class_s_title_is_the_name_where_none_is_given(school: School) -> None:
    record = school.launch()
    school.hold(record)
    (one,) = update(school, session=record, recording_access_policy=["participant", "admin"])
    assert one["name"] == "Algebra 1"
    (session,) = update(school, session_id=one["session_id"], name="Renamed")
    assert (session["name"], session["recording_access_policy"]) == ("Renamed", ["participant", "admin"])


def test_a_class_nobody_came_to_has_nothing_to_update(school: School) -> None:
    assert update(school, session=school.launch()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "either `session` or `session_id`"),
        ({"session": {"ref": 1}, "session_id": "x"}, "either `session` or `session_id`"),
        ({"session_id": "x"}, "needs a `name`"),
        ({"session": {"ref": 1}}, "not the record"),
    ],
)
def test_wrong_arguments_are_refused_without_a_request(
    school: School, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(AirflowFailException, match=said):
        update(school, **arguments)
    assert not school.log()


def test_a_session_that_does_not_exist_fails_without_retry(school: School) -> None:
    with pytest.raises(AirflowFailException, match="NotFound"):
        update(school, session_id="00000000-0000-4000-8000-000000000000", name="x")


# ---- remove


def test_a_person_is_removed_by_the_id_they_were_launched_with_once(school: School) -> None:
    school.launch()
    first = remove(school, external_id="S-1")
    assert first["removed"] is True
    assert isinstance(first["user_id"], int)
    assert remove(school, external_id="s-1") == {"user_id": None, "removed": False}


@pytest.mark.parametrize("kind", [int, str])
def test_a_person_is_removed_by_lessonspace_s_own_id_and_a_repeat_says_so(school: School, kind: type) -> None:
    record = school.launch()
    user_id = int(record["links"][1]["user_id"])
    assert remove(school, user_id=kind(user_id)) == {"user_id": user_id, "removed": True}
    assert remove(school, user_id=kind(user_id)) == {"user_id": user_id, "removed": False}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "either `user_id` or `external_id`"),
        ({"user_id": "", "external_id": ""}, "either `user_id` or `external_id`"),
        ({"user_id": 7, "external_id": "s-1"}, "either `user_id` or `external_id`"),
        ({"user_id": "s-1"}, "integer id"),
    ],
)
def test_who_is_meant_must_be_said_in_one_way(school: School, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(AirflowFailException, match=said):
        remove(school, **arguments)
    assert not school.log(method="DELETE")
