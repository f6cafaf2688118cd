"""A guest who was not on the list: added once, under their own name, while there is something to enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.errors import Refused, Unsupported
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.times import parse_time
from tests.platforms.coviu.clinic import plan

if TYPE_CHECKING:
    from tests.platforms.coviu.clinic import Clinic

VISITOR = Participant("airflow-7", "Olga Operator")


def test_a_visitor_is_added_once_as_a_guest(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    before = len(clinic.sessions[0]["participants"])
    first = clinic.platform.open_door(Door.ROOM, ref, VISITOR)
    again = clinic.platform.open_door(Door.ROOM, ref, VISITOR)
    assert first.get_secret_value() == again.get_secret_value()
    people = clinic.sessions[0]["participants"]
    assert len(people) == before + 1
    (guest,) = [one for one in people if one["state"] == "airflow-7"]
    assert guest["role"].casefold() == "guest"


def test_a_session_that_is_over_or_cancelled_has_no_room(clinic: Clinic) -> None:
    cancelled, over = clinic.launch(plan("Cancelled")).ref, clinic.launch(plan("Over")).ref
    clinic.platform.cancel(cancelled)
    with pytest.raises(Refused, match="cancelled"):
        clinic.platform.open_door(Door.ROOM, cancelled, VISITOR)
    clinic.arrive(parse_time(over.detail("planned_end")))
    with pytest.raises(Refused, match="over"):
        clinic.platform.open_door(Door.ROOM, over, VISITOR)


def test_no_call_opens_a_recording(clinic: Clinic) -> None:
    with pytest.raises(Unsupported, match="recording"):
        clinic.platform.open_door(Door.RECORDING, clinic.launch().ref, VISITOR)
