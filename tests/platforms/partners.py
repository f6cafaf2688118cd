"""The five platforms of the shared contract, each told once: how to open it, and what people do on it.

Where a property of the contract cannot exist on a platform, the reason stands here, and the contract proves what
happens instead; nothing is skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.contract import Unprovable
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.coviu.platform import CoviuPlatform
from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform
from tests.platforms import toy_wire
from tests.platforms.coviu import clinic
from tests.platforms.educates import lab
from tests.platforms.kit import altered, said
from tests.platforms.lessonspace import academy
from tests.platforms.screenleap import studio

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import Plan, SessionRef
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.sandbox.wire import Request, Response

WRONG = "not-the-key-0123456789"
"""Credentials that no account has."""

A_KEY_STAYS = "It knows no tokens: a key is good until somebody replaces it, and then nothing renews it."


@dataclass(frozen=True, kw_only=True)
class Partner:
    """One platform with its sandbox.

    Args:
        open: Opens the kit of the platform's own tests.
        plan: Makes a plan it can launch.
        key_of: The plan's key.
        create: Method and path of the request that creates.
        read: Method and path of the requests that a look-up makes.
        end: Method and path of the request that cancels.
        standing: How many sessions the platform itself counts that have not been called off.
        enter: Lets people in.
        leave: Lets everybody leave for good, and the time pass in which they could come back.
        another: Opens the account once more, as another process does; the argument says whether with its own
            credentials or with wrong ones.
        hide: Lets the look-up by key show nothing of what exists.
        no_renewal: Why there are no new credentials to get, where that is so.
        no_second_links: Why what was launched cannot be handed out a second time, where that is so.
        no_end: Why a running session cannot be ended, where that is so.
        no_trace_of_a_cancel: Why a wait cannot see that a session was cancelled before anybody came, where that is
            so; then it goes on until the session leaves the lists.
        told: The status with what is read once a session is over.
    """

    open: Callable[[], AbstractContextManager[Any]]
    plan: Callable[[], Plan]
    key_of: Callable[[Plan], LaunchKey]
    create: dict[str, str]
    read: dict[str, str]
    end: dict[str, str]
    standing: Callable[[Any], int]
    enter: Callable[[Any, SessionRef], None]
    leave: Callable[[Any, SessionRef], None]
    another: Callable[[Any, bool], SessionPlatform]
    hide: Callable[[Any], None]
    no_renewal: str = ""
    no_second_links: str = ""
    no_end: str = ""
    no_trace_of_a_cancel: str = ""
    told: Callable[[Any, SessionRef, SessionStatus], SessionStatus] = lambda _kit, _ref, status: status


# ---- Lessonspace


def _class_begins(kit: academy.Academy, ref: SessionRef) -> None:
    kit.go_to(academy.CLASS)
    kit.join(ref, "t-1", "s-1")


def _class_ends(kit: academy.Academy, ref: SessionRef) -> None:
    kit.go_to(parse_time(ref.detail("planned_end")))
    kit.leave(ref, "t-1", "s-1")
    kit.wait(31)


def _another_academy(kit: academy.Academy, good: bool) -> SessionPlatform:
    return LessonspacePlatform(kit.new_client(**({} if good else {"api_key": SecretStr(WRONG)})))


LESSONSPACE = Partner(
    open=academy.Academy.open,
    plan=academy.plan,
    key_of=academy.key_of,
    create={"method": "POST", "path": "/spaces/launch/$"},
    read={"method": "GET", "path": "/(sessions|spaces)/$"},
    end={"method": "POST", "path": "/spaces/launch/$"},
    standing=lambda kit: len(kit.spaces),
    enter=_class_begins,
    leave=_class_ends,
    another=_another_academy,
    hide=lambda kit: _answer(kit, "/organisations/4711/(sessions|spaces)/$", {"results": []}),
    no_renewal=A_KEY_STAYS,
    no_end="No call ends a session or puts people out; hard_stop at the launch bounds it.",
)


# ---- Coviu


def _call_begins(kit: clinic.Clinic, ref: SessionRef) -> None:
    kit.go_to(clinic.START + timedelta(seconds=1))
    kit.join(ref, "dr-1", "p-1")


def _call_ends(kit: clinic.Clinic, ref: SessionRef) -> None:
    kit.go_to(parse_time(ref.detail("planned_end")))
    kit.leave(ref, "dr-1", "p-1")


def _another_clinic(kit: clinic.Clinic, good: bool) -> SessionPlatform:
    return CoviuPlatform(kit.new_client(**({} if good else {"key_secret": SecretStr(WRONG)})))


COVIU = Partner(
    open=clinic.Clinic.open,
    plan=clinic.plan,
    key_of=clinic.key_of,
    create={"method": "POST", "path": "/sessions$"},
    read={"method": "GET", "path": "/sessions$"},
    end={"method": "DELETE", "path": "/sessions/"},
    standing=lambda kit: len(kit.alive),
    enter=_call_begins,
    leave=_call_ends,
    another=_another_clinic,
    hide=lambda kit: _answer(kit, "/sessions$", {"content": [], "page": 0, "page_size": 0, "more": False}),
    no_end="A session that has started cannot be cancelled; force tries what is documented and uncertain.",
    told=lambda kit, ref, status: kit.platform.attended(ref, {}, status).status,
)


# ---- Screenleap


def _show_ends(kit: studio.Studio, ref: SessionRef) -> None:
    kit.end(ref)
    kit.wait(kit.settle + 1)


def _another_studio(kit: studio.Studio, good: bool) -> SessionPlatform:
    return kit.new_platform(kit.new_client(**({} if good else {"authtoken": SecretStr(WRONG)})))


SCREENLEAP = Partner(
    open=studio.Studio.open,
    plan=studio.plan,
    key_of=studio.key_of,
    create={"method": "POST", "path": "/screen-shares$"},
    read={"method": "GET", "path": "screen-shares$"},
    end={"method": "POST", "path": "/stop$"},
    # A share whose launch data was lost with the answer can be started by nobody: what counts is the identity.
    standing=lambda kit: len({one["external_id"] for one in kit.shares}),
    enter=lambda kit, ref: kit.present(ref, "v-1"),
    leave=_show_ends,
    another=_another_studio,
    hide=lambda kit: _answer(kit, "screen-shares$", []),
    no_renewal=A_KEY_STAYS,
    no_second_links="A share's launch data is given once, at its create.",
    no_trace_of_a_cancel="A stop before the start changes nothing that any list shows.",
)


# ---- Educates


def _another_lab(kit: lab.Lab, good: bool) -> SessionPlatform:
    return kit.new_platform(kit.new_client(**({} if good else {"password": SecretStr(WRONG)})))


def _without_sessions(request: Request, response: Response) -> Response:
    def emptied(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "environments": [{**one, "sessions": []} for one in body["environments"]]}

    return altered(response, emptied) if request.path.endswith("/catalog/environments/") else response


def _hide_rows(kit: lab.Lab) -> None:
    kit.tap.answer = _without_sessions


EDUCATES = Partner(
    open=lab.Lab.open,
    plan=lab.plan,
    key_of=lab.key_of,
    create={"method": "POST", "path": "/request/$"},
    read={"method": "GET", "path": "/catalog/environments/$"},
    end={"method": "GET", "path": "/terminate/$"},
    standing=lambda kit: len(kit.live_rows),
    enter=lambda kit, ref: kit.activate(ref),
    leave=lambda kit, ref: kit.finish(ref),
    another=_another_lab,
    hide=_hide_rows,
)


# ---- the toy


def _hide_toys(kit: toy_wire.Playground) -> None:
    kit.platform.world.fail("find", Unprovable("it was told to show nothing"))


TOY = Partner(
    open=toy_wire.Playground.open,
    plan=toy_wire.plan,
    key_of=toy_wire.key_of,
    create={"method": "POST", "path": "/toy/sessions$"},
    read={"method": "GET", "path": "/toy/sessions$"},
    end={"method": "PUT", "path": "/toy/sessions/"},
    standing=lambda kit: len(kit.world.standing()),
    enter=lambda kit, ref: kit.enter(ref),
    leave=lambda kit, ref: kit.world.end(ref.session_id),
    another=lambda kit, good: kit.new_platform(**({} if good else {"key": WRONG})),
    hide=_hide_toys,
    no_renewal=A_KEY_STAYS,
    no_end="A session with people in it cannot be ended: the toy shows how a platform says so.",
)


PARTNERS = {
    "lessonspace": LESSONSPACE,
    "coviu": COVIU,
    "screenleap": SCREENLEAP,
    "educates": EDUCATES,
    "toy": TOY,
}


def _answer(kit: Any, path: str, body: Any) -> None:
    """Let the requests to a path be answered with this, whatever the platform has to say."""

    def told(request: Request, response: Response) -> Response:
        hidden = request.method == "GET" and re.search(path, request.path) is not None
        return replace(said(200, body), headers=response.headers) if hidden else response

    kit.tap.answer = told
