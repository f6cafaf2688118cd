"""Who may see and open what: Airflow's own login and roles, nothing beside them.

A row shows what a launch wrote into XCom, so whoever sees it may read the DAG and its XCom. A door lets a person
in, so whoever opens one may also change the DAG's task instances: they could launch a session of their own.
"""
# Without postponed annotations: FastAPI reads them where a function is defined.

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dag import DagModel
from airflow.providers.common.compat.sdk import conf
from fastapi import Depends, HTTPException, Request

from airflow_provider.live_sessions.core.models import Participant

MAY_READ = Depends(requires_access_dag("GET", DagAccessEntity.XCOM))
"""Of the DAG that the request names."""

MAY_OPEN = Depends(requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE))
"""Of the DAG that the request names."""

LONGEST_NAME = 100

UNSAID = (
    "Your browser does not say which page sent you here, as browsers do not over plain http. "
    "Open the session from the page Live sessions, or have Airflow served over https."
)


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
    Browsers say so in ``Sec-Fetch-*``, but not over plain http off this machine; there the page that the request
    comes from counts, and a request that names none is refused.

    Raises:
        HTTPException: 403.
    """
    if "sec-purpose" in request.headers:  # prefetch, prerender: nobody has followed the link yet
        raise HTTPException(403, "Your browser asked for this ahead of you. Open the session by its link.")
    if not {"sec-fetch-site", "sec-fetch-dest"} & set(request.headers):
        # No browser sends a token by itself; the name and password in an address would be "Basic".
        if not request.headers.get("authorization", "").lower().startswith("bearer "):
            _want_this_host(request)
        return
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise HTTPException(403, "Another site sent you here. Open the session from Airflow itself.")
    if request.headers.get("sec-fetch-dest", "document") != "document":
        raise HTTPException(403, "A page asked for this by itself. Open the session by its link.")


def _want_this_host(request: Request) -> None:
    told = request.headers.get("origin") or request.headers.get("referer", "")
    here = {request.headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="") or "").netloc}
    try:
        by_a_page = urlsplit(told).netloc.lower() in {one.lower() for one in here if one}
    except ValueError:  # what it names is no address
        by_a_page = False
    if not by_a_page or "text/html" not in request.headers.get("accept", ""):  # an image asks for images
        raise HTTPException(403, UNSAID)


def _may(user: Any, dag_id: str, method: Any, entity: DagAccessEntity) -> bool:
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return get_auth_manager().is_authorized_dag(method=method, access_entity=entity, details=details, user=user)


__all__ = ["MAY_OPEN", "MAY_READ", "GetUserDep", "from_this_site", "may_open", "readable", "visitor_of"]
