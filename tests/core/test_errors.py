from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider.live_sessions.core import errors
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    LiveSessionError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TooLate,
    Transient,
    Unavailable,
    Unsupported,
)

WHERE = {"platform": "Toy", "conn_id": "toy_default", "advice": "Look first."}

EVERY_KIND: list[LiveSessionError] = [
    LiveSessionError("it broke", **WHERE),
    ConfigurationError("the key is missing", **WHERE),
    Refused("it said no", **WHERE, status=409, words="already there"),
    AuthenticationFailed("the key is not accepted", **WHERE, status=401, words="Invalid token."),
    NotFound("no such room", **WHERE, status=404, words="Not found."),
    Unsupported("it cannot end sessions", **WHERE, status=0, words=""),
    TooLate("it is over", **WHERE, status=0, words=""),
    Transient("not now", **WHERE),
    RateLimited("slow down", **WHERE, retry_after=12.5),
    Unavailable("it is down", **WHERE, retry_after=3.0),
    OutcomeUnknown("the answer was lost", **WHERE),
]


def named(error: LiveSessionError) -> str:
    return type(error).__name__


def test_every_error_of_the_vocabulary_is_tried_here() -> None:
    told = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, LiveSessionError)}
    assert told == {type(error) for error in EVERY_KIND}


@pytest.mark.parametrize("error", EVERY_KIND, ids=named)
def test_an_error_survives_pickling_and_copying_with_its_fields(error: LiveSessionError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - our own bytes
        assert type(again) is type(error)
        assert vars(again) == vars(error)
        assert str(again) == str(error)


def test_a_note_survives_pickling_too() -> None:
    error = RateLimited("slow down", retry_after=1.0)
    error.add_note("seen by the shared poll")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["seen by the shared poll"]  # noqa: S301 - our own bytes


@pytest.mark.parametrize("error", EVERY_KIND, ids=named)
def test_a_message_says_where_what_and_what_to_do_next(error: LiveSessionError) -> None:
    assert str(error) == f"Toy (connection 'toy_default'): {error.what} Look first."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (LiveSessionError("it broke.", advice="Mend it."), "it broke. Mend it."),
        (LiveSessionError("it broke.", advice="Mend it.", platform="Toy"), "Toy: it broke. Mend it."),
        (LiveSessionError("it broke.", advice="Mend it.", conn_id="t"), "(connection 't'): it broke. Mend it."),
    ],
)
def test_what_is_not_known_leaves_no_gap_in_the_message(error: LiveSessionError, told: str) -> None:
    assert str(error) == told


def test_the_platform_s_own_words_are_carried_but_not_shown() -> None:
    error = Refused("it said no", status=400, words="bad link https://toy.example/?token=door-opener")
    assert error.words.endswith("door-opener")
    assert "door-opener" not in str(error)
    assert "door-opener" not in repr(error)


@pytest.mark.parametrize("kind", [type(error) for error in EVERY_KIND])
def test_an_error_without_an_advice_of_its_own_gives_the_usual_one_of_its_kind(
    kind: type[LiveSessionError],
) -> None:
    assert kind.usual_advice.endswith(".")
    assert str(kind("it broke.")) == f"it broke. {kind.usual_advice}"
    assert str(kind("it broke.", advice="Mend it.")) == "it broke. Mend it."


@pytest.mark.parametrize(
    ("kind", "group"),
    [
        (AuthenticationFailed, Refused),
        (NotFound, Refused),
        (Unsupported, Refused),
        (TooLate, Refused),
        (RateLimited, Transient),
        (Unavailable, Transient),
    ],
)
def test_who_handles_a_group_handles_its_kinds(
    kind: type[LiveSessionError], group: type[LiveSessionError]
) -> None:
    assert issubclass(kind, group)


def test_what_the_caller_can_do_about_an_error_is_never_two_things() -> None:
    groups = (ConfigurationError, Refused, Transient, OutcomeUnknown)
    for error in EVERY_KIND[1:]:
        assert sum(isinstance(error, group) for group in groups) == 1
