"""Matches the images of two places by the names of their files.

Paired images are named in many ways: a/1.png and b/1.png, 1.jpg and 1_mask.png,
photo-0001.png and label-1.png. `match` tries ways of comparing names from the strictest to
the loosest, and uses the first by which every image has exactly one partner.
"""

import re
import unicodedata
from collections.abc import Callable, Hashable, Sequence

import numpy as np
from jaxtyping import Int

from ganjax.data.names import shortened
from ganjax.errors import UsageError


# A key for each name: names with equal keys belong together. None if the way of comparing
# does not apply.
Keys = list[Hashable] | None


def match(
    front: Sequence[str], back: Sequence[str], places: str
) -> Int[np.ndarray, " n"]:
    """Finds the partner of each image by its name.

    Names belong together if they are equal except for their extensions; if they are equal
    without the beginning and the end that all names of their side share (1.png and
    1_mask.png); or if they contain the same numbers. If each side has a single image, the
    two are a pair.

    Args:
        front: the names of one side.
        back: the names of the other side.
        places: the two places in words, for messages.

    Returns:
        For each name of `front` the index of its partner in `back`.

    Raises:
        UsageError: no way of comparing names pairs all of them.
    """
    if len(front) == len(back) == 1:
        return np.zeros(1, np.int64)
    # The keys by which most names have a partner show best what is missing.
    nearest = None
    most_shared = 0
    for way in WAYS:
        front_keys = way(front)
        back_keys = way(back)
        if front_keys is None or back_keys is None:
            continue
        # If the text between the numbers differs as well, equal numbers prove nothing.
        if way is _numbers and not (_is_uniform(front) or _is_uniform(back)):
            continue
        index = {key: i for i, key in enumerate(back_keys)}
        # A key that occurs twice on a side is ambiguous.
        if len(set(front_keys)) < len(front_keys) or len(index) < len(back_keys):
            continue
        shared = len(index.keys() & set(front_keys))
        if shared == len(front_keys) == len(back_keys):
            return np.array([index[key] for key in front_keys])
        if shared > most_shared:
            nearest = front_keys, back_keys
            most_shared = shared
    # If less than half of the names have a partner, the others are not named.
    without = []
    if nearest and 2 * most_shared >= min(len(front), len(back)):
        front_keys, back_keys = nearest
        without = _without_partner(front, front_keys, back_keys)
        without += _without_partner(back, back_keys, front_keys)
    raise _no_pairs(front, back, places, without)


def unequal_numbers(
    front: int, back: int, places: str, addition: str = ""
) -> UsageError:
    """Returns the error for paired data with different numbers of images on each side.

    Args:
        front: the number of images on one side.
        back: the number of images on the other side.
        places: the two places in words.
        addition: the end of the sentence.
    """
    return UsageError(
        f"{places} hold {front:,} and {back:,} images: pairs are as many in each{addition}."
    )


def describe(
    front: Sequence[str], back: Sequence[str], order: Int[np.ndarray, " n"]
) -> str:
    """Returns a sentence that shows the first three pairs.

    Args:
        front: the names of one side.
        back: the names of the other side.
        order: what `match` returned for them.
    """
    pairs = [
        f"{shortened(name)} with {shortened(back[int(index)])}"
        for name, index in zip(front[:3], order[:3], strict=True)
    ]
    more = f", and {len(front) - 3:,} more" if len(front) > 3 else ""
    return f"Pairs: {', '.join(pairs)}{more}."


def _without_partner(
    names: Sequence[str], keys: list[Hashable], other_keys: list[Hashable]
) -> list[str]:
    """Returns the names whose keys are not among those of the other side."""
    others = set(other_keys)
    return [name for name, key in zip(names, keys, strict=True) if key not in others]


def _no_pairs(
    front: Sequence[str], back: Sequence[str], places: str, without: list[str]
) -> UsageError:
    """Returns the error for names that are not pairs; those `without` have no partner."""
    if len(front) != len(back):
        addition = f", and {shortened(without[0])} has no partner" if without else ""
        return unequal_numbers(len(front), len(back), places, addition)
    if without:
        more = len(without) - 1
        return UsageError(
            f"{shortened(without[0])}{f' and {more:,} more' if more else ''} "
            f"{'are' if more else 'is'} in only one of {places}: give the images "
            "of all pairs names that belong together."
        )
    return UsageError(
        f"The names in {places} do not tell which images belong together "
        f"({shortened(front[0])} ... and {shortened(back[0])} ...): name the two of a "
        "pair alike, such as 1.png and 1.png, or 1.png and 1_mask.png."
    )


# The ways of comparing names. Each returns a key for every name.
def _exact(names: Sequence[str]) -> Keys:
    """Returns the path without the extension."""
    return [_stem(name) for name in names]


def _normalized(names: Sequence[str]) -> Keys:
    """Returns the path without the extension and in the form of `_normal`."""
    return [_normal(_stem(name)) for name in names]


def _base(names: Sequence[str]) -> Keys:
    """Returns the name of the file, in whatever folder it is."""
    return list(_bases(names))


def _trimmed(names: Sequence[str]) -> Keys:
    """Returns the path, its file name without the start and end that all names share."""
    paths = [_normal(_stem(name)).rpartition("/") for name in names]
    middles = _middles([base for _, _, base in paths])
    return [
        (folder, middle) for (folder, _, _), middle in zip(paths, middles, strict=True)
    ]


def _trimmed_base(names: Sequence[str]) -> Keys:
    """Returns the file name without what all names share, in whatever folder it is."""
    return list(_middles(_bases(names)))


def _numbers(names: Sequence[str]) -> Keys:
    """Returns the numbers in each name, without those that are the same in all names."""
    rows = [re.findall("[0-9]+", base) for base in _bases(names)]
    if len({len(row) for row in rows}) > 1:
        return None
    columns = [column for column in zip(*rows, strict=True) if len({*column}) > 1]
    return list(zip(*columns, strict=True)) if columns else None


# From the strictest to the loosest.
WAYS: tuple[Callable[[Sequence[str]], Keys], ...] = (
    _exact,
    _normalized,
    _base,
    _trimmed,
    _trimmed_base,
    _numbers,
)


def _is_uniform(names: Sequence[str]) -> bool:
    """Returns whether the names of files differ by their numbers alone."""
    return len({re.sub("[0-9]+", "0", base) for base in _bases(names)}) == 1


def _bases(names: Sequence[str]) -> list[str]:
    """Returns names of files without folder and extension, in the form of `_normal`."""
    return [_normal(_stem(name).rpartition("/")[2]) for name in names]


def _stem(name: str) -> str:
    """Returns a path without the extension."""
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base.rpartition('.')[0] or base}"


def _normal(stem: str) -> str:
    """Returns lower case, letters and accents composed (NFC), numbers without zeros."""
    return re.sub("0*([0-9]+)", r"\1", unicodedata.normalize("NFC", stem).casefold())


def _middles(stems: list[str]) -> list[str]:
    """Returns the stems without the beginning and the end that all of them share."""
    if len(stems) < 2:
        return stems
    start = _common_length(stems)
    # A number is not cut in two: 10 and 11 keep their 1.
    if any(stem[start : start + 1].isdecimal() for stem in stems):
        while start and stems[0][start - 1].isdecimal():
            start -= 1
    rest = [stem[start:] for stem in stems]
    end = _common_length([stem[::-1] for stem in rest])
    if any(stem[len(stem) - end - 1 : len(stem) - end].isdecimal() for stem in rest):
        while end and rest[0][len(rest[0]) - end].isdecimal():
            end -= 1
    return [stem[: len(stem) - end] for stem in rest]


def _common_length(words: list[str]) -> int:
    """Returns the length of the longest beginning that all words share."""
    # What the first and the last word in alphabetical order share, all words share.
    first = min(words)
    last = max(words)
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return length
