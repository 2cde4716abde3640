"""The names that people give to the splits of a data set: folders, arrays, TFDS splits.

Data sets in the wild call the training split train, Training_Set or trn, and what is held
out test, val, dev or holdout. CycleGAN's data sets have trainA and trainB, whose letter is
the domain. `parse` recognizes all of them.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

from ganjax.errors import NoSplit


# The first word of each kind is the kind's own name.
WORDS = {
    "train": ("train", "training", "trn"),
    "test": ("test", "testing", "tst"),
    "val": (
        "val",
        "valid",
        "validation",
        "dev",
        "eval",
        "evaluation",
        "holdout",
        "hold_out",
        "hold-out",
        "heldout",
        "held_out",
        "held-out",
    ),
}
KIND_OF_WORD = {word: kind for kind, words in WORDS.items() for word in words}
# The kinds that may answer a request for a kind, the preferred one first: a data set that
# has only one held-out split has it under either name.
LOOKUP_ORDER = {"train": ("train",), "test": ("test", "val"), "val": ("val", "test")}
FILLERS = ("", "set", "split", "data")  # words in a split's name that add no meaning
_WORD = "|".join(sorted(KIND_OF_WORD, key=len, reverse=True))
# Other text before or after the word of a split must be separated from it by a character
# that is not a letter: "my_train_images" names a split, "restraining" does not.
_NAME = re.compile(
    rf"(?P<before>.*[^a-z])??(?P<word>{_WORD})(?:set)?(?:[_-]?(?P<domain>[ab]))?"
    r"(?P<after>[^a-z].*)?",
    re.DOTALL,
)


class SplitName(NamedTuple):
    """A parsed name of a split.

    Attributes:
        kind: "train", "test" or "val".
        domain: "A" or "B" in data sets with two domains (trainA, trainB), or "".
        rest: other text in the name, such as "images" in train_images, or "".
    """

    kind: str
    domain: str
    rest: str


def parse(name: str) -> SplitName | None:
    """Parses the name of a split, in upper or lower case.

    Returns None if the name is not that of a split. For example, "Training_Set" gives
    ("train", "", ""), "trainA" gives ("train", "A", ""), and "val_masks" gives
    ("val", "", "masks").
    """
    match = _NAME.fullmatch(name.lower())
    if not match:
        return None
    around = ((match[part] or "").strip(" _-.") for part in ("before", "after"))
    rest = "*".join(part for part in around if part not in FILLERS)
    domain = (match["domain"] or "").upper()
    return SplitName(KIND_OF_WORD[match["word"]], domain, rest)


def parse_exact(name: str) -> SplitName | None:
    """Parses a name that consists of a split and its domain alone; None for any other."""
    parsed = parse(name)
    return parsed if parsed and not parsed.rest else None


def check_exists(split: str, existing: Collection[str], where: str) -> None:
    """Raises `NoSplit` if the data set `where` has no split of the name `split`."""
    if split not in existing:
        *first, last = existing
        raise NoSplit(
            f"{where} has no split {split!r}: its splits are {', '.join(first)} and {last}."
        )
