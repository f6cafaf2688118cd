"""Who a session is for: the portal's ``user`` is what a retry finds its own session by.

The portal keeps at most one session a user and environment, so a user of the launch's own makes a request that
can be repeated. It must be a slug: any other id can request sessions and never list them.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.keys import LaunchKey

SLUG = re.compile(r"[-a-zA-Z0-9_]+")
"""What the portal's addresses take for a name (Django's slug)."""

LONGEST = 150
"""Characters of a Django user name."""

PREFIX = "als1-"


def user_of_launch(key: LaunchKey, learner: str) -> str:
    """Return the user of one learner of one launch; it goes round the portal's caps for each user.

    Args:
        key: The launch's identity.
        learner: The learner's id.
    """
    return PREFIX + _digest(key.digest, learner)


def user_of_learner(learner: str) -> str:
    """Return the user of a learner over all launches: the id itself where it is a slug, else a digest of it."""
    if SLUG.fullmatch(learner) and len(learner) <= LONGEST and not learner.startswith(PREFIX):
        return learner
    return PREFIX + _digest("learner", learner)


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
