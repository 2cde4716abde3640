"""Weight normalization: directions and lengths of kernels."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers import signal
from ganjax.layers.weight_norm import WeightNorm


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
SIGNAL = jnp.asarray(np.random.default_rng(0).normal(size=(2, 8, 4)), jnp.float32)


class Net(nn.Module):
    layer: nn.Module
    axis: int = -1

    @nn.compact
    def __call__(self, x, *, train):
        return WeightNorm(self.layer, self.axis)(x, train=train)


@pytest.mark.parametrize(
    ("layer", "axis", "lengths"),
    [
        (signal.Conv(6, 3), -1, 6),
        (signal.Upsample(6, 2, 4), -2, 4),
        (nn.Dense(6), -1, 6),
    ],
    ids=["conv", "transposed", "dense"],
)
def test_the_layer_has_kernels_of_the_learned_lengths(layer, axis, lengths):
    net = Net(layer, axis)
    variables = net.init(KEY, SIGNAL, train=False)
    gain = 0.5 + jnp.arange(lengths, dtype=jnp.float32)
    params = {**variables["params"], "WeightNorm_0": {"kernel_gain": gain}}
    kernel = params["layer"]["kernel"]
    rows = np.moveaxis(np.asarray(kernel), axis, 0).reshape(lengths, -1)
    scaled = rows / np.linalg.norm(rows, axis=1, keepdims=True) * gain[:, None]
    moved = scaled.reshape(np.moveaxis(np.asarray(kernel), axis, 0).shape)
    wanted = {**params["layer"], "kernel": jnp.moveaxis(jnp.asarray(moved), 0, axis)}
    found = net.apply({"params": params}, SIGNAL, train=True)
    plain = layer.apply({"params": wanted}, SIGNAL)
    np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-5)


def test_the_scale_of_a_direction_is_arbitrary_and_its_gradient_orthogonal():
    net = Net(signal.Conv(6, 3))
    params = net.init(KEY, SIGNAL, train=False)["params"]
    longer = {
        **params,
        "layer": {**params["layer"], "kernel": 3 * params["layer"]["kernel"]},
    }
    run = lambda params: net.apply({"params": params}, SIGNAL, train=False)
    np.testing.assert_allclose(run(params), run(longer), rtol=1e-4, atol=1e-5)
    slope = jax.grad(lambda params: jnp.sum(run(params) ** 2))(params)
    along = jnp.sum(slope["layer"]["kernel"] * params["layer"]["kernel"], axis=(0, 1))
    np.testing.assert_allclose(along, 0, atol=1e-3)
    assert jnp.abs(slope["layer"]["kernel"]).max() > 0.1
    assert jnp.abs(slope["WeightNorm_0"]["kernel_gain"]).min() > 1e-3


def test_lengths_begin_as_those_of_usual_kernels_of_pytorch():
    layer = signal.Conv(64, 11)
    x = jnp.zeros((1, 32, 96))
    params = Net(layer).init(KEY, x, train=False)["params"]
    lengths = jnp.sqrt(jnp.sum(params["layer"]["kernel"] ** 2, axis=(0, 1)))
    gain = params["WeightNorm_0"]["kernel_gain"]
    np.testing.assert_allclose(lengths, gain, rtol=0.1)
