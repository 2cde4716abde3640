"""Names of files, folders and classes: how they are sorted and shown.

Names come from users' disks and archives, so they may contain anything: numbers of any
length, line breaks, terminal control characters, bytes that are not UTF-8. Error messages
and notes show them through `printable`, `shortened` or `listed`.
"""

import re
from collections.abc import Iterable
from typing import Any


NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
MAX_SHOWN_CHARACTERS = 60  # of a name that is `shortened`


def natural_key(name: str) -> tuple[Any, ...]:
    """Returns a sort key that compares numbers by value: img2 comes before img10.

    Paths are compared folder by folder, so that all files of a folder stay together.
    """
    return tuple(_text_and_numbers(part) for part in name.split("/"))


def sort_classes(names: Iterable[str]) -> list[str]:
    """Sorts names of classes in natural order, or by value if all of them are numbers.

    Numbers may have a sign and decimals: -1, 0.5 and 10 are in ascending order.
    """
    names = list(names)
    if all(NUMBER.fullmatch(name) for name in names):
        return sorted(names, key=lambda name: (float(name), name))
    return sorted(names, key=natural_key)


def printable(name: str) -> str:
    """Returns the name with escapes in place of characters that cannot be printed.

    Any name may contain line breaks or control characters, which a terminal would execute.
    In a name that is not UTF-8, Python represents the invalid bytes by lone surrogates.
    """
    if name.isprintable():
        return name
    raw = name.encode("utf-8", "surrogateescape")
    decoded = raw.decode("utf-8", "backslashreplace")
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode("ascii")
        for character in decoded
    )


def shortened(name: str) -> str:
    """Returns the printable name, cut to 60 characters with "..." at its end."""
    name = printable(name)
    if len(name) <= MAX_SHOWN_CHARACTERS:
        return name
    return f"{name[: MAX_SHOWN_CHARACTERS - 3]}..."


def listed(names: Iterable[str], max_count: int = 3) -> str:
    """Returns the first `max_count` names in a list such as 'a, b, c and 4 more'."""
    names = list(names)
    shown = ", ".join(shortened(name) for name in names[:max_count])
    more = len(names) - max_count
    return f"{shown} and {more:,} more" if more > 0 else shown


def _text_and_numbers(part: str) -> tuple[Any, ...]:
    """Returns a sort key of one part of a path: its text and its numbers in turn."""
    # Text and digits alternate, beginning with text (perhaps empty), so that comparing two
    # keys never compares text with a number.
    runs = re.split("([0-9]+)", part)
    key: list[Any] = list(runs)
    # Without leading zeros, a longer number is larger. Python's `int` would raise for more
    # than 4,300 digits.
    for i in range(1, len(runs), 2):
        digits = runs[i].lstrip("0")
        key[i] = (len(digits), digits)
    # The text itself breaks ties, such as between 1 and 01.
    return tuple(key), part
