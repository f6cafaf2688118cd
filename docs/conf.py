"""How the documentation is built: ``make docs``.

The source folder is the repository itself: so every link of a page leads to the same place on GitHub and here.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from docutils.nodes import TextElement
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

# The reference imports Airflow, which makes itself a home: not in that of whoever builds.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="live-sessions-docs-")

VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)
INIT = Path(__file__).parents[1] / "airflow_provider" / "live_sessions" / "__init__.py"

project = "Live sessions for Apache Airflow"
author = "The live-sessions provider maintainers"
release = VERSION.findall(INIT.read_text())[0]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinxcontrib.mermaid",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**", "airflow_provider/live_sessions/sandbox/README.md"]
exclude_patterns = [
    ".*",
    "benchmarks",
    "build",
    "crash",
    "dags",
    "demo",
    "demo-output",
    "dist",
    "docs/_build",
    "docs/_templates",
    "e2e",
    "htmlcov",
    "tests",
]
templates_path = [str(Path(__file__).parent / "_templates")]
highlight_language = "none"  # a block without a language is output, not code

myst_heading_anchors = 4
myst_fence_as_directive = {"mermaid"}  # written as GitHub draws them

# Diagrams are drawn in the browser, by Mermaid's script from jsDelivr, or from here after `make docs OFFLINE=1`.
mermaid_version = "11.12.1"
mermaid_height = "auto"
MERMAID = Path(__file__).parent / "_mermaid"
if MERMAID.is_dir():
    html_static_path = [str(MERMAID)]
    mermaid_use_local = "dist/mermaid.esm.min.mjs"

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_numpy_docstring = False

# Without the network nothing of other packages can be linked, and most annotations name it. What a docstring links
# on purpose (:meth:, :func:, :attr:, and this package's own classes) has to be there.
nitpick_ignore_regex = [(r"py:(class|data|exc|obj)", r"(?!airflow_provider\.).*|.*\._Memory")]

html_theme = "furo"
html_title = f"{project} {release}"
html_show_copyright = False


def as_written(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep sentences at attributes and results whole: napoleon takes what stands before a colon for a type."""
    del app, name, obj, options
    types = [at for at, line in enumerate(lines) if line.startswith(":type: ")]
    if what in ("attribute", "data") and types:
        lines[: types[0] + 1] = [f"{lines[types[0]].removeprefix(':type: ')}: {lines[0]}", *lines[1 : types[0]]]
    results = [at for at, line in enumerate(lines) if line.startswith(":returns: ")]
    for at in [at for at, line in enumerate(lines) if line.startswith(":rtype: ")]:
        before, said = lines[at].removeprefix(":rtype: "), lines[results[-1]].removeprefix(":returns: ")
        lines[results[-1]] = f":returns: {before}: {said}"
        lines[at] = ""


def by_short_name(app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: TextElement) -> Any:
    """Link what a docstring or an annotation names without its module, where there is only one of that name."""
    objects = env.domains.python_domain.objects
    found = [name for name in objects if name.endswith(f".{node['reftarget']}") and not objects[name].aliased]
    if node["refdomain"] != "py" or len(found) != 1:
        return None
    there = objects[found[0]]
    return make_refnode(app.builder, node["refdoc"], there.docname, there.node_id, shown, found[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Make task groups functions with a docstring again, and connect what is above."""
    import airflow.sdk

    airflow.sdk.task_group = lambda **_: lambda function: function  # type: ignore[assignment]  # only while it is read
    app.connect("autodoc-process-docstring", as_written, priority=600)  # after napoleon
    app.connect("missing-reference", by_short_name)
    return {"parallel_read_safe": True}
