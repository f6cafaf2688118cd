"""Somebody who was not on the list watches under their own name, as long as there is something to watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.errors import Refused, Unsupported
from airflow_provider.live_sessions.core.models import Participant

if TYPE_CHECKING:
    from tests.platforms.screenleap.studio import Studio

VISITOR = Participant("airflow-7", "Olga Operator")


def test_a_viewer_s_link_names_the_visitor(studio: Studio) -> None:
    ref = studio.launch().ref
    link = studio.platform.open_door(Door.ROOM, ref, VISITOR).get_secret_value()
    assert studio.code(ref) in link
    assert link.endswith("externalId=airflow-7")


def test_a_share_that_ended_has_nothing_to_watch(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.hold(ref)
    with pytest.raises(Refused, match="over"):
        studio.platform.open_door(Door.ROOM, ref, VISITOR)


def test_no_call_tells_where_a_recording_is(studio: Studio) -> None:
    with pytest.raises(Unsupported, match="recording"):
        studio.platform.open_door(Door.RECORDING, studio.launch().ref, VISITOR)
