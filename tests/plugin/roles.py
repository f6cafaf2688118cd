"""Airflow's simple login, with one person who may see one DAG alone, and one who may see all but one."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

NARROW = "nora"
HER_DAG = "plugin_private"
SHUT_OUT = "olga"
HIDDEN_DAG = "plugin_cancels"


class Roles(SimpleAuthManager):
    """Everybody may what their role says; Nora may see only her own DAG, and Olga not the one that cancels."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **asked: Any) -> bool:
        if user.get_name() == NARROW and (details is None or details.id != HER_DAG):
            return False
        if user.get_name() == SHUT_OUT and details is not None and details.id == HIDDEN_DAG:
            return False
        return bool(super().is_authorized_dag(user=user, details=details, **asked))
