"""Measures how the code reads: comments, tuple unpackings, the shares of the rooms.

    python tools/style.py

prints a line for each room of the package, and for the whole. These are signs, not aims:
a comment that is written to move a number helps nobody.

- comments: lines that hold nothing but a comment, for each line of code.
- unpackings: statements `a, b = x, y` per 1,000 lines of code, which save a line and cost
  the reader two looks.
- share: of the package's lines of code.

A line of code is neither empty, nor only a comment, nor of a docstring.
"""

import argparse
import ast
import io
import tokenize
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from ganjax.report.markdown import print_header, print_row


class Counts(NamedTuple):
    """What is counted in some files."""

    files: int = 0
    code: int = 0
    comments: int = 0
    unpackings: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """The sum of both."""
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


def measure(text: str) -> Counts:
    """The counts of one file."""
    tree = ast.parse(text)
    lines = text.splitlines()
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, str):
                docstrings |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    comments = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
        and lines[token.start[0] - 1].lstrip().startswith("#")
    }
    empty = {i for i, line in enumerate(lines, 1) if not line.strip()}
    code = len(lines) - len(docstrings | comments | empty)
    unpackings = sum(
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Tuple)
        and isinstance(node.value, ast.Tuple)
        for node in ast.walk(tree)
    )
    return Counts(1, code, len(comments), unpackings)


def main(package: Path) -> None:
    """Prints the table."""
    rooms: dict[str, Counts] = defaultdict(Counts)
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).parts
        room = parts[0] if len(parts) > 1 else "top level"
        rooms[room] = rooms[room].plus(measure(path.read_text()))
    whole = Counts()
    for counts in rooms.values():
        whole = whole.plus(counts)
    print_header(("room", "files", "code", "comments", "unpackings", "share"))
    for name, counts in [*sorted(rooms.items()), ("**whole**", whole)]:
        print_row(
            (
                name,
                str(counts.files),
                str(counts.code),
                f"{counts.comments / max(counts.code, 1):.3f}",
                f"{1000 * counts.unpackings / max(counts.code, 1):.1f}",
                f"{counts.code / whole.code:.1%}",
            )
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = Path(__file__).parents[1] / "ganjax"
    parser.add_argument("package", type=Path, nargs="?", default=default)
    main(parser.parse_args().package)
