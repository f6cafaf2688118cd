"""From a launch in the Airflow UI to its room on Lessonspace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

ROOM_URL = "https://www.thelessonspace.com/space/"


class LessonspaceRoomLink(BaseOperatorLink):
    """Opens the class's room for who is logged in there. Not a join link: it lets nobody in by itself.

    For a room that allows guests its address alone would let its bearer in, so there is none then.
    """

    name = "Lessonspace room"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the room's address, or an empty text."""
        del operator
        record = XCom.get_value(ti_key=ti_key, key="return_value")
        try:
            details = record["ref"]["details"]
            guests = json.loads(details["settings"])["allow_guests"]
            room = details["space"]
        except (KeyError, TypeError, ValueError):
            return ""
        return "" if guests or not room else ROOM_URL + quote(str(room), safe="")
