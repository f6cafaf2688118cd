"""The toy platform's one file on the Airflow floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow_provider.live_sessions.hooks.base import LiveSessionHook
from tests.platforms.toy import ToyPlatform, ToyWorld

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

HOOK = "tests.platforms.toy_hook.ToyHook"

WORLDS: dict[str, ToyWorld] = {}
"""The worlds that a connection's host can name."""

OPENED: list[ToyPlatform] = []
"""Every platform that the hook opened."""


class ToyHook(LiveSessionHook):
    conn_type: ClassVar[str] = "toy"
    hook_name: ClassVar[str] = "Toy"
    platform_label: ClassVar[str] = "Toy"

    @classmethod
    def open(cls, connection: Connection, *, polling: bool = False) -> ToyPlatform:
        OPENED.append(ToyPlatform(WORLDS[str(connection.host)], str(connection.conn_id)))
        return OPENED[-1]

    def describe(self) -> str:
        return f"The toy of {self.conn_id}."
