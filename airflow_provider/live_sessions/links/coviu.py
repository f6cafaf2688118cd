"""From a launch to its session on Coviu."""

from __future__ import annotations

from typing import ClassVar

from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.links.page import DoorLink


class CoviuRoomLink(DoorLink):
    """Opens the session's room as a guest, whom a host lets in, under the name of who is logged in to Airflow."""

    name = "Coviu room"
    door: ClassVar[Door] = Door.ROOM
