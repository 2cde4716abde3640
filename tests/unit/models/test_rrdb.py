"""ESRGAN's generator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.models import rrdb


def count(net, shape):
    label = jnp.zeros(1, jnp.int32)
    init = lambda: net.init(
        jax.random.key(0), jnp.zeros((1, *shape)), label, train=False
    )
    return sum(x.size for x in jax.tree.leaves(jax.eval_shape(init)))


def test_it_is_as_large_as_published():
    assert count(rrdb.Generator(), (8, 8, 3)) == 16_697_987  # of the authors' x4


@pytest.mark.parametrize("times", [1, 2, 4])
def test_sides_grow_and_any_will_do(times):
    net = rrdb.Generator(3, times, 4, growth=2, blocks=1)
    x = jax.random.normal(jax.random.key(1), (2, 5, 6, 3))
    label = jnp.zeros(2, jnp.int32)
    y, _ = net.init_with_output(jax.random.key(0), x, label, train=False)
    assert y.shape == (2, 5 * times, 6 * times, 3)


def test_blocks_follow_one_another_with_weights_of_their_own():
    image = jax.random.normal(jax.random.key(1), (2, 5, 6, 3))
    label = jnp.zeros(2, jnp.int32)
    net = rrdb.Generator(3, 2, 4, growth=2, blocks=3)
    params = net.init(jax.random.key(0), image, label, train=False)["params"]
    _, seen = net.apply(
        {"params": params}, image, label, train=False, capture_intermediates=True
    )
    x, trunk = (
        seen["intermediates"][name]["__call__"][0] for name in ("Conv_0", "Conv_1")
    )
    for i in range(3):
        weights = jax.tree.map(lambda leaf, i=i: leaf[i], params["blocks"])
        x, _ = rrdb.Block(2).apply({"params": weights}, x, None)
    conv = {"params": params["Conv_1"]}
    np.testing.assert_allclose(rrdb.Conv(4).apply(conv, x), trunk, rtol=1e-4, atol=1e-5)
    kernels = params["blocks"]["Dense_0"]["Conv_0"]["kernel"]
    assert jnp.abs(kernels[0] - kernels[1]).min() > 0


def test_a_block_adds_a_fifth_of_what_its_parts_make():
    x = jax.random.normal(jax.random.key(1), (1, 4, 4, 3))
    block = rrdb.Dense(2)
    variables = block.init(jax.random.key(0), x)
    last = variables["params"]["Conv_4"]
    doubled = {**variables["params"], "Conv_4": jax.tree.map(lambda w: 2 * w, last)}
    once, twice = (
        block.apply({"params": p}, x) for p in (variables["params"], doubled)
    )
    np.testing.assert_allclose(twice - x, 2 * (once - x), rtol=1e-4, atol=1e-6)
    bias = {**variables["params"], "Conv_4": {**last, "bias": last["bias"] + 1.0}}
    shifted = block.apply({"params": bias}, x)
    np.testing.assert_allclose(shifted - once, np.full(x.shape, 0.2), atol=1e-6)


def test_over_an_enlargement_g_begins_with_it():
    image = jax.random.uniform(jax.random.key(3), (2, 5, 6, 3), minval=-1)
    label = jnp.zeros(2, int)
    net = rrdb.Generator(3, 4, 4, growth=2, blocks=1, upsample=rrdb.bicubic)
    variables = net.init(jax.random.key(0), image, label, train=False)
    made = net.apply(variables, image, label, train=False)
    np.testing.assert_array_equal(made, rrdb.bicubic(image, 4))
    params = jax.tree.map(lambda leaf: leaf + 0.1, variables["params"])
    other = net.apply({"params": params}, image, label, train=False)
    assert jnp.abs(other - made).min() > 0
    slope = jnp.broadcast_to(jnp.arange(8.0).reshape(1, 8, 1, 1), (1, 8, 8, 1))
    inner = rrdb.bicubic(slope, 2)[0, 4:-4, 4, 0]
    np.testing.assert_allclose(jnp.diff(inner), 0.5, atol=1e-5)


def test_what_is_behind_the_enlargement_and_grain_are_added_as_g_likes():
    image = jax.random.uniform(jax.random.key(3), (2, 5, 6, 3), minval=-1)
    label, large = jnp.zeros(2, int), rrdb.bicubic(image, 2)
    more = {
        "upsample": rrdb.bicubic_with_detail,
        "noise_texture": True,
        "upsampler": rrdb.Shuffled,
    }
    net = rrdb.Generator(3, 2, 4, growth=2, blocks=1, **more)
    keys = {"params": jax.random.key(0), "noise": jax.random.key(1)}
    params = net.init(keys, image, label, train=False)["params"]

    def make(which, amount, seed):
        end = params["Shuffled_0"]
        bias = end["Conv_1"]["bias"].at[which].set(amount)
        end = {**end, "Conv_1": {**end["Conv_1"], "bias": bias}}
        changed = {**params, "Shuffled_0": end}
        rngs = {"noise": jax.random.key(seed)}
        return net.apply({"params": changed}, image, label, train=False, rngs=rngs)

    np.testing.assert_array_equal(make(3, 0.0, 0), large)
    detail = rrdb.bicubic_with_detail(image, 2)[..., 3:]
    np.testing.assert_allclose(make(3, 0.5, 0), large + 0.5 * detail, atol=1e-5)
    a, b = (make(4, 0.5, seed) - large for seed in (0, 1))
    np.testing.assert_allclose(a, jnp.broadcast_to(a[..., :1], a.shape), atol=1e-5)
    assert jnp.abs(a - b).mean() > 0.3 and 0.4 < jnp.std(a) < 0.6


@pytest.mark.parametrize("times", [1, 2, 4])
def test_a_place_makes_the_pixels_that_lie_in_it_and_shares_those_at_its_edge(times):
    x = jax.random.normal(jax.random.key(1), (2, 5, 6, 3))
    net = rrdb.Shuffled(2, times)
    variables = net.init(jax.random.key(0), x)
    made = net.apply(variables, x)
    assert made.shape == (2, 5 * times, 6 * times, 2)
    moved = net.apply(variables, x.at[0, 0, 0].add(1.0)) != made
    far = np.argwhere(np.asarray(moved))  # two places, and a pixel by the convolution
    assert far[:, 1].max() == far[:, 2].max() == 2 * times


def test_at_first_no_grid_is_to_be_seen():
    flat = jnp.broadcast_to(jnp.arange(1.0, 5.0), (1, 8, 8, 4))
    net = rrdb.Shuffled(2, 4)
    made, _ = net.init_with_output(jax.random.key(0), flat)
    inner = made[:, 5:-5, 5:-5]
    assert jnp.abs(inner).max() > 0.1
    np.testing.assert_allclose(inner, inner[:, :1, :1] + 0 * inner, atol=1e-5)
