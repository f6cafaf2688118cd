"""From a launch to its class on Lessonspace."""

from __future__ import annotations

from typing import ClassVar

from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.links.page import DoorLink


class LessonspaceRoomLink(DoorLink):
    """Opens the class's room, under the name of who is logged in to Airflow."""

    name = "Lessonspace room"
    door: ClassVar[Door] = Door.ROOM


class LessonspaceRecordingLink(DoorLink):
    """Opens the replay of the class's last session that has one."""

    name = "Lessonspace recording"
    door: ClassVar[Door] = Door.RECORDING
