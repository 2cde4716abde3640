"""Tables in Markdown, printed row by row as their numbers come in."""

from collections.abc import Iterable, Sequence


def print_header(columns: Sequence[str]) -> None:
    """Prints the first two lines of a table: the names of its columns, and the rule."""
    print_row(columns)
    print("|" + "---|" * len(columns), flush=True)


def print_row(cells: Iterable[str]) -> None:
    """Prints a row of a table at once, as the next one may take hours."""
    print("| " + " | ".join(cells) + " |", flush=True)
