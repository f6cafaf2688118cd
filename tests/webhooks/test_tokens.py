"""URL tokens: who a URL was made for comes back, and nothing else opens anything."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import Plan
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.webhooks.tokens import LONGEST, Addressee, read, write
from airflow_provider.live_sessions.webhooks.urls import base_url, url_of, url_of_launch
from tests.core.cipher import FernetCipher

NOW = datetime(2026, 9, 1, 9, tzinfo=UTC)
CIPHER = FernetCipher()
IDS = st.text(min_size=1, max_size=30)
ADDRESSEES = st.builds(
    Addressee, IDS, IDS, IDS, IDS, IDS, st.integers(-1, 5000),
    st.none() | st.just(NOW + timedelta(days=1)),
)  # fmt: skip
SETTING = "AIRFLOW__LIVE_SESSIONS__WEBHOOKS_URL"


@given(ADDRESSEES)
def test_who_a_token_was_made_for_comes_back_and_the_path_takes_it_as_it_is(addressee: Addressee) -> None:
    token = write(addressee, CIPHER)
    assert quote(token, safe="") == token
    assert read(token, CIPHER, NOW) == addressee


@given(ADDRESSEES)
def test_the_ids_cannot_be_read_without_the_key(addressee: Addressee) -> None:
    assert read(write(addressee, FernetCipher()), CIPHER, NOW) is None


@given(st.text(max_size=200) | st.text(string.ascii_letters + string.digits + "-_=", max_size=300))
def test_whatever_text_is_nobody_s_token_and_no_error(text: str) -> None:
    assert read(text, CIPHER, NOW) is None


@given(st.data())
def test_a_token_that_was_changed_anywhere_opens_nothing(data: st.DataObject) -> None:
    token = write(Addressee("lessonspace", "a", "d", "r", "t"), CIPHER)
    at = data.draw(st.integers(0, len(token) - 2))  # the last character has bits that mean nothing
    other = data.draw(st.sampled_from(string.ascii_letters).filter(lambda one: one != token[at]))
    assert read(token[:at] + other + token[at + 1 :], CIPHER, NOW) is None


@pytest.mark.parametrize(
    "clear", ["", "[]", "{}", "[1]", '[2,"p","c","","","",-1,null]', '[1,"p",2,"","","",-1,null]']
)
def test_what_another_release_sealed_opens_nothing(clear: str) -> None:
    assert read(CIPHER.encrypt(clear.encode()).decode().rstrip("="), CIPHER, NOW) is None


def test_a_token_whose_time_is_over_opens_nothing() -> None:
    addressee = Addressee("lessonspace", "school", "d", "r", "t", until=NOW)
    token = write(addressee, CIPHER)
    assert read(token, CIPHER, NOW - timedelta(seconds=1)) == addressee
    assert read(token, CIPHER, NOW) is None


def test_ids_of_any_airflow_fit_and_longer_ones_are_refused() -> None:
    long = Addressee("lessonspace", "c" * 250, "d" * 250, "r" * 250, "t" * 250, 1023, NOW + timedelta(days=1))
    assert len(write(long, CIPHER)) <= LONGEST
    with pytest.raises(ConfigurationError):
        write(replace(long, dag_id="d" * 3000), CIPHER)


# ---- the address before it


def plan() -> Plan:
    return Plan("Algebra", datetime.now(UTC), datetime.now(UTC) + timedelta(hours=1))


def ti(**more: Any) -> Any:
    return SimpleNamespace(**{"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": None, **more})


def test_a_launch_s_url_leads_back_to_its_task_until_some_days_after_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SETTING, "https://airflow.test/live-sessions/webhooks/")
    meant = plan()
    base, _, token = url_of_launch("lessonspace", "school", meant, ti(map_index=3)).rpartition("/")
    assert base == "https://airflow.test/live-sessions/webhooks"
    found = read(token, AirflowCipher(), datetime.now(UTC))
    assert found is not None
    assert (found.dag_id, found.run_id, found.task_id, found.map_index) == ("d", "r", "t", 3)
    assert found.until is not None
    assert found.until > meant.end + timedelta(days=1)


@pytest.mark.parametrize(
    "wrong", ["airflow.test", "ftp://airflow.test", "https://", "https://a.test/?x=1", "http://a.test"]
)
def test_an_address_that_is_none_or_not_encrypted_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv(SETTING, wrong)
    with pytest.raises(ConfigurationError):
        base_url()


@pytest.mark.parametrize("fine", ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:1/x"])
def test_this_machine_may_be_reached_without_encryption(monkeypatch: pytest.MonkeyPatch, fine: str) -> None:
    monkeypatch.setenv(SETTING, fine)
    assert base_url() == fine


def test_without_an_address_there_is_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    with pytest.raises(ConfigurationError, match="webhooks_url"):
        url_of(Addressee("screenleap", "studio"))
