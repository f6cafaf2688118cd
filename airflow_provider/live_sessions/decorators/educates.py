"""``@task.live_session(platform="educates")``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow.providers.common.compat.sdk import DecoratedOperator

from airflow_provider.live_sessions.decorators.live_session import DescribedLaunchOperator
from airflow_provider.live_sessions.operators.educates import EducatesLaunchSessionOperator

if TYPE_CHECKING:
    from collections.abc import Sequence


class DescribedEducatesLaunchOperator(DescribedLaunchOperator, EducatesLaunchSessionOperator):
    """Launch a workshop on Educates that a function describes."""

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *EducatesLaunchSessionOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **EducatesLaunchSessionOperator.template_fields_renderers,
    }
