"""Which sizes of images and which widths a network can have, checked in one place.

A network says what it can take as `Sides`, a test of one side and the same in words, and
`check` raises the `Mistake` that names the size, the rule and the nearest sizes that keep
it. Shapes are known while a network is traced, so a wrong size ends before anything is
compiled, and never as an error of some layer deep within.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import index
from typing import Any, NamedTuple

from ganjax.errors import Mistake


FARTHEST = 2**14  # beyond a size, where the next possible one is looked for


class Sides(NamedTuple):
    """The sides that images can have, in pixels, or the lengths that signals can have."""

    fits: Callable[[int], bool]
    rule: str  # completes "sides must be ..."


def growing(first: int, times: int = 2) -> Sides:
    """`first`, and `times` as many again any number of times."""

    def fits(side: int) -> bool:
        power = first
        while power < side:
            power *= times
        return power == side

    some = ", ".join(str(first * times**i) for i in range(3))
    more = "twice" if times == 2 else f"{times} times"
    return Sides(fits, f"{some}, ..., each {more} the one before")


def multiples(of: int, least: int = 1) -> Sides:
    """Multiples of `of`, no smaller than `least`."""
    rule = [f"multiples of {of}"] * (of > 1)
    rule += [f"at least {least}"] * (of == 1 or least > of)
    fits = lambda side: side >= max(least, 1) and side % of == 0
    return Sides(fits, " and ".join(rule))


def among(sides: Iterable[int]) -> Sides:
    """These sides alone."""
    known = sorted(sides)
    return Sides(lambda side: side in known, f"one of {', '.join(map(str, known))}")


def check(
    network: str, size: int | Sequence[int], possible: Sides, instead: str = ""
) -> None:
    """Raises a `Mistake` unless both sides of images of `size` are possible ones.

    Args:
        network: what the sentence calls the network, such as "DCGAN's G".
        size: the side of square images, or their height and width.
        possible: what the network can make or take.
        instead: what else than the size may be changed, such as "other widths".
    """
    sides = _pair(size)
    wrong = [side for side in sides if not _whole(side) or not possible.fits(side)]
    if wrong:
        raise Mistake(
            f"{network} has no images of {_by(sides)} pixels: sides must be "
            f"{possible.rule}; {_nearest(wrong[0], possible)}"
            f"{instead and f' (or give {instead})'}."
        )


def check_length(network: str, length: int, possible: Sides) -> None:
    """Raises a `Mistake` unless signals can have this length."""
    if not _whole(length) or not possible.fits(length):
        raise Mistake(
            f"{network} has no signals of {length} samples: their number must be "
            f"{possible.rule}; {_nearest(length, possible)}."
        )


def staged(network: str, size: int | Sequence[int], first: int, stages: int) -> None:
    """Raises a `Mistake` unless `stages`, of which all but the first double, make `size`.

    Args:
        network: what the sentence calls the network, such as "R3GAN's D".
        size: the side of square images, or their height and width.
        first: the side of the first stage.
        stages: how many there are, which is how many widths the network was given.
    """
    counted(network, "widths", (1,) * stages)
    sides = _pair(size)
    side = first << (stages - 1)
    if sides == (side, side):
        return
    others = ""
    if sides[0] == sides[1] and _whole(sides[0]) and growing(first).fits(sides[0]):
        others = f", or {_widths((sides[0] // first).bit_length())}"
    raise Mistake(
        f"{network} has {_widths(stages)}, which is right for images of {side}x{side} "
        f"pixels, not of {_by(sides)}: give --size {side}{others}."
    )


def sides_of(network: str, image: Any, square: bool = False) -> tuple[int, int]:
    """The height and width of a batch of images [b, h, w, c].

    Raises a `Mistake` for examples that are no images, and with `square` for images whose
    height is not their width.
    """
    if image.ndim != 4:
        raise Mistake(
            f"{network} is for images of height, width and channels, and was given "
            f"examples of shape {image.shape[1:]}: give it images, or use another network."
        )
    height, width = image.shape[1:3]
    if square and height != width:
        raise Mistake(
            f"{network} has square images only, not {_by((height, width))} pixels: bring "
            "the data to one side with --size."
        )
    return height, width


def length_of(network: str, signal: Any) -> int:
    """The length of a batch of signals [b, n, c]; a `Mistake` if it is none."""
    if signal.ndim != 3:
        raise Mistake(
            f"{network} is for signals of samples and channels, and was given examples of "
            f"shape {signal.shape[1:]}: give it signals, or use another network."
        )
    return signal.shape[1]


def counted(network: str, name: str, widths: Sequence[int]) -> None:
    """Raises a `Mistake` unless there are widths, and all of them at least 1."""
    if not widths or min(widths) < 1:
        given = ", ".join(map(str, widths)) or "none"
        raise Mistake(
            f"{network} was given {name} of {given}: give at least one, all above 0."
        )


def enough(network: str, size: int, base: int) -> None:
    """Raises a `Mistake` where images of `size` have base / size channels, less than 1."""
    if base < size:
        raise Mistake(
            f"{network} has base / size channels at the size of its images, and {base} / "
            f"{size} is less than one: give a base of at least {size}."
        )


def divisible(network: str, what: str, number: int, parts: int, name: str) -> None:
    """Raises a `Mistake` unless a number can be divided into equal parts.

    Args:
        network: what the sentence calls the network.
        what: what the number counts, such as "channels".
        number: how many there are.
        parts: into how many parts they are divided.
        name: what the parts are called, such as "groups".
    """
    if parts < 1 or number < 1 or number % parts:
        less = number // parts * parts if parts > 0 else 0
        near = [n for n in (less, less + parts) if n > 0]
        raise Mistake(
            f"{network} cannot divide {number} {what} into {parts} {name}: give "
            f"{' or '.join(map(str, near)) or 'more'}, or another number of {name}."
        )


def _pair(size: int | Sequence[int]) -> tuple[int, ...]:
    """The height and width of images of a size."""
    return tuple(size) if isinstance(size, Sequence) else (size, size)


def _whole(side: Any) -> bool:
    try:
        return index(side) > 0
    except TypeError:
        return False


def _nearest(side: Any, possible: Sides) -> str:
    """The possible sides next to one that is not, in words."""
    side = max(int(side), 0)
    below = next((n for n in range(side, 0, -1) if possible.fits(n)), None)
    above = range(side + 1, 4 * side + FARTHEST)
    found = [below, next((n for n in above if possible.fits(n)), None)]
    near = " and ".join(str(n) for n in found if n is not None)
    return f"the nearest {'are' if None not in found else 'is'} {near}"


def _widths(number: int) -> str:
    return f"{number} width{'s' * (number != 1)}"


def _by(sides: Sequence[int]) -> str:
    return "x".join(map(str, sides))
