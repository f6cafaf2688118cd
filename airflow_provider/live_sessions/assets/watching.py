"""Assets that are updated whenever something happens on a connection, whoever launched it: no task waits."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from airflow.providers.common.compat.assets import Asset
from airflow.sdk import AssetWatcher

from airflow_provider.live_sessions.assets.addresses import SCHEME, WATCHED, Happening
from airflow_provider.live_sessions.core.contract import DEFAULT_RULES, Ability, ArtifactRules
from airflow_provider.live_sessions.core.polling import ARTIFACT_DELAYS, POLL_INTERVAL
from airflow_provider.live_sessions.core.times import seconds_of
from airflow_provider.live_sessions.triggers.ended import SessionsEndedTrigger
from airflow_provider.live_sessions.triggers.ready import ArtifactsReadyTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.triggers.watching import WatchTrigger

HOOKS: Final = {
    name: f"airflow_provider.live_sessions.hooks.{name}.{name.capitalize()}Hook"
    for name in ("lessonspace", "coviu", "screenleap")
}
"""Platforms that list what has ended. Educates keeps nothing after the end; its end sensor's outlets tell it."""

LEAVING: Final = ("lessonspace",)
"""Platforms whose sessions leave something that appears later."""

ABILITIES: Final = {Happening.TRANSCRIPT: Ability.TRANSCRIPT, Happening.RECORDING: Ability.RECORDING}


def sessions_ended(platform: str, conn_id: str, *, poll_interval: float = POLL_INTERVAL) -> Asset:
    """Return the asset that a DAG is scheduled on to run when a session of a connection has ended.

    Args:
        platform: ``lessonspace``, ``coviu`` or ``screenleap``.
        conn_id: The Airflow connection.
        poll_interval: Seconds between two questions. DAGs that share a connection give the same number, or each
            number is asked for on its own.

    Raises:
        ValueError: The platform cannot tell.
    """
    uri = watched_uri(platform, conn_id, Happening.ENDED)
    trigger = watch_trigger(platform, conn_id, Happening.ENDED, poll_interval=poll_interval, asset=uri)
    return Asset(uri=uri, watchers=[AssetWatcher(name="sessions-ended", trigger=trigger)])


def artifacts_ready(
    platform: str,
    conn_id: str,
    happening: str = Happening.TRANSCRIPT,
    *,
    poll_interval: float = POLL_INTERVAL,
    check_delays: Sequence[float] = ARTIFACT_DELAYS,
    rules: ArtifactRules | Mapping[str, float] = DEFAULT_RULES,
) -> Asset:
    """Return the asset that a DAG is scheduled on to run when what a session leaves is there.

    Each session that ends is asked for on its own, at most 14 times; all waits for artifacts of a connection
    together ask once in two seconds.

    Args:
        platform: ``lessonspace``.
        conn_id: The Airflow connection.
        happening: ``transcript-ready`` or ``recording-ready``.
        poll_interval: Seconds between two looks at what has ended; DAGs that share a connection give the same.
        check_delays: Seconds from the end to the first question, and between two; the last one repeats.
        rules: From when on a session has a transcript, and how long an artifact is waited for.

    Raises:
        ConfigurationError: The rules or the delays are none.
        ValueError: The platform's sessions leave no such thing.
    """
    if happening not in ABILITIES:
        raise ValueError(f"{happening!r} is not left by a session, known are {', '.join(ABILITIES)}")
    uri = watched_uri(platform, conn_id, happening)
    trigger = watch_trigger(
        platform,
        conn_id,
        happening,
        poll_interval=poll_interval,
        check_delays=check_delays,
        rules=rules,
        asset=uri,
    )
    return Asset(uri=uri, watchers=[AssetWatcher(name=str(happening), trigger=trigger)])


def watched_uri(platform: str, conn_id: str, happening: str) -> str:
    """Return the address of what is watched for on a connection."""
    return f"{SCHEME}://{platform}/{quote(conn_id, safe='')}/{Happening(happening)}{WATCHED}"


def watch_trigger(
    platform: str,
    conn_id: str,
    happening: str,
    *,
    asset: str,
    poll_interval: float = POLL_INTERVAL,
    check_delays: Sequence[float] = ARTIFACT_DELAYS,
    rules: ArtifactRules | Mapping[str, float] = DEFAULT_RULES,
) -> WatchTrigger[Any]:
    """Return what watches a connection.

    Args:
        platform: The platform's name.
        conn_id: The Airflow connection.
        happening: ``session-ended``, ``transcript-ready`` or ``recording-ready``.
        asset: What tells the watched asset from others: two assets must not share one cursor.
        poll_interval: Seconds between two questions.
        check_delays: For artifacts; see :func:`artifacts_ready`.
        rules: For artifacts; see :func:`artifacts_ready`.

    Raises:
        ConfigurationError: The rules or the delays are none.
        ValueError: The platform cannot tell.
    """
    if happening == Happening.ENDED and platform in HOOKS:
        return SessionsEndedTrigger(
            hook_class=HOOKS[platform], conn_id=conn_id, poll_interval=poll_interval, asset=asset
        )
    if happening in ABILITIES and platform in LEAVING:
        return ArtifactsReadyTrigger(
            hook_class=HOOKS[platform],
            conn_id=conn_id,
            poll_interval=poll_interval,
            ability=ABILITIES[Happening(happening)].name,
            delays=[seconds_of(one, "check_delays") for one in check_delays],
            rules=asdict(ArtifactRules.of(rules)),
            asset=asset,
        )
    if happening in ABILITIES:
        raise ValueError(f"{platform!r} has no {happening} to be watched for, known are {', '.join(LEAVING)}")
    if happening == Happening.ENDED:
        raise ValueError(
            f"{platform!r} keeps no list of what has ended, known are {', '.join(HOOKS)}; use outlets_for(...) on "
            "its end sensor"
        )
    raise ValueError(
        f"{happening!r} cannot be watched for, known are {', '.join((Happening.ENDED, *ABILITIES))}; use "
        "outlets_for(...) on a sensor"
    )
