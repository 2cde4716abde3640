"""Likelihoods against float64, and what is shown as a sample of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from ganjax.likelihoods import (
    Scaled,
    bernoulli,
    discretized_logistic,
    fixed,
    gaussian,
    rows,
)


RNG = np.random.default_rng(0)
MEAN = jnp.float32(RNG.uniform(-0.9, 0.9, (5, 4, 4, 2)))
PIXELS = jnp.float32(RNG.integers(0, 256, MEAN.shape) / 127.5 - 1)
KEY = jax.random.key(0)


def log_scale(scale):
    return jnp.float32(np.log(scale))


def float64(x):
    return np.asarray(x, np.float64)


def summed(x):
    return float64(x).reshape(len(x), -1).sum(1)


@pytest.mark.parametrize("scale", [0.05, 1.0, 4.0])
def test_a_gaussian_has_its_density(scale):
    found = gaussian().log_prob(Scaled(MEAN, log_scale(scale)), PIXELS)
    wanted = stats.norm.logpdf(float64(PIXELS), float64(MEAN), scale)
    np.testing.assert_allclose(found, summed(wanted), rtol=2e-5)
    alone = fixed(gaussian(), scale).log_prob(MEAN, PIXELS)
    np.testing.assert_allclose(alone, found, rtol=1e-6)


def test_black_and_white_pixels_have_the_probability_of_their_mean():
    image = jnp.sign(PIXELS)
    found = bernoulli().log_prob(MEAN, image)
    wanted = stats.bernoulli.logpmf((float64(image) + 1) / 2, (float64(MEAN) + 1) / 2)
    np.testing.assert_allclose(found, summed(wanted), rtol=2e-5)
    certain = bernoulli().log_prob(image, -image)
    assert np.isfinite(certain).all() and (certain < -400).all()


@pytest.mark.parametrize("scale", [0.002, 0.03, 1.0])
@pytest.mark.parametrize("mean", [-1.0, -0.2, 0.999])
def test_probabilities_of_all_levels_are_those_of_the_bins_and_sum_to_one(scale, mean):
    levels = np.arange(256) / 127.5 - 1
    output = Scaled(jnp.full((256, 1), mean, jnp.float32), log_scale(scale))
    x = jnp.float32(levels)[:, None]
    found = np.asarray(discretized_logistic().log_prob(output, x), np.float64)
    np.testing.assert_allclose(np.exp(found).sum(), 1, rtol=1e-4)
    logistic = stats.logistic(mean, scale)
    ends = np.concatenate([[-np.inf], levels[:-1] + 1 / 255, [np.inf]])
    # On the side where the difference of distribution functions is exact.
    below, above = np.diff(logistic.cdf(ends)), -np.diff(logistic.sf(ends))
    wanted = np.where(levels < mean, below, above)
    likely = wanted > 1e-26
    np.testing.assert_allclose(
        found[likely], np.log(wanted[likely]), rtol=1e-3, atol=2e-3
    )


def test_a_pixel_far_from_its_mean_has_a_finite_gradient():
    def value(mean, scale):
        output = Scaled(mean, scale)
        return discretized_logistic().log_prob(output, jnp.ones((1, 1)) * 0.5).sum()

    grads = jax.grad(value, (0, 1))(-jnp.ones((1, 1)), jnp.float32(-20))
    assert all(np.isfinite(grad).all() for grad in grads)
    by_mean = jax.grad(value)(-jnp.ones((1, 1)), jnp.float32(-4))
    assert by_mean > 10, "it is drawn to the pixel"


def test_only_what_is_stored_in_levels_has_bits():
    assert discretized_logistic().is_discrete
    assert not gaussian().is_discrete and not bernoulli().is_discrete


def test_an_image_is_shown_by_its_mean():
    output = Scaled(MEAN, log_scale(0.5))
    for likelihood in (gaussian(), discretized_logistic()):
        np.testing.assert_array_equal(likelihood.generate(output, KEY), MEAN)
    np.testing.assert_array_equal(bernoulli().generate(MEAN, KEY), MEAN)


LAYOUT = ((True, 3), (False, 2), (True, 1))  # of columns in rows of 1 + 3, 2, 1 + 1
OUTPUTS = jnp.float32(RNG.normal(size=(7, 8)))
SCALES = np.array([0.1, 0.3])


def one_hot(count, width):
    return np.eye(width)[RNG.integers(0, width, count)]


def test_rows_have_the_density_of_positions_and_the_probability_of_categories():
    positions = RNG.uniform(-1, 1, (7, 2))
    first, second, last = one_hot(7, 3), one_hot(7, 2), np.ones((7, 1))
    x = np.concatenate([positions[:, :1], first, second, positions[:, 1:], last], 1)
    output = Scaled(OUTPUTS, jnp.log(jnp.float32(SCALES)))
    found = rows(LAYOUT).log_prob(output, jnp.float32(x))
    made = float64(OUTPUTS)
    means = np.tanh(made[:, [0, 6]])
    wanted = stats.norm.logpdf(positions, means, SCALES).sum(1)
    wanted += (first * special.log_softmax(made[:, 1:4], 1)).sum(1)
    wanted += (second * special.log_softmax(made[:, 4:6], 1)).sum(1)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_a_row_is_drawn_with_its_scales_and_has_one_category_of_each_column():
    n = 4_000
    one = OUTPUTS[:1].at[:, jnp.array([0, 6])].set(jnp.array([0.0, 0.1]))
    scales = np.array([0.05, 0.2])
    output = Scaled(jnp.repeat(one, n, 0), jnp.log(jnp.float32(scales)))
    likely = np.asarray(rows(LAYOUT).generate(output, KEY))
    drawn = np.asarray(rows(LAYOUT, argmax=False).generate(output, KEY))
    for samples in (likely, drawn):
        assert samples.shape == (n, 8)
        np.testing.assert_array_equal(samples[:, 1:4].sum(1), 1)
        positions = samples[:, [0, 6]]
        assert (np.abs(positions) <= 1).all()
        np.testing.assert_allclose(positions.std(0), scales, rtol=0.1)
        np.testing.assert_allclose(positions.mean(0), [0, np.tanh(0.1)], atol=0.02)
    assert (likely[:, 1:4].argmax(1) == OUTPUTS[0, 1:4].argmax()).all()
    shares = special.softmax(float64(OUTPUTS[0, 1:4]))
    np.testing.assert_allclose(drawn[:, 1:4].mean(0), shares, atol=0.03)
