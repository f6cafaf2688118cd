"""Every call that the clients can make, made once over the wire: which method sends which request."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.platforms.coviu import filters as coviu_filters
from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
from airflow_provider.live_sessions.platforms.coviu.models import ParticipantRequest, SessionRequest, SessionUpdate
from airflow_provider.live_sessions.platforms.educates.client import EducatesClient
from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
from airflow_provider.live_sessions.platforms.lessonspace.filters import SessionFilters, SpaceFilters, UserFilters
from airflow_provider.live_sessions.platforms.lessonspace.models import LaunchRequest
from airflow_provider.live_sessions.platforms.screenleap.client import ScreenleapClient
from airflow_provider.live_sessions.platforms.screenleap.filters import ShareFilters
from tests.platforms.coviu.clinic import START, Clinic
from tests.platforms.educates.lab import HUB, Lab
from tests.platforms.lessonspace.academy import Academy, plan
from tests.platforms.screenleap.studio import Studio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.platforms.kit import Kit

    Calls = Mapping[str, Callable[[], object]]

CLIENTS: dict[str, type[Any]] = {
    "Lessonspace": LessonspaceClient,
    "Coviu": CoviuClient,
    "Screenleap": ScreenleapClient,
    "Educates": EducatesClient,
}

PREFIXES = {
    "Lessonspace": "/lessonspace/v2",
    "Coviu": "/coviu/v1",
    "Screenleap": "/screenleap/v2",
    "Educates": "/educates",
}

SENDS_NOTHING_ITSELF = {
    "Lessonspace": {"close", "now", "fetch"},  # a signed address of the storage, which is no part of the API
    "Coviu": {"close", "now"},
    "Screenleap": {"close", "now", "digest", "viewer_url"},
    "Educates": {"now", "get", "call", "parse", "misshapen"},
}
"""Methods that make no call of their own."""


@contextmanager
def lessonspace() -> Iterator[tuple[Kit, Calls]]:
    with Academy.open() as kit:
        ref = kit.launch(plan(lead=7200, transcribe=True)).ref
        uuid = kit.hold(ref)
        kit.wait(300)
        client = kit.client
        (teacher,) = client.users(UserFilters(role="teacher"))
        yield (
            kit,
            {
                "hello": client.hello,
                "my_organisation": client.my_organisation,
                "launch": lambda: client.launch(LaunchRequest(id="a")),
                "spaces": lambda: list(client.spaces(SpaceFilters())),
                "sessions": lambda: list(client.sessions(SessionFilters())),
                "space_sessions": lambda: list(client.space_sessions(ref.detail("space"), SessionFilters())),
                "session": lambda: client.session(uuid),
                "update_session": lambda: client.update_session(uuid, name="a"),
                "transcript": lambda: client.transcript(uuid),
                "playback": lambda: client.playback(uuid),
                "users": lambda: list(client.users(UserFilters())),
                "remove_user": lambda: client.remove_user(teacher.user.id),
            },
        )


@contextmanager
def coviu() -> Iterator[tuple[Kit, Calls]]:
    with Clinic.open(authorization_code="c-1") as kit:
        client = kit.client
        person = ParticipantRequest(role="guest", state="a")
        request = SessionRequest(
            session_name="a", start_time=START, end_time=START + timedelta(hours=1), participants=[person]
        )
        session = client.create_session(request)
        guest = session.participants[0].participant_id
        team = kit.sandbox.coviu.team_id
        submission = kit.sandbox.coviu.record(session.session_id)["submission"]
        audio = kit.sandbox.coviu.record(session.session_id, audio=True)["submission"]
        (collection,) = (one.collection_id for one in client.collections(team))
        (file,) = (one.id for one in client.submission(team, collection, submission).files)
        anything = coviu_filters.SubmissionFilters()
        yield (
            kit,
            {
                "authorize": lambda: client.authorize("c-1"),
                "team": client.team,
                "sessions": lambda: list(client.sessions(coviu_filters.SessionFilters())),
                "create_session": lambda: client.create_session(request),
                "session": lambda: client.session(session.session_id),
                "update_session": lambda: client.update_session(
                    session.session_id, SessionUpdate(session_name="b")
                ),
                "summary": lambda: client.summary(session.session_id),
                "participants": lambda: client.participants(session.session_id),
                "add_participant": lambda: client.add_participant(session.session_id, person),
                "participant": lambda: client.participant(guest),
                "update_participant": lambda: client.update_participant(guest, ParticipantRequest(state="b")),
                "cancel_participant": lambda: client.cancel_participant(guest),
                "collections": lambda: client.collections(team),
                "submissions": lambda: list(client.submissions(team, collection, anything)),
                "submission": lambda: client.submission(team, collection, submission),
                "submission_file": lambda: list(client.submission_file(team, collection, submission, file)),
                "audio_recording": lambda: list(client.audio_recording(team, collection, audio)),
                "cancel_session": lambda: client.cancel_session(session.session_id),
            },
        )


@contextmanager
def screenleap() -> Iterator[tuple[Kit, Calls]]:
    with Studio.open() as kit:
        client = kit.client
        ref = kit.launch().ref
        kit.present(ref)
        code = kit.platform.code_of(ref)
        yield (
            kit,
            {
                "create": lambda: client.create({"externalId": "a"}),
                "share": lambda: client.share(code),
                "recent": client.recent,
                "shares": lambda: list(client.shares(ShareFilters())),
                "stop": lambda: client.stop(code),
            },
        )


@contextmanager
def educates() -> Iterator[tuple[Kit, Calls]]:
    with Lab.open() as kit:
        client = kit.client
        environment = client.workshops().workshops[0].environment.name
        name = client.request_session(environment, index_url=HUB, user="a").name
        yield (
            kit,
            {
                "log_in": client.log_in,
                "environments": client.environments,
                "workshops": client.workshops,
                "environment": lambda: client.environment(environment),
                "request_session": lambda: client.request_session(environment, index_url=HUB, user="b"),
                "user_sessions": lambda: client.user_sessions("a"),
                "schedule": lambda: client.schedule(name),
                "extend": lambda: client.extend(name),
                "authorize": lambda: client.authorize(name),
                "configuration": lambda: client.configuration(name),
                "send_event": lambda: client.send_event(name, "A/B"),
                "terminate": lambda: client.terminate(name),
                "close": client.close,
            },
        )


EXERCISES = {"Lessonspace": lessonspace, "Coviu": coviu, "Screenleap": screenleap, "Educates": educates}


def requests_of(platform: str) -> dict[str, list[tuple[str, str]]]:
    """Return the requests, method and path, that each method of a platform's client sends."""
    sent: dict[str, list[tuple[str, str]]] = {}
    with EXERCISES[platform]() as (kit, calls):
        for name, call in calls.items():
            kit.tap.requests.clear()
            call()
            sent[name] = [(one.method, one.path.removeprefix(PREFIXES[platform])) for one in kit.tap.requests]
    return sent
