"""Everything that a task leaves behind, kept as text: a secret in any of it would be one too many."""

from __future__ import annotations

import contextlib
import json
import logging
import traceback
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import TaskDeferred

from demo.clear_text import needles
from tests.airflow_side.stage import Store, TaskInstance, context, event_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow.providers.common.compat.sdk import BaseOperator

PATIENCE = 1.5
"""Seconds that a deferred wait is given: one whose platform only fails has no end of its own here."""
LOUD = ("urllib3", "requests", "airflow", "airflow_provider", "task", "asyncio")


class Diary(logging.Handler):
    """Keeps what is logged, at every level, and what else is handed to it."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)s"))
        self.pages: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.add(f"log of {record.name}", f"{self.format(record)} {record.args}")

    def add(self, place: str, what: object) -> None:
        self.pages.append((place, what if isinstance(what, str) else repr(what)))

    def places_of(self, secrets: Iterable[str]) -> list[str]:
        """Return where one of the secrets stands, in whatever form."""
        wanted = needles(secrets)
        return sorted(
            {place for place, text in self.pages if any(one in text.encode("utf-8", "replace") for one in wanted)}
        )


@contextlib.contextmanager
def opened() -> Iterator[Diary]:
    """Give a diary that every logger writes into, all of them at DEBUG."""
    diary = Diary()
    known = [logging.getLogger(name) for name in (*LOUD, *logging.root.manager.loggerDict)]
    before = [(one, one.level, one.propagate, one.disabled) for one in (logging.root, *known)]
    logging.root.addHandler(diary)
    try:
        for one, _, _, _ in before:
            one.setLevel(logging.DEBUG)
            one.disabled = False
            if one is not logging.root:
                one.propagate = True
        yield diary
    finally:
        logging.root.removeHandler(diary)
        for one, level, propagate, disabled in before:
            one.setLevel(level)
            one.propagate, one.disabled = propagate, disabled


def live(make: Callable[[], BaseOperator], diary: Diary, meanwhile: Callable[[], object] = lambda: None) -> bool:
    """Run a task to its end, through its deferral, and write down all of it.

    Args:
        make: Makes the task's operator.
        diary: Where all of it goes.
        meanwhile: What happens while the task is deferred.

    Returns:
        Whether it succeeded.
    """
    ti, store = TaskInstance(), Store()
    operator: Any = None
    try:
        operator = make()
        the_context = context(ti, store)
        try:
            result = operator.execute(the_context)
        except TaskDeferred as deferred:
            diary.add("trigger row", json.dumps(deferred.trigger.serialize(), default=str))
            meanwhile()
            event = event_of(deferred.trigger, PATIENCE)
            diary.add("event", event)
            result = operator.resume_execution(deferred.method_name, {"event": event}, the_context)
        diary.add("result", json.dumps(result, default=str))
    except BaseException as error:  # noqa: BLE001 - whatever it is, its whole traceback is looked at
        diary.add("exception", "".join(traceback.format_exception(error)) + repr(error) + repr(error.args))
        diary.add("exception's chain", "".join(chain(error)))
        return False
    else:
        return True
    finally:
        diary.add("xcom", ti.xcoms)
        diary.add("task state store", store.values)
        for name in getattr(operator, "template_fields", ()):
            diary.add(f"rendered field {name}", getattr(operator, name, None))


def chain(error: BaseException) -> Iterator[str]:
    """Yield what each exception says that a traceback would show behind this one."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield f"{one!r} {one}"
            waiting += [one.__cause__, None if one.__suppress_context__ else one.__context__]
