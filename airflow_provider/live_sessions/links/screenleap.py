"""From a launch to its share on Screenleap."""

from __future__ import annotations

from typing import ClassVar

from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.links.page import DoorLink


class ScreenleapViewerLink(DoorLink):
    """Opens the share's viewer page, under the name of who is logged in to Airflow."""

    name = "Screenleap viewer"
    door: ClassVar[Door] = Door.ROOM
