"""A connection becomes a team; what is wrong with it is told in words."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airflow
import pytest
from airflow.sdk import Connection
from jsonschema import Draft7Validator

from airflow_provider.live_sessions.core.contract import SessionPlatform
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.hooks.coviu import HOOK, CoviuHook
from airflow_provider.live_sessions.hooks.fields import base_url_of
from airflow_provider.live_sessions.provider_info import get_provider_info

if TYPE_CHECKING:
    from tests.airflow_side_coviu.practice import Practice


def test_the_hook_is_found_by_its_path_and_opens_a_platform(practice: Practice) -> None:
    platform = hook_class_of(HOOK)(practice.conn_id).platform()
    assert isinstance(platform, SessionPlatform)
    platform.close()


def test_a_good_connection_says_whose_it_is(practice: Practice) -> None:
    assert CoviuHook(practice.conn_id).test_connection() == (True, "The key is valid for team Sandbox Clinic.")


@pytest.mark.parametrize("status", [403, 404])
def test_a_team_that_could_not_be_named_was_passed_over_in_silence(practice: Practice, status: int) -> None:
    practice.sandbox.faults.add("status", status=status, path="/user/team")
    good, told = CoviuHook(practice.conn_id).test_connection()
    assert good  # the documented call alone decides
    assert re.fullmatch(rf"The key is valid\. Its team is not named: .*read the team.*{status}.*", told)
    assert not [secret for secret in practice.secrets if secret in told]


def test_a_wrong_secret_is_told_without_showing_it(practice: Practice) -> None:
    practice.connect(password="wrong-key-secret-1")
    good, told = CoviuHook(practice.conn_id).test_connection()
    assert not good
    assert "Check API key" in told
    assert "wrong-key-secret-1" not in told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"login": ""}, "lacks the API key"),
        ({"password": ""}, "lacks the API key"),
        ({"extra": {"setle": 3}}, "unknown entries: setle"),
        ({"extra": {"settle": 0}}, "'settle' has to be a number above 0"),
        ({"extra": {"verify_tls": "perhaps"}}, "'verify_tls' has to be true or false"),
        ({"extra": {"timeout": "soon"}}, "'timeout' has to be a number above 0"),
    ],
)
def test_a_wrong_connection_is_told_before_anything_is_sent(
    practice: Practice, changes: dict[str, Any], told: str
) -> None:
    practice.connect(**changes)
    with pytest.raises(ConfigurationError, match=told):
        CoviuHook(practice.conn_id).platform()
    assert practice.log() == []


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, ""),
        ({"host": "api.test/v1"}, "https://api.test/v1"),
        ({"host": "api.test", "schema": "http", "port": 81}, "http://api.test:81"),
        ({"host": "http://api.test:82/v1", "port": 81}, "http://api.test:82/v1"),
    ],
)
def test_the_address_follows_from_host_schema_and_port(fields: dict[str, Any], url: str) -> None:
    assert base_url_of(Connection(conn_id="c", conn_type="coviu", **fields)) == url


def test_the_provider_s_description_fits_airflow_s_schema_and_names_what_exists() -> None:
    info = get_provider_info()
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    Draft7Validator(schema).validate(info)
    coviu = {one["connection-type"]: one for one in info["connection-types"]}["coviu"]
    assert coviu["hook-class-name"] == HOOK
    for kind in ("operators", "sensors", "hooks"):
        modules = [
            path for one in info[kind] if one["integration-name"] == "Coviu" for path in one["python-modules"]
        ]
        assert modules
        for module in modules:
            __import__(module)


def test_the_client_is_there_for_who_wants_every_call(practice: Practice) -> None:
    with CoviuHook(practice.conn_id).get_conn() as client:
        assert client.team().name


@pytest.mark.parametrize("text", ["False", "true"])
def test_a_form_may_give_a_flag_as_text(practice: Practice, text: str) -> None:
    practice.connect(extra={"verify_tls": text})
    assert CoviuHook(practice.conn_id).test_connection()[0]


def test_a_plan_is_checked_before_anything_is_launched() -> None:
    start = datetime(2026, 9, 1, tzinfo=UTC)
    plan = Plan("Visit", start, start + timedelta(hours=13), (Participant("a", "A"),))
    with pytest.raises(ConfigurationError, match="12 hours"):
        hook_class_of(HOOK).check_plan(plan, "c")


def test_the_polling_client_repeats_little(practice: Practice) -> None:
    connection = CoviuHook.get_connection(practice.conn_id)
    with CoviuHook.client_of(connection, polling=True) as client:
        practice.sandbox.faults.add("status", status=503, path="/user/team")
        with pytest.raises(Exception, match="tried 2 times"):
            client.team()
