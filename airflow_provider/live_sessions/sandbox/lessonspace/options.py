"""Lessonspace's thresholds and switches, each with the documented default.

"dossier" is the collection of known facts; "reference" is Lessonspace's own API reference.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Options:
    """How this Lessonspace behaves. All durations are seconds.

    Args:
        api_key: The organisation's key; it looks like a UUID.
        organisation: The organisation's id.
        organisation_name: Shown by ``/hello/`` and ``/my-organisation/``.
        rate_limit: Requests a second and key on the endpoints that the reference flags; 0 is no limit. Counted
            in real time.
        retry_after: What a 429 of the rate limit carries; nothing is documented.
        page_size: Items a page; not published, 100 here.
        envelope: False answers lists as bare arrays, as the reference draws them.
        end_after: A session ends so long after the last connection left.
        idle_rule: End a session in which everybody is idle.
        idle_end: So long after the last one became idle.
        transcript_min: Shorter sessions are never transcribed (newer guide: more than 300; older: at least 150).
        transcript_min_included: A session of exactly ``transcript_min`` is transcribed.
        transcript_after: A transcript appears so long after the end (really: minutes, no promise).
        transcript_url_life: How long a signed URL got by polling works.
        transcript_webhook_url_life: The same for one that came by webhook.
        recording_after: A recording appears so long after the end ("shortly after").
        recording_preparing: What ``playback`` answers until then: 404, or 200 with an empty ``recording_url``.
        recording_url_life: How long a ``recording_url`` works.
        recording: The organisation has session recordings; without, ``record_av`` is forced to false.
        record_av: The organisation's setting, where a launch says nothing.
        record_content: The same for content.
        session_id_differs: The session's ``uuid`` is not the ``session_id`` that the launch reserved.
        webhooks_replace: A later launch replaces the webhooks (newer guide); False: set once (older guide).
        space_tags_replace: A later launch replaces the space's tags; unproven either way.
        newer_fields: Sessions carry ``recording_available``, ``recording_deleted`` and ``summary``.
        webhook_events: ``x-webhook-event`` as the key (``user.join``) or as one client met it
            (``webhooks.user.joined``).
        webhook_tries: Deliveries of one event at most.
        webhook_backoff: Real seconds before the second try; each later one waits twice as long.
        webhook_timeout: Real seconds to wait for an answer.
        join_before_start: Deliver the first ``user.join`` before ``session.start``, as may happen.
    """

    api_key: str = field(default_factory=lambda: str(uuid.uuid4()), repr=False)
    organisation: int = 4711
    organisation_name: str = "Sandbox School"
    rate_limit: int = 5
    retry_after: Literal["none", "seconds", "date"] = "none"
    page_size: int = 100
    envelope: bool = True
    end_after: float = 30.0
    idle_rule: bool = False
    idle_end: float = 300.0
    transcript_min: float = 300.0
    transcript_min_included: bool = False
    transcript_after: float = 120.0
    transcript_url_life: float = 12 * 3600.0
    transcript_webhook_url_life: float = 24 * 3600.0
    recording_after: float = 60.0
    recording_preparing: Literal["404", "empty"] = "404"
    recording_url_life: float = 3 * 3600.0
    recording: bool = True
    record_av: bool = True
    record_content: bool = True
    session_id_differs: bool = False
    webhooks_replace: bool = True
    space_tags_replace: bool = True
    newer_fields: bool = True
    webhook_events: Literal["key", "prefixed"] = "key"
    webhook_tries: int = 5
    webhook_backoff: float = 1.0
    webhook_timeout: float = 30.0
    join_before_start: bool = False
