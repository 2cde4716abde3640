"""Magnitude-preserving layers against their formulas, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers import magnitude


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def unit(w, centered=True):
    """Weights of mean 0 and mean square 1 for each output, the last axis."""
    w = np.float64(w).copy()
    for output in range(w.shape[-1]):
        column = w[..., output] - (w[..., output].mean() if centered else 0)
        w[..., output] = column / (np.sqrt((column**2).mean()) + 1e-4)
    return w


def given(kernel):
    return {"params": {"Unit_0": {"kernel": jnp.asarray(kernel)}}}


@pytest.mark.parametrize("centered", [True, False])
def test_a_convolution_has_its_gain_its_groups_and_weights_of_unit_size(centered):
    x, kernel, gain = normal(2, 3, 4, 4), 2 + normal(3, 3, 2, 6), normal(1, 1, 1, 6)
    layer = magnitude.Conv(6, 3, 2, centered)
    ours = layer.apply(given(kernel), jnp.asarray(x), jnp.asarray(gain))
    w = unit(kernel, centered) * gain / np.sqrt(3 * 3 * 2)
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    wanted = np.zeros((2, 3, 4, 6))
    for i, j, group in np.ndindex(3, 3, 2):
        ins, outs = slice(2 * group, 2 * group + 2), slice(3 * group, 3 * group + 3)
        wanted[..., outs] += wide[:, i : i + 3, j : j + 4, ins] @ w[i, j, :, outs]
    np.testing.assert_allclose(ours, wanted, atol=1e-5)


def test_a_bias_is_the_weight_of_one_and_noise_comes_before_it():
    x, gain, kernel = normal(2, 3, 4, 5), normal(5), normal(1, 1, 7, 2)
    run = magnitude.Biased(2, noise=True).apply
    w = unit(kernel)[0, 0] / np.sqrt(7)
    first, second = (
        np.asarray(
            run(given(kernel), jnp.asarray(x), jnp.asarray(gain), rngs={"noise": key})
        )
        - (x * gain) @ w[:5]
        - w[6]
        for key in jax.random.split(KEY)
    )
    for noise in (first, second):
        drawn = noise / w[5]
        np.testing.assert_allclose(drawn[..., 0], drawn[..., 1], atol=1e-4)
        assert len(np.unique(np.round(drawn[..., 0], 3))) == 24
        assert 0.6 < drawn[..., 0].std() < 1.4
    assert np.abs(first - second).max() > 0.1
    plain = magnitude.Biased(2).apply(
        given(kernel[:, :, 1:]), jnp.asarray(x), jnp.asarray(gain)
    )
    w = unit(kernel[:, :, 1:])[0, 0] / np.sqrt(6)
    np.testing.assert_allclose(plain, (x * gain) @ w[:5] + w[5], atol=1e-5)


def test_a_linear_layer_is_a_product_with_unit_weights():
    x, kernel = normal(3, 5), normal(5, 2)
    ours = magnitude.Linear(2).apply(given(kernel), jnp.asarray(x))
    np.testing.assert_allclose(ours, x @ unit(kernel) / np.sqrt(5), atol=1e-5)


def test_channels_are_spread_and_gathered_within_their_groups():
    h, x, kernel = normal(3, 6), normal(3, 4, 4, 6), normal(4, 4, 2, 6)
    w = unit(kernel)
    spread, gathered = np.zeros((3, 4, 4, 6)), np.zeros((3, 6))
    for channel in range(6):
        for k in range(2):
            source, pattern = channel // 2 * 2 + k, w[:, :, k, channel]
            spread[..., channel] += h[:, None, None, source] * pattern / np.sqrt(2)
            seen = (x[..., source] * pattern).sum((1, 2))
            gathered[:, channel] += seen / np.sqrt(2 * 16)
    run = magnitude.Spread(2).apply
    np.testing.assert_allclose(run(given(kernel), jnp.asarray(h)), spread, atol=1e-5)
    run = magnitude.Gathered(2).apply
    np.testing.assert_allclose(run(given(kernel), jnp.asarray(x)), gathered, atol=1e-5)
    with pytest.raises(UsageError, match="6 channels .* groups of 4"):
        magnitude.group_count(6, 4)


def test_only_these_layers_are_forced_and_those_of_pixels_keep_their_mean():
    w = jnp.asarray(1 + normal(1, 1, 4, 3))
    force = magnitude.forced_weight_normalization
    np.testing.assert_allclose(force("Conv_0/Unit_0/kernel", w), unit(w), atol=1e-5)
    pixels = force("rgb/Unit_0/kernel", w)
    np.testing.assert_allclose(pixels, unit(w, centered=False), atol=1e-5)
    assert force("Stage_0/Block_0/alpha", w) is w


def test_weights_of_zero_are_no_nan():
    assert not magnitude.normalize_weight(jnp.zeros((3, 2))).any()


def test_the_leaky_relu_is_divided_by_its_deviation():
    x = np.linspace(-8, 8, 20_001)
    density = np.exp(-(x**2) / 2) / np.exp(-(x**2) / 2).sum()
    bent = np.where(x > 0, x, 0.2 * x)
    deviation = np.sqrt(density @ bent**2 - (density @ bent) ** 2)
    ours = magnitude.lrelu(jnp.array([-3.0, 2.0]))
    np.testing.assert_allclose(ours, np.array([-0.6, 2.0]) / deviation, rtol=1e-4)
