"""Lessonspace's HTTP interface: one method a call, nothing decided here.

Sources: the API reference and ``apis/lessonspace.md`` section 2. The header's word is ``Organisation``, every
path ends with a slash, and the endpoints marked as limited allow 5 requests a second and key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar
from urllib.parse import quote

import msgspec
from pydantic import SecretStr, ValidationError  # noqa: TID253 - loaded when a task runs
from requests.auth import AuthBase  # noqa: TID253 - loaded when a task runs

from airflow_provider.live_sessions.core.ahead import pages_ahead
from airflow_provider.live_sessions.core.budget import account_of
from airflow_provider.live_sessions.core.download import download
from airflow_provider.live_sessions.core.errors import ConfigurationError, OutcomeUnknown, Unavailable
from airflow_provider.live_sessions.core.http import HttpClient
from airflow_provider.live_sessions.core.paging import MAX_PAGES, walk_envelopes
from airflow_provider.live_sessions.core.reading import misfitting, misfitting_in
from airflow_provider.live_sessions.core.retry import RetryPolicy, Safety
from airflow_provider.live_sessions.core.surroundings import ALONE, Surroundings
from airflow_provider.live_sessions.platforms.lessonspace.listed import Session, Space
from airflow_provider.live_sessions.platforms.lessonspace.models import (
    LaunchAnswer,
    LaunchRequest,
    Organisation,
    OrganisationUser,
    Playback,
    SessionUpdate,
    Transcript,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from requests import PreparedRequest

    from airflow_provider.live_sessions.core.errors import LiveSessionError
    from airflow_provider.live_sessions.core.http import Answer as HttpAnswer
    from airflow_provider.live_sessions.platforms.lessonspace.filters import (
        SessionFilters,
        SpaceFilters,
        UserFilters,
    )

PLATFORM = "Lessonspace"
BASE_URL = "https://api.thelessonspace.com/v2"
REQUESTS_PER_SECOND = 4.75
"""Limited endpoints allow 5 a second and key (authentication guide), until the platform changes it; a little
less, because requests sent evenly do not arrive evenly."""

MAX_TRANSCRIPT_BYTES = 256 * 1024 * 1024


class _Kind(Protocol):
    """A kind of answer: pydantic's models, and msgspec's structs for what comes by the hundred thousand."""

    @classmethod
    def model_validate(cls, obj: Any, /) -> Self:
        """Read one."""

    @classmethod
    def rows(cls, data: list[Any], /) -> list[Self]:
        """Read a page of them."""


_Model = TypeVar("_Model", bound=_Kind)


class OrganisationAuth(AuthBase):
    """``Authorization: Organisation <key>``: not Bearer, and with the British spelling."""

    def __init__(self, api_key: SecretStr) -> None:
        self._api_key = api_key

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = f"Organisation {self._api_key.get_secret_value()}"
        return request


class LessonspaceClient:
    """One key of one organisation.

    Args:
        api_key: From the dashboard, Settings, Developer.
        conn_id: The Airflow connection, for messages and figures.
        base_url: Where the API is; another host only for the sandbox or a proxy.
        organisation: The organisation's integer id; None asks the platform once.
        requests_per_second: The rate budget of limited endpoints.
        retry: How failed requests are repeated.
        timeout: Seconds to connect and to wait for an answer.
        verify: Check the server's certificate, or a path of certificates to trust.
        surroundings: The rate budgets and the meter of this machine; by default only this process's.
    """

    def __init__(
        self,
        *,
        api_key: SecretStr,
        conn_id: str = "",
        base_url: str = BASE_URL,
        organisation: int | None = None,
        requests_per_second: float = REQUESTS_PER_SECOND,
        retry: RetryPolicy | None = None,
        timeout: tuple[float, float] = (5.0, 30.0),
        verify: bool | str = True,
        surroundings: Surroundings = ALONE,
    ) -> None:
        if not api_key.get_secret_value().strip():
            raise ConfigurationError(
                "The connection has no API key.",
                platform=PLATFORM,
                conn_id=conn_id,
                advice="Put the organisation's key into API key of the connection (Airflow's password).",
            )
        self.conn_id = conn_id
        self._organisation = organisation
        self.retry = retry or RetryPolicy()
        """How failed requests are repeated; a file's own server is left to who asks for it."""
        self._verify = verify
        self._plain_http = base_url.startswith("http://")
        self._http = HttpClient(
            platform=PLATFORM,
            conn_id=conn_id,
            base_url=base_url,
            auth=OrganisationAuth(api_key),
            secrets=[api_key],
            timeout=timeout,
            retry=self.retry,
            budget=surroundings.budgets.of(account_of(PLATFORM, base_url, api_key), requests_per_second),
            meter=surroundings.meter,
            verify=verify,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connection."""
        self._http.close()

    @property
    def clock_offset(self) -> timedelta:
        """The platform's clock less the local one, from the last answer."""
        return self._http.clock_offset

    def now(self) -> datetime:
        """Return the platform's time."""
        return self._http.now()

    # ---- the key and its organisation

    def hello(self) -> str:
        """Return the greeting of ``GET /hello/``, the documented check of a key."""
        answer = self._http.request("GET", "hello/", label="check the key")
        body = answer.json()
        return str(body.get("response", "")) if isinstance(body, dict) else ""

    def my_organisation(self) -> Organisation:
        """Return the key's own organisation (``GET /my-organisation/``)."""
        return self._read(
            Organisation, self._http.request("GET", "my-organisation/", label="read the organisation")
        )

    @property
    def organisation(self) -> int:
        """The organisation's id; asked for once where the connection does not name it."""
        if self._organisation is None:
            self._organisation = self.my_organisation().id
        return self._organisation

    # ---- spaces

    def launch(self, request: LaunchRequest, *, client_ip: str | None = None) -> LaunchAnswer:
        """Create or get a space and make one personal join link (``POST /spaces/launch/``).

        Args:
            request: What to launch. Space-level fields left out may be reset: send all of them, always.
            client_ip: Sent as ``X-Forwarded-For`` so that the region is the people's, not the worker's.

        Raises:
            OutcomeUnknown: The answer was lost. The same ``id`` gives the same space again.
        """
        headers = {} if client_ip is None else {"X-Forwarded-For": client_ip}
        answer = self._http.request(
            "POST", "spaces/launch/", label="launch a space", json=request.body(), headers=headers
        )
        launched = self._read(LaunchAnswer, answer, write=True)
        return launched.model_copy(update={"created": answer.status == 201})

    def spaces(self, filters: SpaceFilters) -> Iterator[Space]:
        """List the organisation's spaces; with a tag filter, only rows that carry the tag."""
        path = f"organisations/{self.organisation}/spaces/"
        rows = self._list(Space, path, filters.params(), label="list spaces", limited=False)
        return (row for row in rows if filters.admits(row))

    # ---- sessions

    def sessions(
        self, filters: SessionFilters, *, on_page: Callable[[Any], None] | None = None, ahead: bool = False
    ) -> Iterator[Session]:
        """List the organisation's sessions; rows that contradict the filters are dropped.

        Args:
            filters: Which sessions.
            on_page: Sees each page's JSON in its turn, for who has to count.
            ahead: Have several pages on their way at once, for who wants all of them.
        """
        path = f"organisations/{self.organisation}/sessions/"
        rows = self._list(
            Session, path, filters.params(), label="list sessions", limited=True, on_page=on_page, ahead=ahead
        )
        return (row for row in rows if filters.admits(row))

    def space_sessions(
        self,
        space: str,
        filters: SessionFilters,
        *,
        on_page: Callable[[Any], None] | None = None,
        max_pages: int = MAX_PAGES,
    ) -> Iterator[Session]:
        """List one space's sessions, with their logs: the only place that has them.

        Args:
            space: The room.
            filters: Which sessions.
            on_page: Sees each page's JSON as it comes.
            max_pages: More than so many are refused.
        """
        path = f"spaces/{quote(space, safe='')}/sessions/"
        label = "list the sessions of a space"
        rows = self._list(
            Session, path, filters.params(), label=label, limited=True, on_page=on_page, max_pages=max_pages
        )
        return (row for row in rows if filters.admits(row))

    def session(self, uuid: str) -> Session:
        """Return one session.

        Raises:
            NotFound: No such session, or one that is only reserved.
        """
        answer = self._http.request("GET", self._session_path(uuid), label="read a session", limited=True)
        return self._read(Session, answer)

    def update_session(
        self, uuid: str, *, name: str, recording_access_policy: Sequence[str] | None = None
    ) -> SessionUpdate:
        """Rename a session and say who may see its recording (``PATCH``).

        Args:
            uuid: The session.
            name: Required by the platform even when only the policy changes.
            recording_access_policy: Of participant, admin, teacher, student, public; empty for the
                organisation's own policy; None leaves it.
        """
        body: dict[str, Any] = {"name": name}
        if recording_access_policy is not None:
            body["recording_access_policy"] = list(recording_access_policy)
        answer = self._http.request(
            "PATCH",
            self._session_path(uuid),
            label="update a session",
            json=body,
            limited=True,
            safety=Safety.IDEMPOTENT,  # the same values again change nothing
        )
        return self._read(SessionUpdate, answer, write=True)

    def transcript(self, uuid: str, *, search: str | None = None, page: int | None = None) -> Transcript:
        """Return the pointer to a session's transcript.

        Raises:
            NotFound: Not ready, not eligible, or the wrong session: they all look the same.
        """
        answer = self._http.request(
            "GET",
            self._session_path(uuid) + "transcript/",
            label="read a transcript's address",
            params=_given(search=search, page=page),
            limited=True,
        )
        return self._read(Transcript, answer)

    def playback(self, uuid: str, *, search: str | None = None, page: int | None = None) -> Playback:
        """Return a fresh bearer link to the replay (``GET /sessions/{session}/playback/``)."""
        answer = self._http.request(
            "GET",
            f"sessions/{quote(uuid, safe='')}/playback/",
            label="make a recording link",
            params=_given(search=search, page=page),
        )
        return self._read(Playback, answer)

    def fetch(self, signed_url: SecretStr) -> bytes:
        """Fetch a transcript's file from its signed URL, without the API key: storage refuses both."""
        chunks = download(
            signed_url,
            platform=PLATFORM,
            conn_id=self.conn_id,
            label="fetch a transcript",
            max_bytes=MAX_TRANSCRIPT_BYTES,
            allow_plain_http=self._plain_http,
            verify=self._verify,
        )
        return b"".join(chunks)

    # ---- people

    def users(self, filters: UserFilters) -> Iterator[OrganisationUser]:
        """List the organisation's people."""
        path = f"organisations/{self.organisation}/users/"
        return self._list(OrganisationUser, path, filters.params(), label="list users", limited=False)

    def remove_user(self, user_id: int) -> None:
        """Remove a person from the organisation (``DELETE``, 204).

        Raises:
            NotFound: The organisation has no such person.
        """
        self._http.request(
            "DELETE", f"organisations/{self.organisation}/users/{int(user_id)}/", label="remove a user"
        )

    # ---- plumbing

    def _session_path(self, uuid: str) -> str:
        return f"organisations/{self.organisation}/sessions/{quote(uuid, safe='')}/"

    def _list(
        self,
        model: type[_Model],
        path: str,
        params: Mapping[str, Any],
        *,
        label: str,
        limited: bool,
        on_page: Callable[[Any], None] | None = None,
        ahead: bool = False,
        max_pages: int = MAX_PAGES,
    ) -> Iterator[_Model]:
        def fetch(query: Mapping[str, Any]) -> Any:
            return self._http.request("GET", path, label=label, params=query, limited=limited).json()

        with pages_ahead(fetch, ahead=ahead) as pages:

            def page(query: Mapping[str, Any]) -> Any:
                body = pages(query)
                if on_page is not None:
                    on_page(body)
                return body

            yield from walk_envelopes(
                page,
                params,
                base_url=self._http.base_url,
                platform=PLATFORM,
                conn_id=self.conn_id,
                label=label,
                max_pages=max_pages,
                made=lambda rows: self._parse_rows(model, rows, label),
            )

    def _read(self, model: type[_Model], answer: HttpAnswer, *, write: bool = False) -> _Model:
        return self._parse(model, answer.json(), answer.label, write=write)

    def _parse(self, model: type[_Model], data: Any, label: str, *, write: bool = False) -> _Model:
        try:
            return model.model_validate(data)
        except (ValidationError, msgspec.ValidationError) as error:
            kind = OutcomeUnknown if write else Unavailable
            raise self._misfit(kind, label, error) from None

    def _parse_rows(self, model: type[_Model], rows: list[Any], label: str) -> list[_Model]:
        try:
            return model.rows(rows)
        except (ValidationError, msgspec.ValidationError) as error:
            raise self._misfit(Unavailable, label, error) from None

    def _misfit(
        self, kind: type[LiveSessionError], label: str, error: ValidationError | msgspec.ValidationError
    ) -> LiveSessionError:
        fields = misfitting(error.errors()) if isinstance(error, ValidationError) else misfitting_in(str(error))
        return kind(
            f"{label}: the answer has an unexpected shape ({fields}).",
            platform=PLATFORM,
            conn_id=self.conn_id,
            advice="If this lasts, the platform changed its API: look for a newer release of this provider.",
        )


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
