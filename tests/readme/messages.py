"""Every message that the code can give people, with ``…`` for what differs: read from the syntax tree."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache

from airflow_provider.live_sessions.core import errors
from tests.readme.pages import ROOT

KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
SKIPPED = "sandbox"  # a server, whose words are the platforms'
GAP = "…"


def text_of(node: ast.expr) -> str:
    """Return a text with a gap for each part that is only known when it runs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%(?:[sdr]|\.?\d*[fg])", GAP, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(one) for one in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left) + text_of(node.right)
    return GAP


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


@dataclass(frozen=True)
class Message:
    """A message of the code.

    Args:
        floor: The package's folder that it stands in, e.g. ``operators``.
        kind: The error's class; ``warning`` for one of the log.
        text: What it says.
    """

    floor: str
    kind: str
    text: str


def _makers(tree: ast.Module) -> dict[str, str]:
    """Return a module's functions that make an error of what they are told."""
    return {
        one.name: one.returns.id
        for one in ast.walk(tree)
        if isinstance(one, ast.FunctionDef) and isinstance(one.returns, ast.Name) and one.returns.id in KINDS
    }


def _said(call: ast.Call, makers: dict[str, str]) -> tuple[str, ast.expr] | None:
    """Return the kind of what a call tells people, and its words."""
    name, args = _called(call), call.args
    if args and (name in KINDS or name in ("AirflowFailException", "AirflowSkipException", "warning")):
        return name, args[0]
    if name == "unsupported" and len(args) > 2:
        return "Unsupported", args[2]
    words = [one for one in args if isinstance(one, ast.JoinedStr | ast.Constant)]
    return (makers[name], words[0]) if name in makers and words else None


@cache
def told() -> frozenset[Message]:
    """Return what errors say happened, what is said to be unsupported, and what the log warns of."""
    found = set()
    package = ROOT / "airflow_provider" / "live_sessions"
    for source in package.rglob("*.py"):
        inside = source.relative_to(package)
        if inside.parts[0] == SKIPPED:
            continue
        tree = ast.parse(source.read_text())
        makers = _makers(tree)
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and (said := _said(call, makers)) is not None:
                text = " ".join(text_of(said[1]).split())
                if text.strip(GAP + " .:"):
                    found.add(Message(inside.parts[0], said[0], text))
    return frozenset(found)


@cache
def messages() -> frozenset[str]:
    """Return the words of all of them."""
    return frozenset(one.text for one in told())
