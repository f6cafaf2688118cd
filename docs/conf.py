"""How the documentation is built: ``make docs``.

The source folder is the repository itself: so every link of a page leads to the same place on GitHub and here.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.util.nodes import make_refnode
from sphinx.util.osutil import relative_uri

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

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
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


class MermaidLexer(TextLexer):
    """GitHub draws these blocks; here they are read as the text that they are (``say_what_draws``)."""

    name = "Mermaid"
    aliases: ClassVar[list[str]] = ["mermaid"]
    filenames: ClassVar[list[str]] = []


def say_what_draws(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put below each diagram what it is and where its source lies.

    To draw one a browser needs Mermaid's script, which would be fetched from another host, or a copy of it here;
    Sphinx's own extensions draw none.
    """
    del app
    source = relative_uri(f"{docname}.html", f"_sources/{docname}.md.txt")
    for block in list(doctree.findall(nodes.literal_block)):
        if block.get("language") == "mermaid":
            said = nodes.paragraph("", "", classes=["mermaid-source"])
            said += nodes.Text("A diagram in Mermaid's language, not drawn here: GitHub and many editors do. See ")
            said += nodes.reference("", "the page's source", refuri=source)
            said += nodes.Text(".")
            block.parent.insert(block.parent.index(block) + 1, said)


def as_written(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep the sentence at an attribute whole: napoleon takes what stands before a colon in it for a type."""
    del app, name, obj, options
    types = [at for at, line in enumerate(lines) if line.startswith(":type: ")]
    if what in ("attribute", "data") and types:
        lines[: types[0] + 1] = [f"{lines[types[0]].removeprefix(':type: ')}: {lines[0]}", *lines[1 : types[0]]]


def by_short_name(app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: TextElement) -> Any:
    """Link what a docstring or an annotation names without its module, where there is only one of that name."""
    objects = env.domains.python_domain.objects
    found = [name for name in objects if name.endswith(f".{node['reftarget']}") and not objects[name].aliased]
    if node["refdomain"] != "py" or len(found) != 1:
        return None
    there = objects[found[0]]
    return make_refnode(app.builder, node["refdoc"], there.docname, there.node_id, shown, found[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the language of the blocks known, and task groups functions with a docstring again."""
    import airflow.sdk

    airflow.sdk.task_group = lambda **_: lambda function: function  # type: ignore[assignment]  # only while it is read
    app.add_lexer("mermaid", MermaidLexer)
    app.connect("autodoc-process-docstring", as_written, priority=600)  # after napoleon
    app.connect("missing-reference", by_short_name)
    app.connect("doctree-resolved", say_what_draws)
    return {"parallel_read_safe": True}
