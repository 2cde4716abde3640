"""Checks of the sizes of images and the widths that networks are given.

A network states which sides it can have as `AllowedSides`, and `check` raises a
`UsageError` that names the size, the rule and the nearest sizes that follow it. Shapes are
known while a network is traced, so a wrong size ends a run before anything is compiled,
and never as an error of some layer deep within.

    sizes.check("DCGAN's G", size, sizes.geometric(8))

The argument `network` of all checks is the name of the network in the error message.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import index
from typing import Any, NamedTuple

from ganjax.errors import UsageError


SEARCH_RANGE = 2**14  # how far beyond a size the next allowed one is looked for


class AllowedSides(NamedTuple):
    """The sides that images can have in pixels, or the lengths that signals can have.

    Attributes:
        contains: side -> whether it is allowed.
        rule: A phrase that completes "sides must be ...".
    """

    contains: Callable[[int], bool]
    rule: str


def geometric(first: int, ratio: int = 2) -> AllowedSides:
    """Allows `first`, and its products with the powers of `ratio`."""

    def contains(side: int) -> bool:
        power = first
        while power < side:
            power *= ratio
        return power == side

    examples = ", ".join(str(first * ratio**i) for i in range(3))
    factor = "twice" if ratio == 2 else f"{ratio} times"
    return AllowedSides(contains, f"{examples}, ..., each {factor} the one before")


def multiples(of: int, minimum: int = 1) -> AllowedSides:
    """Allows multiples of `of` that are at least `minimum`."""
    rules = []
    if of > 1:
        rules.append(f"multiples of {of}")
    # The rule is a phrase of a message; a minimum that the multiples imply is left out.
    if of == 1 or minimum > of:
        rules.append(f"at least {minimum}")

    def contains(side: int) -> bool:
        return side >= max(minimum, 1) and side % of == 0

    return AllowedSides(contains, " and ".join(rules))


def one_of(sides: Iterable[int]) -> AllowedSides:
    """Allows only these sides."""
    allowed = sorted(sides)
    rule = f"one of {', '.join(map(str, allowed))}"
    return AllowedSides(lambda side: side in allowed, rule)


def check(
    network: str, size: int | Sequence[int], allowed: AllowedSides, instead: str = ""
) -> None:
    """Raises a `UsageError` unless both sides of images are allowed.

    Args:
        network: The network's name.
        size: The side of square images, or their height and width.
        allowed: The sides that the network can make or take.
        instead: What the user can change in place of the size, such as "other widths".
    """
    sides = _pair(size)
    wrong = [
        side
        for side in sides
        if not _is_positive_int(side) or not allowed.contains(side)
    ]
    if wrong:
        raise UsageError(
            f"{network} has no images of {_by(sides)} pixels: sides must be "
            f"{allowed.rule}; {_nearest(wrong[0], allowed)}"
            f"{instead and f' (or give {instead})'}."
        )


def check_length(network: str, length: int, allowed: AllowedSides) -> None:
    """Raises a `UsageError` unless signals can have this length."""
    if not _is_positive_int(length) or not allowed.contains(length):
        raise UsageError(
            f"{network} has no signals of {length} samples: their number must be "
            f"{allowed.rule}; {_nearest(length, allowed)}."
        )


def check_stages(
    network: str, size: int | Sequence[int], first: int, stages: int
) -> None:
    """Raises a `UsageError` unless a number of stages reaches a size by doubling.

    Args:
        network: The network's name.
        size: The side of square images, or their height and width.
        first: The side of the first stage; each further stage doubles it.
        stages: The number of stages, which is the number of widths that the network was
            given.
    """
    check_positive(network, "widths", (1,) * stages)
    sides = _pair(size)
    side = first << (stages - 1)
    # A network of n stages makes one size only.
    if sides == (side, side):
        return
    # Where another number of widths would do for the size, the message names it.
    alternative = ""
    if sides[0] == sides[1] and _is_positive_int(sides[0]):
        if geometric(first).contains(sides[0]):
            alternative = f", or {_widths((sides[0] // first).bit_length())}"
    raise UsageError(
        f"{network} has {_widths(stages)}, which is right for images of {side}x{side} "
        f"pixels, not of {_by(sides)}: give --size {side}{alternative}."
    )


def sides_of(network: str, image: Any, square: bool = False) -> tuple[int, int]:
    """Returns the height and width of a batch of images [b, h, w, c].

    Args:
        network: The network's name.
        image: The batch, or anything with its `ndim` and `shape`.
        square: Whether images must be square.

    Raises:
        UsageError: if the examples are not images, or not square although they must be.
    """
    if image.ndim != 4:
        raise UsageError(
            f"{network} takes images of height, width and channels, and was given "
            f"examples of shape {image.shape[1:]}: give it images, or use another network."
        )
    height, width = image.shape[1:3]
    if square and height != width:
        raise UsageError(
            f"{network} takes square images only, not {_by((height, width))} pixels: "
            "resize the data with --size."
        )
    return height, width


def length_of(network: str, signal: Any) -> int:
    """Returns the length of a batch of signals [b, n, c].

    Args:
        network: The network's name.
        signal: The batch, or anything with its `ndim` and `shape`.

    Raises:
        UsageError: if the examples are not signals.
    """
    if signal.ndim != 3:
        raise UsageError(
            f"{network} takes signals of samples and channels, and was given examples of "
            f"shape {signal.shape[1:]}: give it signals, or use another network."
        )
    return signal.shape[1]


def check_positive(network: str, name: str, numbers: Sequence[int]) -> None:
    """Raises a `UsageError` unless there are numbers and all are at least 1.

    Args:
        network: The network's name.
        name: What the numbers are, such as "widths".
        numbers: The numbers.
    """
    if not numbers or min(numbers) < 1:
        given = ", ".join(map(str, numbers)) or "none"
        raise UsageError(
            f"{network} was given {name} of {given}: give at least one, all above 0."
        )


def check_base(network: str, size: int, base: int) -> None:
    """Raises a `UsageError` unless the last stage of a network has a channel or more.

    Networks whose width halves with every doubling of the side have base / size channels
    at their last stage.

    Args:
        network: The network's name.
        size: The side of the images in pixels.
        base: The width of such a network times the side of its images, at any stage.
    """
    if base < size:
        raise UsageError(
            f"{network} has base / size channels at the size of its images, and {base} / "
            f"{size} is less than one: give a base of at least {size}."
        )


def check_divisible(
    network: str, what: str, number: int, parts: int, name: str
) -> None:
    """Raises a `UsageError` unless a number can be divided into equal parts.

    Args:
        network: The network's name.
        what: What the number counts, such as "channels".
        number: How many there are.
        parts: Into how many parts they are divided.
        name: What the parts are called, such as "groups".
    """
    if parts < 1 or number < 1 or number % parts:
        # The message names the nearest numbers that can be divided, if there are any.
        below = number // parts * parts if parts > 0 else 0
        nearest = [n for n in (below, below + parts) if n > 0]
        raise UsageError(
            f"{network} cannot divide {number} {what} into {parts} {name}: give "
            f"{' or '.join(map(str, nearest)) or 'more'}, or another number of {name}."
        )


def _pair(size: int | Sequence[int]) -> tuple[int, ...]:
    """Returns the height and width of images of a size."""
    return tuple(size) if isinstance(size, Sequence) else (size, size)


def _is_positive_int(side: Any) -> bool:
    """Returns whether a side, which may come from a user, is a whole number above 0."""
    # `index` accepts the integers of NumPy and refuses floats.
    try:
        return index(side) > 0
    except TypeError:
        return False


def _nearest(side: Any, allowed: AllowedSides) -> str:
    """Returns a clause that names the allowed sides nearest to one that is not allowed."""
    side = max(int(side), 0)
    # A finite search, as a rule may allow no larger side at all.
    below = range(side, 0, -1)
    above = range(side + 1, 4 * side + SEARCH_RANGE)
    neighbors = [
        next((n for n in candidates if allowed.contains(n)), None)
        for candidates in (below, above)
    ]
    names = " and ".join(str(n) for n in neighbors if n is not None)
    return f"the nearest {'are' if None not in neighbors else 'is'} {names}"


def _widths(number: int) -> str:
    """Returns "1 width" or, for example, "3 widths"."""
    return f"{number} width{'s' * (number != 1)}"


def _by(sides: Sequence[int]) -> str:
    """Returns sides as in "64x48"."""
    return "x".join(map(str, sides))
