"""``@task.live_session(platform="coviu")``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow.providers.common.compat.sdk import DecoratedOperator

from airflow_provider.live_sessions.decorators.live_session import DescribedLaunchOperator
from airflow_provider.live_sessions.operators.coviu import CoviuLaunchSessionOperator

if TYPE_CHECKING:
    from collections.abc import Sequence


class DescribedCoviuLaunchOperator(DescribedLaunchOperator, CoviuLaunchSessionOperator):
    """Launch an appointment on Coviu that a function describes."""

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *CoviuLaunchSessionOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **CoviuLaunchSessionOperator.template_fields_renderers,
    }
