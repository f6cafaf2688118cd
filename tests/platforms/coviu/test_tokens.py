"""The token's life, by its rules and over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import AuthenticationFailed, Refused, Unavailable
from airflow_provider.live_sessions.platforms.coviu.models import Token
from airflow_provider.live_sessions.platforms.coviu.tokens import TokenRefused, Tokens
from tests.platforms.coviu.clinic import Clinic

if TYPE_CHECKING:
    from collections.abc import Mapping


class Desk:
    """Gives tokens out, on a clock of its own."""

    def __init__(self, lifetime: float = 1000.0, *, refresh: bool = True) -> None:
        self.now = 0.0
        self.lifetime = lifetime
        self.refresh = refresh
        self.forms: list[dict[str, str]] = []
        self.wrong: dict[str, Exception] = {}
        self.tokens = Tokens(self.fetch, monotonic=lambda: self.now)

    def fetch(self, form: Mapping[str, str]) -> Token:
        self.forms.append(dict(form))
        if form["grant_type"] in self.wrong:
            raise self.wrong[form["grant_type"]]
        number = len(self.forms)
        return Token(
            access_token=SecretStr(f"a-{number}"),
            refresh_token=SecretStr(f"r-{number}") if self.refresh else None,
            expires_in=self.lifetime,
        )

    @property
    def grants(self) -> list[str]:
        return [one["grant_type"] for one in self.forms]


def test_a_token_is_renewed_at_half_its_life_with_the_latest_refresh_token() -> None:
    desk = Desk()
    for now in (0, 499, 500, 999, 1000):
        desk.now = now
        desk.tokens.ensure()
    assert desk.grants == ["client_credentials", "refresh_token", "refresh_token"]
    assert [one.get("refresh_token") for one in desk.forms] == [None, "r-1", "r-2"]


def test_a_refresh_that_fails_goes_back_to_the_client_credentials() -> None:
    desk = Desk()
    desk.tokens.ensure()
    desk.wrong["refresh_token"] = Refused("no", status=401)
    desk.now = 500
    desk.tokens.ensure()
    assert desk.grants == ["client_credentials", "refresh_token", "client_credentials"]
    del desk.wrong["refresh_token"]
    desk.now = 1000
    desk.tokens.ensure()  # a failed refresh is not remembered for ever
    assert desk.grants[3:] == ["refresh_token"]


def test_a_token_without_a_refresh_token_is_replaced_by_the_client_credentials() -> None:
    desk = Desk(refresh=False)
    desk.tokens.ensure()
    desk.now = 500
    desk.tokens.ensure()
    assert desk.grants == ["client_credentials", "client_credentials"]


def test_a_token_endpoint_that_is_away_costs_nothing_while_the_token_lives() -> None:
    desk = Desk()
    desk.tokens.ensure()
    away = Unavailable("away")
    desk.wrong = {"refresh_token": away, "client_credentials": away}
    desk.now = 600
    desk.tokens.ensure()
    desk.tokens.ensure()  # not asked again at once
    assert desk.grants == ["client_credentials", "refresh_token", "client_credentials"]
    desk.now = 631
    desk.tokens.ensure()
    assert len(desk.grants) == 5
    desk.now = 1000
    with pytest.raises(Unavailable):
        desk.tokens.ensure()


def test_a_first_refusal_gets_a_new_token_and_a_second_soon_after_is_believed() -> None:
    desk = Desk()
    desk.tokens.ensure()
    assert desk.tokens.after_refusal()
    assert not desk.tokens.after_refusal()
    desk.now = 61
    assert desk.tokens.after_refusal()
    assert desk.grants == ["client_credentials"] * 3


def test_refused_credentials_are_another_error_than_a_refused_call() -> None:
    desk = Desk()
    desk.wrong["client_credentials"] = AuthenticationFailed("no", status=401)
    with pytest.raises(TokenRefused, match="Check API key") as caught:
        desk.tokens.ensure()
    assert caught.value.status == 401


def test_delegated_access_is_renewed_by_its_refresh_token_only() -> None:
    desk = Desk()
    desk.tokens.authorize("code")
    assert desk.tokens.after_refusal()
    assert desk.grants == ["authorization_code", "refresh_token"]
    desk.refresh = False
    desk.now = 500
    desk.tokens.ensure()
    desk.now = 1000
    with pytest.raises(TokenRefused, match="without a refresh token"):
        desk.tokens.ensure()
    assert "client_credentials" not in desk.grants


@example([(0.0, True), (5.0, False), (5.0, False)], 10.0, False)
@given(
    st.lists(st.tuples(st.floats(0, 2000), st.booleans()), max_size=30),
    st.floats(10, 1000),
    st.booleans(),
)
def test_whatever_happens_a_call_never_goes_out_with_a_token_past_its_life(
    steps: list[tuple[float, bool]], lifetime: float, refresh: bool
) -> None:
    desk = Desk(lifetime, refresh=refresh)
    got_at = 0.0
    for seconds, working in steps:
        desk.now += seconds
        desk.wrong = {} if working else {"refresh_token": Unavailable("x"), "client_credentials": Unavailable("x")}
        before = desk.tokens.access
        try:
            desk.tokens.ensure()
        except Unavailable:
            assert not working
            continue
        if desk.tokens.access is not before:
            got_at = desk.now
        assert desk.now - got_at < lifetime


# ---- over the wire


def test_an_expired_token_is_replaced_and_the_call_repeated() -> None:
    with Clinic.open(expires_in=3600) as clinic:
        clinic.client.team()
        clinic.wait(3600)  # the client's own clock knows nothing of it
        assert clinic.client.team().name
        assert [one["grant_type"] for one in clinic.tokens()] == ["client_credentials", "client_credentials"]


def test_a_post_that_met_an_expired_token_happens_once() -> None:
    with Clinic.open(expires_in=3600) as clinic:
        clinic.client.team()
        clinic.sandbox.coviu.revoke(refresh=True)
        clinic.launch()
        assert len(clinic.sessions) == 1
