from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.ops import filters


jax.config.update("jax_numpy_rank_promotion", "raise")

FILTERS = [(1.0, 3.0, 3.0, 1.0), (2.0, 0.0), (1.0, 4.0, 0.0, 5.0, 2.0)]
FILTERS = pytest.mark.parametrize("taps", FILTERS, ids=len)
SIZES = pytest.mark.parametrize("height, width", [(4, 8), (6, 2)])


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def literally(x, taps, padding, gain=1.0, up=1, down=1):
    """Zeros between the pixels, padding, a convolution, every `down`th pixel kept."""
    x = np.asarray(x, np.float64)
    b, h, w, c = x.shape
    spread = np.zeros((b, up * h, up * w, c))
    spread[:, ::up, ::up] = x
    spread = np.pad(spread, ((0, 0), padding, padding, (0, 0)))
    taps = np.asarray(taps) / np.sum(taps)
    kernel = gain * np.outer(taps, taps)[::-1, ::-1]
    windows = np.lib.stride_tricks.sliding_window_view(spread, kernel.shape, (1, 2))
    return np.einsum("bhwcij,ij->bhwc", windows, kernel)[:, ::down, ::down]


@FILTERS
@SIZES
def test_up_is_zeros_between_the_pixels_and_a_filter_of_gain_four(taps, height, width):
    x, size = normal(1, 2, height, width, 3), len(taps)
    wanted = literally(x, taps, ((size + 1) // 2, (size - 2) // 2), 4.0, up=2)
    assert wanted.shape == (2, 2 * height, 2 * width, 3)
    np.testing.assert_allclose(filters.up(x, taps), wanted, atol=1e-6)


@FILTERS
@SIZES
def test_down_is_a_filter_and_every_second_pixel(taps, height, width):
    x, size = normal(1, 2, height, width, 3), len(taps)
    wanted = literally(x, taps, ((size - 1) // 2, (size - 2) // 2), down=2)
    assert wanted.shape == (2, height // 2, width // 2, 3)
    np.testing.assert_allclose(filters.down(x, taps), wanted, atol=1e-6)


@FILTERS
@pytest.mark.parametrize("padding", [(1, 1), (2, 2), (4, 0)])
def test_blur_is_a_convolution(taps, padding):
    x = normal(1, 2, 7, 4, 3)
    wanted = literally(x, taps, padding, 2.0**2)
    ours = filters.blur(x, padding, 2.0, taps)
    np.testing.assert_allclose(ours, wanted, atol=1e-6)


@pytest.mark.parametrize("padding", [(-1, -2), (-3, 2), (1, -4)])
@pytest.mark.parametrize("up, down", [(1, 1), (2, 1), (4, 1), (1, 2)])
def test_negative_padding_cuts_off(padding, up, down):
    x, taps = normal(1, 2, 8, 8, 3), (1.0, 4.0, 0.0, 5.0, 2.0)
    wider = tuple(max(pad, 0) for pad in padding)
    first, last = (max(-pad, 0) for pad in padding)
    whole = literally(x, taps, wider, 2.0**2, up)
    wanted = whole[:, first : whole.shape[1] - last, first : whole.shape[2] - last]
    ours = filters.resample(x, taps, padding, 2.0, up, down)
    np.testing.assert_allclose(ours, wanted[:, ::down, ::down], atol=1e-6)


CASES = pytest.mark.parametrize(
    "run, shape",
    [
        (filters.up, (2, 4, 3, 2)),
        (filters.down, (2, 5, 7, 2)),
        (partial(filters.down, taps=(3.0, 2.0, 1.0)), (2, 5, 6, 2)),
        (partial(filters.up, taps=(1.0, 4.0, 0.0, 5.0, 2.0)), (2, 3, 4, 2)),
        (
            partial(filters.resample, taps=(3.0, 2.0), padding=(-3, 2), up=4),
            (1, 3, 2, 2),
        ),
        (partial(filters.blur, padding=(1, 1)), (2, 5, 5, 2)),
        (partial(filters.blur, padding=(5, 0)), (2, 4, 6, 2)),
    ],
)


@CASES
def test_all_derivatives_are_those_of_the_linear_map(run, shape):
    """The map's own matrix, from its values alone, gives the transpose."""
    size = int(np.prod(shape))
    columns = jax.vmap(run)(jnp.eye(size).reshape(size, *shape))
    matrix, x, dx = columns.reshape(size, -1).T, normal(1, *shape), normal(2, *shape)
    y = normal(3, *jax.eval_shape(run, x).shape)

    @jax.jit
    def all_of(x, dx, y):
        value, tangent = jax.jvp(run, (x,), (dx,))
        back = jax.linear_transpose(run, x)
        return value, tangent, back(y)[0], jax.linear_transpose(back, y)((x,))[0]

    value, tangent, back, again = all_of(x, dx, y)
    close = partial(np.testing.assert_allclose, atol=1e-5)
    close(value.ravel(), matrix @ x.ravel())
    close(tangent.ravel(), matrix @ dx.ravel())
    close(back.ravel(), matrix.T @ y.ravel())
    close(again, value)


@CASES
def test_filters_vmap(run, shape):
    x = normal(1, 3, *shape)
    one_by_one = jnp.stack([run(image) for image in x])
    np.testing.assert_array_equal(jax.jit(jax.vmap(run))(x), one_by_one)


def test_constant_images_stay_away_from_the_border():
    x = jnp.ones((1, 8, 8, 1))
    for run in (filters.up, filters.down, partial(filters.blur, padding=(2, 2))):
        y = run(x)
        np.testing.assert_allclose(y[:, 2:-2, 2:-2], 1.0, atol=1e-6)


def test_two_equal_taps_repeat_and_average():
    x = normal(1, 2, 4, 6, 3)
    doubled = x.repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(filters.up(x, (1.0, 1.0)), doubled, atol=1e-6)
    np.testing.assert_allclose(filters.down(doubled, (1.0, 1.0)), x, atol=1e-6)
