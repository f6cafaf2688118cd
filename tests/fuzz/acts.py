"""Everything that the provider asks the four platforms, as acts to be played through the proxy.

Each act gets a kit (the sandbox with its doors open), a platform whose requests go through the proxy, and what was
launched before; what it returns is looked at in full, because lists are lazy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.artifacts.export_checks import problems, read
from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_files import rows_of
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, export_from, window_key
from airflow_provider.live_sessions.artifacts.export_sources import SegmentSource, SessionSource
from airflow_provider.live_sessions.artifacts.export_sql import Tables
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.contract import DEFAULT_RULES, Ability
from airflow_provider.live_sessions.core.launching import create_or_find
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.platforms.coviu import bringing_home as coviu_home
from airflow_provider.live_sessions.platforms.coviu import filters as coviu_filters
from airflow_provider.live_sessions.platforms.coviu.models import ParticipantRequest, SessionUpdate
from airflow_provider.live_sessions.platforms.coviu.platform import CoviuPlatform
from airflow_provider.live_sessions.platforms.educates.models import Phase
from airflow_provider.live_sessions.platforms.lessonspace import bringing_home as lessonspace_home
from airflow_provider.live_sessions.platforms.lessonspace import filters as lessonspace_filters
from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform
from airflow_provider.live_sessions.platforms.screenleap import bringing_home as screenleap_home
from airflow_provider.live_sessions.platforms.screenleap.cancelling import Pace
from airflow_provider.live_sessions.platforms.screenleap.filters import ShareFilters
from airflow_provider.live_sessions.platforms.screenleap.reaping import reap
from tests.artifacts.memory import MemoryStorage
from tests.core.cipher import FernetCipher
from tests.platforms import kit
from tests.platforms.coviu import clinic
from tests.platforms.educates import lab
from tests.platforms.lessonspace import academy
from tests.platforms.screenleap import studio

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from airflow_provider.live_sessions.artifacts.export_sources import Source
    from airflow_provider.live_sessions.core.models import Launched, Plan
    from tests.fuzz.proxy import Proxy


@dataclass
class Scene:
    """What an act has.

    Args:
        kit: The sandbox's side, not proxied.
        platform: The provider's side, through the proxy.
        plan: What was launched.
        key: Its key.
        launched: What that gave.
    """

    kit: Any
    platform: Any
    plan: Plan
    key: Any
    launched: Launched

    @property
    def client(self) -> Any:
        return self.platform.client

    @property
    def ref(self) -> Any:
        return self.launched.ref

    @property
    def record(self) -> SessionRecord:
        cipher = getattr(self.kit, "cipher", None) or FernetCipher()
        return SessionRecord.of(self.launched, self.plan, cipher)

    def writer(self, kind: str, key: str = "") -> Writer:
        return Writer(MemoryStorage(), "class", kind=kind, session_key=key or self.ref.key)


Act = Callable[[Scene], object]


@dataclass(frozen=True)
class Theatre:
    """One platform.

    Args:
        open: Opens the kit.
        plan: What is launched before each act.
        key_of: Its key.
        platform: A platform behind the proxy.
        url: The sandbox's address of the platform.
        watch: A wait of what was launched.
        enter: Lets people in.
        finish: Lets it come to its end.
        own: The platform's own acts.
    """

    open: Callable[[], AbstractContextManager[Any]]
    plan: Callable[[], Plan]
    key_of: Callable[[Plan], Any]
    platform: Callable[[Any, str], Any]
    url: Callable[[Any], str]
    watch: Callable[[Any], Any]
    enter: Callable[[Any, Any], None]
    finish: Callable[[Any, Any], None]
    own: Mapping[str, Act]

    @property
    def acts(self) -> dict[str, Act]:
        """Every act of this platform, by its name."""
        return {**self._common(), **self.own}

    def scene(self, kit: Any, proxy: Proxy) -> Scene:
        """Launch, and open a platform behind the proxy."""
        plan = self.plan()
        key = self.key_of(plan)
        launched = kit.platform.launch(plan, key)
        return Scene(kit, self.platform(kit, proxy.via(self.url(kit))), plan, key, launched)

    def _common(self) -> dict[str, Act]:
        def status(scene: Scene) -> object:
            return scene.platform.statuses([self.watch(scene.ref)], scene.plan.start)

        def status_live(scene: Scene) -> object:
            self.enter(scene.kit, scene.ref)
            return status(scene)

        def status_ended(scene: Scene) -> object:
            self.enter(scene.kit, scene.ref)
            self.finish(scene.kit, scene.ref)
            return status(scene)

        def cancel_live(scene: Scene) -> object:
            self.enter(scene.kit, scene.ref)
            return scene.platform.cancel(scene.ref, force=True)

        def launch(scene: Scene) -> object:
            found = create_or_find(
                scene.platform, scene.plan, scene.key, now=scene.plan.start - timedelta(hours=1)
            )
            return SessionRecord.of(found, scene.plan, FernetCipher()).to_json()

        return {
            "launch": lambda scene: scene.platform.launch(scene.plan, scene.key),
            "launch or find": launch,
            "find": lambda scene: scene.platform.find(scene.key, scene.plan),
            "status": status,
            "status live": status_live,
            "status ended": status_ended,
            "cancel": lambda scene: scene.platform.cancel(scene.ref),
            "cancel not handed over": lambda scene: scene.platform.cancel(scene.ref, handed_over=False),
            "cancel live": cancel_live,
        }


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _exported(open_source: Callable[[Any], Source], day: datetime) -> Act:
    """Export a day around what was launched, twice, check what came of it and put it into a database."""

    def act(scene: Scene) -> object:
        storage = MemoryStorage()
        plan = ExportPlan(storage, "fuzz", recheck=True)
        chunks = list(cut(day, day + timedelta(days=1), Period.DAY))
        source = open_source(scene.platform)
        export_from(source, plan, chunks, say=lambda _: None)
        (name,) = export_from(source, plan, chunks, say=lambda _: None).manifests
        tables = Tables("sqlite", "?")
        with closing(sqlite3.connect(":memory:")) as connection:
            cursor = connection.cursor()
            tables.create(cursor, source.shape)
            loaded = tables.load(cursor, rows_of(storage, read(storage, name)), source.shape)
        return problems(storage, [name]), loaded, storage.files

    return act


# ---- Lessonspace


def _held(scene: Scene) -> str:
    scene.kit.go_to(academy.CLASS)
    uuid = str(scene.kit.hold(scene.ref, 1200))
    scene.kit.wait(3600)
    return uuid


def _academy_finish(kit: academy.Academy, ref: Any) -> None:
    kit.wait(3600)
    kit.leave(ref, "t-1", "s-1")
    kit.wait(700)


def _academy_enter(kit: academy.Academy, ref: Any) -> None:
    kit.go_to(academy.CLASS)
    kit.join(ref, "t-1", "s-1")


def _lessons(what: Callable[[Scene], object]) -> Act:
    def act(scene: Scene) -> object:
        _held(scene)
        return what(scene)

    return act


LESSONSPACE: dict[str, Act] = {
    "check the key": lambda scene: scene.client.hello(),
    "organisation": lambda scene: scene.client.my_organisation(),
    "spaces": lambda scene: list(scene.client.spaces(lessonspace_filters.SpaceFilters())),
    "sessions": _lessons(
        lambda scene: list(scene.client.sessions(lessonspace_filters.SessionFilters(include_single_user=True)))
    ),
    "space's sessions": _lessons(
        lambda scene: list(
            scene.client.space_sessions(
                scene.ref.detail("space"), lessonspace_filters.SessionFilters(include_single_user=True)
            )
        )
    ),
    "session": lambda scene: scene.client.session(_held(scene)),
    "update session": lambda scene: scene.client.update_session(_held(scene), name="x"),
    "transcript's address": lambda scene: scene.client.transcript(_held(scene)),
    "playback": lambda scene: scene.client.playback(_held(scene)),
    "users": lambda scene: list(scene.client.users(lessonspace_filters.UserFilters())),
    "remove user": lambda scene: scene.client.remove_user(1),
    "participants": lambda scene: scene.platform.participants(scene.ref, scene.plan.participants),
    "transcript": lambda scene: scene.platform.readiness(
        Ability.TRANSCRIPT, scene.ref, _held(scene), DEFAULT_RULES.after(academy.CLASS + timedelta(hours=1))
    ),
    "recording": lambda scene: scene.platform.readiness(
        Ability.RECORDING, scene.ref, _held(scene), DEFAULT_RULES.after(academy.CLASS + timedelta(hours=1))
    ),
    "bring transcripts": _lessons(
        lambda scene: lessonspace_home.bring_transcripts(
            scene.platform, scene.record, scene.writer("transcript"), DEFAULT_RULES
        )
    ),
    "bring recordings": _lessons(
        lambda scene: lessonspace_home.bring_recordings(
            scene.platform, scene.record, scene.writer("recording"), DEFAULT_RULES
        )
    ),
    "bring attendance": _lessons(
        lambda scene: lessonspace_home.bring_attendance(
            scene.platform, scene.record, scene.writer("attendance"), late_after=300, zone=UTC
        )
    ),
    "export": _lessons(_exported(SessionSource, _day(academy.START))),
    "export what was said": _lessons(_exported(SegmentSource, _day(academy.START))),
}

# ---- Coviu


def _clinic_enter(kit: clinic.Clinic, ref: Any) -> None:
    kit.go_to(clinic.START + timedelta(seconds=1))
    kit.join(ref, "dr-1", "p-1")


def _clinic_finish(kit: clinic.Clinic, ref: Any) -> None:
    kit.wait(600)
    kit.leave(ref, "dr-1", "p-1")
    kit.wait(3600)


def _consulted(what: Callable[[Scene], object]) -> Act:
    def act(scene: Scene) -> object:
        _clinic_enter(scene.kit, scene.ref)
        _clinic_finish(scene.kit, scene.ref)
        return what(scene)

    return act


def _somebody(scene: Scene) -> SecretStr:
    people = scene.kit.client.participants(scene.ref.session_id)
    return SecretStr(people[-1].participant_id.get_secret_value())


COVIU: dict[str, Act] = {
    "team": lambda scene: scene.client.team(),
    "authorize": lambda scene: scene.client.authorize("a-code"),
    "sessions": lambda scene: list(
        scene.client.sessions(coviu_filters.SessionFilters(include_canceled=True, page_size=1))
    ),
    "session": lambda scene: scene.client.session(scene.ref.session_id, deleted_participants=True),
    "update session": lambda scene: scene.platform.update(scene.ref, SessionUpdate(session_name="x")),
    "cancel session": lambda scene: scene.client.cancel_session(scene.ref.session_id),
    "summary": _consulted(lambda scene: scene.client.summary(scene.ref.session_id)),
    "participants": lambda scene: scene.client.participants(scene.ref.session_id),
    "add participant": lambda scene: scene.platform.add_participant(scene.ref, clinic.OTHER),
    "participant": lambda scene: scene.client.participant(_somebody(scene)),
    "update participant": lambda scene: scene.platform.update_participant(
        scene.ref, "p-1", ParticipantRequest(display_name="x")
    ),
    "remove participant": lambda scene: scene.platform.remove_participant(scene.ref, "p-1"),
    "remove host": lambda scene: scene.platform.remove_participant(scene.ref, "dr-1"),
    "cancel participant": lambda scene: scene.client.cancel_participant(_somebody(scene)),
    "current": lambda scene: scene.platform.current(scene.ref),
    "bring attendance": _consulted(
        lambda scene: coviu_home.bring_attendance(
            scene.platform, scene.record, scene.writer("attendance"), late_after=300, zone=UTC
        )
    ),
    "export": _consulted(_exported(SessionSource, _day(clinic.START))),
}

# ---- Screenleap


def _studio_enter(kit: studio.Studio, ref: Any) -> None:
    kit.present(ref, "v-1", "v-2")


def _studio_finish(kit: studio.Studio, ref: Any) -> None:
    kit.wait(1800)
    kit.end(ref)
    kit.wait(650)


def _shared(what: Callable[[Scene], object]) -> Act:
    def act(scene: Scene) -> object:
        _studio_enter(scene.kit, scene.ref)
        _studio_finish(scene.kit, scene.ref)
        return what(scene)

    return act


def _presented(what: Callable[[Scene], object]) -> Act:
    def act(scene: Scene) -> object:
        _studio_enter(scene.kit, scene.ref)
        return what(scene)

    return act


def _reaped(scene: Scene) -> object:
    _studio_enter(scene.kit, scene.ref)
    scene.kit.wait(7200)
    return [
        one.to_json()
        for one in reap(scene.client, older_than=3600, pace=Pace(patience=2.0, step=1.0, sleep=scene.kit.sleep))
    ]


_WINDOW = (studio.START - timedelta(days=1), studio.START + timedelta(days=1))

SCREENLEAP: dict[str, Act] = {
    "create": lambda scene: scene.client.create({"presenterCountryCode": "DE"}),
    "stop": _presented(lambda scene: scene.client.stop(scene.kit.platform.code_of(scene.ref))),
    "stop and wait": _presented(
        lambda scene: scene.platform.stop(scene.kit.platform.code_of(scene.ref), patience=2.0)
    ),
    "share": lambda scene: scene.client.share(scene.kit.platform.code_of(scene.ref)),
    "recent": lambda scene: scene.client.recent(),
    "shares": _shared(lambda scene: list(scene.client.shares(ShareFilters(started_after=_WINDOW[0])))),
    "shares, dates as text": _shared(
        lambda scene: list(
            scene.client.shares(ShareFilters(started_after=_WINDOW[0], date_format="yyyy-MM-dd HH:mm:ss"))
        )
    ),
    "current": lambda scene: scene.platform.current(scene.ref),
    "bring usage": _shared(
        lambda scene: screenleap_home.bring_usage(scene.platform, scene.record, scene.writer("usage"), zone=UTC)
    ),
    "bring attendance": _shared(
        lambda scene: screenleap_home.bring_attendance(
            scene.platform, scene.record, scene.writer("attendance"), late_after=300, zone=UTC
        )
    ),
    "export usage": _shared(
        lambda scene: screenleap_home.export_usage(
            scene.client,
            scene.writer("usage", window_key("studio", *_WINDOW)),
            *_WINDOW,
            conn_id="studio",
            zone=UTC,
        )
    ),
    "export": _shared(_exported(SessionSource, _day(studio.START))),
    "reap": _reaped,
}

# ---- Educates


def _seat(scene: Scene) -> str:
    return str(scene.kit.session(scene.ref))


def _environment(scene: Scene) -> str:
    return str(scene.kit.client.environments().environments[0].name)


EDUCATES: dict[str, Act] = {
    "environments": lambda scene: scene.client.environments(
        sessions=True, states=(Phase.RUNNING, Phase.STOPPING), labels={"a": "b"}
    ),
    "workshops": lambda scene: scene.client.workshops(),
    "environment": lambda scene: scene.client.environment(_environment(scene), sessions=True),
    "request": lambda scene: scene.client.request_session(
        _environment(scene), index_url=lab.HUB, user="somebody", parameters={"a": SecretStr("b")}
    ),
    "user's sessions": lambda scene: scene.client.user_sessions("somebody"),
    "schedule": lambda scene: scene.client.schedule(_seat(scene)),
    "extend": lambda scene: [one.to_json() for one in scene.platform.extend(scene.ref)],
    "terminate": lambda scene: scene.client.terminate(_seat(scene)),
    "authorize": lambda scene: scene.client.authorize(_seat(scene)),
    "configuration": lambda scene: scene.client.configuration(_seat(scene)),
    "event": lambda scene: scene.client.send_event(_seat(scene), "Airflow/Note", {"a": 1}),
    "end": lambda scene: scene.platform.end(scene.ref, live=False, force=True),
    "close": lambda scene: (scene.client.schedule(_seat(scene)), scene.platform.close()),
}


def _academy_plan() -> Plan:
    return academy.plan(transcribe=True, record_av=True)


THEATRES: dict[str, Theatre] = {
    "lessonspace": Theatre(
        academy.Academy.open,
        _academy_plan,
        academy.key_of,
        lambda kit, url: LessonspacePlatform(kit.new_client(base_url=url)),
        lambda kit: str(kit.sandbox.lessonspace.url),
        kit.watch,
        _academy_enter,
        _academy_finish,
        LESSONSPACE,
    ),
    "coviu": Theatre(
        clinic.Clinic.open,
        clinic.plan,
        clinic.key_of,
        lambda kit, url: CoviuPlatform(kit.new_client(base_url=url)),
        lambda kit: str(kit.sandbox.coviu.url),
        clinic.watch,
        _clinic_enter,
        _clinic_finish,
        COVIU,
    ),
    "screenleap": Theatre(
        studio.Studio.open,
        studio.plan,
        studio.key_of,
        lambda kit, url: kit.new_platform(kit.new_client(base_url=url)),
        lambda kit: str(kit.people.url),
        studio.watch,
        _studio_enter,
        _studio_finish,
        SCREENLEAP,
    ),
    "educates": Theatre(
        lab.Lab.open,
        lab.plan,
        lab.key_of,
        lambda kit, url: kit.new_platform(kit.new_client(base_url=url)),
        lambda kit: str(kit.portal.url),
        kit.watch,
        lambda kit, ref: kit.activate(ref),
        lambda kit, ref: kit.finish(ref),
        EDUCATES,
    ),
}
NOW = datetime(2026, 9, 1, tzinfo=UTC)
