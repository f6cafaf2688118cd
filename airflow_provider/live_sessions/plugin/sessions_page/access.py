"""Who may see and open what: Airflow's own login and roles, nothing beside them.

A row shows what a launch wrote into XCom, so whoever sees it may read the DAG and its XCom. A door lets a person
in, so whoever opens one may also change the DAG's task instances: they could launch a session of their own.
"""
# Without postponed annotations: FastAPI reads them where a function is defined.

from collections.abc import Collection
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, Request

from airflow_provider.live_sessions.core.models import Participant

MAY_READ = Depends(requires_access_dag("GET", DagAccessEntity.XCOM))
"""Of the DAG that the request names."""

MAY_OPEN = Depends(requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE))
"""Of the DAG that the request names."""

LONGEST_NAME = 100


def readable(dag_ids: Collection[str], user: Any) -> set[str]:
    """Return those DAGs of which a user may see the sessions."""
    if not dag_ids:
        return set()
    known = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    return {one for one in dag_ids if one in known and _may(user, one, "GET", DagAccessEntity.XCOM)}


def may_open(dag_id: str, user: Any) -> bool:
    """Return whether a user may open the doors of a DAG's sessions."""
    return _may(user, dag_id, "PUT", DagAccessEntity.TASK_INSTANCE)


def visitor_of(user: Any) -> Participant:
    """Return a user as one more person of a session, under their own name and always the same."""
    name = str(user.get_name() or user.get_id())[:LONGEST_NAME]
    return Participant(id=f"airflow-{user.get_id()}"[:LONGEST_NAME], name=name)


def from_this_site(request: Request) -> None:
    """Refuse what nobody asked a browser for: opening a door makes a link and adds a person.

    Another site's page may have asked for it, or an image in a note that somebody wrote into Airflow itself.

    Raises:
        HTTPException: 403.
    """
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise HTTPException(403, "Another site sent you here. Open the session from Airflow itself.")
    if request.headers.get("sec-fetch-dest", "document") != "document":
        raise HTTPException(403, "A page asked for this by itself. Open the session by its link.")


def _may(user: Any, dag_id: str, method: Any, entity: DagAccessEntity) -> bool:
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return get_auth_manager().is_authorized_dag(method=method, access_entity=entity, details=details, user=user)


__all__ = ["MAY_OPEN", "MAY_READ", "GetUserDep", "from_this_site", "may_open", "readable", "visitor_of"]
