"""``@task.live_session(platform="screenleap")``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow.providers.common.compat.sdk import DecoratedOperator

from airflow_provider.live_sessions.decorators.live_session import DescribedLaunchOperator
from airflow_provider.live_sessions.operators.screenleap import ScreenleapLaunchSessionOperator

if TYPE_CHECKING:
    from collections.abc import Sequence


class DescribedScreenleapLaunchOperator(DescribedLaunchOperator, ScreenleapLaunchSessionOperator):
    """Launch a share on Screenleap that a function describes."""

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *ScreenleapLaunchSessionOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **ScreenleapLaunchSessionOperator.template_fields_renderers,
    }
