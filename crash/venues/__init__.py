"""The four platforms as places where sessions are held: one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crash.venues.coviu import Coviu
from crash.venues.educates import Educates
from crash.venues.lessonspace import Lessonspace
from crash.venues.screenleap import Screenleap

if TYPE_CHECKING:
    from crash.venues.venue import Venue

VENUES: dict[str, type[Venue]] = {one.name: one for one in (Lessonspace, Coviu, Screenleap, Educates)}
