"""One address is one person's: no text that is taken for it reaches a second one."""

from __future__ import annotations

import re
import smtplib
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.mail_address import as_mailed, is_one_address
from airflow_provider.live_sessions.core.models import Participant
from tests.core.strategies import addresses

ODD = st.sampled_from([*"@,;:<>()[]\\\"' \t\r\n\x00\x85\u2028.|+-=?%", "=?utf-8?q?", "ada@x.test", "Ä"])


@given(addresses(), ODD, st.integers(0, 60))
def test_what_is_taken_for_one_address_reaches_one_mailbox_however_it_is_read(
    address: str, odd: str, place: int
) -> None:
    for text in (address, address[:place] + odd + address[place:]):
        if not is_one_address(text):
            assert text != address
            continue
        assert re.split(r"\s*[,;]\s*", text) == [text]  # as Airflow's SMTP hook reads a text
        assert smtplib.quoteaddr(text) == f"<{text}>"  # as it goes to the server
        assert [found for _, found in getaddresses([text])] == [text]  # as a header
        assert text.count("@") == 1
        assert text.split() == [text]


@given(addresses(), st.sampled_from([",", ";", ", ", " ", "\n", ">,<", "|"]), addresses())
def test_two_addresses_are_never_one_person_s(one: str, between: str, other: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is not one address.*Write one address and nothing else"):
        Participant.from_json({"id": "tess", "email": f"{one}{between}{other}"})


@pytest.mark.parametrize(
    "email", ["tess", "Tess <tess@x.test>", "@x.test", "tess@", "a@b@x.test", 5, "a@x.test;", "zoë@x.test"]
)
def test_what_is_no_address_is_refused_with_the_person_and_what_to_write(email: object) -> None:
    with pytest.raises(ConfigurationError, match="participant 't-1' is not one address") as told:
        Participant.from_json({"id": "t-1", "name": "Tess", "email": email})
    assert "e.g. ada@school.example" in str(told.value)


@pytest.mark.parametrize("email", ["o'brien+maths@x.test", "ada@xn--mnchen-3ya.test", "ada@müller.test", " a@b "])
def test_an_address_as_people_have_it_is_taken(email: str) -> None:
    assert Participant.from_json({"name": "Tess", "email": email}).email == email.strip()


@given(addresses())
def test_a_domain_in_other_letters_is_mailed_in_ascii_and_everything_else_as_it_is(address: str) -> None:
    try:
        mailed = as_mailed(address)
    except ValueError:
        assert not address.isascii()
    else:
        assert mailed.isascii()
        assert mailed == address or not address.isascii()
    assert as_mailed("ada@müller.test") == "ada@xn--mller-kva.test"


@pytest.mark.parametrize("data", [{}, {"email": ""}, {"email": None}, {"email": "  "}])
def test_who_has_no_address_is_a_participant_all_the_same(data: dict[str, object]) -> None:
    assert Participant.from_json({"name": "Tess", **data}) == Participant("Tess", "Tess")


def test_a_launch_of_an_earlier_release_is_still_read_whatever_stands_for_an_address() -> None:
    old = {"id": "t-1", "name": "Tess", "email": "tess@x.test, everybody@x.test"}
    assert Participant.from_json(old, recorded=True).email == old["email"]
