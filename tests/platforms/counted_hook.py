"""A hook that counts how often it is looked for by its path."""

from __future__ import annotations

from typing import Any

from tests.platforms import toy_hook

HOOK = f"{__name__}.CountedHook"
looked_for = 0


def __getattr__(name: str) -> Any:
    global looked_for  # noqa: PLW0603 - counting is this module's purpose
    if name != "CountedHook":
        raise AttributeError(name)
    looked_for += 1
    return toy_hook.ToyHook
