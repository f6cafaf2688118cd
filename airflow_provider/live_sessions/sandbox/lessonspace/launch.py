"""``POST /spaces/launch/``: create-or-get a space and make one personal link."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.lessonspace.drf import invalid
from airflow_provider.live_sessions.sandbox.lessonspace.launch_body import read_launch
from airflow_provider.live_sessions.sandbox.lessonspace.links import claims_of, client_url
from airflow_provider.live_sessions.sandbox.lessonspace.state import Link
from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.lessonspace.launch_body import Asked, Visitor
    from airflow_provider.live_sessions.sandbox.lessonspace.options import Options
    from airflow_provider.live_sessions.sandbox.lessonspace.state import Person, Space, Store

DEFAULT_REGION = "eu-west-2"


class Launcher:
    """Launches spaces.

    Args:
        store: What exists.
        options: How this Lessonspace behaves.
        launched: Told of every launch, its link and time, so that scripted people can come.
    """

    def __init__(self, store: Store, options: Options, launched: Callable[[Space, Link, datetime], None]) -> None:
        self._store = store
        self._options = options
        self._launched = launched

    def launch(self, body: Mapping[str, Any], base: str, at: datetime) -> Response:
        """Launch.

        Args:
            body: The request's JSON.
            base: Scheme and host that links begin with.
            at: The time.

        Raises:
            Problem: 400; nothing was done.
        """
        asked = read_launch(body, self._options)
        visitor = asked.visitor
        self._check_email(visitor)
        space = self._store.by_launch_id.get(asked.id)
        created = space is None
        if space is None:
            space = self._store.new_space(asked.id, asked.server or DEFAULT_REGION, at)
        self._settle(space, asked, created=created)
        person = self._person(visitor) if visitor.external_id else None
        user_id = (person or self._store.guest).number
        link = Link(
            jti=str(uuid.uuid4()),
            person=person,
            name=visitor.name,
            leader=visitor.leader,
            not_before=asked.not_before,
            not_after=asked.not_after,
            kick=visitor.custom.get("kickOnExp") is True,
            single_use=visitor.single_use,
            only_session=space.reserved if visitor.session_limit else "",
            meta=visitor.custom.get("meta") or {},
        )
        space.links.append(link)
        claims = claims_of(link, at, {**visitor.custom, **visitor.claims}, user_id)
        link.url = client_url(base, space, claims, asked.extra)
        answer = {
            "client_url": link.url,
            "api_base": f"{base}/lessonspace/v1/room/",
            "room_id": space.id,
            "secret": space.secret,
            "session_id": space.reserved,
            "user_id": user_id,
            "room_settings": {
                name: getattr(space, name)
                for name in ("record_av", "record_content", "waiting_room", "transcribe", "summarise")
            },
        }
        self._launched(space, link, at)
        return Response.json(HTTPStatus.CREATED if created else HTTPStatus.OK, answer)

    def _settle(self, space: Space, asked: Asked, *, created: bool) -> None:
        """Overwrite what belongs to the space: a later launch counts, also in what it leaves out."""
        if space.last is not None and space.last.ended_at is not None:
            # The reserved session has started and ended: only now is there a new one [launch guide].
            space.reserved, space.last, space.lines = str(uuid.uuid4()), None, None
        space.launches += 1
        space.name = asked.name
        for name, value in asked.flags.items():
            setattr(space, name, value)
        space.session_tags = asked.session_tags
        if created or self._options.space_tags_replace:
            space.tags = asked.space_tags
        if asked.webhooks is not None and (created or self._options.webhooks_replace):
            space.webhooks = dict(asked.webhooks)
        live = space.live
        if live is not None:
            live.tags = dict(asked.session_tags)
            live.record_av, live.record_content = space.record_av, space.record_content
            live.transcribe, live.summarise = space.transcribe, space.summarise

    def _check_email(self, visitor: Visitor) -> None:
        holder = self._store.by_email.get(visitor.email.lower()) if visitor.email else None
        if holder is not None and holder.external_id != visitor.external_id:
            raise invalid("user.email", "A user with this email already exists.")

    def _person(self, visitor: Visitor) -> Person:
        person = self._store.person(visitor.external_id, visitor.name)
        person.name, person.role, person.member = visitor.name, visitor.role, True
        person.picture = visitor.picture or person.picture
        if visitor.email:
            self._store.by_email.pop(person.email.lower(), None)
            person.email = visitor.email
            self._store.by_email[visitor.email.lower()] = person
        return person
