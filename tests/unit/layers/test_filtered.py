from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers import filtered
from ganjax.layers.filtered import Band, filtered_lrelu
from ganjax.ops import lowpass


jax.config.update("jax_numpy_rank_promotion", "raise")

LOW, HIGH = Band(8, 2.0, 2.5), Band(16, 5.0, 4.5)
# start, end, pixels that come in and go out: kept, doubled, then cut, and the other way
CASES = pytest.mark.parametrize(
    "start, end, inside, outside",
    [(LOW, LOW, 14, 12), (LOW, HIGH, 14, 20), (HIGH, HIGH, 22, 16), (HIGH, LOW, 22, 9)],
)
SMOOTH = pytest.mark.parametrize(
    "smooth", [filtered.downsample_separable, filtered.downsample_radial]
)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def convolved(x, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape, (1, 2))
    return np.einsum("bhwcij,ij->bhwc", windows, kernel)


def literally(x, start, end, size, smooth):
    """Zeros between pixels, a filter, the leaky ReLU, a filter, pixels left out."""
    rate = 2 * max(start.rate, end.rate)
    up, down = rate // start.rate, rate // end.rate
    b, h, _, c = x.shape
    spread = np.zeros((b, up * h, up * h, c))
    spread[:, ::up, ::up] = x
    far = 100  # zeros on every side, more than enough
    spread = np.pad(spread, ((0, 0), (far, far), (far, far), (0, 0)))
    taps = lowpass.sinc_taps(6 * up, *start[1:], rate)
    x = convolved(spread, up**2 * np.outer(taps, taps))
    x = np.clip(np.where(x > 0, x, 0.2 * x) * np.sqrt(2), -256, 256)
    taps = lowpass.sinc_taps(6 * down, *end[1:], rate)
    plane = lowpass.jinc_taps(6 * down, *end[1:], rate)
    x = convolved(
        x, plane if smooth is filtered.downsample_radial else np.outer(taps, taps)
    )
    # Filters see as far to either side; so the middle of the pixels is where it was.
    seen = 3 * up + 3 * down - 1
    first = far + (h - 1) * up // 2 - (size - 1) * down // 2 - seen
    stop = first + (size - 1) * down + 1
    return x[:, first:stop:down, first:stop:down]


@SMOOTH
@CASES
def test_it_is_the_leaky_relu_of_more_pixels(start, end, inside, outside, smooth):
    x = normal(1, 2, inside, inside, 3)
    run = partial(
        filtered_lrelu, band_in=start, band_out=end, size=outside, downsample=smooth
    )
    wanted = literally(x, start, end, outside, smooth)
    assert wanted.shape == (2, outside, outside, 3)
    np.testing.assert_allclose(jax.jit(run)(x), wanted, atol=1e-5)


@SMOOTH
def test_a_mirrored_image_is_mirrored(smooth):
    x = normal(1, 2, 22, 22, 3)
    run = jax.jit(
        partial(filtered_lrelu, band_in=HIGH, band_out=HIGH, size=16, downsample=smooth)
    )
    np.testing.assert_allclose(run(x[:, ::-1]), run(x)[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(run(x.swapaxes(1, 2)), run(x).swapaxes(1, 2), atol=1e-5)


@SMOOTH
def test_no_value_is_beyond_256(smooth):
    x = jnp.full((1, 22, 22, 1), 1e4)
    run = jax.jit(
        partial(filtered_lrelu, band_in=HIGH, band_out=HIGH, size=16, downsample=smooth)
    )
    np.testing.assert_allclose(run(x)[:, 4:-4, 4:-4], 256, rtol=1e-5)
    np.testing.assert_allclose(run(-x)[:, 4:-4, 4:-4], -256, rtol=1e-5)
