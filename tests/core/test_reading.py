"""JSON from outside is read within bounds, and what is wrong with it is told in a few words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.reading import (
    DEEPEST,
    TooDeepError,
    finite,
    listed,
    load_json,
    misfitting,
    misfitting_in,
    shown,
    why,
)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text(max_size=5), child, max_size=3),
    max_leaves=8,
)


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@given(value=plain)
def test_what_is_json_is_read_as_it_was_written(value: Any) -> None:
    assert load_json(json.dumps(value)) == value
    assert load_json(json.dumps(value).encode()) == value


nearly_json = st.text(alphabet='[]{}",:0123456789.eE+-truefalsn\\\\ud8 \n\x01ä', max_size=12)


@given(
    text=nearly_json | st.builds(json.dumps, plain), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le"])
)
@example(text='"\\ud800"', encoding="utf-8")
@example(text="123456789012345678901234567890", encoding="utf-8")
@example(text='{"a": 1, "a": 2}', encoding="utf-8")
@example(text="-0.0", encoding="utf-8")
def test_the_fast_reader_and_the_standard_one_read_the_same(text: str, encoding: str) -> None:
    content = text.encode(encoding)
    try:
        expected = json.loads(content, parse_constant=pytest.fail)
    except (ValueError, pytest.fail.Exception):
        with pytest.raises(ValueError, match=r"."):
            load_json(content)
    else:
        found = load_json(content)
        assert found == expected
        assert repr(found) == repr(expected), "also 1 and 1.0, 0.0 and -0.0, and the order of names"


@pytest.mark.parametrize("text", ["", "{", "[1,]", "NaN", "-Infinity", "[1e400]", "9" * 5000, b"\xff\xfe\x00"])
def test_what_is_no_json_or_no_number_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        load_json(text)


def test_a_few_levels_are_read_and_more_are_refused_however_many() -> None:
    assert load_json("[" * DEEPEST + "]" * DEEPEST) == nested(DEEPEST)
    for depth in (DEEPEST + 2, 900, 990, 100_000):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            with pytest.raises(TooDeepError):
                load_json(opening * depth + "0" + closing * depth)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400, "x", None, []])
def test_what_cannot_be_counted_with_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        finite(value)


@given(value=st.text() | st.binary() | st.lists(st.text()))
def test_whatever_is_shown_is_one_short_line(value: object) -> None:
    for told in (shown(value), listed([value]), why(ValueError(value))):
        assert len(told) <= 300
        assert "\n" not in told


def test_what_cannot_even_be_shown_is_named_by_its_kind() -> None:
    assert shown(nested(5000)) == "a list"
    assert shown(10**5000) == "a int"


def test_the_fields_that_do_not_fit_are_named_shortly_though_the_platform_names_them() -> None:
    errors: list[dict[str, Any]] = [
        {"loc": ("labels", "k" * 3000)},
        {"loc": ("a\nb",)},
        {"loc": ()},
        {"loc": ("token=abcdef0123456789",)},
    ]
    told = misfitting(errors)
    assert len(told) <= 200
    assert "\n" not in told
    assert "abcdef0123456789" not in told
    assert "the whole" in misfitting([{"loc": ()}])


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Expected `int`, got `str` - at `$[3].profiles[0].user`", "profiles[0].user"),
        ("Object missing required field `uuid` - at `$[3]`", "uuid"),
        ("Object missing required field `date` - at `$[3].logs[0]`", "logs[0].date"),
        ("Object missing required field `id`", "id"),
        ("Expected `object`, got `str` - at `$[3]`", "the whole"),
    ],
)
def test_the_field_that_does_not_fit_or_is_missing_is_named(said: str, named: str) -> None:
    assert misfitting_in(said) == named
