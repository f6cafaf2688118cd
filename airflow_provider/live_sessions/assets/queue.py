"""A watched connection as a message queue: ``MessageQueueTrigger(scheme="live-sessions", ...)``.

The trigger is Airflow's own, of ``apache-airflow-providers-common-messaging`` (the extra ``messaging``); it finds
the class here by the ``queues`` of the provider's description. What is stored and run is the same trigger as
behind :func:`sessions_ended` and :func:`artifacts_ready`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import AirflowOptionalProviderFeatureException
from airflow.triggers.base import BaseEventTrigger

from airflow_provider.live_sessions.assets.addresses import SCHEME, Happening, read
from airflow_provider.live_sessions.assets.watching import watch_trigger, watched_uri

try:
    from airflow.providers.common.messaging.providers.base_provider import BaseMessageQueueProvider
except ImportError as error:
    raise AirflowOptionalProviderFeatureException(
        "Live sessions as a message queue need the extra: pip install 'airflow-provider-live-sessions[messaging]'"
    ) from error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow.triggers.base import TriggerEvent


class LiveSessionsMessageQueueProvider(BaseMessageQueueProvider):  # type: ignore[misc,unused-ignore]  # optional
    """What Airflow's message queues know of live sessions.

    A queue is a connection and what happens on it: ``scheme="live-sessions"`` with the arguments of
    :class:`LiveSessionsQueueTrigger`, or the older form ``queue="live-sessions://<platform>/<connection>/<what>"``.
    """

    scheme = SCHEME

    def queue_matches(self, queue: str) -> bool:
        """Return whether a queue's address is one of ours."""
        told = read(queue)
        return told is not None and told[2] in list(Happening)

    def trigger_class(self) -> type[BaseEventTrigger]:
        """Return what makes the trigger from the arguments."""
        return LiveSessionsQueueTrigger

    def trigger_kwargs(self, queue: str, **_: Any) -> dict[str, Any]:
        """Return the arguments that a queue's address holds."""
        platform, conn_id, happening = cast("tuple[str, str, str]", read(queue))
        return {"platform": platform, "conn_id": conn_id, "happening": happening}


class LiveSessionsQueueTrigger(BaseEventTrigger):
    """The trigger of a queue, chosen by what happens on it; it is stored as the one that it stands for.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection.
        happening: ``session-ended``, ``transcript-ready`` or ``recording-ready``.
        asset: What tells the watched asset from others, its name for example. Only where two assets watch the same
            thing: with the same arguments they would share one trigger and its cursor.
        more: ``poll_interval``, ``check_delays`` and ``rules`` as :func:`artifacts_ready` takes them.

    Raises:
        ConfigurationError: The rules or the delays are none.
        ValueError: The platform cannot tell.
    """

    def __init__(
        self, *, platform: str, conn_id: str, happening: str = Happening.ENDED, asset: str = "", **more: Any
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it without types
        # It may raise: it is made where a DAG is parsed, and never in a triggerer.
        told_apart = asset or f"{watched_uri(platform, conn_id, happening)}-queue"
        self._trigger = watch_trigger(platform, conn_id, happening, asset=told_apart, **more)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what makes the trigger behind this one."""
        return self._trigger.serialize()

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Run the trigger behind this one."""
        async for event in self._trigger.run():
            yield event
