"""``requests_per_second`` and ``rate_share`` of every platform's connection become one budget of the host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import Connection

from airflow_provider.live_sessions.core.budget import RateBudget
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.host_budget import HostLedger
from airflow_provider.live_sessions.hooks.coviu import CoviuHook
from airflow_provider.live_sessions.hooks.educates import EducatesHook
from airflow_provider.live_sessions.hooks.lessonspace import LessonspaceHook
from airflow_provider.live_sessions.hooks.screenleap import ScreenleapHook
from airflow_provider.live_sessions.provider_info import get_provider_info

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.pacing import Pace

EVERY = pytest.mark.parametrize("hook", [LessonspaceHook, CoviuHook, ScreenleapHook, EducatesHook])
NEEDED = {"educates": {"client_id": "robot"}}


def budget_of(hook: Any, conn_id: str = "one", login: str = "me", **extra: Any) -> RateBudget:
    connection = Connection(
        conn_id=conn_id,
        conn_type=hook.conn_type,
        host="https://host.test",
        login=login,
        password=f"key of {login}",
        extra=json.dumps({**NEEDED.get(hook.conn_type, {}), **extra}),
    )
    platform = hook.open(connection)
    try:
        budget = platform.client._http._budget
    finally:
        platform.close()
    assert isinstance(budget, RateBudget)
    return budget


def pace(budget: RateBudget) -> Pace:
    return budget._pace


@EVERY
def test_a_share_is_the_part_of_the_requests_that_this_host_may_send(hook: Any) -> None:
    assert pace(budget_of(hook, requests_per_second=8, rate_share=0.25)).rate == 2.0
    assert pace(budget_of(hook, requests_per_second=8)).rate == 8.0
    assert pace(budget_of(hook, rate_share="0.5")).rate == pace(budget_of(hook)).rate / 2


@EVERY
def test_a_share_never_makes_the_burst_of_all_hosts_larger_than_a_second_s_requests(hook: Any) -> None:
    for share in (1.0, 0.5, 0.1):
        shared = pace(budget_of(hook, rate_share=share))
        assert shared.burst <= max(1.0, shared.rate)


@EVERY
@pytest.mark.parametrize("wrong", [0, -0.5, 1.01, 50, "half", "nan", "inf", [], {"a": 1}])
def test_a_share_that_is_none_is_refused_in_words(hook: Any, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="'rate_share' has to be"):
        budget_of(hook, rate_share=wrong)


@EVERY
def test_two_connections_of_one_account_share_the_host_s_budget_and_another_account_does_not(hook: Any) -> None:
    one, same, other = budget_of(hook), budget_of(hook, "second"), budget_of(hook, "third", login="you")
    assert one._line is same._line
    assert isinstance(one._line.ledger, HostLedger)
    # A portal of Educates is asked with whatever account: it is the portal that does not bear more.
    assert (one._line is other._line) == (hook is EducatesHook)


@EVERY
def test_the_form_offers_the_share(hook: Any) -> None:
    forms = {form["connection-type"]: form["conn-fields"] for form in get_provider_info()["connection-types"]}
    schema = forms[hook.conn_type]["rate_share"]["schema"]
    assert (schema["exclusiveMinimum"], schema["maximum"], schema["default"]) == (0, 1, 1)
