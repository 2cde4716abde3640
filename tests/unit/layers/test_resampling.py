"""Convolutions that halve and double, against their definitions."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers import resampling


jax.config.update("jax_numpy_rank_promotion", "raise")


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def down_by_definition(x, kernel):
    return jax.lax.conv_general_dilated(
        x, kernel, (2, 2), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def up_by_definition(x, kernel):
    return jax.lax.conv_transpose(x, kernel, (2, 2), "SAME")


PAIRS = pytest.mark.parametrize(
    "ours, theirs",
    [(resampling.up, up_by_definition), (resampling.down, down_by_definition)],
    ids=["up", "down"],
)


@PAIRS
@pytest.mark.parametrize("c, d", [(2, 3), (17, 24)])
def test_resampling_equals_its_definition_in_every_derivative(ours, theirs, c, d):
    x, kernel = normal(1, 1, 2, 4, c), normal(2, 4, 4, c, d)
    dx, dk = normal(3, *x.shape), normal(4, *kernel.shape)

    @partial(jax.jit, static_argnums=0)
    def all_of(conv, x, kernel):
        value, tangent = jax.jvp(conv, (x, kernel), (dx, dk))
        energy = lambda x, k: jnp.sum(jnp.tanh(conv(x, k) / 4))
        first = jax.grad(energy, (0, 1))(x, kernel)
        penalty = lambda x, k: jnp.sum(jax.grad(energy)(x, k) ** 2)
        second = jax.grad(penalty, (0, 1))(x, kernel)
        return value, tangent, first, second

    both = (jax.tree.leaves(all_of(conv, x, kernel)) for conv in (ours, theirs))
    for a, b in zip(*both, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * max(1.0, float(jnp.abs(b).max())))


@PAIRS
def test_resampling_vmaps_over_weights(ours, theirs):
    x, kernels = normal(1, 2, 4, 4, 3), normal(2, 3, 4, 4, 3, 2)
    many = jax.jit(jax.vmap(ours, (None, 0)))(x, kernels)
    one_by_one = jnp.stack([jax.jit(theirs)(x, kernel) for kernel in kernels])
    np.testing.assert_allclose(many, one_by_one, atol=1e-5)


def test_up_is_the_definition_of_a_transposed_convolution():
    """Every pixel paints its 4x4 kernel at twice its place, one pixel back."""
    x, kernel = normal(1, 1, 3, 2, 2), normal(2, 4, 4, 2, 3)
    canvas = np.zeros((2 * 3 + 2, 2 * 2 + 2, 3))
    pixels, flipped = np.asarray(x), np.asarray(kernel)[::-1, ::-1]
    for i, j in np.ndindex(3, 2):
        canvas[2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += np.einsum(
            "c,hwcd->hwd", pixels[0, i, j], flipped
        )
    np.testing.assert_allclose(
        resampling.up(x, kernel)[0], canvas[1:-1, 1:-1], atol=1e-5
    )


def test_down_is_the_adjoint_of_up():
    x, y, kernel = normal(1, 2, 4, 4, 3), normal(2, 2, 8, 8, 5), normal(3, 4, 4, 3, 5)
    back = kernel[::-1, ::-1].swapaxes(2, 3)

    @jax.jit
    def both(x, y):
        return jnp.vdot(resampling.up(x, kernel), y), jnp.vdot(
            x, resampling.down(y, back)
        )

    np.testing.assert_allclose(*both(x, y), rtol=1e-4)
