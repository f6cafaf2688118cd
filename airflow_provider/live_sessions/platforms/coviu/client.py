"""Coviu's HTTP interface: one method a call, nothing decided here.

Sources: the REST documentation and ``apis/coviu.md`` section 2. The list is ``/sessions`` (the documentation's
``/session`` is a slip), a creation answers 200, a deletion 200 ``{"ok": true}``, and a cancelled session answers
401 to any token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar
from urllib.parse import quote

from pydantic import SecretStr, ValidationError  # noqa: TID253 - loaded when a task runs
from requests.auth import AuthBase, HTTPBasicAuth  # noqa: TID253 - loaded when a task runs

from airflow_provider.live_sessions.core.budget import account_of
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.http import HttpClient
from airflow_provider.live_sessions.core.paging import walk_numbered, walk_offsets
from airflow_provider.live_sessions.core.reading import misfitting
from airflow_provider.live_sessions.core.resuming import Transfer, download_resuming
from airflow_provider.live_sessions.core.retry import RetryPolicy, Safety
from airflow_provider.live_sessions.core.surroundings import ALONE, Surroundings
from airflow_provider.live_sessions.platforms.coviu.filters import SessionFilters, SubmissionFilters
from airflow_provider.live_sessions.platforms.coviu.models import (
    Answer,
    Collection,
    Done,
    Participant,
    ParticipantRequest,
    Session,
    SessionRequest,
    SessionUpdate,
    Submission,
    SubmissionDetail,
    Summary,
    Team,
    Token,
)
from airflow_provider.live_sessions.platforms.coviu.tokens import TokenRefused, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from datetime import datetime

    from requests import PreparedRequest

    from airflow_provider.live_sessions.core.http import Answer as HttpAnswer

PLATFORM = "Coviu"
BASE_URL = "https://api.coviu.com/v1"
REQUESTS_PER_SECOND = 5.0
"""Our own modesty: Coviu documents no limit."""

MAX_RECORDING_BYTES = 64 * 1024**3

_Model = TypeVar("_Model", bound=Answer)


class _Bearer(AuthBase):
    """``Authorization: Bearer <token>`` with whatever token is the present one."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header."""
        if self._tokens.access is not None:
            request.headers["Authorization"] = f"Bearer {self._tokens.access.get_secret_value()}"
        return request


class CoviuClient:
    """One API key of one team.

    Args:
        api_key: The client id, from "For Developers / API Keys".
        key_secret: Its secret.
        conn_id: The Airflow connection, for messages and figures.
        base_url: Where the API is; another host only for the sandbox or a proxy.
        requests_per_second: The rate budget.
        retry: How failed requests are repeated.
        timeout: Seconds to connect and to wait for an answer.
        verify: Check the server's certificate, or a path of certificates to trust.
        surroundings: The rate budgets and the meter of this machine; by default only this process's.
    """

    def __init__(
        self,
        *,
        api_key: str,
        key_secret: SecretStr,
        conn_id: str = "",
        base_url: str = BASE_URL,
        requests_per_second: float = REQUESTS_PER_SECOND,
        retry: RetryPolicy | None = None,
        timeout: tuple[float, float] = (5.0, 30.0),
        verify: bool | str = True,
        surroundings: Surroundings = ALONE,
    ) -> None:
        if not api_key.strip() or not key_secret.get_secret_value().strip():
            raise ConfigurationError(
                "The connection lacks the API key or its secret.",
                platform=PLATFORM,
                conn_id=conn_id,
                advice="Fill in API key (Airflow's login) and Key secret (Airflow's password).",
            )
        self.conn_id = conn_id
        self._retry = retry or RetryPolicy()
        self._timeout = timeout
        self._verify = verify
        self._basic = HTTPBasicAuth(api_key.encode(), key_secret.get_secret_value().encode())
        self.tokens = Tokens(self._fetch_token)
        self._http = HttpClient(
            platform=PLATFORM,
            conn_id=conn_id,
            base_url=base_url,
            auth=_Bearer(self.tokens),
            secrets=[key_secret],
            timeout=timeout,
            retry=self._retry,
            budget=surroundings.budgets.of(
                account_of(PLATFORM, base_url, api_key), requests_per_second, burst=max(1.0, requests_per_second)
            ),
            meter=surroundings.meter,
            verify=verify,
            renew=lambda answer: answer.status == 401 and self.tokens.after_refusal(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connection."""
        self._http.close()

    def now(self) -> datetime:
        """Return the platform's time; asks for a token first, where no answer has told it yet."""
        self.tokens.ensure()
        return self._http.now()

    # ---- the credentials and their team

    def authorize(self, code: str) -> None:
        """Act for another team from now on, with the authorisation code that it gave; a code works once."""
        self.tokens.authorize(code)

    def team(self) -> Team:
        """Return the team (``GET /user/team``; known from the official SDK and plugin only)."""
        return self._read(Team, self._call("GET", "user/team", "read the team"))

    # ---- sessions

    def sessions(
        self, filters: SessionFilters, *, on_page: Callable[[Any], None] | None = None
    ) -> Iterator[Session]:
        """List sessions, page by page while there are ``more``; rows that contradict the filters are dropped.

        Args:
            filters: Which sessions.
            on_page: Sees each page's JSON as it comes, for who has to count.
        """
        label = "list sessions"

        def fetch(query: Mapping[str, Any]) -> Any:
            body = self._call("GET", "sessions", label, params=query).json()
            if on_page is not None:
                on_page(body)
            return body

        rows = walk_numbered(
            fetch,
            filters.params(),
            items="content",
            platform=PLATFORM,
            conn_id=self.conn_id,
            label=label,
            start=filters.page,
        )
        for row in rows:
            session = self._parse(Session, row, label)
            if filters.admits(session):
                yield session

    def create_session(self, request: SessionRequest) -> Session:
        """Make a session (``POST /sessions``).

        Raises:
            OutcomeUnknown: The answer was lost; look for the session by a participant's ``state``.
        """
        return self._read(Session, self._call("POST", "sessions", "create a session", json=request.body()))

    def session(self, session_id: str, *, deleted_participants: bool | None = None) -> Session:
        """Return one session.

        Args:
            session_id: The session.
            deleted_participants: Also participants that were removed.

        Raises:
            NotFound: There is none, or it was cancelled.
        """
        params = {"deleted_participants": deleted_participants}
        return self._read(Session, self._about(session_id, "GET", "", "read a session", params=params))

    def update_session(self, session_id: str, request: SessionUpdate) -> Session:
        """Change name, times or picture (``PUT``); not once the session has finished."""
        return self._read(
            Session, self._about(session_id, "PUT", "", "update a session", json=request.body()), write=True
        )

    def cancel_session(self, session_id: str) -> None:
        """Cancel a session (``DELETE``), for good; only before its start.

        Raises:
            NotFound: There is none, or it was cancelled before.
            Refused: It has started.
        """
        self._done(self._about(session_id, "DELETE", "", "cancel a session"))

    def summary(self, session_id: str) -> Summary:
        """Return who was there (``GET /sessions/{id}/summary``).

        Raises:
            NotFound: There is none; what Coviu answers before anybody came is not documented.
        """
        return self._read(Summary, self._about(session_id, "GET", "/summary", "read a summary"))

    # ---- participants

    def participants(self, session_id: str, *, deleted_participants: bool | None = None) -> list[Participant]:
        """Return a session's participants: a bare array, or a page object in one generation of the API."""
        label = "list participants"

        def fetch(query: Mapping[str, Any]) -> Any:
            params = {name: value for name, value in query.items() if (name, value) != ("page", 0)}
            return self._about(session_id, "GET", "/participants", label, params=params).json()

        rows = walk_numbered(
            fetch,
            {"deleted_participants": deleted_participants},
            items="content",
            platform=PLATFORM,
            conn_id=self.conn_id,
            label=label,
        )
        return [self._parse(Participant, row, label) for row in rows]

    def add_participant(self, session_id: str, request: ParticipantRequest) -> Participant:
        """Add a participant; allowed after the start, not after the finish.

        Raises:
            OutcomeUnknown: The answer was lost; look for the participant by ``state``.
        """
        answer = self._about(session_id, "POST", "/participants", "add a participant", json=request.body())
        return self._read(Participant, answer)

    def participant(self, participant_id: SecretStr) -> Participant:
        """Return one participant."""
        return self._read(Participant, self._person(participant_id, "GET", "read a participant"))

    def update_participant(self, participant_id: SecretStr, request: ParticipantRequest) -> Participant:
        """Change a participant's name, picture, role or state (``PUT``)."""
        answer = self._person(participant_id, "PUT", "update a participant", json=request.body())
        return self._read(Participant, answer, write=True)

    def cancel_participant(self, participant_id: SecretStr) -> None:
        """Remove a participant (``DELETE``), for good; not after the finish."""
        self._done(self._person(participant_id, "DELETE", "cancel a participant"))

    # ---- collections (newest description only)

    def collections(self, team_id: str) -> list[Collection]:
        """Return what is collected for a team (``GET /collections/{team}``)."""
        label = "list collections"
        body = self._call("GET", f"collections/{quote(team_id, safe='')}", label).json()
        return [self._parse(Collection, one, label) for one in (body if isinstance(body, list) else ())]

    def submissions(self, team_id: str, collection_id: str, filters: SubmissionFilters) -> Iterator[Submission]:
        """List what a collection has, page by page."""
        label = "list submissions"
        path = self._collection(team_id, collection_id)

        def fetch(query: Mapping[str, Any]) -> Any:
            return self._call("GET", path, label, params=query).json()

        rows = walk_offsets(fetch, filters.params(), platform=PLATFORM, conn_id=self.conn_id, label=label)
        return (self._parse(Submission, row, label) for row in rows)

    def submission(self, team_id: str, collection_id: str, submission_id: str) -> SubmissionDetail:
        """Return one submission with its files."""
        path = f"{self._collection(team_id, collection_id)}/submission/{quote(submission_id, safe='')}"
        return self._read(SubmissionDetail, self._call("GET", path, "read a submission"))

    def submission_file(
        self,
        team_id: str,
        collection_id: str,
        submission_id: str,
        file_id: str,
        *,
        quality: str | None = None,
        transfer: Transfer | None = None,
    ) -> Generator[bytes]:
        """Yield a submission's file piece by piece; what is cut goes on where it stood.

        Args:
            team_id: The team.
            collection_id: The collection.
            submission_id: The submission.
            file_id: The file.
            quality: ``480p`` for a smaller one.
            transfer: Takes what is known of the file.
        """
        path = f"{self._collection(team_id, collection_id)}/submission/{quote(submission_id, safe='')}"
        query = f"?quality={quote(quality, safe='')}" if quality else ""
        return self._stream(f"{path}/file/{quote(file_id, safe='')}{query}", "fetch a recording", transfer)

    def audio_recording(
        self, team_id: str, collection_id: str, submission_id: str, *, transfer: Transfer | None = None
    ) -> Generator[bytes]:
        """Yield a submission's audio recording piece by piece, as :meth:`submission_file` does.

        Raises:
            NotFound: It has none.
        """
        path = f"{self._collection(team_id, collection_id)}/recording/{quote(submission_id, safe='')}"
        return self._stream(path, "fetch an audio recording", transfer)

    # ---- plumbing

    def _collection(self, team_id: str, collection_id: str) -> str:
        return f"collections/{quote(team_id, safe='')}/collection/{quote(collection_id, safe='')}"

    def _stream(self, path: str, label: str, transfer: Transfer | None) -> Generator[bytes]:
        def address() -> SecretStr:
            self.tokens.ensure()
            self._http.take_turn(label)
            return SecretStr(f"{self._http.base_url}/{path}")

        return download_resuming(
            address,
            transfer=transfer,
            platform=PLATFORM,
            conn_id=self.conn_id,
            label=label,
            retry=self._retry,
            renew=self.tokens.after_refusal,
            auth=_Bearer(self.tokens),
            max_bytes=MAX_RECORDING_BYTES,
            timeout=self._timeout,
            allow_plain_http=self._http.base_url.startswith("http://"),
            verify=self._verify,
        )

    def _about(self, session_id: str, method: str, tail: str, label: str, **what: Any) -> HttpAnswer:
        """Send a call about one session; a refusal that outlives a new token means that it is gone."""
        try:
            return self._call(method, f"sessions/{quote(session_id, safe='')}{tail}", label, **what)
        except TokenRefused:
            raise
        except AuthenticationFailed as error:
            self._gone(error, label)

    def _person(self, participant_id: SecretStr, method: str, label: str, **what: Any) -> HttpAnswer:
        # The id is as good as the link; the platform may repeat it in its words.
        self._http.hide(participant_id)
        if self.tokens.access is not None:  # the client remembers so many secrets only
            self._http.hide(self.tokens.access)
        path = f"participants/{quote(participant_id.get_secret_value(), safe='')}"
        try:
            return self._call(method, path, label, **what)
        except TokenRefused:
            raise
        except AuthenticationFailed as error:
            self._gone(error, label)

    def _gone(self, error: AuthenticationFailed, label: str) -> NoReturn:
        """Raise NotFound when the token is good for another call, else the error."""
        try:
            next(self.sessions(SessionFilters(page_size=1)), None)
        except AuthenticationFailed:
            raise error from None
        raise NotFound(
            f"{label}: this account cannot see it (any more): it was cancelled, or is none of the account's.",
            platform=PLATFORM,
            conn_id=self.conn_id,
            status=error.status,
            words=error.words,
        ) from None

    def _call(self, method: str, path: str, label: str, **what: Any) -> HttpAnswer:
        self.tokens.ensure()
        return self._http.request(method, path, label=label, limited=True, **what)

    def _fetch_token(self, form: Mapping[str, str]) -> Token:
        answer = self._http.request(
            "POST",
            "auth/token",
            label="get a token",
            data=form,
            auth=self._basic,
            safety=Safety.READ,  # one token too many is no harm
        )
        token = self._parse(Token, answer.json(), answer.label)
        self._http.hide(token.access_token)
        if token.refresh_token is not None:
            self._http.hide(token.refresh_token)
        return token

    def _done(self, answer: HttpAnswer) -> None:
        if not self._read(Done, answer, write=True).ok:
            raise Refused(
                f"{answer.label}: it was not done.", platform=PLATFORM, conn_id=self.conn_id, status=answer.status
            )

    def _read(self, model: type[_Model], answer: HttpAnswer, *, write: bool = False) -> _Model:
        return self._parse(model, answer.json(), answer.label, write=write or answer.safety is Safety.ONCE)

    def _parse(self, model: type[_Model], data: Any, label: str, *, write: bool = False) -> _Model:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            fields = misfitting(error.errors())
            kind = OutcomeUnknown if write else Unavailable
            raise kind(
                f"{label}: the answer has an unexpected shape ({fields}).",
                platform=PLATFORM,
                conn_id=self.conn_id,
                advice="If this lasts, the platform changed its API: look for a newer release of this provider.",
            ) from None
