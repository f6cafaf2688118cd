"""One person a line: who is expected, as a person writes it into a form.

A line is what a timetable's cell for people holds (``Name <email>``, ``id|Name <email>``, an address, a name;
several with ``;`` between them). In a timetable the column says the part played; a line says it by a word with a
colon before the people, and who leads by any name of the teacher's column: ``teacher: Tess <tess@x.org>``.
``leader:`` marks who leads where there are no roles.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.schedules.cells import read_people
from airflow_provider.live_sessions.schedules.csv_columns import names_leader
from airflow_provider.live_sessions.schedules.line_pattern import LEADER

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import Participant

_MARKED = re.compile(r"\s*(?P<mark>[^|<>:;@]*[^|<>:;@\s])\s*:(?P<people>.*)", re.DOTALL)


def read_line(line: str, *, role: str = "") -> tuple[Participant, ...]:
    """Read a line: usually one person, none where it is empty.

    Args:
        line: What was written.
        role: The part played by those before whom no word stands.

    Raises:
        CellError: A person cannot be read.
    """
    marked = _MARKED.fullmatch(line)
    if marked is None:
        return read_people(line, role=role, leader=False)
    mark = marked["mark"].casefold()
    leads = mark == LEADER
    return read_people(marked["people"], role="" if leads else mark, leader=leads or names_leader(mark))
