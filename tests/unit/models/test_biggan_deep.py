"""BigGAN-deep against its tables; `test_released` has what the authors' code makes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers.spectral_norm import identity_wrap
from ganjax.models import biggan_deep
from ganjax.models.biggan import ConditionalNorm
from ganjax.models.biggan_deep import DownBlock, UpBlock
from ganjax.models.resnet import double, halve


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
X = jax.random.normal(KEY, (4, 6, 4, 8))


SAME = biggan_deep.identity


def muted(net, *args):
    """What a block makes when its last 1x1 gives nothing, and its parameters."""
    variables = jax.jit(partial(net.init, train=False))(KEY, *args)
    params = dict(variables["params"])
    params["Conv_3"] = jax.tree.map(jnp.zeros_like, params["Conv_3"])
    given = {**variables, "params": params}
    return jax.jit(partial(net.apply, train=False))(given, *args), params


@pytest.mark.parametrize("width, by", [(8, 1), (6, 2)])
def test_a_block_of_g_adds_to_the_first_channels(width, by):
    norm = partial(ConditionalNorm, wrap=identity_wrap)
    net = UpBlock(width, double if by == 2 else SAME, norm, identity_wrap)
    y, _ = muted(net, X, jnp.ones((4, 3)))
    wanted = np.asarray(X)[..., :width].repeat(by, 1).repeat(by, 2)
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize("width, by", [(8, 1), (12, 2)])
def test_a_block_of_d_adds_to_all_channels_and_to_new_ones(width, by):
    y, params = muted(DownBlock(width, halve if by == 2 else SAME, identity_wrap), X)
    assert y.shape == (4, 6 // by, 4 // by, width) and len(params) == 4 + (width > 8)
    x = np.asarray(X, np.float64).reshape(4, 6 // by, by, 4 // by, by, 8).mean((2, 4))
    if width > 8:
        kernel = np.asarray(params["Conv_4"]["kernel"][0, 0], np.float64)
        x = np.concatenate([x, x @ kernel], axis=-1)  # a new bias is zero
    np.testing.assert_allclose(y, x, atol=1e-5)


@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_images_and_logits_of_every_size(size):
    g = biggan_deep.Generator(size, ch=8, attention_resolution=size // 2, depth=1)
    d = biggan_deep.Discriminator(ch=8, attention_resolution=size // 2, depth=1)

    def look(z):
        image, _ = g.init_with_output(KEY, z, LABEL, train=False)
        return image, d.init_with_output(KEY, image, LABEL, train=False)

    image, (logits, variables) = jax.eval_shape(look, jnp.zeros((4, 7)))
    assert (image.shape, logits.shape) == ((4, size, size, 3), (4,))
    assert "Attention_0" in variables["params"]


def test_other_sides_are_refused():
    net, d = biggan_deep.Generator(48), biggan_deep.Discriminator()
    with pytest.raises(
        UsageError, match="no images of 48x48 .* 32, 64, 128, 256; .* 32 and 64"
    ):
        jax.eval_shape(partial(net.init, train=False), KEY, jnp.zeros((4, 7)), LABEL)
    with pytest.raises(UsageError, match="no images of 16x16 .* nearest is 32"):
        image = jnp.zeros((4, 16, 16, 3))
        jax.eval_shape(partial(d.init, train=False), KEY, image, LABEL)


def layer(size, c, d, bias=1):
    return size**2 * c * d + bias * d


def attention(c):
    return 2 * c * (c // 8) + 2 * c * (c // 2) + 1


def blocks_of_g(widths, condition):
    """Twice a stage; no biases, but a gain and a bias of each condition's numbers."""
    for c, after in zip(widths, widths[1:], strict=False):
        for d in (c, after):
            norms = 2 * condition * (c + 3 * (c // 4))
            yield norms + layer(1, c, c // 4, 0) + 2 * layer(3, c // 4, c // 4, 0)
            yield layer(1, c // 4, d, 0)


def blocks_of_d(widths):
    for before, d in zip(widths, widths[1:], strict=False):
        for c in (before, d):
            yield layer(1, c, d // 4) + 2 * layer(3, d // 4, d // 4)
            yield layer(1, d // 4, d) + (layer(1, c, d - c) if d > c else 0)


@pytest.mark.parametrize(
    "size, up, down",
    [
        (128, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16)),
        (256, (16, 16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16)),
    ],
)
def test_the_layers_are_those_of_the_tables(size, up, down):
    """ImageNet with a width of 128: attention where the side is 64."""
    up, down = ([128 * n for n in widths] for widths in (up, down))
    g = 1000 * 128 + layer(1, 256, 16 * up[0]) + sum(blocks_of_g(up, 256))
    g += attention(up[4]) + 2 * up[-1] + layer(3, up[-1], 3)
    assert count(biggan_deep.Generator(size, classes=1000), (128,)) == g
    d = layer(3, 3, down[0]) + sum(blocks_of_d(down))
    d += attention(down[1 if size == 128 else 2]) + down[-1] + 1 + 1000 * down[-1]
    assert count(biggan_deep.Discriminator(classes=1000), (size, size, 3)) == d


def count(net, shape):
    init = partial(net.init, train=False)
    variables = jax.eval_shape(init, KEY, jnp.zeros((4, *shape)), LABEL)
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
