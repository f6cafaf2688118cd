"""From a form's text box to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import Participant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOBODY = "The form names nobody."


def people_of_form(
    entries: Sequence[str | Mapping[str, Any]] | None, *, role: str = ""
) -> tuple[Participant, ...]:
    """Return who is expected.

    Args:
        entries: One entry a line, as people write them; or mappings, as programs send them; also both.
        role: The part played by those on whose line no other stands.

    Raises:
        ConfigurationError: An entry cannot be read, or names somebody again; the message says on which line.
    """
    # Read in a task: a DAG file loads no reader of timetables.
    from airflow_provider.live_sessions.schedules.cells import CellError, quoted
    from airflow_provider.live_sessions.schedules.people_lines import read_line

    found: dict[str, Participant] = {}
    for number, entry in enumerate(entries or (), start=1):
        try:
            people = read_line(entry, role=role) if isinstance(entry, str) else (Participant.from_json(entry),)
        except CellError as error:
            raise ConfigurationError(
                f"Line {number} of the people: {error}", advice="Put the line right and trigger the DAG again."
            ) from None
        for person in people:
            if person.id in found:
                raise ConfigurationError(
                    f"Line {number} of the people: {quoted(person.id)} stands there already.",
                    advice="Remove one of the two, or write id|Name <email> for both.",
                )
            found[person.id] = person
    if not found:
        raise ConfigurationError(NOBODY, advice="Write one person a line: Name <email>.")
    return tuple(found.values())
