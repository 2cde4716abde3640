"""Which image of one place belongs to which of another, told from their names."""

import re
import unicodedata
from collections.abc import Callable, Hashable, Sequence

import numpy as np
from jaxtyping import Int

from ganjax.data.names import shortened
from ganjax.errors import Mistake


Keys = (
    list[Hashable] | None
)  # of each name; None where a way of comparing does not apply


def match(
    front: Sequence[str], back: Sequence[str], where: str
) -> Int[np.ndarray, " n"]:
    """For each name of `front` the place in `back` of the one that belongs to it.

    These belong together, whichever way is the first to tell: names that are alike but
    for their endings; that are once what all of a side have in common at either end is
    taken away (1.png and 1_mask.png); that have the same numbers in them. `where` names
    both places. One on either side is a pair. Raises a `Mistake` if no way pairs all.
    """
    if len(front) == len(back) == 1:
        return np.zeros(1, np.int64)
    best, best_shared = None, 0
    for way in WAYS:
        keys, others = way(front), way(back)
        if keys is None or others is None:
            continue
        # Where other text differs on both sides, numbers alone do not tell.
        if way is _numbers and not (_is_uniform(front) or _is_uniform(back)):
            continue
        place = {key: i for i, key in enumerate(others)}
        if len(set(keys)) < len(keys) or len(place) < len(others):
            continue
        shared = len(place.keys() & set(keys))
        if shared == len(keys) == len(others):
            return np.array([place[key] for key in keys])
        if shared > best_shared:
            best, best_shared = (keys, others), shared
    counts = ""
    if len(front) != len(back):
        counts = (
            f"{where} hold {len(front):,} and {len(back):,} images: pairs are as many in "
            "each"
        )
    if best and 2 * best_shared >= min(len(front), len(back)):
        keys, others = best
        missing = [
            n for n, key in zip(front, keys, strict=True) if key not in {*others}
        ]
        missing += [
            n for n, key in zip(back, others, strict=True) if key not in {*keys}
        ]
        name, more = shortened(missing[0]), len(missing) - 1
        if counts:
            raise Mistake(f"{counts}, and {name} has no partner.")
        raise Mistake(
            f"{name}{f' and {more:,} more' if more else ''} "
            f"{'are' if more else 'is'} in only one of {where}: where some pairs have "
            "names that belong together, all have."
        )
    if counts:
        raise Mistake(f"{counts}.")
    raise Mistake(
        f"The names in {where} do not tell which images belong together "
        f"({shortened(front[0])} ... and {shortened(back[0])} ...): name the two of a "
        "pair alike, such as 1.png and 1.png, or 1.png and 1_mask.png."
    )


def shown(front: Sequence[str], back: Sequence[str], order: np.ndarray) -> str:
    """The first three pairs in a sentence."""
    pairs = [
        f"{shortened(name)} with {shortened(back[int(place)])}"
        for name, place in zip(front[:3], order[:3], strict=True)
    ]
    more = f", and {len(front) - 3:,} more" if len(front) > 3 else ""
    return f"Pairs: {', '.join(pairs)}{more}."


def _alike(names: Sequence[str]) -> Keys:
    return [_stem(name) for name in names]


def _folded(names: Sequence[str]) -> Keys:
    return [_plain(_stem(name)) for name in names]


def _base(names: Sequence[str]) -> Keys:
    return list(_bases(names))


def _trimmed(names: Sequence[str]) -> Keys:
    """Names without what all have in common at either end, in whatever folder."""
    parts = [_plain(_stem(name)).rpartition("/") for name in names]
    middles = _middles([base for _, _, base in parts])
    return [
        (folder, middle) for (folder, _, _), middle in zip(parts, middles, strict=True)
    ]


def _trimmed_base(names: Sequence[str]) -> Keys:
    return list(_middles(_bases(names)))


def _numbers(names: Sequence[str]) -> Keys:
    """The numbers in names, less those that are the same in all."""
    rows = [re.findall("[0-9]+", base) for base in _bases(names)]
    if len({len(row) for row in rows}) > 1:
        return None
    columns = [each for each in zip(*rows, strict=True) if len({*each}) > 1]
    return list(zip(*columns, strict=True)) if columns else None


def _is_uniform(names: Sequence[str]) -> bool:
    """Whether names differ by their numbers alone."""
    return len({re.sub("[0-9]+", "0", base) for base in _bases(names)}) == 1


# From the strictest to the loosest.
WAYS: tuple[Callable[[Sequence[str]], Keys], ...] = (
    _alike,
    _folded,
    _base,
    _trimmed,
    _trimmed_base,
    _numbers,
)


def _bases(names: Sequence[str]) -> list[str]:
    return [_plain(_stem(name).rpartition("/")[2]) for name in names]


def _stem(name: str) -> str:
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base.rpartition('.')[0] or base}"


def _plain(stem: str) -> str:
    """In lower case, letters and their accents in one, and no zeros before numbers."""
    return re.sub("0*([0-9]+)", r"\1", unicodedata.normalize("NFC", stem).casefold())


def _middles(stems: list[str]) -> list[str]:
    if len(stems) < 2:
        return stems
    start = _common(stems)
    # A number is not cut in two: of 10 and 11 the 1 remains.
    if any(stem[start : start + 1].isdecimal() for stem in stems):
        while start and stems[0][start - 1].isdecimal():
            start -= 1
    rest = [stem[start:] for stem in stems]
    end = _common([stem[::-1] for stem in rest])
    if any(stem[len(stem) - end - 1 : len(stem) - end].isdecimal() for stem in rest):
        while end and rest[0][len(rest[0]) - end].isdecimal():
            end -= 1
    return [stem[: len(stem) - end] for stem in rest]


def _common(words: list[str]) -> int:
    """How many characters all words begin with."""
    first, last = min(words), max(words)
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return same
