"""Tables that are printed row by row, and the names of what is in them."""

import sys
from collections.abc import Collection, Iterable


def known(what: str, names: Iterable[str], there: Collection[str]) -> None:
    """Ends the program with one sentence if a name is none of those that are there."""
    unknown = sorted(set(names) - set(there))
    if unknown:
        sys.exit(f"No {what} is called {unknown[0]}; there are {', '.join(there)}.")


def head(columns: Collection[str]) -> None:
    """Prints the first two lines of a table in Markdown."""
    row(columns)
    print("|" + "---|" * len(columns), flush=True)


def row(cells: Iterable[str]) -> None:
    """Prints a row of it."""
    print("| " + " | ".join(cells) + " |", flush=True)
