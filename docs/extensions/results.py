"""The directive `results`, which renders the tables of a JSON file of results.

    ```{results} modes.json
    ```

gives the commands that reproduce the study, its tables and when they were measured. With
`:table: NAME` it gives that table alone.
"""

from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ganjax.report.results import Results, read_results


def to_markdown(results: Results, table: str = "") -> str:
    """Returns the results, or one table of them, as Markdown."""
    if table:
        return results.tables[table].to_markdown()
    commands = "\n".join(results.commands)
    tables = "\n\n".join(each.to_markdown() for each in results.tables.values())
    return f"```bash\n{commands}\n```\n\n{tables}\n\n{measured(results)}"


def measured(results: Results) -> str:
    """Returns a sentence that says when and on what the results were measured."""
    told = dict(results.measured)
    when, where = told.pop("date"), told.pop("on")
    rest = "".join(f"; {name}: {value}" for name, value in told.items())
    return f"*Measured on {when}: {where}{rest}.*"


class ResultsDirective(SphinxDirective):
    """See the module."""

    required_arguments = 1
    option_spec = {"table": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        _, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(path)
        text = to_markdown(read_results(Path(path)), self.options.get("table", ""))
        parent = nodes.Element()
        lines = text.splitlines()
        self.state.nested_parse(StringList(lines, self.arguments[0]), 0, parent)
        return parent.children


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("results", ResultsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
