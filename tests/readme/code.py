"""What the package offers to its users, by name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType


def defined_in(*packages: ModuleType) -> dict[str, Any]:
    """Return everything with a name that the modules below these packages define themselves."""
    found: dict[str, Any] = {}
    for package in packages:
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(one.name)
            found |= {
                name: kind for name, kind in vars(module).items() if getattr(kind, "__module__", "") == one.name
            }
    return found
