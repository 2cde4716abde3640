from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.models import resnet
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))

generator = partial(resnet.Generator, size=8, channels=2, width=8)


def test_a_generator_of_one_class_is_one_without_classes():
    plain, one = generator(), generator(classes=1)
    variables = seat(plain, Z, LABEL)

    @jax.jit
    def both(variables):
        a = plain.apply(variables, Z, LABEL, train=False)
        return a, one.apply(variables, Z, jnp.zeros_like(LABEL), train=False)

    np.testing.assert_allclose(*both(variables), atol=1e-6)


def test_images_lie_between_minus_one_and_one():
    net = generator(size=16)
    run = jax.jit(partial(net.apply, train=False))
    image = run(seat(net, Z, LABEL), 100 * Z, LABEL)
    assert image.shape == (4, 16, 16, 2)
    assert jnp.abs(image).max() <= 1


def test_doubling_repeats_and_halving_averages():
    x = jax.random.normal(KEY, (2, 4, 6, 3))
    np.testing.assert_array_equal(resnet.double(x), x.repeat(2, 1).repeat(2, 2))
    np.testing.assert_allclose(resnet.halve(resnet.double(x)), x, rtol=1e-6)


# Parameters of the authors' networks at 32x32x3 and z of 128, counted by hand from
# their code: a layer of k x k from c to d has k k c d + d, a batch norm of c has 2 c
# for each class. G of width w: a dense layer of 128 to 16 w, three blocks (norm, 3x3,
# norm, 3x3, 1x1), a norm without classes, and 3x3 to 3. D of width 128: 3 to 128 (3x3,
# 3x3, 1x1), 128 to 128 (3x3, 3x3, 1x1), twice 128 to 128 (3x3, 3x3), the last layer,
# which has a bias in WGAN-GP only, and an embedding of 128 for each class. Nine biases
# of G lead to batch norms only and so change nothing: those are not here.
COUNTS = [
    (resnet.Generator(), 4_276_739 - 9 * 256),  # SNGAN
    (resnet.Generator(classes=10), 4_304_387 - 9 * 256),
    (resnet.Generator(width=128), 1_204_483 - 9 * 128),  # WGAN-GP
    (resnet.Generator(width=128, classes=10), 1_218_307 - 9 * 128),
    (resnet.Discriminator(), 1_053_824),
    (resnet.Discriminator(classes=10), 1_055_104),
    (resnet.Critic(), 1_053_825),
]


@pytest.mark.parametrize("net, count", COUNTS)
def test_parameter_counts_are_the_published_ones(net, count):
    x = jnp.zeros((4, 128) if isinstance(net, resnet.Generator) else (4, 32, 32, 3))
    variables = jax.eval_shape(partial(net.init, train=False), KEY, x, LABEL)
    leaves = jax.tree.leaves(variables["params"])
    assert sum(leaf.size for leaf in leaves) == count


@pytest.mark.parametrize(
    "net, grid, widths",
    [
        (resnet.Generator48(), 6, (512, 256, 128, 64)),
        (resnet.Generator64(), 4, (1024, 512, 256, 128, 64)),
        (resnet.Generator128(), 4, (1024, 1024, 512, 256, 128, 64)),
    ],
)
def test_a_larger_generator_has_the_layers_of_its_table(net, grid, widths):
    """A block from c to d: two norms, 3x3 to d twice, 1x1; no biases."""
    blocks = zip(widths, widths[1:], strict=False)
    wanted = 129 * grid**2 * widths[0] + 2 * widths[-1] + 9 * widths[-1] * 3 + 3
    wanted += sum(2 * (c + d) + 9 * (c * d + d * d) + c * d for c, d in blocks)
    side = grid << len(widths) - 1
    assert count(net, (128,)) == wanted and shape(net, (128,)) == (2, side, side, 3)


@pytest.mark.parametrize(
    "net, side, grid, widths",
    [
        (resnet.Discriminator48, 48, 3, (64, 128, 256, 512, 1024)),
        (resnet.Discriminator64, 64, 2, (64, 128, 256, 512, 1024)),
        (resnet.Discriminator128, 128, 4, (64, 128, 256, 512, 1024, 1024)),
    ],
)
def test_a_larger_discriminator_has_the_layers_of_its_table(net, side, grid, widths):
    """A block from c to d: 3x3 to c, but to d in the first, 3x3 to d, 1x1 if c < d."""
    wanted, last, seen = widths[-1] + 1, 3, []
    for i, width in enumerate(widths):
        middle = last if i else width
        for size, c, d in ((3, last, middle), (3, middle, width), (1, last, width)):
            if size == 3 or c != d:
                wanted += size**2 * c * d + d
        last = width

    def pool(x, axis):
        seen.append(x.shape[1:3])
        return x.sum(axis)

    assert count(net(pool=pool), (side, side, 3)) == wanted
    assert set(seen) == {(grid, grid)}


def test_wgan_gp_of_64_px_has_the_layers_of_its_code():
    """A block from c to d: two norms, 3x3 to d without bias, 3x3 to d, 1x1.

    G's biases lead to batch norms and are left out; D's first 3x3 is to c, and its norms
    are both of c.
    """
    up, down = (512, 512, 256, 128, 64), (64, 128, 256, 512, 512)
    g = 129 * 16 * 512 + 2 * 64 + 9 * 64 * 3 + 3
    for c, d in zip(up, up[1:], strict=False):
        g += 2 * c + 2 * d + 9 * c * d + 9 * d * d + c * d
    d = 9 * 3 * 64 + 64 + 16 * 512 + 1
    for c, e in zip(down, down[1:], strict=False):
        d += 4 * c + 9 * c * c + 9 * c * e + e + c * e + e
    assert count(resnet.WGANGPGenerator64(), (128,)) == g
    assert count(resnet.NormedCritic(), (64, 64, 3)) == d


def test_the_normed_critic_sees_each_image_alone():
    net, x = (
        resnet.NormedCritic(3, multipliers=(1, 2)),
        jax.random.normal(KEY, (4, 8, 8, 2)),
    )
    run = jax.jit(partial(net.apply, seat(net, x, LABEL), train=True))
    others = x.at[1:].multiply(2)
    np.testing.assert_allclose(run(others, LABEL)[0], run(x, LABEL)[0], rtol=1e-5)


def test_images_may_be_wider_than_high():
    net = resnet.Generator((16, 24), 2, 8)
    image, variables = variables_of(net, (5,))
    assert image.shape == (2, 16, 24, 2)
    assert variables["params"]["Dense_0"]["kernel"].shape == (5, 4 * 6 * 8)
    for d in (resnet.Discriminator(8), resnet.NormedCritic(3, multipliers=(1, 2))):
        assert shape(d, (16, 24, 2)) == (2,)


def test_sides_that_cannot_be_halved_as_often_are_refused():
    with pytest.raises(UsageError, match="36x36 .* multiples of 8; .* 32 and 40"):
        shape(resnet.Generator(36), (5,))
    with pytest.raises(UsageError, match="8x6 .* multiples of 4; .* 4 and 8"):
        shape(resnet.Discriminator(8), (8, 6, 2))
    with pytest.raises(UsageError, match="8x9 .* multiples of 2; .* 8 and 10"):
        shape(resnet.NormedCritic(3, multipliers=(1, 2)), (8, 9, 2))


def variables_of(net, size):
    x, label = jnp.zeros((2, *size)), jnp.zeros(2, jnp.int32)
    make = partial(net.init_with_output, KEY, train=False)
    return jax.eval_shape(make, x, label)


def count(net, size):
    leaves = jax.tree.leaves(variables_of(net, size)[1]["params"])
    return sum(int(np.prod(leaf.shape)) for leaf in leaves)


def shape(net, size):
    return variables_of(net, size)[0].shape
