"""Masks for image completion, drawn from a key: 1 where a pixel is hidden, 0 where known.

A mask is a part of what is learned from, and as any of it a function of a key. All
arithmetic is in whole numbers, so that a key gives the same mask on every machine, under
`jit` and `vmap` too. Every mask hides some pixels and leaves some; one that would hide all
or nothing hides the upper half. Lengths scale as the shorter side does to the 256 pixels
that publications speak of.
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import isqrt, prod
from statistics import NormalDist
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ganjax.data import strokes
from ganjax.data.strokes import PIXEL, Path
from ganjax.errors import Mistake


Mask = Callable[[Array, int, int], Array]  # (key, height, width) -> [h, w, 1] of 0, 1
Draw = Callable[[Array, int, int], Array]  # the same, bool [h, w], perhaps all or none
Range = tuple[int, int]  # from the first to the second, which is one of them
Axis = tuple[int, Range]  # pixels of the image, and of boxes in it

WORDS = 1024  # random ones to a mask
TOP, BOTTOM, LEFT, RIGHT = range(4)
SHARES = (np.arange(1024) + 0.5) / 1024
NORMAL = np.array([NormalDist(1024, 512).inv_cdf(share) for share in SHARES])
LENGTHS = np.round(np.clip(NORMAL, 0, 2048)).astype(np.int32)  # of a mean of 1024
RADIANS = np.round(strokes.TURN * (0.01 + np.arange(4)) / (2 * np.pi)).astype(np.int32)


def box(smallest: float = 3 / 8, largest: float = 1 / 2) -> Mask:
    """A rectangle anywhere, of a `smallest` to a `largest` share of each side.

    By default DeepFill's (Yu et al., 2018, and its code): 96 to 128 pixels of 256.
    """
    if not 0 < smallest <= largest < 1:
        raise Mistake(f"A box's shares must rise within 0..1: {smallest}, {largest}.")

    def draw(key, height, width):
        high, wide = ((int(smallest * n), int(largest * n)) for n in (height, width))
        return _boxes(key, (1, 1), (height, high), (width, wide), 0)

    return _sure(draw)


def half(
    share: float = 0.5, sides: tuple[int, ...] = (TOP, BOTTOM, LEFT, RIGHT)
) -> Mask:
    """A `share` of the image on one of the `sides`: `half(0.4, (TOP,))` hides a sky."""
    if not 0 < share < 1 or not sides:
        raise Mistake(f"What is hidden must lie on a side and within 0..1: {share}.")

    def draw(key, height, width):
        rows, columns = jnp.arange(height)[:, None], jnp.arange(width)[None]
        high, wide = int(share * height + 0.5), int(share * width + 0.5)
        above, below = rows < high, rows >= height - high
        left, right = columns < wide, columns >= width - wide
        each = jnp.broadcast_arrays(above, below, left, right)
        (word,) = _words(key, ())
        return jnp.stack(each)[jnp.array(sides)[_whole(word, 0, len(sides) - 1)]]

    return _sure(draw)


def region(top: float, left: float, bottom: float, right: float) -> Mask:
    """The same rectangle always, as shares of the sides: where a face is, for one."""
    if not (0 <= top < bottom <= 1 and 0 <= left < right <= 1):
        raise Mistake(
            "A region's shares must rise within 0..1 from top to bottom and from left to "
            f"right: {top}, {left}, {bottom}, {right}."
        )

    def draw(key, height, width):
        inside = lambda n, a, b: (jnp.arange(n) >= a * n) & (jnp.arange(n) < b * n)
        return inside(height, top, bottom)[:, None] & inside(width, left, right)[None]

    return _sure(draw)


def free_form() -> Mask:
    """One to three brush strokes of DeepFill v2 (Yu et al., 2019, section 3.4).

    Each has 4 to 11 segments, in turn up and down at 2 pi / 5 +- 2 pi / 15 to the
    horizontal, of N(m, m / 2) pixels clipped to 0..2m, where m is an eighth of the
    image's diagonal, and is 12 to 40 of 256 pixels wide. The whole is mirrored along each
    axis half of the time, which the authors' code computes but does not keep.
    """

    def draw(key, height, width):
        one, shape, side = (3, 1), (3, 11), min(height, width)
        shapes = one, one, one, shape, shape, (3, 2), (), one, (2,)
        less, more, wide, turn, far, start, many, ends, coins = _words(key, *shapes)
        least = 720 - _whole(less, 0, 240)  # of 3600 in a turn
        turn = _whole(turn, least, 720 + _whole(more, 0, 240))
        up = jnp.arange(11)[None] % 2 == 0
        mean = isqrt(height**2 + width**2) * PIXEL // 8
        drawn = _whole(far, 0, len(LENGTHS) - 1)
        brush = _scaled(wide, (12, 40), side) // 2
        path = Path(
            start=_anywhere(start, height, width),
            turn=jnp.where(up, -turn, turn),
            length=jnp.asarray(LENGTHS)[drawn] * mean // 1024,
            radius=jnp.broadcast_to(brush, shape),
            drawn=_counted(_whole(many, 1, 3), _whole(ends, 4, 11), shape),
        )
        hidden = strokes.hidden(path, height, width)
        mirror = _whole(coins, 0, 1) > 0
        hidden = jnp.where(mirror[0], hidden[::-1], hidden)
        return jnp.where(mirror[1], hidden[:, ::-1], hidden)

    return _sure(draw)


def thin() -> Mask:
    """LaMa's thin masks: 4 to 51 short strokes (Suvorov et al., 2021, and its code)."""
    return _sure(_wandering((4, 51), (5, 14), (10, 49)))


def medium() -> Mask:
    """LaMa's medium masks: 4 to 6 strokes, or in 3 of 13 draws 1 to 5 boxes."""
    brush = _wandering((4, 6), (5, 54), (10, 109))
    return one_of(_sure(brush), _sure(_scattered((1, 5), (10, 50), 0)), weights=(10, 3))


def thick() -> Mask:
    """LaMa's thick masks: 1 to 6 broad strokes, or in 3 of 13 draws 1 to 3 boxes."""
    brush = _wandering((1, 6), (5, 104), (10, 209))
    boxes = _sure(_scattered((1, 3), (30, 150), 10))
    return one_of(_sure(brush), boxes, weights=(10, 3))


def union(*masks: Mask) -> Mask:
    """What any of the masks hides; DeepFill v2 trains on `union(box(), free_form())`."""

    def draw(key, height, width):
        keys = jax.random.split(key, len(masks))
        drawn = [mask(k, height, width) for mask, k in zip(masks, keys, strict=True)]
        return jnp.stack(drawn).any(0)[..., 0]

    return _sure(draw)


def one_of(*masks: Mask, weights: Sequence[int] = ()) -> Mask:
    """One of the masks, equally often if no weights say how often."""
    weights = tuple(weights) or (1,) * len(masks)
    if len(weights) != len(masks) or min(weights, default=0) < 1:
        raise Mistake(
            "Give `one_of` masks, and as many whole weights above 0, or none."
        )
    ends = np.cumsum(weights)

    def draw(key, height, width):
        choice, kept = jax.random.split(key)
        drawn = [mask(kept, height, width) for mask in masks]  # all but one are lost
        place = _whole(jax.random.bits(choice), 0, int(ends[-1]) - 1)
        return jnp.stack(drawn)[jnp.sum(place >= ends)][..., 0] > 0

    return _sure(draw)


def fixed(
    mask: Mask, n: int, side: int, seed: int = 0
) -> Float[np.ndarray, "n side side 1"]:
    """The first `n` masks of a seed, to evaluate on: the same for all who ask for them."""
    draw = _drawn(mask, side, seed)
    return np.stack([np.asarray(draw(i)) for i in range(n)])


@cache
def _drawn(mask: Mask, side: int, seed: int) -> Callable[[int], Array]:
    """The mask of a number, compiled once for all who ask."""
    key = jax.random.key(seed, impl="threefry2x32")
    return jax.jit(lambda i: mask(jax.random.fold_in(key, i), side, side))


def _sure(draw: Draw) -> Mask:
    """A mask of what is drawn, or of the upper half if that is all or nothing."""

    def mask(key: Array, height: int, width: int) -> Float[Array, "h w 1"]:
        if min(height, width) < 2:
            size = f"{height}x{width}"
            raise Mistake(f"An image of {size} is too small to hide a part of.")
        hidden = draw(key, height, width)
        upper = jnp.arange(height)[:, None] < height // 2
        partly = hidden.any() & ~hidden.all()
        return jnp.where(partly, hidden, upper)[..., None].astype(jnp.float32)

    return mask


def _wandering(count: Range, widths: Range, lengths: Range) -> Draw:
    """LaMa's strokes, each of 1 to 5 segments with a width, length and direction each.

    Directions are 0.01, 1.01, 2.01 or 3.01 radians to the vertical, in every other stroke
    with a minus sign.
    """

    def draw(key, height, width):
        n, side = count[1], min(height, width)
        shape = n, 5
        shapes = shape, shape, shape, (n, 2), (), (n, 1)
        turn, far, wide, start, many, ends = _words(key, *shapes)
        chosen = jnp.asarray(RADIANS)[_whole(turn, 0, 3)]
        even = jnp.arange(n)[:, None] % 2 == 0
        path = Path(
            start=_anywhere(start, height, width),
            turn=strokes.TURN // 4 + jnp.where(even, chosen, -chosen),
            length=_scaled(far, lengths, side),
            radius=_scaled(wide, widths, side) // 2,
            drawn=_counted(_whole(many, *count), _whole(ends, 1, 5), shape),
        )
        return strokes.hidden(path, height, width)

    return draw


def _scattered(count: Range, sizes: Range, margin: int) -> Draw:
    """LaMa's boxes, from one size to another and a margin off the border."""

    def draw(key, height, width):
        side = min(height, width)
        smallest, largest, off = (n * side // 256 for n in (*sizes, margin))
        size = smallest, largest
        return _boxes(key, count, (height, size), (width, size), off)

    return draw


def _boxes(
    key: Array, count: Range, rows: Axis, columns: Axis, margin: int
) -> Bool[Array, "h w"]:
    each = count[1:]
    times, high, top, wide, left = _words(key, (), each, each, each, each)
    drawn = jnp.arange(*each) < _whole(times, *count)

    def inside(size_word, place_word, axis):
        """Where the boxes lie along one axis, [boxes, n]."""
        length, sizes = axis
        least, most = (min(max(n, 1), length - 2 * margin) for n in sizes)
        size = _whole(size_word, least, most)
        first = _whole(place_word, margin, length - margin - size)
        place = jnp.arange(length)[None]
        return (place >= first[:, None]) & (place < (first + size)[:, None])

    down, across = inside(high, top, rows), inside(wide, left, columns)
    boxes = down[:, :, None] & across[:, None] & drawn[:, None, None]
    return boxes.any(0)


def _anywhere(words: Array, height: int, width: int) -> Array:
    """The middles of some pixels, [count, 2], each as (x, y)."""
    last = jnp.array([[width, height]]) - 1
    return _whole(words, 0, last) * PIXEL + PIXEL // 2


def _scaled(words: Array, pixels: Range, side: int) -> Array:
    """Lengths that are drawn from a range of pixels of 256."""
    least, most = (n * PIXEL * side // 256 for n in pixels)
    return _whole(words, least, most)


def _counted(many: Array, ends: Array, shape: tuple[int, int]) -> Array:
    """Which segments [strokes, segments] there are: so many strokes, so many in each."""
    strokes, segments = map(jnp.arange, shape)
    return (strokes[:, None] < many) & (segments[None] < ends)


def _words(key: Array, *shapes: tuple[int, ...]) -> list[Array]:
    """Words of 32 random bits in these shapes, from one drawing.

    A drawing takes longer to compile than all the rest of a mask. Masks of one key share
    theirs, as it has one length.
    """
    words = jax.random.bits(key, (WORDS,))
    ends = np.cumsum([prod(shape) for shape in shapes])
    parts = jnp.split(words, ends)[:-1]
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _whole(word: Array, least: Any, most: Any) -> Array:
    """A whole number from the least to the most, each as likely as any but for 2^-16."""
    span = jnp.asarray(most - least + 1, jnp.uint32)
    return least + (word % span).astype(jnp.int32)
