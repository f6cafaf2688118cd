"""The provider broken on purpose, in the forks alone: the matrix has to see each of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def nothing() -> None:
    """Leave the provider as it is."""


def no_look_up() -> None:
    """Create without looking, before and after: a retry doubles."""
    from airflow_provider.live_sessions.core import launching
    from airflow_provider.live_sessions.core.contract import Unprovable
    from airflow_provider.live_sessions.platforms.coviu import finding

    _replace(launching, "_look_up", lambda *_: Unprovable("nobody looked"))
    _replace(finding, "settle_doubles", lambda _client, made, *_: (made, []))


def in_place() -> None:
    """Write files in their place instead of beside it: a kill leaves half of one."""
    from airflow_provider.live_sessions.artifacts.local import LocalStorage

    def put(self: LocalStorage, name: str, chunks: Iterable[bytes]) -> int:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb", buffering=0) as file:
            return sum(file.write(chunk) for chunk in chunks)

    _replace(LocalStorage, "put", put)


def end_what_is_found() -> None:
    """End a session that is found, people or not."""
    from airflow_provider.live_sessions.core import launching

    take_over = vars(launching)["_take_over"]

    def end_first(platform: Any, found: Any, *rest: Any) -> Any:
        platform.cancel(found.ref, force=True)
        return take_over(platform, found, *rest)

    _replace(launching, "_take_over", end_first)


def drop() -> None:
    """Cancel what was just launched: what is recorded lets nobody in."""
    from airflow_provider.live_sessions.operators import launch

    create_or_find = vars(launch)["create_or_find"]

    def create_and_drop(platform: Any, *rest: Any, **more: Any) -> Any:
        launched = create_or_find(platform, *rest, **more)
        platform.cancel(launched.ref, force=True)
        return launched

    _replace(launch, "create_or_find", create_and_drop)


def _replace(owner: Any, name: str, by: Any) -> None:
    if name not in vars(owner):
        raise AttributeError(f"there is no {name} to break any more")
    setattr(owner, name, by)


SABOTAGES: dict[str, Callable[[], None]] = {
    "": nothing,
    "no-look-up": no_look_up,
    "in-place": in_place,
    "end-what-is-found": end_what_is_found,
    "drop": drop,
}
