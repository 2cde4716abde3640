"""Kernels along one axis, by minimal filtering of pieces.

Longer ones are cut in pieces of four taps. These are four outputs apart, as tiles are, so
all pieces see the same tiles, which are transformed once, and each takes 7 products for
16. Signals here are padded, and kernels have stride 1.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.models.toom import Filter, Matrix, by_few, minimal, turn


M = 4  # outputs of a tile, and taps of a piece at most


class Cut(NamedTuple):
    """How a kernel is cut in `pieces` of r taps, and the outputs in `tiles` of M."""

    r: int
    pieces: int
    tiles: int

    @property
    def n(self) -> int:
        """How many samples a tile sees."""
        return M + self.r - 1

    @property
    def seen(self) -> int:
        """How many tiles there are in what all pieces see."""
        return self.tiles + self.pieces - 1

    @property
    def filter(self) -> Filter:
        """The matrices for tiles of this size."""
        return minimal(M, self.r)

    def extend(self, x: Array) -> Array:
        """Signals up to the end of the last tile."""
        return _extend(x, (self.seen - 1) * M + self.n)

    def bytes(self, x: Array, d: int) -> int:
        """What the tiles of one of these signals take, and their products."""
        width = max(x.shape[-1], self.pieces * d)
        return self.n * self.seen * width * x.dtype.itemsize


def share(k: int) -> float:
    """The products that a kernel of k taps takes, of those that it takes unfiltered."""
    cut = _cut(k, M)
    return cut.pieces * cut.n / (M * k)


def output(
    x: Float[Array, "b w c"], kernel: Float[Array, "k c d"]
) -> Float[Array, "b W d"]:
    """The convolution of signals with a kernel."""
    k, c, d = kernel.shape
    wide = x.shape[1] - k + 1
    cut = _cut(k, wide)
    b, g, a = cut.filter
    kernel = jnp.pad(kernel, ((0, cut.pieces * cut.r - k), (0, 0), (0, 0)))
    kernel = kernel.reshape(cut.pieces, cut.r, c, d).transpose(1, 2, 0, 3)
    weights = _along(g, kernel).reshape(cut.n, c, -1)

    def few(x):
        seen = _along(b, _gather(x, cut.n)).reshape(cut.n, -1, c)
        given = (seen @ weights).reshape(cut.n, len(x), cut.seen, cut.pieces, d)
        shifted = [given[:, :, i : i + cut.tiles, i] for i in range(cut.pieces)]
        y = _along(a, sum(shifted[1:], shifted[0]))
        return y.transpose(1, 2, 0, 3).reshape(-1, cut.tiles * M, d)

    x = cut.extend(x)
    return by_few(few, cut.bytes(x, d), x)[:, :wide]


def kernel(x: Float[Array, "b w c"], y: Float[Array, "b W d"]) -> Float[Array, "k c d"]:
    """The gradient by that kernel, from the signals and the outputs' gradient."""
    c, d, k = x.shape[-1], y.shape[-1], x.shape[1] - y.shape[1] + 1
    cut = _cut(k, y.shape[1])
    b, g, a = cut.filter

    def few(x, y):
        seen = _along(b, _gather(x, cut.n)).reshape(cut.n, -1, c)
        pulled = _along(turn(a), _gather(y, M))
        shift = lambda i: ((0, 0), (0, 0), (i, cut.pieces - 1 - i), (0, 0))
        pulled = [jnp.pad(pulled, shift(i)) for i in range(cut.pieces)]
        pulled = jnp.stack(pulled, axis=3).reshape(cut.n, -1, cut.pieces * d)
        return jnp.einsum("ntd,ntc->ndc", pulled, seen)

    x, y = cut.extend(x), _extend(y, cut.tiles * M)
    out = _along(turn(g), by_few(few, cut.bytes(x, d), x, y, add=True))
    out = out.reshape(cut.r, cut.pieces, d, c).transpose(1, 0, 3, 2)
    return out.reshape(-1, c, d)[:k]


def _cut(k: int, wide: int) -> Cut:
    r = min(k, M)
    return Cut(r, -(-k // r), -(-wide // M))


def _extend(x: Array, wide: int) -> Array:
    return jnp.pad(x, ((0, 0), (0, wide - x.shape[1]), (0, 0)))


def _gather(x: Array, side: int) -> Float[Array, "n b t c"]:
    """The `side` samples from every Mth on."""
    last = x.shape[1] - side
    return jnp.stack([x[:, i : i + last + 1 : M] for i in range(side)])


def _along(matrix: Matrix, x: Array) -> Array:
    """The matrix along the leading axis."""
    product = jnp.asarray(matrix, x.dtype) @ x.reshape(len(x), -1)
    return product.reshape(-1, *x.shape[1:])
