"""Contextual attention, which fills a hole with known patches (Yu et al., 2018)."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


SOFTMAX_SCALE = 10.0  # multiplies the cosines
MIN_NORM = 1e-4  # the least number that is divided by
MASKED_LOGIT = -1e9  # of a patch that is not known


def contextual_attention(
    x: Float[Array, "b h w c"], mask: Float[Array, "b h w 1"], fuse: bool = True
) -> Float[Array, "b h w c"]:
    """Rebuilds features from their own known patches (Yu et al., 2018, section 4.1).

    At half the resolution, the cosine of every two 3x3 patches is computed. A softmax of
    ten times the cosines weights the known patches. At full resolution each 4x4 patch
    becomes the weighted mean of the known ones, and patches are averaged where they
    overlap.

    This differs from the authors' code, which does not normalize the patch to be replaced,
    gives masked patches a share of the softmax, and counts zeros beyond the border in the
    averages.

    Args:
        x: Features.
        mask: 1 where a pixel is hidden; a patch is known if none of its pixels is hidden.
        fuse: Whether to add to the score of two patches those of the two patches one step
            to the left and to the right of both, and then one step above and below
            ("attention propagation", k = 1).

    Returns:
        The rebuilt features, 0 where no patch is known.
    """
    h, w = x.shape[1:3]
    # Sides are made even; pixels beyond the border are hidden.
    padding = ((0, 0), (0, h % 2), (0, w % 2), (0, 0))
    x = jnp.pad(x, padding)
    mask = jnp.pad(mask, padding, constant_values=1)
    # At half the resolution there are 16 times fewer pairs of patches to score.
    small = x[:, ::2, ::2]
    hidden = nn.max_pool(mask, (2, 2), (2, 2))
    n, m = small.shape[1:3]

    # Lower precision would change which patch is best.
    directions = _normalize(_flatten(patches(small, 3, 1)))
    einsum = partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
    scores = einsum("bik,bjk->bij", directions, directions)
    if fuse:
        # Both patches of a pair are indexed by row and column: [b, n, m, n, m].
        scores = _fuse(scores.reshape(-1, n, m, n, m)).reshape(scores.shape)
    is_known = _flatten(patches(hidden, 3, 1)).max(-1)[:, None] == 0
    logits = jnp.where(is_known, SOFTMAX_SCALE * scores, MASKED_LOGIT)
    # Where all patches are hidden the softmax is uniform; the product makes it 0.
    weights = nn.softmax(logits, axis=-1) * is_known

    # The transpose of cutting patches adds them up where they overlap.
    def mix_and_paste(image):
        pieces, paste = jax.vjp(partial(patches, size=4, stride=2), image)
        mixed = einsum("bij,bjk->bik", weights, _flatten(pieces))
        return paste(mixed.reshape(pieces.shape))[0]

    # An image of ones becomes the total weight of the patches that overlap at each pixel.
    overlaps = mix_and_paste(jnp.ones_like(x))
    rebuilt = mix_and_paste(x) / jnp.maximum(overlaps, MIN_NORM)
    return rebuilt[:, :h, :w]


def patches(
    x: Float[Array, "b h w c"], size: int, stride: int
) -> Float[Array, "b H W k c"]:
    """Cuts images into overlapping patches.

    Args:
        x: Images of sides that `stride` divides.
        size: The side of a patch.
        stride: The step between patches.

    Returns:
        For each square of `stride` pixels, the k = size^2 pixels of the patch around it,
        row by row, with zeros beyond the border.
    """
    # The patch is centered on its square of pixels.
    before = (size - stride) // 2
    after = size - stride - before
    h, w = x.shape[1:3]
    x = jnp.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
    pixels = [
        x[:, i : i + h : stride, j : j + w : stride]
        for i in range(size)
        for j in range(size)
    ]
    return jnp.stack(pixels, axis=3)


def _flatten(pieces: Float[Array, "b h w k c"]) -> Float[Array, "b n d"]:
    """Returns the patches of an image as a list of vectors, n = h w and d = k c."""
    return pieces.reshape(len(pieces), pieces.shape[1] * pieces.shape[2], -1)


def _normalize(vectors: Float[Array, "b n d"]) -> Float[Array, "b n d"]:
    """Scales vectors to length 1, shorter ones than `MIN_NORM` to less."""
    square = jnp.sum(vectors**2, axis=-1, keepdims=True)
    return vectors * jax.lax.rsqrt(jnp.maximum(square, MIN_NORM**2))


def _fuse(scores: Float[Array, "b h w H W"]) -> Float[Array, "b h w H W"]:
    """Adds to each pair's score those of the pairs in which both patches are one step
    further left or right, then up or down.
    """
    for axes in ((2, 4), (1, 3)):
        padding = [(1, 1) if axis in axes else (0, 0) for axis in range(5)]
        padded = jnp.pad(scores, padding)
        lengths = [scores.shape[axis] for axis in axes]
        shifted = []
        for offset in range(3):
            view = padded
            for axis, length in zip(axes, lengths, strict=True):
                view = jax.lax.slice_in_dim(view, offset, offset + length, axis=axis)
            shifted.append(view)
        scores = shifted[0] + shifted[1] + shifted[2]
    return scores
