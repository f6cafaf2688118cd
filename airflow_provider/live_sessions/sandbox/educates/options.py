"""The portal's thresholds and credentials, each with the documented default.

"dossier" is the collection of known facts; "recorded" is what a real portal of release 3.7.1 answered.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field

LETTERS = string.ascii_letters + string.digits


def characters(length: int = 32) -> str:
    """Return random letters and digits, as the portal makes its secrets and tokens of."""
    return "".join(secrets.choice(LETTERS) for _ in range(length))


@dataclass(frozen=True, slots=True)
class Options:
    """How this portal behaves. All durations are seconds.

    Args:
        portal: The training portal's name; environments are called after it.
        username: The robot account.
        password: The robot account's password.
        client_id: The OAuth application's id.
        client_secret: Its secret; left out it is not asked for, a wrong one is refused [recorded].
        token_life: An access token works so long.
        catalog_public: The catalogue answers without a token, and then without sessions.
        maximum: Allocated sessions in the whole portal at most; 0 is no limit.
        anonymous: Sessions of one anonymous user in the whole portal at most; 0 is no limit.
        capacity: Sessions of each of the two workshops that are there from the start.
        reserved: Sessions that ``lab-basics`` keeps ready.
        duration: A session lasts so long from its activation; 0 is without end.
        deadline: Extensions end here, from the activation; 0 is the duration, so that nothing can be extended.
        overtime: What one extension adds; 0 is a quarter of the duration, at least 300.
        reconcile: The reaper comes this often; nothing expires by itself.
        delete_after: From the terminate call to STOPPED.
        webhook: The portal's own analytics webhook; empty is none.
        webhook_timeout: Real seconds to wait for a receiver; there is one try.
    """

    portal: str = "lab-portal"
    username: str = "robot@educates"
    password: str = field(default_factory=characters, repr=False)
    client_id: str = field(default_factory=characters, repr=False)
    client_secret: str = field(default_factory=characters, repr=False)
    token_life: float = 36_000.0
    catalog_public: bool = False
    maximum: int = 0
    anonymous: int = 0
    capacity: int = 3
    reserved: int = 1
    duration: float = 1800.0
    deadline: float = 0.0
    overtime: float = 0.0
    reconcile: float = 15.0
    delete_after: float = 1.0
    webhook: str = ""
    webhook_timeout: float = 2.5
