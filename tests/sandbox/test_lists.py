from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.lessonspace.drf import values
from airflow_provider.live_sessions.sandbox.wire import Request
from tests.sandbox.school import START, School


def at(seconds: float) -> str:
    return iso(START + timedelta(seconds=seconds))


def found(school: School, **filters: Any) -> list[str]:
    return [one["space"]["name"] for one in school.sessions(**filters)]


@pytest.fixture
def week(school: School) -> School:
    """Three classes: algebra 0 to 600 (+30), biology 1000 to 3000 (+30), chemistry in progress since 4031."""
    school.hold("algebra", 600, session_tags={"Run": "Seven", "n": 1})
    school.wait(1000 - 631)
    school.hold("biology", 2000, session_tags={"run": "eight"}, space_tags={"Kind": "Lab"})
    school.wait(1000)
    school.launch("chemistry", "teacher")
    school.launch("chemistry", "Other", person={"name": "Zoë"})
    school.join("chemistry", "teacher", "Other")
    school.launch("drama", "teacher")
    school.join("drama", "teacher")
    return school


def test_the_newest_comes_first_and_lonely_sessions_are_hidden(week: School) -> None:
    assert found(week) == ["chemistry", "biology", "algebra"]
    assert found(week, include_single_user="true") == ["drama", "chemistry", "biology", "algebra"]
    assert found(week, include_single_user="false") == found(week)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"in_progress_only": "true"}, ["chemistry"]),
        ({"in_progress_only": "True", "include_single_user": "1"}, ["drama", "chemistry"]),
        ({"duration_min": 631}, ["biology"]),
        ({"duration_max": 630}, ["algebra"]),
        ({"start_time_after": at(1000)}, ["chemistry", "biology"]),
        ({"start_time_before": at(1000)}, ["biology", "algebra"]),
        ({"start_time_before": "2026-09-01T08:16:39"}, ["algebra"]),
        ({"end_time_after": at(631)}, ["biology"]),
        ({"end_time_after": at(630)}, ["biology", "algebra"]),
        ({"end_time_before": at(630)}, ["algebra"]),
        ({"date_after": at(500)}, ["chemistry", "biology"]),
        ({"date_before": at(1000)}, ["biology", "algebra"]),
        ({"date_after": at(0), "date_before": at(2000)}, ["algebra"]),
        ({"launch_id": "biology"}, ["biology"]),
        ({"launch_id": "Biology"}, []),
        ({"search": "OLO"}, ["biology"]),
        ({"tags": '{"run": "SEVEN"}'}, ["algebra"]),
        ({"tags": '{"RUN": ""}'}, ["biology", "algebra"]),
        ({"tags": '{"run": null}'}, ["biology", "algebra"]),
        ({"tags": '{"run": "seven", "n": 1}'}, ["algebra"]),
        ({"tags": '{"run": "seven", "n": 2}'}, []),
        ({"user_external_id": "OTHER"}, ["chemistry"]),
        ({"user_external_id": "Othe"}, []),
        ({"user_name": "zo"}, ["chemistry"]),
        ({"space_uuid": "nonsense", "start_time_gte": "nonsense"}, ["chemistry", "biology", "algebra"]),
        ({"user": "", "tags": ""}, ["chemistry", "biology", "algebra"]),
    ],
)
def test_each_filter_of_the_session_list(week: School, filters: dict[str, Any], names: list[str]) -> None:
    assert found(week, **filters) == names


def test_sessions_are_found_by_space_user_and_uuid(week: School) -> None:
    rows = {one["space"]["name"]: one for one in week.sessions()}
    rooms = {name: row["space"]["id"] for name, row in rows.items()}
    other = next(one["user"] for one in rows["chemistry"]["profiles"] if one["name"] == "Zoë")
    assert found(week, space=rooms["algebra"].upper()) == ["algebra"]
    assert found(week, space=f"{rooms['algebra']}&{rooms['biology']}") == ["biology", "algebra"]
    assert found(week, space=[rooms["algebra"], rooms["chemistry"]]) == ["chemistry", "algebra"]
    raw = week.get(f"{week.org}/sessions/?space={rooms['algebra']}&{rooms['biology']}&page=1")
    assert raw["count"] == 2
    assert found(week, user=other) == ["chemistry"]
    assert found(week, user=f"{other}&1") == ["chemistry"]
    assert found(week, search=rooms["biology"]) == ["biology"]
    assert found(week, search=rows["algebra"]["uuid"]) == ["algebra"]


def test_the_list_of_a_space_holds_its_sessions_only(week: School) -> None:
    rooms = {one["name"]: one["id"] for one in week.get(f"{week.org}/spaces/")["results"]}
    path = f"/spaces/{rooms['biology']}/sessions/"
    assert [one["name"] for one in week.get(path)["results"]] == ["biology"]
    assert week.get(path, space=rooms["algebra"])["count"] == 1
    assert week.get(path, in_progress_only="true")["count"] == 0
    assert week.get(path, end_time_after=at(4000))["count"] == 0
    assert week.ask("GET", "/spaces/nowhere/sessions/").status_code == 404


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_time_after", "yesterday"),
        ("start_time_after", "2026-09-01T08:00:00 00:00"),
        ("duration_min", "long"),
        ("user", "me"),
        ("space", "algebra"),
        ("tags", "run=7"),
        ("tags", "[]"),
        ("date_before", "x"),
    ],
)
def test_a_filter_that_cannot_be_read_is_a_400_that_names_it(school: School, name: str, value: str) -> None:
    answer = school.ask("GET", f"{school.org}/sessions/", params={name: value})
    assert (answer.status_code, list(answer.json())) == (400, [name])


def test_pages_have_absolute_links_and_hold_everything_once() -> None:
    with School.open(page_size=2) as school:
        for number in range(5):
            school.launch(f"s{number}", "t")
            school.join(f"s{number}", "t")
            school.wait(1)
        path = f"{school.org}/sessions/?include_single_user=true&search=s"
        names, following = [], f"{school.sandbox.lessonspace.url}{path}"
        pages = []
        while following:
            page = school.http.get(following, timeout=10).json()
            pages.append((page["count"], len(page["results"]), page["previous"] is None))
            names += [one["name"] for one in page["results"]]
            following = page["next"]
        assert names == ["s4", "s3", "s2", "s1", "s0"]
        assert pages == [(5, 2, True), (5, 2, False), (5, 1, False)]
        for page_number in ("4", "0", "x", "-1"):
            answer = school.ask("GET", f"{school.org}/sessions/", params={"page": page_number})
            assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


def test_an_empty_list_has_a_first_page(school: School) -> None:
    assert school.get(f"{school.org}/sessions/") == {"count": 0, "next": None, "previous": None, "results": []}


def test_lists_may_be_bare_arrays() -> None:
    with School.open(envelope=False) as school:
        school.launch("a", "t")
        assert [one["name"] for one in school.get(f"{school.org}/spaces/")] == ["a"]


def test_each_filter_of_the_space_list(week: School) -> None:
    def spaces(**filters: Any) -> list[str]:
        return [one["name"] for one in week.get(f"{week.org}/spaces/", **filters)["results"]]

    rows = {one["name"]: one for one in week.sessions()}
    other = next(one["user"] for one in rows["chemistry"]["profiles"] if one["name"] == "Zoë")
    assert spaces() == ["drama", "chemistry", "biology", "algebra"]
    assert spaces(search="ALG") == ["algebra"]
    assert spaces(search=rows["biology"]["space"]["id"]) == ["biology"]
    assert spaces(session=[rows["algebra"]["uuid"], rows["biology"]["uuid"]]) == ["biology", "algebra"]
    assert spaces(tag_key="kind", tag_value="LAB") == ["biology"]
    assert spaces(tag_key="kind", tag_value="la") == []
    assert spaces(tag_key="kind") == spaces()
    assert spaces(user=other) == ["chemistry"]
    assert spaces(assigned_to=other) == ["chemistry"]
    assert spaces(date="2026-09-01") == spaces()
    assert spaces(date="2026-09-02") == []
    assert spaces(date_after=at(1000)) == ["biology"]
    assert spaces(date_before=at(1000)) == ["biology", "algebra"]
    assert week.ask("GET", f"{week.org}/spaces/", params={"session": "x"}).status_code == 400


def test_each_filter_of_the_user_list(week: School) -> None:
    def users(**filters: Any) -> list[str]:
        return [one["external_id"] for one in week.get(f"{week.org}/users/", **filters)["results"]]

    rows = {one["name"]: one for one in week.sessions()}
    assert users() == ["teacher", "student", "Other"]
    assert users(search="zoë") == ["Other"]
    assert users(search="STUD") == ["student"]
    assert users(role="student") == users()
    assert users(role="teacher") == []
    assert users(space=rows["chemistry"]["space"]["id"]) == ["teacher", "Other"]
    assert users(session=rows["algebra"]["uuid"]) == ["teacher", "student"]
    assert week.ask("GET", f"{week.org}/users/", params={"role": "boss"}).status_code == 400


def test_roles_come_from_the_launch(school: School) -> None:
    school.launch("a", "t", person={"leader": True, "email": "t@example.org"})
    school.launch("a", "admin", person={"role": "admin"})
    school.launch("a", "p", person={"role": "participant", "profile_picture": "https://example.org/p.png"})
    found_ = {one["external_id"]: one for one in school.get(f"{school.org}/users/")["results"]}
    assert {name: one["role"] for name, one in found_.items()} == {
        "t": "teacher",
        "admin": "admin",
        "p": "student",
    }
    assert found_["t"]["user"]["username"] == "t@example.org"
    school.join("a", "p", "t")
    pictures = [one["profile_picture"] for one in school.sessions()[0]["profiles"]]
    assert pictures[0]["image"] == "https://example.org/p.png"
    assert pictures[1] is None


def test_a_deleted_user_is_gone_once_and_comes_back_with_a_launch(school: School) -> None:
    number = school.launch("a", "t")["user_id"]
    path = f"{school.org}/users/{number}/"
    assert school.ask("DELETE", path).status_code == 204
    assert school.ask("DELETE", path).status_code == 404
    assert school.ask("DELETE", f"{school.org}/users/nobody/").status_code == 404
    assert school.get(f"{school.org}/users/")["results"] == []
    assert school.launch("a", "t")["user_id"] == number
    assert school.get(f"{school.org}/users/")["count"] == 1


def test_a_session_can_be_renamed_and_its_recording_guarded(school: School) -> None:
    row = school.hold()
    path = f"{school.org}/sessions/{row['uuid']}/"
    answer = school.ask("PATCH", path, json={"name": "New", "recording_access_policy": ["public", "admin"]})
    assert answer.json() == {"name": "New", "recording_access_policy": ["public", "admin"]}
    assert school.ask("PATCH", path, json={"name": "Newer"}).json()["recording_access_policy"] == [
        "public",
        "admin",
    ]
    shown = school.get(path)
    assert (shown["name"], shown["space"]["name"]) == ("Newer", "algebra-1")
    assert found(school, search="newer") == ["algebra-1"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"recording_access_policy": []}, "name"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "n", "recording_access_policy": "public"}, "recording_access_policy"),
        ({"name": "n", "recording_access_policy": ["me"]}, "recording_access_policy"),
    ],
)
def test_a_change_without_a_name_or_with_a_wrong_policy_is_a_400(
    school: School, body: dict[str, Any], field: str
) -> None:
    row = school.hold()
    answer = school.ask("PATCH", f"{school.org}/sessions/{row['uuid']}/", json=body)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert school.get(f"{school.org}/sessions/{row['uuid']}/")["name"] == "algebra-1"


def test_older_answers_lack_the_newer_fields() -> None:
    with School.open(newer_fields=False) as school:
        row = school.hold()
        assert not {"recording_available", "recording_deleted", "summary"} & row.keys()
        assert "transcribe" not in row["space"]


TEXT = st.text("abc19-", min_size=1)


@given(st.lists(TEXT, min_size=1), st.sampled_from(["repeated", "encoded", "bare"]), st.booleans())
def test_lists_of_values_are_read_in_every_form(wanted: list[str], form: str, surrounded: bool) -> None:
    joined = {
        "repeated": "&".join(f"user={one}" for one in wanted),
        "encoded": "user=" + "%26".join(wanted),
        "bare": "user=" + "&".join(wanted),
    }[form]
    query = f"page=1&{joined}&space=x" if surrounded else joined
    assert values(Request("GET", "/", query), "user") == wanted


def test_tags_that_are_searched_for_need_not_be_text(school: School) -> None:
    school.hold(session_tags={"n": 7})
    assert found(school, tags=json.dumps({"n": 7})) == ["algebra-1"]
