"""A page for each experiment, from its docstring and arguments.

The files are parsed and not imported, so that the pages need none of their libraries.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


ROOT = Path(__file__).parents[2]


class Argument(NamedTuple):
    """One argument of an experiment."""

    flag: str
    default: str
    meaning: str


class Experiment(NamedTuple):
    """What a file says of itself."""

    name: str
    title: str
    text: str
    run: dict[str, str]  # settings of `Run` that differ from its defaults
    arguments: list[Argument]


def experiments(folder: Path = ROOT / "experiments") -> list[Experiment]:
    """Returns the experiments of a folder, by name."""
    return [read(path) for path in sorted(folder.glob("*.py"))]


def read(path: Path) -> Experiment:
    """Returns what the file of an experiment says of itself."""
    tree = ast.parse(path.read_text())
    title, _, text = (ast.get_docstring(tree) or path.stem).partition("\n")
    (args,) = (
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "Args"
    )
    fields = list(_fields(args))
    return Experiment(
        name=path.stem,
        title=title.rstrip("."),
        text=text.strip(),
        run=next(map(_settings, (node for node, _ in fields if _name(node) == "run"))),
        arguments=[
            _argument(node, doc) for node, doc in fields if _name(node) != "run"
        ],
    )


def _fields(args: ast.ClassDef) -> Iterator[tuple[ast.AnnAssign, str]]:
    """The fields of a dataclass and the strings that follow them."""
    for node, after in zip(args.body, [*args.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign):
            is_text = isinstance(after, ast.Expr) and isinstance(
                after.value, ast.Constant
            )
            yield node, " ".join(str(after.value.value).split()) if is_text else ""


def _name(node: ast.AnnAssign) -> str:
    return ast.unparse(node.target)


def _settings(node: ast.AnnAssign) -> dict[str, str]:
    """The arguments of the call of `Run` that is the default of the field `run`."""
    call = node.value
    if not isinstance(call, ast.Call):
        return {}
    named = {word.arg or "": ast.unparse(word.value) for word in call.keywords}
    given = dict(
        zip(("workdir", "steps", "batch"), map(ast.unparse, call.args), strict=False)
    )
    return given | named


def _argument(node: ast.AnnAssign, meaning: str) -> Argument:
    flag = "--" + _name(node).replace("_", "-")
    default = ast.unparse(node.value) if node.value else "required"
    return Argument(flag, default, meaning)


def page(experiment: Experiment) -> str:
    """Returns the page of an experiment in Markdown."""
    command = f"python experiments/{experiment.name}.py"
    settings = ", ".join(
        f"`--{name.replace('_', '-')} {value.strip(chr(39))}`"
        for name, value in experiment.run.items()
    )
    lines = [
        f"# {experiment.name}",
        "",
        f"{experiment.title}.",
        "",
        *markdown(experiment.text).splitlines(),
        "",
        "```bash",
        command,
        "```",
        "",
        f"By default {settings}. All other settings of a run have the defaults of",
        "{py:obj}`ganjax.run.Run`.",
        "",
    ]
    if experiment.arguments:
        lines += ["| argument | default | meaning |", "|---|---|---|"]
    for flag, default, meaning in experiment.arguments:
        cells = f"`{flag}`", f"`{default}`", meaning.replace("|", r"\|")
        lines.append(f"| {' | '.join(cells)} |")
    source = f"../../../experiments/{experiment.name}.py"
    lines += [
        "",
        "## Source",
        "",
        f"```{{literalinclude}} {source}",
        ":language: python",
    ]
    return "\n".join([*lines, "```", ""])


def markdown(text: str) -> str:
    """Returns a docstring as Markdown: asterisks in words, as in 8*8, are no emphasis."""
    # Code is between backticks, or indented by four spaces.
    parts = re.split(r"(`[^`]+`|^ {4}.*$)", text, flags=re.MULTILINE)
    parts[::2] = [re.sub(r"(?<=\w)\*(?=\w)", r"\\*", part) for part in parts[::2]]
    return "".join(parts)
