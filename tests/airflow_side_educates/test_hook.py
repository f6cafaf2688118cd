"""The connection: its form, its check, and what is said when it lacks something."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.hooks.educates import EXTRAS, HOOK, EducatesHook
from airflow_provider.live_sessions.provider_info import get_provider_info
from tests.airflow_side_educates.lab import PASSWORD, SECRET, Lab


def test_a_good_connection_names_the_portal_and_what_it_offers(lab: Lab) -> None:
    assert EducatesHook(lab.conn_id).test_connection() == (
        True,
        "The robot account is valid for the portal lab-portal. It offers lab-basics, lab-ondemand.",
    )


def test_a_portal_without_workshops_is_good_as_well(lab: Lab) -> None:
    for one in ("lab-portal-w01", "lab-portal-w02"):
        lab.portal.starting_environment(one)
    assert EducatesHook(lab.conn_id).test_connection() == (
        True,
        "The robot account is valid for the portal lab-portal. It offers no workshop just now.",
    )


def test_a_bad_password_is_told_and_not_repeated(lab: Lab) -> None:
    lab.connect(password="something-else-entirely")
    good, told = EducatesHook(lab.conn_id).test_connection()
    assert not good
    assert "robot account was not accepted" in told
    assert "something-else" not in told


@pytest.mark.parametrize(
    ("without", "words"),
    [(("host",), "no host"), (("client_id",), "client_id"), (("login",), "login"), (("password",), "password")],
)
def test_what_is_missing_is_named(lab: Lab, without: tuple[str, ...], words: str) -> None:
    lab.connect(without=without)
    with pytest.raises(ConfigurationError, match=words):
        EducatesHook(lab.conn_id).platform()


@pytest.mark.parametrize("extra", [{"timeout": 0}, {"requests_per_second": "fast"}, {"clientid": "x"}])
def test_a_wrong_extra_is_named(lab: Lab, extra: dict[str, Any]) -> None:
    lab.connect(extra=extra)
    with pytest.raises(ConfigurationError, match=next(iter(extra))):
        EducatesHook(lab.conn_id).platform()


def test_the_worker_s_platform_has_no_bound_that_only_the_poll_needs(lab: Lab) -> None:
    hook = EducatesHook(lab.conn_id)
    connection = hook.get_connection(lab.conn_id)
    assert (
        EducatesHook.open(connection)._watching._direct_reads
        > EducatesHook.open(connection, polling=True)._watching._direct_reads
    )


def test_no_secret_is_in_what_the_hook_gives(lab: Lab) -> None:
    with EducatesHook(lab.conn_id).get_conn() as client:
        client.workshops()
        told = repr(client) + repr(client.__dict__)
    assert PASSWORD not in told
    assert SECRET not in told


def test_triggers_find_the_hook_by_its_path() -> None:
    assert hook_class_of(HOOK) is EducatesHook
    with pytest.raises(AirflowNotFoundException):
        EducatesHook("never_written").platform()


def test_the_form_is_declared_with_every_extra_and_hides_the_secret() -> None:
    info = get_provider_info()
    (form,) = [one for one in info["connection-types"] if one["connection-type"] == "educates"]
    assert form["hook-class-name"] == HOOK
    assert set(form["conn-fields"]) == EXTRAS
    assert form["conn-fields"]["client_secret"]["schema"]["format"] == "password"
    for floor in ("operators", "sensors", "hooks"):
        assert any(one["integration-name"] == "Educates" for one in info[floor])
    assert json.dumps(info)
