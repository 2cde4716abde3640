"""Fast Fourier convolution against Fourier sums written out, and what its ways see."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers import fourier
from ganjax.layers.normalization import Shift
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 0])
SIZES = pytest.mark.parametrize("size", [(4, 6), (5, 7)])


def picture(h, w, c):
    return jax.random.normal(KEY, (2, h, w, c))


def waves(n, sign):
    """The matrix of the orthonormal transform of n numbers, or of its inverse."""
    k = np.arange(n)
    return np.exp(sign * 2j * np.pi * k[:, None] * k[None] / n) / np.sqrt(n)


def spectrum(x):
    """The left half of the transforms of images [b, h, w, c], as sums."""
    h, w = x.shape[1:3]
    whole = np.einsum("uh,vw,bhwc->buvc", waves(h, -1), waves(w, -1), x)
    return whole[:, :, : w // 2 + 1]


def inverse(half, w):
    """Real images of left halves, whose right halves mirror each row's sum over columns."""
    rows = np.einsum("hu,buvc->bhvc", waves(half.shape[1], 1), half)
    twice = np.full(half.shape[2], 2.0)
    twice[0] = 1
    if w % 2 == 0:
        twice[-1] = 1
    columns = twice[:, None] * waves(w, 1)[: half.shape[2]]
    return np.einsum("vw,bhvc->bhwc", columns, rows).real


@SIZES
def test_a_half_of_a_spectrum_becomes_an_image_as_the_sums_say(size):
    h, w = size
    rng = np.random.default_rng(0)
    half = rng.normal(size=(2, h, w // 2 + 1, 3)) + 1j * rng.normal(
        size=(2, h, w // 2 + 1, 3)
    )
    ours = fourier.irfft2(jnp.complex64(half), w)
    np.testing.assert_allclose(ours, inverse(half, w), atol=2e-6)
    np.testing.assert_allclose(
        ours, np.fft.irfft2(half, size, (1, 2), norm="ortho"), atol=2e-6
    )
    x = np.asarray(picture(h, w, 2), np.float64)
    np.testing.assert_allclose(inverse(spectrum(x), w), x, atol=1e-12)


@SIZES
def test_a_fourier_unit_is_a_convolution_of_the_spectrum(size):
    x = picture(*size, 3)
    net = fourier.FourierUnit(2)
    variables = seat(net, x, LABEL)
    ours = jax.jit(partial(net.apply, train=False))(variables, x, LABEL)

    known = jax.tree.map(np.float64, variables)
    stats = known["batch_stats"]["norm"]["BatchNorm_0"]
    norm = known["params"]["norm"]
    half = spectrum(np.asarray(x, np.float64))
    parts = np.stack([half.real, half.imag], -1).reshape(*half.shape[:3], 6)
    y = parts @ known["params"]["conv"]["kernel"][0, 0]
    y = (y - stats["mean"]) / np.sqrt(stats["var"] + 1e-5)
    y = np.maximum(y * (1 + norm["gain"][0]) + norm["bias"][0], 0)
    wanted = inverse(y[..., ::2] + 1j * y[..., 1::2], size[1])
    np.testing.assert_allclose(ours, wanted, atol=1e-5)


def test_a_spectral_transform_adds_its_unit_to_what_it_was_given():
    x = picture(4, 6, 3)
    net = fourier.SpectralTransform(4, norm=Shift)
    params = seat(net, x, LABEL)["params"]
    ours = net.apply({"params": params}, x, LABEL, train=False)
    first = x @ params["first"]["kernel"][0, 0] + params["norm"]["bias"].reshape(
        1, 1, 1, 2
    )
    first = jax.nn.relu(first)
    unit = fourier.FourierUnit(2, norm=Shift)
    after = unit.apply({"params": params["unit"]}, first, LABEL, train=False)
    wanted = (first + after) @ params["last"]["kernel"][0, 0]
    np.testing.assert_allclose(ours, wanted, atol=1e-5)


def seen(net, channel):
    """Which outputs [h, w, d] change with one pixel of a channel of the image."""
    x = picture(8, 8, 4)
    variables = seat(net, x, LABEL)
    run = jax.jit(partial(net.apply, train=False))
    moved = x.at[:, 3, 4, channel].add(1.0)
    apart = jnp.abs(run(variables, x, LABEL) - run(variables, moved, LABEL))
    return np.asarray(apart[0] > 1e-6)


def test_a_local_channel_is_seen_nearby_and_a_global_one_everywhere():
    net = fourier.FFC(32, 0.5, 0.25, norm=Shift)
    near = np.zeros((8, 8), bool)
    near[2:5, 3:6] = True
    local, wide = seen(net, 0), seen(net, 3)
    for channel in range(24):
        np.testing.assert_array_equal(local[..., channel], near)
        np.testing.assert_array_equal(wide[..., channel], near)
    for channel in range(24, 32):
        np.testing.assert_array_equal(local[..., channel], near)
        assert wide[..., channel].mean() > 0.9


@pytest.mark.parametrize(
    ("ratio_in", "ratio_out", "ways"),
    [
        (0, 0, {"local_to_local"}),
        (0, 0.5, {"local_to_local", "local_to_global"}),
        (0.5, 0, {"local_to_local", "global_to_local"}),
        (1, 1, {"global_to_global"}),
    ],
)
def test_there_are_only_the_ways_between_channels_that_there_are(
    ratio_in, ratio_out, ways
):
    net = fourier.FFC(6, ratio_in, ratio_out)
    run = partial(net.init_with_output, train=False)
    y, variables = jax.eval_shape(run, KEY, picture(4, 4, 4), LABEL)
    assert y.shape == (2, 4, 4, 6) and variables["params"].keys() == ways


def test_the_border_is_a_mirror():
    x = picture(4, 5, 2)
    net = fourier.ReflectConv(3)
    params = seat_kernel(net, x)
    wide = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    wanted = jax.lax.conv_general_dilated(
        wide,
        params["params"]["kernel"],
        (1, 1),
        "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    np.testing.assert_allclose(net.apply(params, x), wanted, atol=1e-5)


def seat_kernel(net, x):
    return net.init(KEY, x)


def test_a_block_adds_to_what_it_was_given_and_pays_the_mask_no_heed():
    x, masks = picture(4, 4, 4), [jnp.full((2, 4, 4, 1), i) for i in (0.0, 1.0)]
    net = fourier.Block(4)
    variables = net.init(KEY, x, masks[0], LABEL, train=False)
    run = jax.jit(partial(net.apply, train=False))
    a, b = (run(variables, x, mask, LABEL) for mask in masks)
    np.testing.assert_array_equal(a, b)
    assert jnp.all(a >= x) and jnp.any(a > x)


class Half(nn.Module):
    """What halves an image in the place of an FFC, and tells how it was made."""

    features: int
    ratio_in: float
    ratio_out: float
    norm: object

    @nn.compact
    def __call__(self, x, label, *, train):
        made.append((self.features, self.ratio_in, self.ratio_out, self.norm, train))
        return x / 2


made = []


def test_a_block_is_two_ffcs_each_with_a_norm_of_the_class_and_a_relu(monkeypatch):
    monkeypatch.setattr(fourier, "FFC", Half)
    x, label = picture(4, 4, 4), jnp.array([2, 0])
    norm, mask = partial(Shift, classes=3), jnp.zeros((2, 4, 4, 1))
    table = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    params = {f"Shift_{i}": {"bias": jnp.asarray(table[i])} for i in range(2)}
    net = fourier.Block(4, 0.25, norm)
    ours = net.apply({"params": params}, x, mask, label, train=True)
    y = np.asarray(x)
    for bias in table[:, np.asarray(label)]:
        y = np.maximum(y / 2 + bias[:, None, None], 0)
    np.testing.assert_allclose(ours, x + y, atol=1e-5)
    assert made == [(4, 0.25, 0.25, norm, True)] * 2
