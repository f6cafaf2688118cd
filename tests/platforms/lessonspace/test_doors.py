"""Somebody who was not on the list comes in under their own name, and the class stays as it was launched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions.core.contract import Watch
from airflow_provider.live_sessions.core.doors import Door, DoorPlatform
from airflow_provider.live_sessions.core.errors import Refused
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.status import Seen, State
from airflow_provider.live_sessions.core.times import parse_time
from tests.platforms.lessonspace.academy import CLASS, Academy, plan

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import SessionRef

VISITOR = Participant("airflow-7", "Olga Operator")


def _state(academy: Academy, ref: SessionRef) -> State:
    start, end = parse_time(ref.detail("planned_start")), parse_time(ref.detail("planned_end"))
    watch = Watch(ref, Seen(start, end, parse_time(ref.detail("window_end"))))
    (status,) = academy.platform.statuses([watch], academy.sandbox.clock.now())
    assert status is not None
    return status.state


def test_a_visitor_gets_a_link_of_their_own_that_works_once(academy: Academy) -> None:
    ref = academy.launch(plan(hard_stop=600)).ref
    assert isinstance(academy.platform, DoorPlatform)
    link = academy.platform.open_door(Door.ROOM, ref, VISITOR).get_secret_value()
    assert link.startswith("http")
    user = academy.bodies()[-1]["user"]
    assert (user["id"], user["name"], user["leader"]) == ("airflow-7", "Olga Operator", False)
    assert user["single_use"] is True
    assert user["custom_jwt_parameters"] == {"kickOnExp": True}


def test_the_class_keeps_every_setting_it_was_launched_with(academy: Academy) -> None:
    ref = academy.launch(plan(transcribe=True, session_tags={"term": "autumn"})).ref
    launched = academy.bodies()[0]
    academy.platform.open_door(Door.ROOM, ref, VISITOR)
    opened = academy.bodies()[-1]
    of_one_link = {"user", "timeouts"}
    assert {name: one for name, one in opened.items() if name not in of_one_link} == {
        name: one for name, one in launched.items() if name not in of_one_link
    }
    assert opened["timeouts"] == launched["timeouts"]
    assert len(academy.spaces) == 1


def test_a_cancelled_class_is_not_brought_back_by_who_wants_to_look_in(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.platform.cancel(ref)
    sent = len(academy.bodies())
    with pytest.raises(Refused, match="cancelled"):
        academy.platform.open_door(Door.ROOM, ref, VISITOR)
    assert len(academy.bodies()) == sent
    assert _state(academy, ref) is State.CANCELLED


def test_a_room_is_closed_once_the_class_is_over_and_its_replay_opens(academy: Academy) -> None:
    ref = academy.launch(plan(record_av=True)).ref
    with pytest.raises(Refused, match="no recording"):
        academy.platform.open_door(Door.RECORDING, ref, VISITOR)
    academy.go_to(CLASS)
    academy.hold(ref, 3600)
    academy.wait(1200)
    with pytest.raises(Refused, match="over"):
        academy.platform.open_door(Door.ROOM, ref, VISITOR)
    first = academy.platform.open_door(Door.RECORDING, ref, VISITOR).get_secret_value()
    academy.wait(5)
    assert academy.platform.open_door(Door.RECORDING, ref, VISITOR).get_secret_value() != first
