"""Pages of the reference, one for each room of the package, from the docstrings.

What a room publishes is found by itself: the names of its `__all__`, or of a file those
that do not begin with "_". Rooms whose files are methods (`models`, `pretrained`, `games`)
have a section for each file.
"""

import importlib
import inspect
import pkgutil
import re
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx


# In the order in which a reader meets them; rooms that are not here are internal.
ROOMS = (
    "core",
    "losses",
    "regularizers",
    "augment",
    "optim",
    "models",
    "layers",
    "games",
    "parallel",
    "data",
    "modalities",
    "evaluation",
    "pretrained",
    "run",
    "loop",
    "errors",
)
BY_FILE = {"models", "layers", "games", "pretrained"}


def pages() -> dict[str, str]:
    """Returns the pages of the reference in Markdown, by name."""
    found = {"ganjax": front_page()}
    return found | {room: room_page(room) for room in ROOMS}


def front_page() -> str:
    """The page of `ganjax` itself: what `import ganjax as gx` brings."""
    package = importlib.import_module("ganjax")
    names = [n for n in package.__all__ if not inspect.ismodule(getattr(package, n))]
    shown = "\n".join(_entry(getattr(package, name), name) for name in sorted(names))
    return _page("ganjax", _opening(package), shown)


def room_page(room: str) -> str:
    """The page of a room."""
    module = importlib.import_module(f"ganjax.{room}")
    if room not in BY_FILE:
        return _page(f"ganjax.{room}", "", _automodule(module.__name__))
    parts = [_automodule(module.__name__)]
    for found in pkgutil.iter_modules(module.__path__, f"{module.__name__}."):
        parts.append(f"## {found.name}\n\n{_automodule(found.name)}")
    return _page(f"ganjax.{room}", "", "\n\n".join(parts))


def _page(title: str, opening: str, body: str) -> str:
    return f"# {title}\n\n{opening}\n\n{body}\n"


def _opening(module: ModuleType) -> str:
    return f"```{{eval-rst}}\n.. automodule:: {module.__name__}\n   :no-members:\n```"


def _automodule(name: str) -> str:
    return f"```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```"


def _entry(value: Any, name: str) -> str:
    """The place of a name of the package: its own entry is on the page of its room."""
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return f"- `gx.{name}`"
    return f"- `gx.{name}`: {_first_line(value)}"


def _first_line(value: Any) -> str:
    return (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ")


def shorten_signature(
    app: Sphinx, what: str, name: str, value: Any, options: Any, sig: str, returns: str
) -> tuple[str, str] | None:
    """Leaves out of a module's signature the fields that Flax gives to each."""
    if not sig:
        return None
    sig = re.sub(r", parent: .*?=<.*?>, name: .*?=None", "", sig)
    sig = re.sub(r"parent: .*?=<.*?>, name: .*?=None", "", sig)
    # Functions that are defaults are shown by their names alone.
    sig = re.sub(r"<function (\S+) at 0x\w+>", lambda m: m[1].split(".")[0], sig)
    sig = re.sub(r" at 0x\w+", "", sig)
    return sig, returns


def skip_aliases(
    app: Sphinx, what: str, name: str, value: Any, skip: bool, options: Any
) -> bool | None:
    """Leaves out the fields of tuples, which the docstring of the class describes."""
    if type(value).__name__ == "_tuplegetter":
        return True
    return None


def tidy(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Makes reStructuredText of a docstring, where the two differ from Markdown.

    Lists get an empty line before them, tables become literal blocks, and asterisks in
    plain text are escaped.
    """
    text: list[str] = []
    for line in lines:
        stripped = line.strip()
        before = text[-1].strip() if text else ""
        is_item = re.match(r"([-*]|\d+\.) ", stripped)
        if is_item and before and not re.match(r"([-*]|\d+\.) ", before):
            if len(line) - len(line.lstrip()) == len(text[-1]) - len(text[-1].lstrip()):
                text.append("")
        text.append(line)
    lines[:] = list(_with_literal_tables(text))


def _with_literal_tables(lines: list[str]) -> list[str]:
    """A table of Markdown as a list table."""
    result: list[str] = []
    i = 0
    while i < len(lines):
        block = []
        while i < len(lines) and lines[i].strip().startswith("|"):
            block.append(lines[i])
            i += 1
        if not block:
            result.append(lines[i])
            i += 1
            continue
        indent = " " * (len(block[0]) - len(block[0].lstrip()))
        cells = [
            [c.strip() for c in row.strip().strip("|").split("|")] for row in block
        ]
        rows = [row for row in cells if not set("".join(row)) <= set("-: ")]
        result += ["", f"{indent}.. list-table::", f"{indent}   :header-rows: 1", ""]
        for row in rows:
            for j, cell in enumerate(row):
                mark = "* -" if j == 0 else "  -"
                result.append(f"{indent}   {mark} {cell}".rstrip())
        result.append("")
    return result


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-signature", shorten_signature)
    app.connect("autodoc-skip-member", skip_aliases)
    app.connect("autodoc-process-docstring", tidy, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
