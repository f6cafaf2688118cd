from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.contract import (
    DEFAULT_RULES,
    Ability,
    ArtifactPlatform,
    ArtifactRules,
    ArtifactWait,
    SessionPlatform,
    unsupported,
)
from airflow_provider.live_sessions.core.errors import ConfigurationError, Unsupported
from tests.core.strategies import BEYOND_THE_CALENDAR, moments, read_or_refused, spoiled
from tests.platforms.toy import ToyPlatform, ToyWorld

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)


def test_a_platform_is_known_by_its_methods_and_needs_no_base_class() -> None:
    assert isinstance(ToyPlatform(ToyWorld()), SessionPlatform)
    assert ToyPlatform.__bases__ == (object,)


@pytest.mark.parametrize("missing", ["launch", "adopt", "find", "statuses", "cancel", "close"])
def test_what_lacks_a_call_is_no_platform(missing: str) -> None:
    lame = {name: value for name, value in vars(ToyPlatform).items() if name != missing}
    lame.pop("__dict__", None)
    lame.pop("__weakref__", None)
    assert not isinstance(type("Lame", (), lame)(ToyWorld()), SessionPlatform)


def test_a_platform_without_artifacts_does_not_pass_for_one_that_has_them() -> None:
    assert not isinstance(ToyPlatform(ToyWorld()), ArtifactPlatform)


def test_what_a_platform_lacks_is_told_with_the_nearest_thing_that_works() -> None:
    with pytest.raises(Unsupported) as caught:
        unsupported("Toy", "toy_default", "It cannot end a session.", "Ask its leader.")
    assert str(caught.value) == "Toy (connection 'toy_default'): It cannot end a session. Ask its leader."
    assert caught.value.status == 0


def test_no_two_abilities_are_told_in_the_same_words() -> None:
    assert len({str(one) for one in Ability}) == len(Ability.__members__)


@given(
    st.builds(
        ArtifactWait,
        deadline=moments(),
        short_deadline=moments(),
        min_seconds=st.floats(0, 1e6),
        sure_seconds=st.floats(0, 1e6),
    )
)
def test_the_bounds_of_an_artifact_cross_processes_unchanged(wait: ArtifactWait) -> None:
    assert ArtifactWait.from_json(json.loads(json.dumps(wait.to_json()))) == wait


@given(spoiled(DEFAULT_RULES.after(NINE).to_json()))
@example({**DEFAULT_RULES.after(NINE).to_json(), "min_seconds": 10**400})
@example({**DEFAULT_RULES.after(NINE).to_json(), "deadline": BEYOND_THE_CALENDAR[1]})
def test_what_bounds_no_artifact_is_a_configuration_error_and_nothing_else(data: Any) -> None:
    assert isinstance(read_or_refused(ArtifactWait.from_json, data), ArtifactWait | None)


@given(moments(), st.builds(ArtifactRules, *[st.floats(0, 1e6) for _ in fields(ArtifactRules)]))
def test_the_bounds_of_an_artifact_count_from_the_end_of_its_session(end: datetime, rules: ArtifactRules) -> None:
    wait = rules.after(end)
    assert wait.deadline == end + timedelta(seconds=rules.give_up_after)
    assert wait.short_deadline == end + timedelta(seconds=rules.give_up_after_short)
    assert (wait.min_seconds, wait.sure_seconds) == (rules.min_seconds, rules.sure_seconds)


def test_an_artifact_is_given_up_after_a_day_and_after_six_hours_for_a_short_session() -> None:
    wait = DEFAULT_RULES.after(NINE)
    assert wait.deadline - NINE == timedelta(hours=24)
    assert wait.short_deadline - NINE == timedelta(hours=6)
    assert (wait.min_seconds, wait.sure_seconds) == (150, 300)


def test_a_mapping_overrides_single_rules_and_rules_stay_as_they_are() -> None:
    assert ArtifactRules.of({}) == DEFAULT_RULES
    assert ArtifactRules.of({"min_seconds": 10}) == ArtifactRules(min_seconds=10.0)
    assert ArtifactRules.of(DEFAULT_RULES) is DEFAULT_RULES


@pytest.mark.parametrize("rules", [{"min_secs": 10}, {"min_seconds": None}, {"min_seconds": "soon"}, 7, "x"])
def test_a_rule_that_does_not_exist_or_is_no_number_is_refused_with_those_that_do(rules: Any) -> None:
    with pytest.raises(ConfigurationError, match=re.escape("min_seconds, sure_seconds, give_up_after")):
        ArtifactRules.of(rules)
