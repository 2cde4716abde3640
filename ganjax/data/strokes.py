"""Brush strokes over the pixels of an image, in whole numbers alone."""

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from ganjax.gan import PyTree


PIXEL = 16  # in a pixel there are so many units of length
TURN = 3600  # and in a turn so many of angle
UNIT = 1024  # by which sines and cosines are multiplied
ANGLES = 2 * np.pi * np.arange(TURN) / TURN
COSINES = np.round(UNIT * np.cos(ANGLES)).astype(np.int32)
SINES = np.round(UNIT * np.sin(ANGLES)).astype(np.int32)


@flax.struct.dataclass
class Path:
    """Several strokes of several segments each, which begin where the last one ended."""

    start: PyTree  # [strokes, 2] as (x, y), from the image's upper left corner
    turn: PyTree  # [strokes, segments] directions, from x to y
    length: PyTree  # [strokes, segments]
    radius: PyTree  # [strokes, segments] of the brush
    drawn: PyTree  # [strokes, segments] bool: the others are left out


def hidden(path: Path, height: int, width: int) -> Bool[Array, "h w"]:
    """The pixels whose middles a round brush covers, half a pixel at least in radius.

    A segment may leave the image; the next begins at the nearest point within it.
    """
    cos, sin = (jnp.asarray(table)[path.turn % TURN] for table in (COSINES, SINES))
    along = jnp.stack([cos, sin], -1) * path.length[..., None] // UNIT
    corner = jnp.array([[width, height]]) * PIXEL

    def move(point, segment):
        return jnp.clip(point + segment, 0, corner), point

    _, first = jax.lax.scan(move, path.start, along.swapaxes(0, 1))
    first = first.swapaxes(0, 1)
    radius = jnp.maximum(path.radius, PIXEL // 2)

    each = lambda x: x.reshape(-1, 1, 1)
    middle = lambda n: jnp.arange(n) * PIXEL + PIXEL // 2
    cos, sin, length, reach = map(each, (cos, sin, path.length, radius))
    x, y = middle(width).reshape(1, 1, -1), middle(height).reshape(1, -1, 1)

    def near(point):
        """Whether a pixel is within the brush's disc there."""
        aside = (jnp.abs(x - each(point[..., 0])), jnp.abs(y - each(point[..., 1])))
        across, down = (jnp.minimum(a, reach + 1) for a in aside)
        return across**2 + down**2 <= reach**2

    right, down = x - each(first[..., 0]), y - each(first[..., 1])
    ahead, aside = right * cos + down * sin, down * cos - right * sin
    beside = (ahead >= 0) & (ahead <= length * UNIT) & (jnp.abs(aside) <= reach * UNIT)
    covered = beside | near(first) | near(first + along)
    return (covered & each(path.drawn)).any(0)
