"""A training portal's calls: one method a call with every parameter, nothing decided here.

Sources: the portal REST API guides and ``apis/educates.md``. Every path ends with a slash. Three calls are a GET
with an effect (``terminate``, ``extend``, and ``request``, which is sent as a POST); none is repeated on its own.
Nothing here ever opens an activation link: the login cookie it leaves would win over the token.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import SecretStr  # noqa: TID253 - loaded when a task runs

from airflow_provider.live_sessions.core.errors import ConfigurationError, OutcomeUnknown, Unavailable
from airflow_provider.live_sessions.platforms.educates.models import (
    Authorization,
    Catalogue,
    Configuration,
    EnvironmentRow,
    Phase,
    Requested,
    Schedule,
    Terminated,
    UserSessions,
    WorkshopCatalogue,
)
from airflow_provider.live_sessions.platforms.educates.refusals import PLATFORM
from airflow_provider.live_sessions.platforms.educates.users import SLUG
from airflow_provider.live_sessions.platforms.educates.wire import PortalClient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STANDING = (Phase.RUNNING, Phase.STOPPING)
"""States of environments that have sessions; asking for STARTING ones is a 500."""

_LABEL = re.compile(r"\w+")
_LINK = "/workshops/session/"
_NOBODY = "als-nobody"


class EducatesClient(PortalClient):
    """One robot account of one training portal, with every call; the arguments are those of the base."""

    # ---- the catalogue

    def environments(
        self,
        *,
        sessions: bool = False,
        states: Sequence[Phase] = (),
        names: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
    ) -> Catalogue:
        """List the portal's environments (``GET /workshops/catalog/environments/``).

        Rows that contradict the filters are dropped: the portal ignores a label whose key has a dash or a dot.

        Args:
            sessions: With their sessions.
            states: Environments in these states; RUNNING where none is given.
            names: Only these workshops, by their resources' names.
            labels: Only environments with all of these labels.

        Raises:
            AuthenticationFailed: The account is not the portal's robot, also where the catalogue is public.
            Unavailable: The answer came without the sessions that were asked for.
        """
        wanted = dict(labels or {})
        params: dict[str, Any] = {"state": [one.value for one in states], "name": list(names)}
        # The portal does not read "+" as a space, and splits at every "=".
        sent = {key: value for key, value in wanted.items() if _LABEL.fullmatch(key) and " " not in value}
        params |= {f"labels[{key}]": value for key, value in sent.items()}
        if sessions:
            params["sessions"] = True
        catalogue = self._catalogue(params)
        if sessions and not _complete(catalogue):
            self.log_in()  # with a public catalogue a bad token still gets a 200, without the sessions
            catalogue = self._catalogue(params)
            if not _complete(catalogue):
                raise Unavailable(
                    "list environments: the portal left the sessions out.",
                    platform=PLATFORM,
                    conn_id=self.conn_id,
                    advice="Is the connection's account the portal's robot?",
                )
        if sessions and not catalogue.environments:
            self.user_sessions(_NOBODY)  # nothing listed proves nothing about the token; this does
        kept = [
            one
            for one in catalogue.environments
            if (not names or one.workshop.own_name in names)
            and all(one.workshop.labels.get(key) == value for key, value in wanted.items())
        ]
        return catalogue.model_copy(update={"environments": tuple(kept)})

    def _catalogue(self, params: Mapping[str, Any]) -> Catalogue:
        return self.get(Catalogue, "workshops/catalog/environments/", "list environments", params=params)

    def workshops(self) -> WorkshopCatalogue:
        """List the workshops that are offered just now (``GET /workshops/catalog/workshops/``; since 2.7.0)."""
        return self.get(WorkshopCatalogue, "workshops/catalog/workshops/", "list workshops")

    def environment(self, name: str, *, sessions: bool = False) -> EnvironmentRow:
        """Return one environment (``GET .../environment/<name>/status/``; since 2.7.0).

        Raises:
            NotFound: There is no such environment; the portal says so with a 403.
            Unavailable: It is still starting, which is a 500.
        """
        params = {"sessions": True} if sessions else {}
        return self.get(
            EnvironmentRow, f"workshops/environment/{_segment(name)}/status/", "read an environment", params=params
        )

    # ---- sessions

    def request_session(
        self,
        environment: str,
        *,
        index_url: str,
        user: str,
        session: str | None = None,
        timeout: int | None = None,
        email: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        analytics_url: SecretStr | None = None,
        parameters: Mapping[str, SecretStr] | None = None,
    ) -> Requested:
        """Request a session for a user: a new one, or the one that the user has in this environment.

        Args:
            environment: The environment's own name; a workshop's name is refused.
            index_url: Where the browser goes at the end; required, against the guide.
            user: Who it is for. Never leave it to the portal: a lost answer would leak a session.
            session: Only if it is exactly this session: never makes one (since 3.0.0).
            timeout: Seconds in which the link has to be opened; 60 where none is given, 0 for no such bound.
            email: Stored when the portal makes the user.
            first_name: Likewise.
            last_name: Likewise.
            analytics_url: Where this session's events go (since 3.3.0).
            parameters: Values for the workshop; names it does not declare are dropped.

        Returns:
            The session; ``url`` is absolute and lets its bearer in as the user, for the session's whole life.

        Raises:
            NoSession: The portal answered 503 ``No session available``, or ``Cannot be reacquired``.
            OutcomeUnknown: No answer, or a 5xx: the session may be there, and may be dead.
        """
        params = {
            "index_url": index_url,
            "user": user,
            "session": session,
            "timeout": timeout,
            "email": email,
            "first_name": first_name,
            "last_name": last_name,
            "analytics_url": None if analytics_url is None else analytics_url.get_secret_value(),
        }
        listed = [{"name": name, "value": value.get_secret_value()} for name, value in (parameters or {}).items()]
        answer = self.call(
            "POST",
            f"workshops/environment/{_segment(environment)}/request/",
            "request a session",
            params=params,
            json={"parameters": listed} if listed else None,
        )
        requested = self.parse(Requested, answer.json(), answer.label, write=True)
        path = requested.url.get_secret_value()
        if not path.startswith(_LINK):
            raise self.misshapen(answer.label, "url", OutcomeUnknown)
        return requested.model_copy(update={"url": SecretStr(self.base_url + path)})

    def user_sessions(self, user: str) -> UserSessions:
        """List a user's sessions, pending ones too, over all environments.

        Raises:
            ConfigurationError: The id is no slug: the portal would answer 404 for ever.
        """
        if not SLUG.fullmatch(user):
            raise ConfigurationError(
                "list a user's sessions: the id holds other characters than letters, digits, '-' and '_'.",
                platform=PLATFORM,
                conn_id=self.conn_id,
                advice="The portal knows no sessions of such an id; derive a slug from it.",
            )
        return self.get(UserSessions, f"workshops/user/{user}/sessions/", "list a user's sessions")

    def schedule(self, session: str) -> Schedule:
        """Return how long a session is scheduled, and its state.

        Raises:
            NotFound: It is over, or never was.
        """
        return self.get(Schedule, _session(session, "schedule"), "read a session's schedule")

    def extend(self, session: str) -> Schedule:
        """Extend a session; ``extended`` says whether the portal did. A GET with an effect.

        Raises:
            NotFound: It is over.
            OutcomeUnknown: The answer was lost.
        """
        label = "extend a session"
        answer = self.call("GET", _session(session, "extend"), label)
        return self.parse(Schedule, answer.json(), label, write=True)

    def terminate(self, session: str) -> Terminated:
        """Begin to stop a session. A GET with an effect.

        Raises:
            NotFound: It is over.
            OutcomeUnknown: The answer was lost.
        """
        label = "terminate a session"
        answer = self.call("GET", _session(session, "terminate"), label)
        return self.parse(Terminated, answer.json(), label, write=True)

    def authorize(self, session: str) -> Authorization:
        """Return whose a session is.

        Raises:
            NotFound: It is over.
            Refused: Nobody owns it: it is in reserve.
        """
        return self.get(Authorization, _session(session, "authorize"), "ask for a session's owner")

    def configuration(self, session: str) -> Configuration:
        """Return a session's address and its configuration's password (since 2.6.0).

        Raises:
            NotFound: It is over.
        """
        return self.get(Configuration, _session(session, "config"), "read a session's configuration")

    def send_event(self, session: str, name: str, data: Mapping[str, Any] | None = None) -> None:
        """Send an event of one's own to the session's analytics webhooks.

        Args:
            session: The session.
            name: E.g. ``Airflow/Note``.
            data: Whatever belongs to it.

        Raises:
            OutcomeUnknown: The answer was lost; sent again it would arrive twice.
        """
        body = {"event": {"name": name, "data": dict(data or {})}}
        self.call("POST", _session(session, "event"), "send an event", json=body)


def _complete(catalogue: Catalogue) -> bool:
    return all(one.sessions is not None for one in catalogue.environments)


def _segment(name: str) -> str:
    return quote(name, safe="")


def _session(name: str, what: str) -> str:
    # The guide leaves out "/workshops", which is a 404.
    return f"workshops/session/{_segment(name)}/{what}/"
