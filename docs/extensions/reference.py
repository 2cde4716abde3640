"""Pages of the reference, one for each room of the package, from the docstrings.

What a room publishes is found by itself: the names of its `__all__`, or of a file those
that do not begin with "_". Rooms whose files are methods (`models`, `pretrained`, `games`)
have a section for each file.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx


# In the order in which a reader meets them; rooms that are not here are internal.
ROOMS = (
    "core",
    "losses",
    "likelihoods",
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
SHADOWED = "\n   :no-index:"


def pages() -> dict[str, str]:
    """Returns the pages of the reference in Markdown, by name."""
    found = {"ganjax": front_page()}
    return found | {room: room_page(room) for room in ROOMS}


def front_page() -> str:
    """The page of `ganjax` itself: what `import ganjax as gx` brings."""
    package = importlib.import_module("ganjax")
    named = {name: getattr(package, name) for name in sorted(package.__all__)}
    entries = [_entry(value, name) for name, value in named.items() if _is_own(value)]
    types = [
        f"`gx.{name}`"
        for name, value in named.items()
        if not _is_own(value) and not inspect.ismodule(value)
    ]
    shown = "\n".join(entries)
    if types:
        shown += f"\n\nTypes of arguments, which are checked: {', '.join(types)}."
    return _page("ganjax", _opening(package), shown)


def room_page(room: str) -> str:
    """The page of a room."""
    module = importlib.import_module(f"ganjax.{room}")
    if room not in BY_FILE:
        return _page(f"ganjax.{room}", "", _automodule(module.__name__))
    parts = [_automodule(module.__name__)]
    for found in pkgutil.iter_modules(module.__path__, f"{module.__name__}."):
        # A function such as `games.unrolled` has the name of the file that defines it.
        hidden = getattr(module, found.name.rpartition(".")[2], None)
        options = "" if inspect.ismodule(hidden) or hidden is None else SHADOWED
        parts.append(f"## {found.name}\n\n{_automodule(found.name, options)}")
    return _page(f"ganjax.{room}", "", "\n\n".join(parts))


def _page(title: str, opening: str, body: str) -> str:
    return f"# {title}\n\n{opening}\n\n{body}\n"


def _opening(module: ModuleType) -> str:
    return f"```{{eval-rst}}\n.. automodule:: {module.__name__}\n   :no-members:\n```"


def _automodule(name: str, options: str = "") -> str:
    return f"```{{eval-rst}}\n.. automodule:: {name}\n   :members:{options}\n```"


def _is_own(value: Any) -> bool:
    return inspect.isclass(value) or inspect.isfunction(value)


def _entry(value: Any, name: str) -> str:
    """A name of the package, with a link to its entry on the page of its room."""
    places = [f"ganjax.{room}" for room in ROOMS if room not in BY_FILE]
    found = [p for p in places if name in _published(importlib.import_module(p), value)]
    place = f"{found[0]}.{name}" if found else f"{value.__module__}.{name}"
    return f"- {{py:obj}}`gx.{name} <{place}>`: {_first_line(value)}"


def _published(module: ModuleType, value: Any) -> list[str]:
    """The names under which a module publishes a value."""
    here = [x for x in vars(module) if value.__module__ == module.__name__]
    names = getattr(module, "__all__", here)
    return [name for name in names if getattr(module, name, None) is value]


def _first_line(value: Any) -> str:
    return (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ")


def shorten_signature(
    app: Sphinx, what: str, name: str, value: Any, options: Any, sig: str, returns: str
) -> tuple[str, str] | None:
    """Leaves out the fields that Flax gives to modules, and names default functions."""
    if not sig:
        return None
    sig = re.sub(r"(, )?parent: [^=]*= ?<.*?>, name: str \| None ?= ?None", "", sig)
    sig = re.sub(r"<class '[\w.]*?(\w+)'>", r"\1", sig)
    # Functions that are defaults are shown by name, lambdas as an ellipsis.
    function = r"<function (\w+)((?:[\w.]|<\w+>)*)[^<>]*>"
    sig = re.sub(function, lambda m: "..." if "<lambda>" in m[2] else m[1], sig)
    # Any other object is left to the docstring, as is the range of a number.
    sig = re.sub(r"<[^<>]*>", "...", sig)
    sig = re.sub(r"~?(?:\w+\.)*Annotated\[(\w+), [^\]]*\]", r"\1", sig)
    return sig, returns


def skip_fields(
    app: Sphinx, what: str, name: str, value: Any, skip: bool, options: Any
) -> bool | None:
    """Leaves out the fields of tuples, and functions that are defaults of fields.

    The docstring of a class describes its fields.
    """
    if type(value).__name__ == "_tuplegetter":
        return True
    if what == "class" and callable(value):
        # A method has the name of its class in its qualified name.
        return "." not in getattr(value, "__qualname__", "") or None
    return None


def to_rst(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Makes reStructuredText of a docstring, where it is written as Markdown.

    Lists and code get the empty lines and colons that they need, tables become list tables,
    and characters that would be markup are escaped.
    """
    if what == "module":
        lines[:] = _with_colons(lines)
    lines[:] = [*_escaped(_with_list_tables(_with_blocks(lines)))]
    if what == "attribute":
        # Napoleon takes a first line up to its colon for a type; this one shows nothing.
        lines.insert(0, "\\ ")


ITEM = re.compile(r"\s*([-*]|\d+\.) ")


def _with_blocks(lines: list[str]) -> list[str]:
    """Lists with an empty line before them, and indented code as a literal block."""
    result: list[str] = []
    for i, line in enumerate(lines):
        before = result[-1] if result else ""
        follows = before.strip() and _indent(line) == _indent(before)
        if ITEM.match(line) and follows and not ITEM.match(before):
            result.append("")
        # Code is indented, below an empty line and a line that ends with a colon.
        above = lines[i - 2] if i >= 2 and not lines[i - 1].strip() else ""
        is_code = line.strip() and _indent(line) >= _indent(above) + 4
        if above.rstrip().endswith(":") and is_code and not ITEM.match(line):
            result[-2] = re.sub(r":+$", "::", result[-2].rstrip())
        result.append(line)
    return result


def _with_colons(lines: list[str]) -> list[str]:
    """Two colons before an indented block that follows a line without any."""
    result: list[str] = []
    for line in lines:
        above = [x for x in result[-2:] if x.strip()]
        is_block = line.startswith("    ") and result and not result[-1].strip()
        if is_block and above and above[0][0] != " " and not above[0].endswith(":"):
            if not ITEM.match(above[0]):
                result += ["::", ""]
        result.append(line)
    return result


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _escaped(lines: list[str]) -> Iterator[str]:
    """Lines in which "|", "*" and a final "_" are text, but for code and lists."""
    literal: int | None = None  # the indentation of the line above a literal block
    for line in lines:
        if literal is not None and line.strip() and _indent(line) <= literal:
            literal = None
        if literal is None and not line.lstrip().startswith((">>>", "...", "..")):
            marker = ITEM.match(line)
            start = marker.end() if marker else 0
            parts = re.split(r"(`+[^`]+`+)", line[start:])
            parts[::2] = [re.sub(r"(?<!\\)([|*])", r"\\\1", x) for x in parts[::2]]
            # A letter that follows code, as in the plural `Loss`es, needs a separator.
            parts[2::2] = [re.sub(r"^(?=\w)", r"\\ ", x) for x in parts[2::2]]
            line_out = line[:start] + "".join(parts)
        else:
            line_out = line
        if literal is None and line.rstrip().endswith("::"):
            literal = _indent(line)
        yield line_out


def _with_list_tables(lines: list[str]) -> list[str]:
    """Tables of Markdown as list tables."""
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
    app.connect("autodoc-skip-member", skip_fields)
    # Before napoleon, which reads the sections.
    app.connect("autodoc-process-docstring", to_rst, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
