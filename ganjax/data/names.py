"""Names of files, folders and classes: in which order they come and how they are shown."""

import re
from collections.abc import Iterable
from typing import Any


NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
LONGEST = 60  # characters of a name that are shown


def natural(name: str) -> tuple[Any, ...]:
    """A key to sort by that compares numbers as numbers: img2 comes before img10.

    Folders compare one by one, so that all files of a folder stay together.
    """
    return tuple(_runs(part) for part in name.split("/"))


def in_order(names: Iterable[str]) -> list[str]:
    """Names of classes in natural order; signed and decimal ones by their values."""
    names = list(names)
    if all(NUMBER.fullmatch(name) for name in names):
        return sorted(names, key=lambda name: (float(name), name))
    return sorted(names, key=natural)


def printable(name: str) -> str:
    """The name with what no terminal could print, or would obey, written as escapes.

    A name that is not UTF-8 comes from the file system with lone surrogates in it, and
    any name may hold line breaks or control characters.
    """
    if name.isprintable():
        return name
    raw = name.encode("utf-8", "surrogateescape")
    decoded = raw.decode("utf-8", "backslashreplace")
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in decoded
    )


def shortened(name: str) -> str:
    """A name that is printable and no longer than a line can bear."""
    name = printable(name)
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."


def listed(names: Iterable[str], most: int = 3) -> str:
    """The first few names, separated by commas, and how many more there are."""
    names = list(names)
    shown = ", ".join(shortened(name) for name in names[:most])
    more = len(names) - most
    return f"{shown} and {more:,} more" if more > 0 else shown


def _runs(part: str) -> tuple[Any, ...]:
    # Text and digits take turns, beginning with text, so that like meets like. Numbers
    # compare by their length first, as they may be longer than `int` takes.
    runs = re.split("([0-9]+)", part)
    digits = (run.lstrip("0") for run in runs[1::2])
    key: list[Any] = list(runs)
    key[1::2] = [(len(digit), digit) for digit in digits]
    return tuple(key), part
