from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers.normalization import BatchNorm
from ganjax.layers.spectral_norm import identity_wrap
from ganjax.models import biggan
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 8))  # four chunks

generator = partial(biggan.Generator, channels=2, ch=2, shared_dim=3)


def test_each_chunk_of_z_is_first_seen_by_its_own_block():
    net = generator(attention_resolution=0, wrap=identity_wrap)
    variables = seat(net, Z, LABEL)
    blocks = lambda module, _: type(module).__name__ in ("Dense", "UpBlock")
    names = ["Dense_0", *(f"UpBlock_{i}" for i in range(3))]

    @jax.jit
    @jax.vmap
    def look(z):
        given = {"train": False, "capture_intermediates": blocks}
        _, seen = net.apply(variables, z, LABEL, **given)
        return [seen["intermediates"][name]["__call__"][0] for name in names]

    steps = jnp.repeat(jnp.eye(5, 4, -1), 2, axis=1)  # none, then one for each chunk
    outputs = look(Z[None] + steps[:, None])
    for block, (before, *after) in enumerate(outputs):
        for chunk, output in enumerate(after):
            assert jnp.any(output != before) == (chunk <= block)


def test_what_no_network_fits_is_refused():
    init = partial(jax.eval_shape, partial(generator().init, train=False), KEY)
    with pytest.raises(UsageError, match="9 numbers, which cannot be split into 4"):
        init(jnp.zeros((4, 9)), LABEL)
    with pytest.raises(
        UsageError, match="no images of 48x48 .* 8, 16, 32, 64, 128, 256; .* 32 and 64"
    ):
        biggan.Discriminator(48)


def test_a_one_hot_condition_makes_the_conditional_norm_batch_norm():
    x = jax.random.normal(KEY, (4, 3, 3, 5))
    ours, theirs = biggan.ConditionalNorm(wrap=identity_wrap), BatchNorm(3)
    hot = jax.nn.one_hot(LABEL, 3)
    kernels = seat(ours, x, hot)
    tables = {name: layer["kernel"] for name, layer in kernels["params"].items()}
    stats = {"batch_stats": kernels["batch_stats"]}

    @jax.jit
    def both():
        play = {"train": True, "mutable": "batch_stats"}
        return (
            ours.apply(kernels, x, hot, **play),
            theirs.apply({"params": tables, **stats}, x, LABEL, **play),
        )

    for a, b in zip(*map(jax.tree.leaves, both()), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_new_gains_are_orthogonal():
    norm, condition = biggan.ConditionalNorm(), jnp.ones((4, 3))
    x = jnp.ones((4, 1, 1, 5))
    init = jax.jit(partial(norm.init, train=False))
    for layer in init(KEY, x, condition)["params"].values():
        kernel = layer["kernel"]
        np.testing.assert_allclose(kernel @ kernel.T, jnp.eye(3), atol=1e-5)


@pytest.mark.parametrize("size, z", [(32, 80), (64, 100), (128, 120), (256, 140)])
def test_images_and_logits_of_every_size(size, z):
    g = biggan.Generator(size, ch=8, attention_resolution=size // 2)
    d = biggan.Discriminator(size, ch=8, attention_resolution=size // 2)

    def look(z):
        image, _ = g.init_with_output(KEY, z, LABEL, train=False)
        return image, d.init_with_output(KEY, image, LABEL, train=False)[0]

    image, logits = jax.eval_shape(look, jnp.zeros((4, z)))
    assert (image.shape, logits.shape) == ((4, size, size, 3), (4,))


# Parameters of 128 px and 1000 classes as the authors' PyTorch code counts them. The
# biases of G's blocks, three for each of their (16 + 8 + 4 + 2 + 1) 96 channels, are not
# here.
COUNTS = [
    (biggan.Generator, (4, 120), 70_433_988 - 3 * 31 * 96),
    (biggan.Discriminator, (4, 128, 128, 3), 87_982_370),
]


@pytest.mark.parametrize("net, shape, count", COUNTS, ids=["g", "d"])
def test_parameter_counts_are_the_published_ones(net, shape, count):
    init = partial(net(128, classes=1000, attention_resolution=64).init, train=False)
    variables = jax.eval_shape(init, KEY, jnp.zeros(shape), LABEL)
    leaves = jax.tree.leaves(variables["params"])
    assert sum(leaf.size for leaf in leaves) == count
