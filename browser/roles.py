"""Airflow's simple login, with one person who may see one DAG alone."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

VIEWER, NARROW = "vera", "nora"
USERS = f"admin:admin,{VIEWER}:viewer,{NARROW}:user"
HER_DAG = "screen_share_support"


class Roles(SimpleAuthManager):
    """Everybody may what their role says; Nora may see only her own DAG."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **asked: Any) -> bool:
        """Return whether a user may do it, as Airflow asks."""
        if user.get_name() == NARROW and (details is None or details.id != HER_DAG):
            return False
        return bool(super().is_authorized_dag(user=user, details=details, **asked))
