"""Contextual attention against loops over every pixel and patch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers import contextual


jax.config.update("jax_numpy_rank_promotion", "raise")


def around(x, i, j, before, after):
    """The square of x [h, w, c] about (i, j), with zeros beyond the border."""
    h, w, c = x.shape
    found = np.zeros((before + after + 1, before + after + 1, c))
    for a in range(-before, after + 1):
        for b in range(-before, after + 1):
            if 0 <= i + a < h and 0 <= j + b < w:
                found[a + before, b + before] = x[i + a, j + b]
    return found


def naive(x, mask, fuse):
    """Of one image [h, w, c] with even sides."""
    h, w, c = x.shape
    n, m = h // 2, w // 2
    small = x[::2, ::2]
    hidden = mask.reshape(n, 2, m, 2, 1).max((1, 3))
    places = [(i, j) for i in range(n) for j in range(m)]
    known = [p for p in places if around(hidden, *p, 1, 1).max() == 0]

    def cosine(p, q):
        if not all(0 <= a < b for a, b in zip((*p, *q), (n, m, n, m), strict=True)):
            return 0.0
        a, b = (around(small, *place, 1, 1).ravel() for place in (p, q))
        return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))

    def score(p, q):
        if not fuse:
            return cosine(p, q)
        steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        return sum(cosine((p[0] + i, p[1] + j), (q[0] + i, q[1] + j)) for i, j in steps)

    total, count = np.zeros((h, w, c)), np.zeros((h, w, 1))
    inside = np.ones((h, w, 1))
    for p in places:
        shares = np.exp([10 * score(p, q) for q in known])
        shares /= shares.sum()
        for share, q in zip(shares, known, strict=True):
            patch, valid = (around(y, 2 * q[0], 2 * q[1], 1, 2) for y in (x, inside))
            for a in range(4):
                for b in range(4):
                    i, j = 2 * p[0] - 1 + a, 2 * p[1] - 1 + b
                    if 0 <= i < h and 0 <= j < w:
                        total[i, j] += share * patch[a, b]
                        count[i, j] += share * valid[a, b]
    return total / np.maximum(count, 1e-9)


def scene(h, w, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, h, w, 3))
    mask = np.zeros((2, h, w, 1))
    mask[0, 2:5, 3:5] = 1
    mask[1, :3, :3] = 1
    return x, mask


@pytest.mark.parametrize("fuse", [False, True])
def test_attention_is_that_of_the_loops(fuse):
    x, mask = scene(10, 12)
    ours = contextual.contextual_attention(jnp.float32(x), jnp.float32(mask), fuse)
    wanted = np.stack([naive(a, b, fuse) for a, b in zip(x, mask, strict=True)])
    np.testing.assert_allclose(ours, wanted, atol=2e-5)


def test_odd_sides_are_those_of_the_next_even_ones_beyond_which_nothing_is_known():
    x, mask = scene(9, 11)
    even = ((0, 0), (0, 1), (0, 1), (0, 0))
    wide, hidden = np.pad(x, even), np.pad(mask, even, constant_values=1)
    wanted = naive(wide[0], hidden[0], True)[:9, :11]
    ours = contextual.contextual_attention(jnp.float32(x), jnp.float32(mask))
    assert ours.shape == x.shape
    np.testing.assert_allclose(ours[0], wanted, atol=2e-5)


def test_what_is_hidden_is_taken_from_what_is_like_its_surroundings():
    """A texture of period four, of which a hole is filled in as it was."""
    tile = np.random.default_rng(1).normal(size=(4, 4, 3))
    x = np.tile(tile, (5, 5, 1))[None]
    mask = np.zeros((1, 20, 20, 1))
    mask[:, 8:10, 8:10] = 1
    ours = contextual.contextual_attention(jnp.float32(x), jnp.float32(mask), True)
    inner = np.abs(np.asarray(ours) - x)[:, 4:-4, 4:-4]
    assert inner.mean() < 0.1 * np.abs(x).mean()


def test_hidden_patches_do_not_matter_for_what_others_become():
    """But for where they are looked for themselves."""
    x, mask = scene(10, 12)
    other = np.where(mask > 0, 5.0, x)
    a, b = (
        contextual.contextual_attention(jnp.float32(v), jnp.float32(mask), False)
        for v in (x, other)
    )
    assert jnp.abs(a - b)[0, 9:, 9:].max() == 0
    assert jnp.abs(a - b)[0, 3, 3].max() > 0


def test_patches_of_zeros_have_finite_slopes():
    mask = jnp.zeros((1, 4, 4, 1)).at[:, 0, 0].set(1.0)
    value = jax.grad(lambda x: jnp.sum(contextual.contextual_attention(x, mask)))
    assert jnp.isfinite(jax.jit(value)(jnp.zeros((1, 4, 4, 1)))).all()


def test_where_nothing_is_known_there_is_nothing_and_no_nan():
    x, mask = scene(6, 6)
    mask = jnp.ones_like(jnp.float32(mask))
    value = jax.value_and_grad(
        lambda x: jnp.sum(contextual.contextual_attention(x, mask) ** 2)
    )
    ours, slope = jax.jit(value)(jnp.float32(x))
    assert ours == 0 and jnp.isfinite(slope).all()


def test_what_is_the_same_everywhere_stays_so_up_to_the_border():
    mask = jnp.zeros((1, 9, 8, 1)).at[:, 3, 3].set(1.0)
    ours = contextual.contextual_attention(jnp.full((1, 9, 8, 2), 3.0), mask)
    np.testing.assert_allclose(ours, 3.0, rtol=1e-4)
