from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.sealing import PREFIX, is_sealed, seal, unseal
from tests.core.cipher import FernetCipher
from tests.core.strategies import json_values

CIPHER = FernetCipher()
OTHER = FernetCipher()
LINK = "https://toy.example/?token=door-opener"


@given(st.text())
def test_what_was_sealed_opens_again_unchanged(secret: str) -> None:
    assert unseal(seal(SecretStr(secret), CIPHER), CIPHER).get_secret_value() == secret


@given(st.text(min_size=8))
@example(LINK)
def test_a_sealed_value_is_printable_and_shows_nothing_of_the_secret(secret: str) -> None:
    sealed = seal(SecretStr(secret), CIPHER)
    assert sealed.startswith(PREFIX)
    assert sealed.isascii()
    assert sealed.isprintable()
    assert secret not in sealed.removeprefix(PREFIX)
    assert is_sealed(sealed)


def test_two_seals_of_one_secret_cannot_be_told_to_be_of_one() -> None:
    assert seal(SecretStr(LINK), CIPHER) != seal(SecretStr(LINK), CIPHER)


def test_an_opened_value_still_hides_itself() -> None:
    assert "door-opener" not in repr(unseal(seal(SecretStr(LINK), CIPHER), CIPHER))


@given(json_values())
def test_only_what_seal_made_counts_as_sealed(value: Any) -> None:
    assert is_sealed(value) is (isinstance(value, str) and value.startswith("sealed:v1:"))


@pytest.mark.parametrize("value", ["", LINK, "sealed:v0:abc", "sealed:v1", None, 7])
def test_what_was_never_sealed_is_refused_and_not_shown(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="not sealed by this package") as caught:
        unseal(value, CIPHER)
    assert "door-opener" not in f"{caught.value} {caught.value!r}"


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.hex()))
@example("")
@example("ä")
@example("gAAAA")
def test_a_mangled_seal_is_a_configuration_error_and_nothing_else(rest: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        unseal(PREFIX + rest, CIPHER)


def test_another_key_is_told_with_what_to_do_and_without_the_value() -> None:
    sealed = seal(SecretStr(LINK), OTHER)
    with pytest.raises(ConfigurationError, match="Fernet key is not the one") as caught:
        unseal(sealed, CIPHER)
    assert "Put the old key behind the new one" in str(caught.value)
    assert sealed.removeprefix(PREFIX) not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_secret_that_is_no_text_after_opening_is_refused() -> None:
    sealed = PREFIX + CIPHER.encrypt(b"\xff\xfe").decode("ascii")
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        unseal(sealed, CIPHER)
