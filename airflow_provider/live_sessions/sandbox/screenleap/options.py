"""Screenleap's thresholds and switches, each with the documented default, or a guess where nothing is documented.

"dossier" is the collection of known facts.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Options:
    """How this Screenleap behaves. All durations are seconds.

    Args:
        account_id: The developer account's id.
        authtoken: The developer account's token.
        stop_after: A stop takes effect so long after its 200: the message goes to the presenter's app.
        recent_for: An ended share stays in the recent list so long [dossier 2.6].
        unstarted_for: A share that nobody starts stays in the recent list so long; not documented.
        history_after: A finished share enters the history so long after its end; not documented. Longer than
            ``recent_for`` makes a time in which no list shows it.
        history_cap: The history answers so many shares at most: 1,000 or 10,000, its page says both.
        reopen_for: After a crash the presenter may reopen the share so long [dossier 3.6].
        active_lag: ``isActive`` stays true so long after the end: "several minutes" [dossier 3.5].
        readable_for: A code that has left the recent list can be read so long; 0 is for ever. Not documented.
        code_field: How the GET calls name the code: ``sessionId`` today, ``screenShareCode`` in older documents.
        nested_create: Wrap the launch data in ``screenShareData``, as one derived document draws it.
        unknown_code: How a read of an unknown code is answered: a status, or a 200 with an empty body. Not
            documented.
        stop_unstarted: What a stop does to a share that nobody started: a 404, a 200 without effect, or a 200
            that ends it. Not documented.
        share_state: Show the undocumented ``shareState``.
        quota: Creates from this number on are a 403: the free hours are used up. 0 is no limit.
        cents_per_minute: Price of a participant's minute with Screenleap's branding.
        white_label_cents_per_minute: The same without.
        webhook: The account's one URL for events; empty is none.
        webhook_timeout: Real seconds to wait for a receiver; there is one try.
    """

    account_id: str = "sandbox-academy"
    authtoken: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    stop_after: float = 2.0
    recent_for: float = 300.0
    unstarted_for: float = 3600.0
    history_after: float = 600.0
    history_cap: int = 1000
    reopen_for: float = 300.0
    active_lag: float = 180.0
    readable_for: float = 0.0
    code_field: Literal["sessionId", "screenShareCode"] = "sessionId"
    nested_create: bool = False
    unknown_code: Literal["404", "403", "400", "empty"] = "404"
    stop_unstarted: Literal["404", "ignored", "ended"] = "404"
    share_state: bool = False
    quota: int = 0
    cents_per_minute: float = 0.3
    white_label_cents_per_minute: float = 1.0
    webhook: str = ""
    webhook_timeout: float = 5.0
