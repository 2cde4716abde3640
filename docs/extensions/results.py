"""The directive `results`, which renders the tables of a JSON file of results.

    ```{results} modes.json
    ```

gives the commands that reproduce the study, its tables and when they were measured. With
`:table: NAME` it gives that table alone, and with `:without: NAME` all but that one.
"""

from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ganjax.report.results import read_results


class ResultsDirective(SphinxDirective):
    """See the module."""

    required_arguments = 1
    option_spec = {"table": directives.unchanged, "without": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        _, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(path)
        results = read_results(Path(path))
        if "table" in self.options:
            text = results.tables[self.options["table"]].to_markdown()
        else:
            text = results.to_markdown(self.options.get("without", ""))
        parent = nodes.Element()
        lines = text.splitlines()
        self.state.nested_parse(StringList(lines, self.arguments[0]), 0, parent)
        return parent.children


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("results", ResultsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
