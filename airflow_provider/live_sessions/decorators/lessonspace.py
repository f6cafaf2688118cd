"""``@task.live_session(platform="lessonspace")``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow.providers.common.compat.sdk import DecoratedOperator

from airflow_provider.live_sessions.decorators.live_session import DescribedLaunchOperator
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator

if TYPE_CHECKING:
    from collections.abc import Sequence


class DescribedLessonspaceLaunchOperator(DescribedLaunchOperator, LessonspaceLaunchSessionOperator):
    """Launch a class on Lessonspace that a function describes."""

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *LessonspaceLaunchSessionOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **LessonspaceLaunchSessionOperator.template_fields_renderers,
    }
