"""Every message that the code can give people, with ``…`` for what differs: read from the syntax tree."""

from __future__ import annotations

import ast
import re
from functools import cache

from airflow_provider.live_sessions.core import errors
from tests.readme.pages import ROOT

KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
SKIPPED = "sandbox"  # a server, whose words are the platforms'
GAP = "…"


def text_of(node: ast.expr) -> str:
    """Return a text with a gap for each part that is only known when it runs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[sdr]", GAP, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(one) for one in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left) + text_of(node.right)
    return GAP


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


@cache
def messages() -> frozenset[str]:
    """Return what errors say happened, what is said to be unsupported, and what the log warns of."""
    found = set()
    for source in (ROOT / "airflow_provider").rglob("*.py"):
        if SKIPPED in source.parts:
            continue
        for call in ast.walk(ast.parse(source.read_text())):
            if isinstance(call, ast.Call) and call.args:
                name = _called(call)
                if name in KINDS or name in ("AirflowFailException", "AirflowSkipException", "warning"):
                    found.add(text_of(call.args[0]))
                elif name == "unsupported" and len(call.args) > 2:
                    found.add(text_of(call.args[2]))
    return frozenset(one for one in found if one.strip(GAP + " .:"))
