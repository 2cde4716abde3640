"""Contextual attention (Yu et al., 2018, section 4.1): a hole filled with known patches."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


SCALE = 10.0  # of cosines, before the softmax
LEAST = 1e-4  # a patch's length, below which it resembles nothing


def attend(
    x: Float[Array, "b h w c"], mask: Float[Array, "b h w 1"], fuse: bool = True
) -> Float[Array, "b h w c"]:
    """x made anew of its own patches that the mask, 1 where hidden, leaves whole.

    At half the resolution every 3x3 patch is compared with every known one by the cosine
    between them; a softmax of ten times that says how much of the known ones' 4x4
    patches at full resolution is put in its place, the mean where several are. With
    `fuse`, that two patches match counts for their neighbours, too: cosines are added up
    along the rows, then along the columns ("attention propagation", k = 1). It differs
    from the authors' code, which does not normalise the patch looked for, lets the masked
    ones have a share of the softmax and takes zeros from beyond the border. Where nothing
    is known it is 0.
    """
    h, w = x.shape[1:3]
    even = (0, 0), (0, h % 2), (0, w % 2), (0, 0)
    x, mask = jnp.pad(x, even), jnp.pad(mask, even, constant_values=1)
    small, hidden = x[:, ::2, ::2], nn.max_pool(mask, (2, 2), (2, 2))
    n, m = small.shape[1:3]

    look = _unit(_flat(patches(small, 3, 1)))
    exactly = partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
    scores = exactly("bik,bjk->bij", look, look)
    if fuse:
        scores = _fused(scores.reshape(-1, n, m, n, m)).reshape(scores.shape)
    known = _flat(patches(hidden, 3, 1)).max(-1)[:, None] == 0
    shares = nn.softmax(jnp.where(known, SCALE * scores, -1e9), axis=-1) * known

    def paste(x):
        pieces, fold = jax.vjp(partial(patches, size=4, stride=2), x)
        mixed = exactly("bij,bjk->bik", shares, _flat(pieces))
        return fold(mixed.reshape(pieces.shape))[0]

    made = paste(x) / jnp.maximum(paste(jnp.ones_like(x)), LEAST)
    return made[:, :h, :w]


def patches(
    x: Float[Array, "b h w c"], size: int, stride: int
) -> Float[Array, "b H W k c"]:
    """The squares of `size` around every `stride`-th pixel or squares of them, of k pixels.

    Zeros lie beyond the border, so that there are as many as strides.
    """
    before = (size - stride) // 2
    after = size - stride - before
    h, w = x.shape[1:3]
    x = jnp.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
    places = [(i, j) for i in range(size) for j in range(size)]
    each = [x[:, i : i + h : stride, j : j + w : stride] for i, j in places]
    return jnp.stack(each, axis=3)


def _flat(pieces: Float[Array, "b h w k c"]) -> Float[Array, "b n d"]:
    return pieces.reshape(len(pieces), pieces.shape[1] * pieces.shape[2], -1)


def _unit(rows: Float[Array, "b n d"]) -> Float[Array, "b n d"]:
    square = jnp.sum(rows**2, axis=-1, keepdims=True)
    return rows * jax.lax.rsqrt(jnp.maximum(square, LEAST**2))


def _fused(scores: Float[Array, "b h w H W"]) -> Float[Array, "b h w H W"]:
    """Scores with those of both patches' neighbours, left and right, then up and down."""
    for axes in ((2, 4), (1, 3)):
        ends = [(1, 1) if axis in axes else (0, 0) for axis in range(5)]
        wide = jnp.pad(scores, ends)
        sides = [scores.shape[axis] for axis in axes]
        moved = []
        for by in range(3):
            part = wide
            for axis, side in zip(axes, sides, strict=True):
                part = jax.lax.slice_in_dim(part, by, by + side, axis=axis)
            moved.append(part)
        scores = moved[0] + moved[1] + moved[2]
    return scores
