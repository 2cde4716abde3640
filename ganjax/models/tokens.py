"""Images as rows of tokens that know their places, and what transformers make of them.

Places are told twice: by sinusoids that are added once (Vaswani et al., 2017, in two
dimensions) and by rotations of queries and keys (Su et al., 2021; Fang et al., 2023).
"""

from math import prod

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.errors import Mistake
from ganjax.models import sizes


GLOROT = nn.initializers.glorot_uniform()
THETA = 10_000.0  # the longest wavelength over the shortest one, nearly
TINIEST = float(jnp.finfo(jnp.float32).eps)

Grid = tuple[int, int]  # rows and columns of patches


def grid_of(height: int, width: int, patch: int) -> Grid:
    """How many patches an image has; `Mistake` unless they fill it."""
    network = f"A transformer of patches of {patch}x{patch}"
    sizes.check(network, (height, width), sizes.multiples(patch), "other patches")
    return height // patch, width // patch


def patches(x: Float[Array, "b h w c"], patch: int) -> Float[Array, "b n d"]:
    """The patches of images, row by row, each as a vector [patch, patch, c]."""
    rows, columns = grid_of(x.shape[1], x.shape[2], patch)
    x = x.reshape(len(x), rows, patch, columns, patch, -1).swapaxes(2, 3)
    return x.reshape(len(x), rows * columns, -1)


def pixels(x: Float[Array, "b n d"], grid: Grid, patch: int) -> Float[Array, "b h w c"]:
    """The images that have these patches."""
    rows, columns = grid
    x = x.reshape(len(x), rows, columns, patch, patch, -1).swapaxes(2, 3)
    return x.reshape(len(x), rows * patch, columns * patch, -1)


def sinusoids(grid: Grid, width: int) -> Float[np.ndarray, "n width"]:
    """Sines, then cosines, of the column at width / 4 frequencies; then of the row."""
    rows, columns = _places(grid)
    each = [_angles(place, width // 4) for place in (columns, rows)]
    parts = [wave(angles) for angles in each for wave in (np.sin, np.cos)]
    return np.concatenate(parts, axis=-1).astype(np.float32)


def rotations(grid: Grid, size: int) -> Float[Array, "n half"]:
    """By how much each pair of a head's `size` numbers turns: by row, then by column."""
    if size % 4:
        raise Mistake(f"A head of {size} numbers has no rotations: 4 must divide it.")
    each = [_angles(place, size // 4) for place in _places(grid)]
    return jnp.asarray(np.concatenate(each, axis=-1), jnp.float32)


def rotate(
    x: Float[Array, "b n heads size"], angles: Float[Array, "n half"]
) -> Float[Array, "b n heads size"]:
    """Turns every two neighbours among a head's numbers by their angle."""
    turn = angles[None, :, None]
    cosine, sine = (f(turn).astype(x.dtype) for f in (jnp.cos, jnp.sin))
    a, b = x[..., ::2], x[..., 1::2]
    pair = a * cosine - b * sine, b * cosine + a * sine
    return jnp.stack(pair, axis=-1).reshape(x.shape)


class Attention(nn.Module):
    """Self-attention by `heads` heads whose queries and keys have a mean square of 1.

    They are scaled by a learned number for each of a head's `size` numbers, and turned.
    """

    heads: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n d"], angles: Float[Array, "n half"]
    ) -> Float[Array, "b n d"]:
        width = x.shape[-1]
        shape = *x.shape[:2], 3, self.heads, width // self.heads
        qkv = nn.Dense(3 * width, kernel_init=GLOROT, name="qkv")(x).reshape(shape)
        q, k, v = (qkv[:, :, i] for i in range(3))
        q = rotate(nn.RMSNorm(TINIEST, name="q_norm")(q), angles)
        k = rotate(nn.RMSNorm(TINIEST, name="k_norm")(k), angles)
        seen = jax.nn.dot_product_attention(q, k, v).reshape(x.shape)
        return nn.Dense(width, kernel_init=GLOROT, name="out")(seen)


class FeedForward(nn.Module):
    """SwiGLU (Shazeer, 2020), as large as a layer of four times the width would be."""

    @nn.compact
    def __call__(self, x: Float[Array, "b n d"]) -> Float[Array, "b n d"]:
        hidden = int(2 / 3 * 4 * x.shape[-1])
        both = nn.Dense(2 * hidden, kernel_init=GLOROT)(x)
        gate, value = jnp.split(both, 2, axis=-1)
        return nn.Dense(x.shape[-1], kernel_init=GLOROT)(nn.silu(gate) * value)


def _places(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """The row and the column of each token."""
    rows, columns = np.divmod(np.arange(prod(grid)), grid[1])
    return rows, columns


def _angles(place: np.ndarray, count: int) -> np.ndarray:
    """[n] places at `count` frequencies, [n, count]."""
    return place[:, None] * THETA ** -(np.arange(count) / count)
