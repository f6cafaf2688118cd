"""The tables of calls are complete and true: against the references, the code, the tests and the wire."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import BaseModel  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions import hooks, operators, platforms, sensors
from airflow_provider.live_sessions.platforms.coviu import filters as coviu_filters
from airflow_provider.live_sessions.platforms.coviu import models as coviu
from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
from airflow_provider.live_sessions.platforms.educates.client import EducatesClient
from airflow_provider.live_sessions.platforms.lessonspace import filters as lessonspace_filters
from airflow_provider.live_sessions.platforms.lessonspace import models as lessonspace
from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
from airflow_provider.live_sessions.platforms.screenleap.filters import EPOCH, ShareFilters
from airflow_provider.live_sessions.platforms.screenleap.launching import ScreenleapOptions
from tests.readme import tables
from tests.readme.code import defined_in
from tests.readme.exercises import CLIENTS, SENDS_NOTHING_ITSELF, requests_of
from tests.readme.specification import SPECIFICATION

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = tables.rows()
EACH = pytest.mark.parametrize("platform", SPECIFICATION)
EACH_ROW = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.platform}: {row.what}")

sent_by = cache(requests_of)


def of(platform: str) -> list[tables.Row]:
    return [row for row in ROWS if row.platform == platform]


# ---- against the references


@EACH
def test_every_call_of_the_reference_has_its_row(platform: str) -> None:
    told = {call for row in of(platform) for call in row.calls}
    assert set(SPECIFICATION[platform]) <= told


@EACH
def test_a_table_says_how_many_of_them_are_supported(platform: str) -> None:
    supported = {call for row in of(platform) if row.supported == "yes" for call in row.calls}
    reference = set(SPECIFICATION[platform])
    assert f"{len(reference & supported)} of {len(reference)} calls " in tables.summaries()[platform]


@EACH
def test_the_table_of_platforms_counts_the_same(platform: str) -> None:
    head, *lines = re.findall(r"^\|.*\|$", (tables.ROOT / "README.md").read_text(), re.MULTILINE)
    counts = next(tables.cells(line) for line in lines if "#every-call-of-the-four-apis" in line)
    assert tables.summaries()[platform].startswith(f"{counts[tables.cells(head).index(platform)]} calls ")


@EACH_ROW
def test_a_row_says_by_whom_or_why_not(row: tables.Row) -> None:
    assert row.supported in ("yes", "no")
    assert row.by
    if row.supported == "yes":
        assert row.names
        assert row.tests
    else:
        assert row.by.endswith(".")


@EACH
def test_the_platforms_page_has_the_same_calls_with_every_parameter(platform: str) -> None:
    page = tables.page_rows(platform)
    assert set(page) == {call for row in of(platform) for call in row.calls}
    for call, parameters in SPECIFICATION[platform].items():
        told = set(re.findall(r"[\w-]+", page[call]))
        assert {part for one in parameters.split() for part in one.split(".")} <= told, call


# ---- against the code


def arguments(call: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(call).parameters)


def names(kind: type[Any]) -> set[str]:
    return {one.name for one in fields(kind)}


def dotted(model: type[BaseModel]) -> set[str]:
    """Return the names of a request's fields as they are sent, those of its parts behind a dot."""
    found = set()
    for name, field in model.model_fields.items():
        sent = field.alias or name
        kinds = [field.annotation, *get_args(field.annotation)]
        parts = [one for one in kinds if inspect.isclass(one) and issubclass(one, BaseModel)]
        found |= {f"{sent}.{inner}" for part in parts for inner in dotted(part)} or {sent}
    return found


def grants(platform: str) -> set[str]:
    """Return the ways to get a token that have a row, be it one that says why it is not gone."""
    return {one for row in of(platform) for one in re.findall(r"grant_type=(\w+)", row.what)}


LISTED = {"state": "states", "name": "names"}
TIMES = dict.fromkeys(("started_before", "started_after", "ended_before", "ended_after"), EPOCH)
TAKEN = {
    "Lessonspace": {
        "GET /organisations/{organisation}/sessions/": names(lessonspace_filters.SessionFilters),
        "PATCH /organisations/{organisation}/sessions/{session}/": arguments(LessonspaceClient.update_session),
        "GET /organisations/{organisation}/sessions/{session}/transcript/": arguments(
            LessonspaceClient.transcript
        ),
        "GET /organisations/{organisation}/spaces/": names(lessonspace_filters.SpaceFilters),
        "GET /organisations/{organisation}/users/": names(lessonspace_filters.UserFilters),
        "GET /sessions/{session}/playback/": arguments(LessonspaceClient.playback),
        "GET /spaces/{space}/sessions/": names(lessonspace_filters.SessionFilters),
        "POST /spaces/launch/": dotted(lessonspace.LaunchRequest) | {"X-Forwarded-For"},  # client_ip
    },
    "Coviu": {
        "POST /auth/token": grants("Coviu") | arguments(CoviuClient.authorize),
        "POST /sessions": dotted(coviu.SessionRequest),
        "GET /sessions": names(coviu_filters.SessionFilters),
        "GET /sessions/{session}": arguments(CoviuClient.session),
        "PUT /sessions/{session}": dotted(coviu.SessionUpdate),
        "POST /sessions/{session}/participants": dotted(coviu.ParticipantRequest),
        "GET /sessions/{session}/participants": arguments(CoviuClient.participants),
        "PUT /participants/{participant}": dotted(coviu.ParticipantRequest),
    },
    "Screenleap": {
        "POST /screen-shares": dotted(ScreenleapOptions),
        "GET /screen-shares": set(ShareFilters(**TIMES, external_id="a", date_format="yyyy").params()),
    },
    "Educates": {
        "POST /oauth2/token/": grants("Educates"),
        "GET /workshops/catalog/environments/": arguments(EducatesClient.environments) | set(LISTED),
        "GET /workshops/environment/{environment}/status/": arguments(EducatesClient.environment),
        "POST /workshops/environment/{environment}/request/": arguments(EducatesClient.request_session),
    },
}
"""What the clients take for each call; that it goes out is what each row's tests prove."""


@EACH
def test_the_client_takes_every_parameter_of_the_reference(platform: str) -> None:
    for call, parameters in SPECIFICATION[platform].items():
        assert set(parameters.split()) <= TAKEN[platform].get(call, set()), call


@cache
def classes() -> dict[str, type[Any]]:
    """Return every class below the platforms, operators, sensors and hooks by its name."""
    return defined_in(platforms, operators, sensors, hooks)


@EACH_ROW
def test_everything_that_a_row_names_exists(row: tables.Row) -> None:
    for name in row.names:
        kind, _, member = name.partition(".")
        assert kind in classes(), name
        assert not member or callable(getattr(classes()[kind], member)), name


@EACH
def test_every_operator_and_sensor_of_a_platform_is_in_its_table(platform: str) -> None:
    named = {name for row in of(platform) for name in row.names}
    own = {one for one in classes() if re.fullmatch(rf"{platform}\w+(Operator|Sensor|Hook)|{platform}Hook", one)}
    assert own <= named


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((tables.ROOT / path).read_text())
    return {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}


@EACH_ROW
def test_every_test_that_a_row_names_exists(row: tables.Row) -> None:
    for one in row.tests:
        path, _, name = one.partition("::")
        assert name.startswith("test_")
        assert name in functions_of(path), one


# ---- against the wire


@EACH
def test_every_method_of_a_client_is_tried(platform: str) -> None:
    public = {name for name, _ in inspect.getmembers(CLIENTS[platform], inspect.isfunction) if name[0] != "_"}
    assert public == set(sent_by(platform)) | SENDS_NOTHING_ITSELF[platform]


@EACH
def test_every_request_that_a_client_sends_is_a_supported_call_of_its_table(platform: str) -> None:
    supported = [row for row in of(platform) if row.supported == "yes"]
    for requests in sent_by(platform).values():
        assert requests
        for method, path in requests:
            assert any(row.means(method, path) for row in supported), (method, path)


@EACH
def test_every_method_that_a_row_names_sends_its_call(platform: str) -> None:
    tried = set()
    for row in (one for one in of(platform) if one.supported == "yes"):
        for name in row.names:
            kind, _, method = name.partition(".")
            if kind == CLIENTS[platform].__name__ and method not in SENDS_NOTHING_ITSELF[platform]:
                assert any(row.means(*one) for one in sent_by(platform)[method]), name
                tried.add(method)
    assert tried == set(sent_by(platform))
