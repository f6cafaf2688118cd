"""A person adds a connection by its form, which explains itself, and is told in words whether it works."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from airflow_provider.live_sessions.provider_info import get_provider_info
from browser.person import Person, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMS = {one["connection-type"]: one for one in get_provider_info()["connection-types"]}


@dataclass(frozen=True)
class Account:
    """What somebody writes into a platform's form, and what they are told.

    Args:
        fields: The form's fields by name; empty leaves a field as it is.
        wrong: The secret that is not accepted.
        good: Of the answer to the right one.
        bad: Of the answer to the wrong one.
    """

    fields: Mapping[str, str]
    wrong: str
    good: str
    bad: str


def account(platform: str, told: Mapping[str, Any]) -> Account:
    """Return how a platform of the sandbox is filled in."""
    host = {"host": told["url"], "port": "443"}
    wrong = "00000000-0000-4000-8000-00000000dead"
    if platform == "lessonspace":
        good = "The key is valid for organisation Sandbox School (4711)."
        return Account({**host, "password": told["api_key"]}, wrong, good, "Invalid API key")
    if platform == "coviu":
        fields = {**host, "login": told["api_key"], "password": told["key_secret"]}
        return Account(fields, wrong, "The key is valid for team Sandbox Clinic.", "key")
    if platform == "screenleap":
        fields = {**host, "login": told["account_id"], "password": told["authtoken"]}
        good = f"The account {told['account_id']} answers; 0 shares are running."
        return Account(fields, wrong, good, "token")
    fields = {
        **host,
        "login": told["username"],
        "password": told["password"],
        "element_client_id": told["client_id"],
        "element_client_secret": told["client_secret"],
    }
    return Account(fields, wrong, "The robot account is valid for the portal", "Compare")


def open_form(person: Person, conn_id: str, label: str) -> None:
    """Open the form of a new connection and choose its type."""
    person.go("/connections")
    person.press("body", "Add Connection")
    person.write("[role=dialog] input[name=connection_id]", conn_id)
    kind = person.driver.find_element(By.CSS_SELECTOR, "[role=dialog] input[role=combobox]")
    kind.send_keys(label)
    person.until("the type", lambda: person.driver.find_elements(By.CSS_SELECTOR, "[role=option]"))
    kind.send_keys(Keys.ENTER)
    person.see("[role=dialog] input[name=password]")


def fill_in(person: Person, fields: Mapping[str, str]) -> None:
    """Write into the standard fields, then into the extra ones."""
    extra = {name: value for name, value in fields.items() if name.startswith("element_")}
    for name, value in fields.items():
        if name not in extra:
            person.write(f"[role=dialog] [name={name}]", value)
    if extra:
        unfold(person)
    for name, value in extra.items():
        person.write(f"[role=dialog] [name={name}]", value)


def unfold(person: Person) -> None:
    """Open the section of the extra fields."""

    def opened() -> bool:
        if not shown(person.driver.find_element(By.NAME, "element_timeout")):
            person.press("[role=dialog]", "Extra Fields")
        return shown(person.driver.find_element(By.NAME, "element_timeout"))

    person.until("the extra fields", opened)


def answer(person: Person, conn_id: str) -> str:
    """Press a connection's *Test connection* and return what is said; again where it went by unseen."""

    def asked() -> str:
        _row(person, conn_id).find_element(By.CSS_SELECTOR, "button[aria-label='Test Connection']").click()
        soon = time.monotonic() + 10
        told = ""
        while not told and time.monotonic() < soon:
            told = _toast(person, "Test Connection")
        return told

    person.until(f"the row of {conn_id}", lambda: _row(person, conn_id))
    told: str = person.until("the answer", asked)
    return told


def _row(person: Person, conn_id: str) -> Any:
    rows = person.driver.find_elements(By.CSS_SELECTOR, "table tbody tr")
    return next((one for one in rows if conn_id in one.text.split()), None)


def _toast(person: Person, title: str) -> str:
    """Return what a message says, once it has come in from below."""
    toasts = person.driver.find_elements(By.CSS_SELECTOR, "[data-scope=toast][data-part=root]")
    for one in toasts:
        place = one.rect
        time.sleep(0.3)
        if title in one.text and one.rect == place:
            return str(one.text)
    return ""


@pytest.mark.parametrize("platform", FORMS)
def test_a_form_says_what_belongs_into_each_field(person: Person, platform: str) -> None:
    form = FORMS[platform]
    person.size(1280, 1000)
    open_form(person, f"my_{platform}", form["hook-name"])
    person.says(*form["ui-field-behaviour"]["relabeling"].values())
    for name, hint in form["ui-field-behaviour"]["placeholders"].items():
        field = person.driver.find_element(By.CSS_SELECTOR, f"[role=dialog] input[name={name}]")
        assert field.get_attribute("placeholder") == hint
        assert field.rect["width"] > 250, "there is no room for the hint"
    for name in form["ui-field-behaviour"]["hidden-fields"]:
        assert not person.driver.find_elements(By.CSS_SELECTOR, f"[role=dialog] input[name={name}]")
    if platform == "lessonspace":
        person.picture("connection-form")
    unfold(person)
    person.says(*(one["label"] for one in form["conn-fields"].values()))
    for name, field in form["conn-fields"].items():
        secret = field["schema"].get("format") == "password"
        shows = person.driver.find_element(By.NAME, f"element_{name}").get_attribute("type")
        assert (shows == "password") is secret, name


@pytest.mark.parametrize("platform", FORMS)
def test_the_button_test_connection_says_whose_key_it_is_or_why_it_is_none(person: Person, platform: str) -> None:
    how = account(platform, person.control.info()[platform])
    for conn_id, fields in (
        (f"{platform}_right", how.fields),
        (f"{platform}_wrong", {**how.fields, "password": how.wrong}),
    ):
        open_form(person, conn_id, FORMS[platform]["hook-name"])
        fill_in(person, fields)
        person.press("[role=dialog] footer", "Save")
        person.until(f"the row of {conn_id}", partial(_row, person, conn_id))
    person.go("/connections")
    told = answer(person, f"{platform}_right")
    assert "Test Connection Successful" in told
    assert how.good in told
    if platform == "lessonspace":
        person.picture("connection-tested")
    person.go("/connections")
    told = answer(person, f"{platform}_wrong")
    assert "Test Connection Failed" in told
    assert how.bad in told
    assert how.wrong not in told
    assert "(connection" not in told  # Airflow tests under a name that nobody knows
    if platform == "lessonspace":
        person.picture("connection-refused")
