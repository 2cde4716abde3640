"""Rasterizes brush strokes into masks, with whole numbers alone.

A stroke is a polyline drawn with a round brush, as in the free-form masks of DeepFill v2
and LaMa (`masks`). Floating-point sines and distances differ in their last bits between
machines and compilers, and so would the pixels at a stroke's edge. With fixed-point
arithmetic a key gives the same mask everywhere.
"""

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int


# The units of fixed-point arithmetic. At these, int32 is wide enough for images of tens of
# thousands of pixels a side.
PIXEL = 16  # units of length in a pixel
TURN = 3600  # units of angle in a full turn
UNIT = 1024  # the value that represents a sine or cosine of 1
ANGLES = 2 * np.pi * np.arange(TURN) / TURN
COSINES = np.round(UNIT * np.cos(ANGLES)).astype(np.int32)
SINES = np.round(UNIT * np.sin(ANGLES)).astype(np.int32)


@flax.struct.dataclass
class Path:
    """Several strokes, each of several segments that begin where the last one ended.

    Lengths are in units of 1 / `PIXEL` of a pixel, angles in units of 1 / `TURN` of a turn.

    Attributes:
        start: where each stroke begins, (x, y) from the upper left corner of the image.
        angle: the direction of each segment, an angle from the x axis towards the y axis.
        length: the length of each segment.
        radius: the radius of the brush along each segment; less than half a pixel counts as
            half a pixel.
        drawn: whether the segment is drawn; the next one begins at its end in any case.
    """

    start: Int[Array, "strokes 2"]
    angle: Int[Array, "strokes segments"]
    length: Int[Array, "strokes segments"]
    radius: Int[Array, "strokes segments"]
    drawn: Bool[Array, "strokes segments"]


def rasterize(path: Path, height: int, width: int) -> Bool[Array, "h w"]:
    """Returns the pixels whose centers the brush covers on its way along the path.

    A segment may leave the image; the next one then begins at the nearest point within it.

    Args:
        path: The strokes.
        height: The height of the image in pixels.
        width: Its width.
    """
    angle = path.angle % TURN
    cos = jnp.asarray(COSINES)[angle]
    sin = jnp.asarray(SINES)[angle]
    offset = jnp.stack([cos, sin], -1) * path.length[..., None] // UNIT
    corner = jnp.array([[width, height]]) * PIXEL

    # Where each segment begins, [strokes, segments, 2]: each depends on the one before.
    def advance(point, segment):
        return jnp.clip(point + segment, 0, corner), point

    _, begin = jax.lax.scan(advance, path.start, offset.swapaxes(0, 1))
    begin = begin.swapaxes(0, 1)
    radius = jnp.maximum(path.radius, PIXEL // 2)

    # From here on, arrays broadcast to [strokes * segments, height, width].
    def per_segment(values):
        return values.reshape(-1, 1, 1)

    def centers(pixels):
        return jnp.arange(pixels) * PIXEL + PIXEL // 2

    x = centers(width).reshape(1, 1, -1)
    y = centers(height).reshape(1, -1, 1)
    cos, sin, length, radius = map(per_segment, (cos, sin, path.length, radius))

    def in_disc(center):
        """Returns whether the brush at one end of a segment covers each pixel."""
        dx = jnp.abs(x - per_segment(center[..., 0]))
        dy = jnp.abs(y - per_segment(center[..., 1]))
        # Distances beyond the radius are clipped, so that their squares fit into int32.
        dx = jnp.minimum(dx, radius + 1)
        dy = jnp.minimum(dy, radius + 1)
        return dx**2 + dy**2 <= radius**2

    # Each pixel in coordinates along the segment and across it. Both are multiplied by
    # UNIT, as cos and sin are.
    dx = x - per_segment(begin[..., 0])
    dy = y - per_segment(begin[..., 1])
    along = dx * cos + dy * sin
    across = dy * cos - dx * sin
    in_band = jnp.abs(across) <= radius * UNIT
    in_rectangle = (along >= 0) & (along <= length * UNIT) & in_band
    is_covered = in_rectangle | in_disc(begin) | in_disc(begin + offset)
    return (is_covered & per_segment(path.drawn)).any(0)
