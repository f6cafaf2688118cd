"""A connection inside the triggerer: the open platform, on one thread, read anew when it may have changed.

Platforms are asked with blocking calls, so each connection has a thread of its own and the event loop never
waits. What must outlive a group of waiters (when the platform may be asked next) is kept here as well.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider.live_sessions.compat.features import connection_of
from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.triggers.ends import Ends

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.hooks.base import LiveSessionHook

REREAD_SECONDS = 60.0
"""An edited connection is noticed within this time, and at once after a 401 or 403."""

ARTIFACT_SPACING = 2.0
"""Seconds from one question for an artifact to the next one of the connection: each reads the session and the
artifact, so this is less than one request a second, beside the poll and whatever the number of sessions."""

_Result = TypeVar("_Result")


class Account:
    """One connection of one event loop.

    Args:
        hook_class: Import path of the platform's hook.
        conn_id: The Airflow connection.
    """

    def __init__(self, hook_class: str, conn_id: str) -> None:
        self._hook_class = hook_class
        self.conn_id = conn_id
        self.next_allowed = 0.0
        """Monotonic time before which the platform wants to be left alone; outlives whoever waits."""
        self.ends = Ends(self)
        """What has ended, for all who watch."""
        self._artifact_turn = 0.0
        self._hook: type[LiveSessionHook] | None = None
        self._platform: SessionPlatform | None = None
        self._fingerprint: tuple[object, ...] = ()
        self._read_at = float("-inf")
        self._thread: ThreadPoolExecutor | None = None
        self._users = 0
        self._lock = asyncio.Lock()
        self._artifacts = asyncio.Lock()

    async def call(self, work: Callable[[SessionPlatform], _Result]) -> _Result:
        """Run blocking work with the open platform on the connection's thread, one call at a time.

        Raises:
            LiveSessionError: The connection is wrong, or what the work raised.
        """
        async with self._lock:
            platform = await self._open()
            return await self._in_thread(lambda: work(platform))

    def aside(self, work: Callable[[], object]) -> None:
        """Have something done on the connection's thread, if there is one, and do not wait for it."""
        if self._thread is not None:
            self._thread.submit(work)

    async def check(self, ref: SessionRef) -> None:
        """Make sure that the hook exists and can make sense of a reference, before it joins a poll of many.

        The first time on a thread, because importing the hook's module takes its time.

        Raises:
            ConfigurationError: There is no such hook, or the reference is none of its platform's.
        """
        if self._hook is not None:  # ten thousand waits may begin at the same time; this reads a few fields
            self._hook.check_ref(ref)
            return

        def load() -> type[LiveSessionHook]:
            hook = hook_class_of(self._hook_class)
            hook.check_ref(ref)
            return hook

        self._hook = await asyncio.get_running_loop().run_in_executor(None, load)

    async def ask_for_artifact(self, work: Callable[[SessionPlatform], _Result]) -> _Result:
        """Run a question for an artifact when its turn has come; see :meth:`call`.

        The distance counts from the end of the question before: one that was held up must not be caught up with.
        """
        async with self._artifacts:
            await asyncio.sleep(max(0.0, self._artifact_turn - time.monotonic()))
            try:
                return await self.call(work)
            finally:
                self._artifact_turn = time.monotonic() + ARTIFACT_SPACING

    def doubt(self) -> None:
        """Read the connection again before the next call: the platform did not accept it."""
        self._read_at = float("-inf")

    def keep_quiet(self, seconds: float) -> None:
        """Leave the platform alone for so long from now, as it asked; a longer quiet already asked for stays."""
        self.next_allowed = max(self.next_allowed, time.monotonic() + seconds)

    def enter(self) -> None:
        """Count a user; the last one out closes."""
        self._users += 1

    def leave(self) -> None:
        """Count a user out. The thread finishes what it does; the platform is closed on it."""
        self._users -= 1
        if self._users > 0:
            return
        thread, platform = self._thread, self._platform
        self._thread, self._platform, self._fingerprint = None, None, ()
        self._read_at = float("-inf")
        self.ends.forget()
        if thread is not None:
            if platform is not None:
                thread.submit(platform.close)
            thread.shutdown(wait=False)

    async def _open(self) -> SessionPlatform:
        if self._platform is not None and time.monotonic() - self._read_at < REREAD_SECONDS:
            return self._platform
        try:
            connection = await connection_of(self.conn_id)
        except AirflowException as error:
            if self._platform is not None and "isn't defined" not in str(error):
                return self._platform  # Airflow itself is away for a moment: go on with what was read
            raise Unavailable(
                "The connection cannot be read from Airflow.",
                conn_id=self.conn_id,
                advice="Is it still there?",
            ) from None
        fingerprint = _fingerprint(connection)
        if self._platform is None or fingerprint != self._fingerprint:
            old, self._platform = self._platform, None
            self.ends.forget()
            if old is not None:
                await self._in_thread(old.close)
            self._platform = await self._in_thread(lambda: self._build(connection))
            self._fingerprint = fingerprint
        self._read_at = time.monotonic()
        return self._platform

    def _build(self, connection: Connection) -> SessionPlatform:
        # Imported on the thread: a platform's client pulls in requests and pydantic, which takes its time.
        return hook_class_of(self._hook_class).open(connection, polling=True)

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"live-sessions-{self.conn_id}")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _fingerprint(connection: Connection) -> tuple[object, ...]:
    fields: tuple[Any, ...] = (
        connection.host,
        connection.login,
        connection.password,
        connection.schema,
        connection.port,
        connection.extra,
    )
    return fields
