"""The last part of a webhook's URL: who it was made for, sealed with Airflow's Fernet key. No table is needed.

URLs stand in access logs, here and at the platform. So a token admits a hint and nothing else: what it may set off
is a question to the platform, and that at a bounded rate.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import MISFITS
from airflow_provider.live_sessions.core.times import format_optional_time, parse_optional_time

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.core.sealing import Cipher

LONGEST: Final = 4096
"""Characters of a token that is looked at: dag, run and task ids have at most 250 each, escaped and encrypted."""

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who a webhook's URL was made for.

    Args:
        platform: The platform that sends.
        conn_id: The Airflow connection that confirms.
        dag_id: The launch's task; empty where the URL is a whole account's.
        run_id: Its run.
        task_id: Its id.
        map_index: Its index, -1 for a task that is not mapped.
        until: When the URL stops working; None for never.
    """

    platform: str
    conn_id: str
    dag_id: str = ""
    run_id: str = ""
    task_id: str = ""
    map_index: int = -1
    until: datetime | None = None

    @property
    def of_task(self) -> bool:
        """Whether it was made by a launch, and not for a whole account."""
        return bool(self.dag_id)


def write(addressee: Addressee, cipher: Cipher) -> str:
    """Return the token, made of characters that a path takes as they are.

    Raises:
        ConfigurationError: The ids are longer than any of Airflow's.
    """
    *ids, until = astuple(addressee)
    clear = json.dumps([VERSION, *ids, format_optional_time(until)], separators=(",", ":"), ensure_ascii=False)
    token = cipher.encrypt(clear.encode()).decode("ascii").rstrip("=")
    if len(token) > LONGEST:
        raise ConfigurationError("The ids of this task are too long for a webhook's address.")
    return token


def read(token: str, cipher: Cipher, now: datetime) -> Addressee | None:
    """Return who a token was made for; None for one that was not made here, or whose time is over.

    Args:
        token: The last part of a path, whatever it is.
        cipher: Holds the key.
        now: The time.
    """
    if not 0 < len(token) <= LONGEST or not token.isascii():
        return None
    try:
        clear = cipher.decrypt((token + "=" * (-len(token) % 4)).encode("ascii"))
        version, platform, conn_id, dag_id, run_id, task_id, map_index, until = json.loads(clear)
        if version != VERSION or not isinstance(map_index, int):
            return None
        texts = (platform, conn_id, dag_id, run_id, task_id)
        if not all(isinstance(one, str) for one in texts):
            return None
        addressee = Addressee(*texts, map_index, parse_optional_time(until))
    except (ConfigurationError, *MISFITS):
        return None
    return None if addressee.until is not None and addressee.until <= now else addressee
