from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Player, augment, losses
from ganjax.core import Batch, Turns, init, normal, train_step
from ganjax.errors import UsageError
from ganjax.layers.spectral_norm import identity_wrap
from ganjax.models import mlp, projected
from ganjax.ops.convolution import conv
from tests.helpers.prints import has_fingerprint
from tests.helpers.states import apart, same, seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
IMAGE = jax.random.normal(KEY, (4, 8, 8, 2))
HALF = ((0, 1), (0, 1))


def made():
    """The weights of a network of two 3x3 convolutions, as a file might hold them."""
    rng = np.random.default_rng(0)
    shapes = {"a": (3, 3, 2, 3), "b": (3, 3, 3, 5)}
    return {name: jnp.float32(rng.normal(0, 0.3, s)) for name, s in shapes.items()}


def see(weights, image):
    fine = jax.nn.relu(conv(image, weights["a"], ((1, 1), (1, 1))))
    return fine, jax.nn.relu(conv(fine, weights["b"], HALF, (2, 2)))


def see_made(image):
    return see(made(), image)


frozen = projected.Frozen(see, made)
discriminator = partial(
    projected.Discriminator, frozen, input_size=8, projector_width=4, widths=(4, 6)
)


def enlarged(x):
    """Both axes by `np.interp`, from corner to corner."""
    for axis in (1, 2):
        n = x.shape[axis]
        place = np.arange(2 * n) * (n - 1) / (2 * n - 1)
        line = partial(np.interp, place, np.arange(n))
        x = np.apply_along_axis(line, axis, x)
    return x


def test_images_are_enlarged_linearly_from_corner_to_corner():
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(projected.upsample(jnp.array(x)), enlarged(x), atol=1e-6)


def test_features_are_mixed_over_the_channels_and_then_over_the_scales():
    net, kept = projected.Projector(see_made, 4), seat(discriminator(), IMAGE, LABEL)
    kept = kept["frozen"]["Projector_0"]
    ours = jax.jit(net.apply)({"frozen": kept}, IMAGE)
    known = jax.tree.map(np.float64, kept)
    mix = lambda name, x: x @ known[name]["kernel"][0, 0] + known[name]["bias"]

    fine, coarse = map(np.float64, see_made(IMAGE))
    fine, coarse = mix("channels_0", fine), mix("channels_1", coarse)
    coarse = mix("scales_1", enlarged(coarse))
    fine = mix("scales_0", enlarged(fine + coarse))
    for a, b in zip(ours, (fine, coarse), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_an_image_that_is_too_small_is_enlarged_first():
    net = discriminator()
    variables = seat(net, IMAGE, LABEL)
    small = IMAGE[:, :4, :4]
    run = jax.jit(partial(net.apply, train=False))
    large = jax.image.resize(small, IMAGE.shape, "bilinear")
    logits = run(variables, large, LABEL)
    np.testing.assert_array_equal(run(variables, small, LABEL), logits)
    assert has_fingerprint(logits, -47.926), (
        "weights of an earlier version make another"
    )


def test_a_scale_without_a_square_of_4x4_is_a_mistake():
    net = discriminator(widths=(4, 6, 8))
    with pytest.raises(UsageError, match="end as 2x2"):
        jax.eval_shape(partial(net.init, train=False), KEY, IMAGE, LABEL)


def test_what_is_drawn_once_is_drawn_within_the_root_of_its_fan_in():
    x = jnp.ones((1, 1, 1, 16))
    kept = projected.Mixing(100).init(KEY, x)["frozen"]
    for drawn in jax.tree.leaves(kept):
        assert 0.2 < jnp.abs(drawn).max() <= 1 / 4
        assert jnp.abs(drawn.mean()) < 0.05


@pytest.fixture(scope="module")
def played():
    """A game against frozen features, before and after two steps."""
    adam = optax.adam(1e-2)
    game = GAN(
        g=Player(mlp.Generator(shape=(8, 8, 2), width=8), adam),
        d=Player(discriminator(classes=3, wrap=identity_wrap, widths=(4,)), adam),
        loss=losses.hinge(),
        augment=augment.identity(),
        prior=normal(4),
        ema=optax.constant_schedule(0.9),
    )
    image = jnp.tanh(IMAGE)
    turns = Turns(Batch(image[None], LABEL[None]), Batch(image, LABEL))
    first = jax.jit(partial(init, game))(KEY, turns)
    step = jax.jit(partial(train_step, game))
    last, logs = first, {}
    for _ in range(2):
        last, logs = step(last, turns)
    return first, last, logs


@pytest.mark.slow
def test_neither_the_features_nor_their_mixing_ever_move(played):
    first, last, _ = played
    same(first.d.stats["frozen"], last.d.stats["frozen"])
    given = first.d.stats["frozen"]["features"]["weights"]
    assert max(apart(given, made()).values()) == 0


def test_frozen_weights_are_no_parameters_and_no_optimizers(played):
    first, _, _ = played
    names = {"scale_0", "scale_1"}
    assert first.d.params.keys() == names
    assert first.d.opt[0].mu.keys() == names


def test_both_players_learn_through_them(played):
    first, last, logs = played
    for a, b in ((first.g, last.g), (first.d, last.d)):
        assert min(apart(a.params, b.params).values()) > 0
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(logs))


def test_the_hinge_is_that_of_every_logit():
    real, fake = np.random.default_rng(2).normal(0, 2, (2, 4, 5))
    hinge = losses.hinge()
    wanted = np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean()
    assert hinge.d(jnp.array(real), jnp.array(fake)) == pytest.approx(wanted, rel=1e-6)
    assert hinge.g(real, fake) == pytest.approx(-fake.mean(), rel=1e-6)


def maps(image):
    """Of the shapes of EfficientNet-Lite0's, which the authors use."""
    sides = {4: 24, 8: 40, 16: 112, 32: 320}
    n = image.shape[1]
    return [jnp.zeros((len(image), n // k, n // k, c)) for k, c in sides.items()]


@pytest.mark.parametrize("classes, count", [(0, 10_328_192), (1000, 12_937_600)])
def test_sizes_are_those_of_the_authors_code(classes, count):
    """Its counts without the 3,136 biases that stand before batch norms."""
    net = projected.Discriminator(maps, classes)
    image = jax.ShapeDtypeStruct((4, 32, 32, 3), jnp.float32)
    run = partial(net.init_with_output, train=False)
    logits, variables = jax.eval_shape(run, KEY, image, LABEL)
    assert logits.shape == (4, 4 * 16)
    leaves = jax.tree.leaves(variables["params"])
    assert sum(leaf.size for leaf in leaves) == count
