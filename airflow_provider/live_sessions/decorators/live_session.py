"""``@task.live_session``: a function describes a session, and its task launches it.

The task is the platform's launch operator with the function's answer for arguments: the same identity, the same
look-up before anything is created, the same record as its result. What a retry may not do twice, it does not do
twice here either.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import DecoratedOperator, determine_kwargs, task_decorator_factory

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import listed
from airflow_provider.live_sessions.operators.launch import LaunchSessionOperator
from airflow_provider.live_sessions.schedules.model import Occurrence

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.providers.common.compat.sdk import Context, TaskDecorator

PLATFORMS = ("lessonspace", "coviu", "screenleap", "educates")

DESCRIBED = ("title", "start", "end", "participants", "options")
"""What a function tells of a session that stands in no timetable: the launch operator's arguments of that name."""


class DescribedLaunchOperator(DecoratedOperator, LaunchSessionOperator):
    """A launch whose session a function describes; a platform's own class puts its launch operator behind it.

    Args:
        python_callable: The function. It gives ``title``, ``start``, ``end``, ``participants`` and ``options``, or
            a class of a timetable (an ``Occurrence``, or its ``to_json``).
        kwargs: All else that the platform's launch operator takes.
    """

    custom_operator_name = "@task.live_session"
    _described = False

    def __init__(
        self, *, python_callable: Callable[..., Any], multiple_outputs: bool = False, **kwargs: Any
    ) -> None:
        del multiple_outputs  # the record is one value
        doubled = [name for name in ("session", *DESCRIBED) if name != "options" and kwargs.get(name)]
        if doubled:
            raise ValueError(f"{listed(doubled)}: the function tells this, not the decorator")
        if inspect.iscoroutinefunction(python_callable):
            raise TypeError(f"{python_callable.__name__}: the function of a live session cannot be async")
        super().__init__(python_callable=python_callable, **kwargs)

    def execute(self, context: Context) -> Any:
        """Ask the function, then launch or find the session; see :class:`LaunchSessionOperator`."""
        self._describe(context)
        return super().execute(context)

    def execute_launch(self, context: Context, event: object = None) -> dict[str, Any]:
        """Launch now; after a wait for a room this is another process, so the function is asked again."""
        self._describe(context)
        return super().execute_launch(context, event)

    def _describe(self, context: Context) -> None:
        if self._described:
            return
        with airflow_errors():
            known: Mapping[str, Any] = {**context, **self.op_kwargs}
            given = determine_kwargs(self.python_callable, self.op_args, known)
            told = self.python_callable(*self.op_args, **given)
            self._take(told.to_json() if isinstance(told, Occurrence) else told)
        self._described = True

    def _take(self, told: Any) -> None:
        if not isinstance(told, Mapping):
            raise ConfigurationError(
                f"The function gave a {type(told).__name__}, not the description of a session.",
                advice=f"Return a mapping of {', '.join(DESCRIBED)}, or a class of a timetable.",
            )
        if "uid" in told:
            self.session = dict(told)
            return
        unknown = set(told) - set(DESCRIBED)
        if unknown:
            raise ConfigurationError(
                f"The description of a session has unknown fields: {listed(unknown)}.",
                advice=f"Known are {', '.join(DESCRIBED)}; all else is an argument of the decorator.",
            )
        self.title = str(told.get("title") or "")
        self.start, self.end = told.get("start"), told.get("end")
        self.participants = list(told.get("participants") or ())
        self.options = {**(self.options or {}), **(told.get("options") or {})}


def live_session_task(
    python_callable: Callable[..., Any] | None = None, *, platform: str = "lessonspace", **kwargs: Any
) -> TaskDecorator:
    """Launch the session that a function describes: ``@task.live_session(platform="coviu", conn_id="clinic")``.

    The description has to be the same at every try, so times come from the run (``dag_run.run_after``) or from
    arguments, never from the clock: a retry whose session became another one is refused.

    Args:
        python_callable: The function.
        platform: ``lessonspace`` (default), ``coviu``, ``screenleap`` or ``educates``.
        kwargs: Arguments of the platform's launch operator and of every task: ``conn_id``, ``deferrable``,
            ``wait_for_completion``, ``hand_over_before``, ``retries``, ...

    Returns:
        The decorator; the task's result is the session's record, as of the launch operator.

    Raises:
        ValueError: There is no such platform, or an argument is one that the function gives.
    """
    if platform not in PLATFORMS:
        raise ValueError(f"platform is one of {', '.join(PLATFORMS)}, not {platform!r}")
    # A DAG file loads only the platform that it names.
    operator = pkgutil.resolve_name(f"{__package__}.{platform}:Described{platform.title()}LaunchOperator")
    return task_decorator_factory(
        python_callable=python_callable, multiple_outputs=False, decorated_operator_class=operator, **kwargs
    )
