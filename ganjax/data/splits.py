"""The names that people give to the folders or arrays of a split."""

import re
from typing import NamedTuple


# The first of each kind is the name by which the kind is known here.
WORDS = {
    "train": ("train", "training", "trn"),
    "test": ("test", "testing", "tst"),
    "val": (
        *("val", "valid", "validation", "dev", "eval", "evaluation"),
        *("holdout", "hold_out", "hold-out", "heldout", "held_out", "held-out"),
    ),
}
KIND = {word: kind for kind, words in WORDS.items() for word in words}
# What is held out is sought in this order, for each kind that may be asked for.
SOUGHT = {"train": ("train",), "test": ("test", "val"), "val": ("val", "test")}
PLAIN = ("", "set", "split", "data")  # said of a split, these tell nothing more
_WORD = "|".join(sorted(KIND, key=len, reverse=True))
_NAME = re.compile(
    rf"(?P<before>.*[^a-z])??(?P<word>{_WORD})(?:set)?(?:[_-]?(?P<domain>[ab]))?"
    r"(?P<after>[^a-z].*)?",
    re.DOTALL,
)


class Name(NamedTuple):
    """What the name of a split says."""

    kind: str  # "train", "test" or "val"
    domain: str  # "A" or "B" where one place has two kinds of images, or ""
    beyond: str  # what else the name says: "images" in train_images, else ""


def parse(name: str) -> Name | None:
    """What `name` says if it is that of a split, in any case of letters, or None."""
    found = _NAME.fullmatch(name.lower())
    if not found:
        return None
    around = ((found[part] or "").strip(" _-.") for part in ("before", "after"))
    beyond = "*".join(part for part in around if part not in PLAIN)
    domain = (found["domain"] or "").upper()
    return Name(KIND[found["word"]], domain, beyond)


def exact(name: str) -> Name | None:
    """The same for a name that says nothing else."""
    parsed = parse(name)
    return parsed if parsed and not parsed.beyond else None
