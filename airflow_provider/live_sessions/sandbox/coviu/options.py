"""Coviu's thresholds and switches, each with the documented default where there is one.

"Dossier" is the collection of known facts; where it is silent the default here is a decision, listed in the
sandbox's README.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Options:
    """How this Coviu behaves. All durations are seconds.

    Args:
        api_key: The client id.
        key_secret: Its secret.
        expires_in: How long an access token is good; no public source tells the value.
        refresh_works: False refuses every refresh token, as after a restart of their side.
        refresh_rotates: A refresh token dies when it is used.
        authorization_code: The code that the authorisation-code grant takes, once.
        dates: The format of times in answers: both were seen (dossier 2.4).
        cancelled_status: What reading a cancelled session answers: 401 (SDK test) or 404 (Swagger).
        canceled_time: Cancelled sessions carry ``canceled_time`` in lists (Swagger, Java SDK).
        actual_end_time: Sessions carry ``actual_end_time`` once their call is over (newest description).
        summary_before: What a summary answers before anybody came: an empty list, or 404; unknown.
        end_filter: What the list's ``end_time`` compares: the session's end, or its start (Swagger).
        participants_page: The participant list is a page object (Swagger), not a bare array.
        max_page_size: The longest page, and the default (Swagger).
        max_hours: The longest session (official plugin).
        early_entry: How long before the start a link admits; unknown.
        end_ejects: People are put out at ``end_time``; unknown.
        webhook: The team's URL for events; empty is none.
        webhook_timeout: Real seconds to wait for a receiver; there is one try.
        max_submissions: The longest page of a collection, whatever ``limit`` asks for; unknown.
        file_ranges: Recordings come in ranges, as documented; False sends the whole file every time.
        file_digest: Recordings carry ``Repr-Digest``; not documented.
    """

    api_key: str = field(default_factory=lambda: uuid.uuid4().hex)
    key_secret: str = field(default_factory=lambda: uuid.uuid4().hex, repr=False)
    expires_in: int = 3600
    refresh_works: bool = True
    refresh_rotates: bool = True
    authorization_code: str = ""
    dates: Literal["rfc1123", "iso"] = "rfc1123"
    cancelled_status: int = 401
    canceled_time: bool = True
    actual_end_time: bool = True
    summary_before: Literal["empty", "404"] = "empty"
    end_filter: Literal["end", "start"] = "end"
    participants_page: bool = False
    max_page_size: int = 200
    max_hours: float = 12.0
    early_entry: float = 0.0
    end_ejects: bool = False
    webhook: str = ""
    webhook_timeout: float = 5.0
    max_submissions: int = 100
    file_ranges: bool = True
    file_digest: bool = False
