from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers import equalized, modulated


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def correlate(x, kernel):
    """By definition, without padding, in float64."""
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], (1, 2))
    return np.einsum("bhwcij,ijcd->bhwd", windows, kernel)


def fir(c):
    taps = np.array([1.0, 3.0, 3.0, 1.0]) / 8
    return np.einsum("ij,cd->ijcd", np.outer(taps, taps), np.eye(c))


def pad(x, n):
    return np.pad(x, ((0, 0), (n, n), (n, n), (0, 0)))


def test_shrinking_filters_and_then_takes_every_second_place():
    x, kernel = normal(1, 2, 6, 4, 2), normal(2, 3, 3, 2, 5)
    wanted = correlate(correlate(pad(x, 2), fir(2)), kernel)[:, ::2, ::2]
    ours = equalized.conv_downsample(x, kernel)
    assert ours.shape == (2, 3, 2, 5)
    np.testing.assert_allclose(ours, wanted, atol=1e-5)


def test_growing_puts_zeros_between_convolves_and_then_filters():
    x, kernel = normal(1, 2, 3, 4, 2), normal(2, 3, 3, 2, 5)
    spread = np.zeros((2, 5, 7, 2))
    spread[:, ::2, ::2] = x
    painted = correlate(pad(spread, 2), kernel[::-1, ::-1])
    ours = equalized.upsample_conv(x, kernel)
    assert ours.shape == (2, 6, 8, 5)
    np.testing.assert_allclose(ours, 4 * correlate(pad(painted, 1), fir(5)), atol=1e-5)


@pytest.mark.parametrize(
    "layer, shape",
    [
        (equalized.Dense(64), (64, 128)),
        (equalized.Dense(64, lr_multiplier=0.01), (64, 128)),
        (equalized.Conv(32), (4, 8, 8, 16)),
        (modulated.StyledConv(32), (4, 8, 8, 16)),
    ],
    ids=["dense", "slow", "conv", "styled"],
)
def test_layers_keep_the_second_moment_at_first(layer, shape):
    x = normal(1, *shape)
    inputs = (x, normal(2, 4, 64)) if isinstance(layer, modulated.StyledConv) else (x,)
    y, _ = jax.jit(layer.init_with_output)(KEY, *inputs)
    inner = y[:, 1:-1, 1:-1] if y.ndim > 2 else y
    np.testing.assert_allclose(jnp.mean(inner**2), 1.0, rtol=0.35)


def test_a_slow_layer_begins_with_the_bias_and_the_weights_that_it_is_told():
    x = jnp.asarray(np.eye(400, dtype=np.float32))
    dense = equalized.Dense(2, 0.5, bias_init=(3.0, -1.0), weight_init=2.0)
    y, variables = dense.init_with_output(KEY, x)
    np.testing.assert_allclose(variables["params"]["bias"], [6.0, -2.0])
    y, kernel = np.asarray(y), np.asarray(variables["params"]["kernel"])
    assert kernel.std() == pytest.approx(4, rel=0.15)
    np.testing.assert_allclose(y.mean(0), [3.0, -1.0], atol=0.05)
    assert y.std() == pytest.approx(np.hypot(2 / 20, 2), rel=0.05)


def test_the_rate_slows_a_layer_down():
    """The same function of weights that are stored so many times as large."""
    x, params = normal(1, 2, 3), {"kernel": normal(2, 3, 4), "bias": normal(3, 4)}
    energy = lambda layer: lambda p: jnp.sum(layer.apply({"params": p}, x) ** 2)

    @jax.jit
    def both(params):
        slow = jax.tree.map(lambda leaf: leaf / 0.01, params)
        plain = jax.value_and_grad(energy(equalized.Dense(4)))(params)
        return plain, jax.value_and_grad(
            energy(equalized.Dense(4, lr_multiplier=0.01))
        )(slow)

    (a, grads), (b, slower) = both(params)
    np.testing.assert_allclose(a, b, rtol=1e-4)
    scaled = jax.tree.map(lambda grad: 0.01 * grad, grads)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-3), slower, scaled)
