"""Tables in Markdown, printed row by row as their numbers come in."""

from collections.abc import Iterable, Sequence


def print_header(columns: Sequence[str]) -> None:
    """Prints the first two lines of a table: the names of its columns, and the rule."""
    print(header(columns), flush=True)


def print_row(cells: Iterable[str]) -> None:
    """Prints a row of a table at once, as the next one may take hours."""
    print(row(cells), flush=True)


def header(columns: Sequence[str]) -> str:
    """Returns the two lines that `print_header` prints."""
    return f"{row(columns)}\n|{'---|' * len(columns)}"


def row(cells: Iterable[str]) -> str:
    """Returns the line that `print_row` prints."""
    return f"| {' | '.join(cells)} |"
