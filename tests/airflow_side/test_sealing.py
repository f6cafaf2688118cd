"""Links rest sealed with Airflow's own key; who opens one has it masked first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jinja2
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk._shared.secrets_masker import _secrets_masker
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher, reveal, seal
from airflow_provider.live_sessions.plugin.live_sessions import LiveSessionsPlugin
from tests.airflow_versions import found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.airflow_side.stage import School

TOKEN = "eyJhbGciOi.JVadoorOpener.c2lnbmF0dXJl"
LINK = f"https://room.test/space/7f1c2f34-aaaa-bbbb-cccc-0123456789ab?user={TOKEN}&lang=en"


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Change Airflow's Fernet key, as an operator of Airflow would with a restart."""

    def forget() -> None:
        for module in (found("airflow.models.crypto"), found("airflow.sdk.crypto")):
            if hasattr(module, "_fernet"):  # Airflow 3.1
                monkeypatch.setattr(module, "_fernet", None)
            elif hasattr(module, "get_fernet") and hasattr(module.get_fernet, "cache_clear"):
                module.get_fernet.cache_clear()

    def change(key: str) -> None:
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", key)
        forget()

    yield change
    monkeypatch.undo()
    forget()


@pytest.fixture
def masked() -> Iterator[Callable[[str], str]]:
    """Start without masks; gives what Airflow makes of a line."""
    masker = _secrets_masker()
    masker.reset_masker()
    yield lambda line: str(masker.redact(line))
    masker.reset_masker()


@given(st.text(min_size=1))
def test_what_was_sealed_opens_again(secret: str) -> None:
    try:
        secret.encode()
    except UnicodeEncodeError:
        return
    sealed = seal(SecretStr(secret))
    assert sealed.startswith("sealed:v1:")
    assert reveal(sealed, mask=False) == secret
    assert len(secret) < 8 or secret not in sealed


def test_the_same_link_is_sealed_differently_each_time() -> None:
    assert seal(SecretStr(LINK)) != seal(SecretStr(LINK))


def test_an_opened_link_is_masked_whole_and_in_each_telling_part(masked: Callable[[str], str]) -> None:
    assert reveal(seal(SecretStr(LINK))) == LINK
    assert masked(f"see {LINK}!") == "see ***!"
    path = LINK.removeprefix("https://room.test")
    assert path not in masked(f"GET {path} HTTP/1.1")
    assert TOKEN not in masked(f"token {TOKEN} found")
    assert "7f1c2f34" not in masked("space 7f1c2f34-aaaa-bbbb-cccc-0123456789ab")
    assert masked("an en route space") == "an en route space"


def test_a_link_without_a_query_is_masked_as_well(masked: Callable[[str], str]) -> None:
    reveal(seal(SecretStr("https://room.test/join/0123456789abcdef")))
    assert "0123456789abcdef" not in masked("code 0123456789abcdef")


def test_a_task_over_many_links_masks_none(masked: Callable[[str], str]) -> None:
    reveal(seal(SecretStr(LINK)), mask=False)
    assert masked(LINK) == LINK


@pytest.mark.parametrize("value", ["", LINK, "sealed:v2:abc", "v1:sealed:abc"])
def test_what_was_never_sealed_is_refused_without_being_repeated(value: str) -> None:
    with pytest.raises(ConfigurationError, match="was not sealed") as told:
        reveal(value)
    assert TOKEN not in str(told.value)


@pytest.mark.parametrize("value", ["sealed:v1:", "sealed:v1:abc", "sealed:v1:gAAAA", "sealed:v1:\u20ac"])
def test_a_broken_seal_is_a_configuration_error(value: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        reveal(value)


def test_another_key_says_so_and_the_old_one_behind_the_new_still_opens(keyed: Callable[[str], None]) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    keyed(old)
    sealed = seal(SecretStr(LINK))
    keyed(new)
    with pytest.raises(ConfigurationError, match="not the one it was sealed with") as told:
        reveal(sealed)
    assert TOKEN not in str(told.value)
    keyed(f"{new},{old}")
    assert reveal(sealed, mask=False) == LINK


@pytest.mark.parametrize(("key", "said"), [("", "has no Fernet key"), ("rubbish", "is not valid")])
def test_without_a_sound_key_nothing_is_launched(
    school: School, keyed: Callable[[str], None], key: str, said: str
) -> None:
    keyed(key)
    with pytest.raises(ConfigurationError, match=said):
        AirflowCipher()
    with pytest.raises(AirflowFailException, match=said):
        school.launch()
    assert not school.log()


def test_the_plugin_s_macro_opens_and_masks(masked: Callable[[str], str]) -> None:
    (macro,) = LiveSessionsPlugin.macros
    assert macro.__name__ == "reveal"
    assert macro(seal(SecretStr(LINK))) == LINK
    assert LINK not in masked(LINK)


def test_a_template_reaches_the_macro_by_the_plugin_s_name() -> None:
    plugins_manager = found("airflow.sdk.plugins_manager", "airflow.plugins_manager")
    macros = found("airflow.sdk.execution_time.macros")
    plugins_manager.integrate_macros_plugins()
    template = jinja2.Environment(autoescape=False).from_string("{{ macros.live_sessions.reveal(link) }}")  # noqa: S701 - Airflow's templates do not escape
    assert template.render(macros=macros, link=seal(SecretStr(LINK))) == LINK


def test_a_seal_is_safe_in_json() -> None:
    sealed = seal(SecretStr(LINK))
    assert json.loads(json.dumps(sealed)) == sealed
    assert sealed.isascii()
