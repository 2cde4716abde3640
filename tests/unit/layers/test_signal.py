"""Convolutions of signals, against XLA's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers import signal


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LAYOUT = ("NWC", "WIO", "NWC")


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def reference(x, params, size, rate=1, **more):
    margin = rate * (size // 2)
    y = jax.lax.conv_general_dilated(
        x,
        params["kernel"],
        padding=[(margin, margin)],
        rhs_dilation=(rate,),
        dimension_numbers=LAYOUT,
        **more,
    )
    return y + params["bias"][None, None]


@pytest.mark.parametrize(
    ("sizes", "more"),
    [
        ({"size": 7}, {}),
        ({"size": 3, "rate": 5}, {"rate": 5}),
        ({"size": 11, "rate": 3}, {"rate": 3}),
        ({"size": 5, "stride": 3}, {"window_strides": (3,)}),
        (
            {"size": 41, "stride": 4, "groups": 4},
            {"window_strides": (4,), "feature_group_count": 4},
        ),
    ],
    ids=["plain", "dilated", "dilated more", "strided", "grouped"],
)
def test_a_convolution_is_that_of_xla_for_any_length(sizes, more):
    layer = signal.Conv(8, **sizes)
    more = {"window_strides": (1,), **more}
    for length in (46, 61):
        x = normal(length, 2, length, 4)
        params = layer.init(KEY, x)["params"]
        params = {**params, "bias": normal(1, 8)}
        found = jax.jit(layer.apply)({"params": params}, x)
        wanted = reference(x, params, sizes["size"], **more)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("stride", "size"), [(2, 4), (4, 8), (8, 16), (3, 5)])
def test_upsampling_adds_each_sample_times_the_kernel(stride, size):
    x = normal(0, 2, 5, 3)
    layer = signal.Upsample(4, stride, size)
    params = layer.init(KEY, x)["params"]
    params = {**params, "bias": normal(1, 4)}
    whole = np.zeros((2, 4 * stride + size, 4))
    for i in range(5):
        part = np.einsum("bc,kcd->bkd", x[:, i], params["kernel"])
        whole[:, i * stride : i * stride + size] += part
    cut = (size - stride) // 2
    wanted = whole[:, cut : cut + 5 * stride] + np.asarray(params["bias"])
    found = jax.jit(layer.apply)({"params": params}, x)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_kernels_begin_with_the_variance_of_pytorch():
    x = jnp.zeros((1, 8, 64))
    for layer, fan in (
        (signal.Conv(32, 9), 9 * 64),
        (signal.Upsample(32, 4, 8), 8 * 32),
    ):
        kernel = layer.init(KEY, x)["params"]["kernel"]
        np.testing.assert_allclose(kernel.var(), 1 / (3 * fan), rtol=0.05)
        assert jnp.abs(kernel).max() <= fan**-0.5
