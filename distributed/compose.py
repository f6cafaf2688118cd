"""docker-compose.yaml as Compose would read it: anchors merged, variables filled in from an environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

TOP = Path(__file__).parents[1]
FILE = TOP / "docker-compose.yaml"

VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>[A-Z_]+)(?:(?P<how>:[-?])(?P<rest>[^}]*))?\}")

QUOTED = re.compile(r"^(['\"])(.*)\1$")


class MissingError(Exception):
    """A required variable is not set."""


def written() -> Any:
    """Return the file as it is written, variables and all."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def read(environment: Mapping[str, str]) -> Any:
    """Return the file with its variables replaced.

    Args:
        environment: The variables, as a ``.env`` sets them.

    Raises:
        MissingError: One that is required is not set, or is empty.
    """
    return _filled(written(), environment)


def _filled(node: Any, environment: Mapping[str, str]) -> Any:
    def value(found: re.Match[str]) -> str:
        given = environment.get(found["name"], "")
        if given or found["how"] == ":-":
            return given or found["rest"]
        raise MissingError(found["name"])

    if isinstance(node, dict):
        return {name: _filled(one, environment) for name, one in node.items()}
    if isinstance(node, list):
        return [_filled(one, environment) for one in node]
    return VARIABLE.sub(value, node).replace("$$", "$") if isinstance(node, str) else node


def values_of(env: str) -> dict[str, str]:
    """Return what a ``.env`` sets; a value may stand in quotes, as people write them."""
    lines = (line.partition("=") for line in map(str.strip, env.splitlines()) if not line.startswith("#"))
    return {name.strip(): QUOTED.sub(r"\2", value.strip()) for name, sign, value in lines if sign}
