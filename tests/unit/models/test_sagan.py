from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers.attention import Attention, max_pool
from ganjax.layers.spectral_norm import identity_wrap
from ganjax.models import resnet, sagan
from tests.helpers.prints import has_fingerprint
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
IMAGE = 3 * jax.random.normal(KEY, (4, 8, 8, 2))
PIXELS = jax.random.normal(KEY, (2, 4, 6, 16))

generator = partial(sagan.Generator, (8, 8), channels=2, attention_resolution=8)
discriminator = partial(sagan.Discriminator, (8, 8, 12), grid=4, attention_resolution=4)


@pytest.mark.parametrize(
    "net, x, recorded",
    [(generator, Z, -12.946), (discriminator, IMAGE, -18.827)],
    ids="gd",
)
def test_attention_at_gamma_zero_is_the_identity_and_otherwise_not(net, x, recorded):
    """Otherwise it is what it was in earlier versions."""
    net, without = net(classes=3), net(classes=3, attention_resolution=0)
    variables = seat(net, x, LABEL)
    params = dict(variables["params"])
    attention = params.pop("Attention_0")
    none = {**variables, "params": params}

    @jax.jit
    def look(gamma):
        given = {**params, "Attention_0": {**attention, "gamma": gamma}}
        return net.apply({**variables, "params": given}, x, LABEL, train=False)

    plain = jax.jit(partial(without.apply, train=False))(none, x, LABEL)
    np.testing.assert_allclose(look(0.0), plain, rtol=1e-5, atol=1e-5)
    assert jnp.abs(look(1.0) - plain).max() > 1e-3
    assert has_fingerprint(look(1.0), recorded)


@pytest.mark.parametrize(
    "ours, theirs, x",
    [
        (
            sagan.Generator((8, 8), attention_resolution=0, wrap=identity_wrap),
            resnet.Generator(16, width=8),
            Z,
        ),
        (
            sagan.Discriminator((8, 8, 8, 8), 2, attention_resolution=0),
            resnet.Discriminator(8, use_bias=True),
            IMAGE,
        ),
    ],
    ids=["g", "d"],
)
def test_what_is_not_new_is_sngan(ours, theirs, x):
    variables = seat(theirs, x, LABEL)
    run = lambda net: jax.jit(partial(net.apply, train=False))(variables, x, LABEL)
    np.testing.assert_allclose(run(ours), run(theirs), rtol=1e-4, atol=1e-5)


def test_attention_equals_a_plain_computation():
    net = Attention(wrap=identity_wrap)
    shapes = jax.eval_shape(partial(net.init, train=False), KEY, PIXELS)["params"]
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda leaf: rng.normal(0, 0.3, leaf.shape), shapes)
    run = jax.jit(partial(net.apply, train=False))
    y = run({"params": jax.tree.map(jnp.float32, params)}, PIXELS)

    gamma = params.pop("gamma")
    kernel = {name: layer["kernel"][0, 0] for name, layer in params.items()}
    for image, seen in zip(np.asarray(PIXELS, np.float64), y, strict=True):
        phi, g = [], []
        for i, j in np.ndindex(2, 3):
            square = image[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(4, 16)
            phi.append((square @ kernel["phi"]).max(0))
            g.append((square @ kernel["g"]).max(0))
        for i, j in np.ndindex(4, 6):
            beta = np.exp(np.stack(phi) @ (image[i, j] @ kernel["theta"]))
            o = beta / beta.sum() @ np.stack(g) @ kernel["o"]
            wanted = image[i, j] + gamma * o
            np.testing.assert_allclose(seen[i, j], wanted, atol=1e-5)


def test_new_attention_adds_nothing():
    net = Attention()
    variables = jax.jit(partial(net.init, train=False))(KEY, PIXELS)
    y = net.apply(variables, PIXELS, train=False)
    np.testing.assert_array_equal(y, PIXELS)


def test_the_largest_are_max_pooling():
    pooled = nn.max_pool(PIXELS, (2, 2), (2, 2))
    np.testing.assert_array_equal(max_pool(PIXELS), pooled)


@pytest.mark.parametrize("side, grid", [(32, 8), (64, 8), (64, 4)])
def test_any_size_from_32_up(side, grid):
    doublings = (side // 4).bit_length() - 1
    g = sagan.Generator((8,) * doublings, attention_resolution=side // 2)
    d = sagan.Discriminator((8,) * doublings, grid, attention_resolution=side // 2)

    def look(z):
        image, _ = g.init_with_output(KEY, z, LABEL, train=False)
        return image, d.init_with_output(KEY, image, LABEL, train=False)[0]

    image, logits = jax.eval_shape(look, Z)
    assert (image.shape, logits.shape) == ((4, side, side, 3), (4,))


# Parameters of the published networks at 128x128x3, z of 128 and 1000 classes, counted
# by hand from the authors' code: a layer of k x k from c to d has k k c d + d, a batch
# norm of c has 2 c for each class, attention on c channels c c 5 / 4 + 1. G: a dense
# layer of 128 to 16 1024, blocks of 1024 to 1024, 512, 256, 128, 64 (norm, 3x3, norm,
# 3x3, 1x1), attention on 256, a norm without classes, and 3x3 to 3. D: blocks of 3 to
# 64, 128, 256, 512, 1024 (3x3, 3x3, 1x1), attention on 128, 1024 to 1024 (3x3, 3x3), the
# last layer, and an embedding. The biases of G's blocks are not here.
COUNTS = [
    (sagan.Generator128(classes=1000), (4, 128), 42_078_852 - 3 * 1984),
    (sagan.Discriminator128(classes=1000), (4, 128, 128, 3), 39_463_618),
]


@pytest.mark.parametrize("net, shape, count", COUNTS, ids=["g", "d"])
def test_parameter_counts_are_the_published_ones(net, shape, count):
    init = partial(net.init, train=False)
    variables = jax.eval_shape(init, KEY, jnp.zeros(shape), LABEL)
    leaves = jax.tree.leaves(variables["params"])
    assert sum(leaf.size for leaf in leaves) == count
