"""Layers of transformers: images as sequences of patches, attention, feed-forward parts.

The positions of patches enter twice: as sinusoids that are added to the tokens once
(Vaswani et al., 2017, in two dimensions), and as rotations of the queries and keys of every
layer (RoPE: Su et al., 2021; in two dimensions as in Fang et al., 2023).
"""

from math import prod

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.errors import UsageError
from ganjax.layers import sizes


GLOROT = nn.initializers.glorot_uniform()
# The base of the frequencies: about the ratio of the longest to the shortest wavelength.
THETA = 10_000.0
EPSILON = float(jnp.finfo(jnp.float32).eps)  # of the normalization of queries and keys

Grid = tuple[int, int]  # rows and columns of patches


def patch_grid(height: int, width: int, patch: int) -> Grid:
    """Returns how many rows and columns of patches an image has.

    Args:
        height: The height of the image in pixels.
        width: Its width.
        patch: The side of a patch.

    Raises:
        UsageError: unless patches of patch x patch pixels fill the image.
    """
    network = f"A transformer of patches of {patch}x{patch}"
    sizes.check(network, (height, width), sizes.multiples(patch), "other patches")
    return height // patch, width // patch


def patchify(x: Float[Array, "b h w c"], patch: int) -> Float[Array, "b n d"]:
    """Returns the patches of images, row by row, each flattened from [patch, patch, c]."""
    rows, columns = patch_grid(x.shape[1], x.shape[2], patch)
    x = x.reshape(len(x), rows, patch, columns, patch, -1).swapaxes(2, 3)
    return x.reshape(len(x), rows * columns, -1)


def unpatchify(
    x: Float[Array, "b n d"], grid: Grid, patch: int
) -> Float[Array, "b h w c"]:
    """Returns the images that have these patches, the inverse of `patchify`."""
    rows, columns = grid
    x = x.reshape(len(x), rows, columns, patch, patch, -1).swapaxes(2, 3)
    return x.reshape(len(x), rows * patch, columns * patch, -1)


def sinusoids(grid: Grid, width: int) -> Float[np.ndarray, "n width"]:
    """Returns the sinusoidal position embedding of each token.

    Its four parts are the sines and the cosines of the column, then those of the row, at
    width / 4 frequencies each.

    Args:
        grid: Rows and columns of patches.
        width: The length of an embedding, a multiple of 4.
    """
    rows, columns = _positions(grid)
    parts = []
    for position in (columns, rows):
        angles = _angles(position, width // 4)
        parts += [np.sin(angles), np.cos(angles)]
    return np.concatenate(parts, axis=-1).astype(np.float32)


def rope_angles(grid: Grid, size: int) -> Float[Array, "n half"]:
    """Returns the angles by which `apply_rope` rotates the pairs of each token.

    The first half of the angles follows from the token's row, the second from its column.

    Args:
        grid: Rows and columns of patches.
        size: The size of a head.

    Returns:
        One angle for each token and pair of adjacent entries, size / 2 of them.

    Raises:
        UsageError: unless 4 divides the size.
    """
    if size % 4:
        raise UsageError(
            f"RoPE needs attention heads of a size that 4 divides, not {size}."
        )
    # A head of `size` numbers has size / 2 pairs, of which each axis gets half.
    angles = [_angles(position, size // 4) for position in _positions(grid)]
    return jnp.asarray(np.concatenate(angles, axis=-1), jnp.float32)


def sequence_angles(length: int, size: int) -> Float[Array, "n half"]:
    """Returns the angles of `apply_rope` for tokens that are in one row, as in a text.

    Args:
        length: The number of tokens.
        size: The size of a head, which is even.
    """
    return jnp.asarray(_angles(np.arange(length), size // 2), jnp.float32)


def apply_rope(
    x: Float[Array, "b n heads size"], angles: Float[Array, "n half"]
) -> Float[Array, "b n heads size"]:
    """Rotates each pair of adjacent entries of queries or keys by its angle.

    Args:
        x: Queries or keys, of an even size.
        angles: The result of `rope_angles`.
    """
    angles = angles[None, :, None]
    cosine = jnp.cos(angles).astype(x.dtype)
    sine = jnp.sin(angles).astype(x.dtype)
    first = x[..., ::2]
    second = x[..., 1::2]
    rotated = (first * cosine - second * sine, second * cosine + first * sine)
    return jnp.stack(rotated, axis=-1).reshape(x.shape)


class Attention(nn.Module):
    """Multi-head self-attention with normalized queries and keys, and RoPE.

    Queries and keys are scaled to a mean square of 1 in each head, then by a learned number
    for each entry of a head, which keeps the softmax from saturating, and rotated.

    Attributes:
        heads: The number of heads, which must divide the width of the tokens.
    """

    heads: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n d"], angles: Float[Array, "n half"]
    ) -> Float[Array, "b n d"]:
        width = x.shape[-1]
        shape = (*x.shape[:2], 3, self.heads, width // self.heads)
        # One matrix product for queries, keys and values, [b, n, 3, heads, size].
        qkv = nn.Dense(3 * width, kernel_init=GLOROT, name="qkv")(x).reshape(shape)
        q, k, v = (qkv[:, :, i] for i in range(3))
        q = apply_rope(nn.RMSNorm(EPSILON, name="q_norm")(q), angles)
        k = apply_rope(nn.RMSNorm(EPSILON, name="k_norm")(k), angles)
        # The logits are divided by the root of the size.
        attended = jax.nn.dot_product_attention(q, k, v).reshape(x.shape)
        return nn.Dense(width, kernel_init=GLOROT, name="out")(attended)


class FeedForward(nn.Module):
    """SwiGLU (Shazeer, 2020), with the size of an MLP of four times the width."""

    @nn.compact
    def __call__(self, x: Float[Array, "b n d"]) -> Float[Array, "b n d"]:
        # Three matrices of 8/3 of the width have as many weights as two of four times it.
        hidden = int(2 / 3 * 4 * x.shape[-1])
        gate_and_value = nn.Dense(2 * hidden, kernel_init=GLOROT)(x)
        gate, value = jnp.split(gate_and_value, 2, axis=-1)
        return nn.Dense(x.shape[-1], kernel_init=GLOROT)(nn.silu(gate) * value)


def _positions(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Returns the row and the column of each token."""
    rows, columns = np.divmod(np.arange(prod(grid)), grid[1])
    return rows, columns


def _angles(position: np.ndarray, count: int) -> np.ndarray:
    """Returns the products of positions [n] and `count` frequencies, [n, count]."""
    return position[:, None] * THETA ** -(np.arange(count) / count)
