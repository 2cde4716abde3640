from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.models import r3gan
from tests.helpers.prints import has_fingerprint
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
IMAGE = jax.random.normal(KEY, (4, 8, 8, 2))
SMALL = {"widths": (8, 4), "cardinalities": (4, 2), "blocks": 1}

generator = partial(r3gan.Generator, channels=2, **SMALL)


def shapes(net, x):
    init = partial(net.init, train=False)
    return jax.eval_shape(init, KEY, x, LABEL)["params"]


def test_the_sides_double_once_for_each_stage_but_the_first():
    net = generator(widths=(4, 4, 4), cardinalities=(2, 2, 2))
    z = jnp.zeros((4, 5))
    image = jax.eval_shape(
        partial(net.apply, train=False), {"params": shapes(net, z)}, z, LABEL
    )
    assert image.shape == (4, 16, 16, 2)


def test_a_block_starts_as_the_identity_and_its_weights_as_the_code_has_them():
    block, x = (
        r3gan.Block(cardinality=8, expansion=2, total_blocks=16),
        IMAGE[:, :4, :4],
    )
    x = jnp.tile(x, (1, 1, 1, 16))
    params = jax.jit(block.init)(KEY, x)["params"]
    run = jax.jit(block.apply)
    np.testing.assert_array_equal(run({"params": params}, x), x)
    gain = np.sqrt(2 / 1.04) * 16**-0.25
    for name, fan_in in [("Conv_0", 32), ("Grouped_0", 9 * 8)]:
        deviation = gain / np.sqrt(fan_in)
        assert jnp.std(params[name]["kernel"]) == pytest.approx(deviation, rel=0.05)
    rng = np.random.default_rng(0)
    drawn = lambda w: jnp.asarray(rng.normal(0, 0.3, w.shape), w.dtype)
    made = run({"params": jax.tree.map(drawn, params)}, x)
    assert has_fingerprint(made, -8.0658), "weights of an earlier version make another"


@pytest.mark.parametrize(
    "net, x, recorded",
    [(r3gan.Generator, Z, -1.2936), (r3gan.Discriminator, IMAGE, 0.95391)],
    ids="gd",
)
def test_weights_of_an_earlier_version_do_the_same_around_the_blocks(net, x, recorded):
    net = net(widths=(8, 4), cardinalities=(4, 2), blocks=0, classes=3)
    made = net.apply(seat(net, x, LABEL), x, LABEL, train=False)
    assert has_fingerprint(made, recorded)


def test_a_group_sees_its_own_channels_alone():
    layer = r3gan.Grouped(4, jax.nn.initializers.normal(1.0))
    x = jax.random.normal(KEY, (1, 3, 3, 8))
    variables = layer.init(KEY, x)
    middle = lambda x: layer.apply(variables, x[None, None, None])[0, 0, 0]
    seen = jax.jit(jax.jacobian(middle))(x[0, 0, 0]) != 0
    np.testing.assert_array_equal(seen, np.kron(np.eye(4), np.ones((2, 2))) != 0)


# The presets of the authors' code. A block of width w, expanded to 2w in groups of k, has
# 2 w 2w + 9 k 2w + 4w parameters; to them come two patterns of 4x4, the layers to and
# from 3 channels and to and from a vector, and an embedding for each class.
CIFAR = r3gan.Generator(classes=10), r3gan.Discriminator(classes=10)
FFHQ = {"widths": (768, 768, 768, 768, 384), "cardinalities": (96, 96, 96, 96, 48)}
COUNTS = [
    (CIFAR[0], 64, 20_781_952),
    (CIFAR[1], 32, 21_280_512),
    (r3gan.Generator(**FFHQ), 64, 22_429_824),
    (r3gan.Discriminator(**FFHQ), 64, 22_381_440),
]


@pytest.mark.parametrize("net, size, count", COUNTS)
def test_parameter_counts_are_the_published_ones(net, size, count):
    x = (4, size) if isinstance(net, r3gan.Generator) else (4, size, size, 3)
    leaves = jax.tree.leaves(shapes(net, jnp.zeros(x)))
    assert sum(leaf.size for leaf in leaves) == count
