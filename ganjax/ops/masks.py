"""Random masks for image completion: 1 where a pixel is hidden, 0 where it is known.

The distributions are those of published inpainting methods:

- `box` and `free_form`: DeepFill (Yu et al., 2018) and DeepFill v2 (Yu et al., 2019).
- `thin`, `medium`, `thick`: LaMa (Suvorov et al., 2021).
- `half`, `region`: a part of the image at one side or at a fixed place.
- `union`, `one_of`: combinations, such as DeepFill v2's `union(box(), free_form())`.

A mask is a pure function of a random key, so that each image of a batch has one of its own
and a step can be repeated. All arithmetic is in whole numbers, so that a key gives the same
mask on every machine, with and without `jit` and `vmap`. Every mask hides some pixels and
leaves some; a draw that would hide all or nothing is replaced by the upper half. The
published lengths are for images of 256 pixels and are scaled with the shorter side.
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import isqrt, prod
from statistics import NormalDist
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ganjax.errors import UsageError
from ganjax.ops import strokes
from ganjax.ops.strokes import PIXEL, Path


@runtime_checkable
class Mask(Protocol):
    """A distribution of masks: draws one of a given size from a key."""

    def __call__(self, key: Array, height: int, width: int) -> Float[Array, "h w 1"]:
        """Returns a mask of zeros and ones.

        Args:
            key: the source of all randomness; equal keys give equal masks.
            height: the height of the image in pixels.
            width: its width.
        """
        ...


# (key, height, width) -> whether each pixel is hidden, bool [h, w]. Unlike with a `Mask`,
# all pixels or none may be hidden.
Draw = Callable[[Array, int, int], Array]
Range = tuple[int, int]  # of whole numbers, both ends included

# How many 32-bit words are drawn at once for a mask. The most, about 920, are for `thin`.
RANDOM_WORDS = 1024
TOP, BOTTOM, LEFT, RIGHT = range(4)  # the sides of an image, for `half`
# Quantiles of N(1024, 512) clipped to 0..2048. A random entry is a draw from this normal
# distribution by whole numbers alone.
QUANTILES = (np.arange(1024) + 0.5) / 1024
NORMAL = np.array([NormalDist(1024, 512).inv_cdf(share) for share in QUANTILES])
LENGTHS = np.round(np.clip(NORMAL, 0, 2048)).astype(np.int32)
# The directions of LaMa's segments: 0.01, 1.01, 2.01 and 3.01 radians.
TURNS = (0.01 + np.arange(4)) / (2 * np.pi)
DIRECTIONS = np.round(strokes.TURN * TURNS).astype(np.int32)


def box(smallest: float = 3 / 8, largest: float = 1 / 2) -> Mask:
    """Hides a rectangle anywhere in the image, as in DeepFill (Yu et al., 2018).

    Args:
        smallest: the least height and width, as shares of the image's. The default is
            96 of 256 pixels, as in the authors' code.
        largest: the greatest height and width; by default 128 of 256 pixels.
    """
    if not 0 < smallest <= largest < 1:
        raise UsageError(
            f"A box's shares must rise within 0..1: {smallest}, {largest}."
        )

    def draw(key, height, width):
        heights = (int(smallest * height), int(largest * height))
        widths = (int(smallest * width), int(largest * width))
        return _boxes(key, (1, 1), (height, width), heights, widths, margin=0)

    return _ensure_partial(draw)


def half(
    share: float = 0.5, sides: tuple[int, ...] = (TOP, BOTTOM, LEFT, RIGHT)
) -> Mask:
    """Hides a share of the image at one of its sides: `half(0.4, (TOP,))` hides a sky.

    Args:
        share: the share that is hidden, between 0 and 1.
        sides: the sides to choose from, each of `TOP`, `BOTTOM`, `LEFT`, `RIGHT`.
    """
    if not 0 < share < 1 or not sides:
        raise UsageError(
            f"`half` hides a share within 0..1 at one side or more: {share} of {sides}."
        )

    def draw(key, height, width):
        rows = jnp.arange(height)[:, None]
        columns = jnp.arange(width)[None]
        hidden_rows = int(share * height + 0.5)
        hidden_columns = int(share * width + 0.5)
        # In the order of TOP, BOTTOM, LEFT and RIGHT.
        masks = jnp.broadcast_arrays(
            rows < hidden_rows,
            rows >= height - hidden_rows,
            columns < hidden_columns,
            columns >= width - hidden_columns,
        )
        word = _random_words(key, side=())["side"]
        side = jnp.array(sides)[_integer(word, 0, len(sides) - 1)]
        return jnp.stack(masks)[side]

    return _ensure_partial(draw)


def region(top: float, left: float, bottom: float, right: float) -> Mask:
    """Hides the same rectangle for every key, such as the place of a face in portraits.

    Args:
        top: where the rectangle begins, as a share of the image's height.
        left: where it begins, as a share of the width.
        bottom: where it ends, as a share of the height.
        right: where it ends, as a share of the width.
    """
    if not (0 <= top < bottom <= 1 and 0 <= left < right <= 1):
        raise UsageError(
            "A region's shares must rise within 0..1 from top to bottom and from left to "
            f"right: {top}, {left}, {bottom}, {right}."
        )

    def draw(key, height, width):
        rows = jnp.arange(height)
        columns = jnp.arange(width)
        hidden_rows = (rows >= top * height) & (rows < bottom * height)
        hidden_columns = (columns >= left * width) & (columns < right * width)
        return hidden_rows[:, None] & hidden_columns[None]

    return _ensure_partial(draw)


def free_form() -> Mask:
    """Hides one to three brush strokes, as in DeepFill v2 (Yu et al., 2019, section 3.4).

    A stroke has 4 to 11 segments, which alternate between up and down at an angle of
    2 pi / 5 +- 2 pi / 15 to the horizontal. Their lengths are N(m, m / 2), clipped to
    0..2m, where m is an eighth of the image's diagonal; the brush is 12 to 40 of 256
    pixels wide. The mask is mirrored along each axis half of the time; the authors' code
    computes this as well but discards it.
    """

    def draw(key, height, width):
        side = min(height, width)
        per_stroke = (3, 1)
        per_segment = (3, 11)
        words = _random_words(
            key,
            below=per_stroke,
            above=per_stroke,
            brush=per_stroke,
            angle=per_segment,
            length=per_segment,
            start=(3, 2),
            strokes=(),
            segments=per_stroke,
            mirror=(2,),
        )
        # Of 3600 units in a turn, 720 are 2 pi / 5 and 240 are 2 pi / 15. Each stroke has
        # a range of angles of its own, and each segment an angle within it.
        least = 720 - _integer(words["below"], 0, 240)
        greatest = 720 + _integer(words["above"], 0, 240)
        turn = _integer(words["angle"], least, greatest)
        is_up = jnp.arange(11)[None] % 2 == 0
        mean_length = isqrt(height**2 + width**2) * PIXEL // 8
        quantile = _integer(words["length"], 0, len(LENGTHS) - 1)
        radius = _scaled_length(words["brush"], (12, 40), side) // 2
        num_strokes = _integer(words["strokes"], 1, 3)
        num_segments = _integer(words["segments"], 4, 11)
        path = Path(
            start=_pixel_centers(words["start"], height, width),
            angle=jnp.where(is_up, -turn, turn),
            length=jnp.asarray(LENGTHS)[quantile] * mean_length // 1024,
            radius=jnp.broadcast_to(radius, per_segment),
            drawn=_first_segments(num_strokes, num_segments, per_segment),
        )
        hidden = strokes.rasterize(path, height, width)
        mirror = _integer(words["mirror"], 0, 1) > 0
        hidden = jnp.where(mirror[0], hidden[::-1], hidden)
        return jnp.where(mirror[1], hidden[:, ::-1], hidden)

    return _ensure_partial(draw)


def thin() -> Mask:
    """Draws LaMa's thin masks: 4 to 51 short strokes (Suvorov et al., 2021, and code)."""
    return _ensure_partial(_lama_strokes((4, 51), (5, 14), (10, 49)))


def medium() -> Mask:
    """Draws LaMa's medium masks: 4 to 6 strokes, or in 3 of 13 draws 1 to 5 boxes."""
    brush = _lama_strokes((4, 6), (5, 54), (10, 109))
    boxes = _lama_boxes((1, 5), (10, 50), margin=0)
    return one_of(_ensure_partial(brush), _ensure_partial(boxes), weights=(10, 3))


def thick() -> Mask:
    """Draws LaMa's thick masks: 1 to 6 broad strokes, or in 3 of 13 draws 1 to 3 boxes."""
    brush = _lama_strokes((1, 6), (5, 104), (10, 209))
    boxes = _lama_boxes((1, 3), (30, 150), margin=10)
    return one_of(_ensure_partial(brush), _ensure_partial(boxes), weights=(10, 3))


def union(*masks: Mask) -> Mask:
    """Hides what any of the masks hides: DeepFill v2 uses `union(box(), free_form())`."""

    def draw(key, height, width):
        # Independent draws: `_random_words` would give equal keys equal words.
        keys = jax.random.split(key, len(masks))
        drawn = [mask(k, height, width) for mask, k in zip(masks, keys, strict=True)]
        return jnp.stack(drawn).any(0)[..., 0]

    return _ensure_partial(draw)


def one_of(*masks: Mask, weights: Sequence[int] = ()) -> Mask:
    """Draws one of the masks at random.

    Args:
        *masks: the masks to choose from.
        weights: how often each is chosen, relative to the others, as whole numbers above
            0; equally often by default.
    """
    weights = tuple(weights) or (1,) * len(masks)
    if len(weights) != len(masks) or min(weights, default=0) < 1:
        raise UsageError(
            "Give `one_of` one mask or more, and no weights or one for each mask, whole "
            "numbers above 0."
        )
    ends = np.cumsum(weights)

    def draw(key, height, width):
        choice_key, mask_key = jax.random.split(key)
        # Under `vmap` all branches are computed anyway, so all are drawn and one is kept.
        drawn = [mask(mask_key, height, width) for mask in masks]
        choice = _integer(jax.random.bits(choice_key), 0, int(ends[-1]) - 1)
        return jnp.stack(drawn)[jnp.sum(choice >= ends)][..., 0] > 0

    return _ensure_partial(draw)


def fixed_masks(
    mask: Mask, n: int, side: int, seed: int = 0
) -> Float[np.ndarray, "n side side 1"]:
    """Returns the first `n` masks of a seed, for evaluations that must be comparable.

    Args:
        mask: the distribution to draw from.
        n: how many masks; the first ones are the same for any `n`.
        side: their height and width in pixels.
        seed: the seed that the masks follow from.
    """
    draw = _compiled(mask, side, seed)
    return np.stack([np.asarray(draw(i)) for i in range(n)])


@cache
def _compiled(mask: Mask, side: int, seed: int) -> Callable[[int], Array]:
    """Returns a function of i that draws a seed's i-th mask, compiled once."""
    # The default kind of key may be configured; fixed masks do not depend on that.
    key = jax.random.key(seed, impl="threefry2x32")
    return jax.jit(lambda i: mask(jax.random.fold_in(key, i), side, side))


def _ensure_partial(draw: Draw) -> Mask:
    """Makes a mask of `draw`; the upper half replaces draws that hide all or nothing."""

    def mask(key: Array, height: int, width: int) -> Float[Array, "h w 1"]:
        if min(height, width) < 2:
            raise UsageError(
                f"An image of {height}x{width} is too small to hide a part of."
            )
        hidden = draw(key, height, width)
        upper = jnp.arange(height)[:, None] < height // 2
        is_partial = hidden.any() & ~hidden.all()
        return jnp.where(is_partial, hidden, upper)[..., None].astype(jnp.float32)

    return mask


def _lama_strokes(count: Range, widths: Range, lengths: Range) -> Draw:
    """Draws LaMa's strokes, of 1 to 5 segments each.

    Every segment has a width, a length and a direction of its own. Directions are angles
    of `DIRECTIONS` to the vertical, negative in every other stroke.

    Args:
        count: The range of the number of strokes.
        widths: The range of the brush's width, in pixels of 256.
        lengths: The range of a segment's length, likewise.
    """

    def draw(key, height, width):
        most = count[1]
        side = min(height, width)
        per_segment = (most, 5)
        words = _random_words(
            key,
            direction=per_segment,
            length=per_segment,
            brush=per_segment,
            start=(most, 2),
            strokes=(),
            segments=(most, 1),
        )
        direction = jnp.asarray(DIRECTIONS)[_integer(words["direction"], 0, 3)]
        is_even = jnp.arange(most)[:, None] % 2 == 0
        num_strokes = _integer(words["strokes"], *count)
        num_segments = _integer(words["segments"], 1, 5)
        # Shapes cannot depend on what is drawn, so a path always has the largest number of
        # strokes and segments, and `drawn` leaves out those beyond the number drawn.
        path = Path(
            start=_pixel_centers(words["start"], height, width),
            angle=strokes.TURN // 4 + jnp.where(is_even, direction, -direction),
            length=_scaled_length(words["length"], lengths, side),
            radius=_scaled_length(words["brush"], widths, side) // 2,
            drawn=_first_segments(num_strokes, num_segments, per_segment),
        )
        return strokes.rasterize(path, height, width)

    return draw


def _lama_boxes(count: Range, sizes: Range, margin: int) -> Draw:
    """Draws LaMa's boxes.

    Args:
        count: The range of the number of boxes.
        sizes: The range of their height and width, in pixels of 256.
        margin: The least distance from the border, likewise.
    """

    def draw(key, height, width):
        side = min(height, width)
        # The range is the same in both directions, also if images are not square.
        size = (sizes[0] * side // 256, sizes[1] * side // 256)
        return _boxes(key, count, (height, width), size, size, margin * side // 256)

    return draw


def _boxes(
    key: Array,
    count: Range,
    image: tuple[int, int],
    heights: Range,
    widths: Range,
    margin: int,
) -> Bool[Array, "h w"]:
    """Draws the union of several boxes.

    Args:
        key: The key.
        count: The range of the number of boxes.
        image: The height and width of the image in pixels.
        heights: The range of the boxes' height in pixels.
        widths: The range of their width.
        margin: Their least distance from the border.
    """
    most = count[1]
    each = (most,)
    words = _random_words(key, count=(), height=each, top=each, width=each, left=each)
    # As with strokes, the largest number of boxes is drawn and the first few are kept.
    drawn = jnp.arange(most) < _integer(words["count"], *count)

    def inside(size_word, first_word, length, sizes):
        """Returns where the boxes lie along an axis of `length` pixels, [boxes, length]."""
        least, greatest = (min(max(n, 1), length - 2 * margin) for n in sizes)
        size = _integer(size_word, least, greatest)
        first = _integer(first_word, margin, length - margin - size)
        pixel = jnp.arange(length)[None]
        return (pixel >= first[:, None]) & (pixel < (first + size)[:, None])

    # A box is where its rows and its columns meet: [boxes, h, 1] and [boxes, 1, w].
    rows = inside(words["height"], words["top"], image[0], heights)
    columns = inside(words["width"], words["left"], image[1], widths)
    boxes = rows[:, :, None] & columns[:, None] & drawn[:, None, None]
    return boxes.any(0)


def _pixel_centers(words: Array, height: int, width: int) -> Array:
    """Returns centers of random pixels, [count, 2] as (x, y), in units of a path."""
    last = jnp.array([[width, height]]) - 1
    return _integer(words, 0, last) * PIXEL + PIXEL // 2


def _scaled_length(words: Array, pixels: Range, side: int) -> Array:
    """Returns random lengths from a range in pixels of 256, in units of a stroke's path."""
    least, most = (n * PIXEL * side // 256 for n in pixels)
    return _integer(words, least, most)


def _first_segments(
    strokes_drawn: Array, segments_drawn: Array, shape: tuple[int, int]
) -> Array:
    """Returns which segments are drawn: the first ones of the first strokes."""
    stroke = jnp.arange(shape[0])
    segment = jnp.arange(shape[1])
    return (stroke[:, None] < strokes_drawn) & (segment[None] < segments_drawn)


def _random_words(key: Array, **shapes: tuple[int, ...]) -> dict[str, Array]:
    """Returns words of 32 random bits by name, from one call of `jax.random.bits`.

    Each such call takes longer to compile than the rest of a mask, so there is only one.
    As it always has the same length, masks that are drawn from one key (`one_of`) share
    it in a compiled program.

    Args:
        key: The key.
        **shapes: The shape of what is drawn under each name.
    """
    words = jax.random.bits(key, (RANDOM_WORDS,))
    ends = np.cumsum([prod(shape) for shape in shapes.values()])
    parts = jnp.split(words, ends)[:-1]
    named = zip(shapes.items(), parts, strict=True)
    return {name: part.reshape(shape) for (name, shape), part in named}


def _integer(word: Array, least: Array | int, most: Array | int) -> Array:
    """Returns a random whole number from `least` to `most`, both included.

    The remainder of a division favors smaller numbers, but as all ranges here are below
    2^16 and a word has 32 bits, probabilities differ by a factor of less than 1 + 2^-16.
    """
    span = jnp.asarray(most - least + 1, jnp.uint32)
    return least + (word % span).astype(jnp.int32)
