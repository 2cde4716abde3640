from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers import heads
from ganjax.models import progressive
from ganjax.models.resnet import double, halve
from tests.helpers.prints import has_fingerprint
from tests.helpers.states import same, seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
IMAGE = 10 * jax.random.normal(KEY, (4, 16, 16, 2))

generator = partial(progressive.Generator, 16, 2, width=6)
discriminator = partial(progressive.Discriminator, width=6, group=2)
G, D = seat(generator(), Z, LABEL), seat(discriminator(), IMAGE, LABEL)


@jax.jit
def draw(alpha):
    """What G makes at sides 8 and 16, `alpha` of the way to each."""
    run = lambda side, alpha: generator(side=side, alpha=alpha).apply(
        G, Z, LABEL, train=False
    )
    return run(4, 1.0), run(8, alpha), run(16, alpha)


@jax.jit
def judged(alpha):
    """The same of D, on images halved as often as it takes."""
    small = halve(IMAGE)
    run = lambda image, alpha: discriminator(alpha=alpha).apply(
        D, image, LABEL, train=False
    )
    return run(halve(small), 1.0), run(small, alpha), run(IMAGE, alpha)


def test_a_stage_begins_with_the_images_of_the_one_before_doubled():
    (four, eight, _), (_, whole, sixteen) = draw(0.0), draw(1.0)
    np.testing.assert_allclose(eight, double(four), rtol=1e-5, atol=1e-6)
    _, _, begun = draw(0.0)
    np.testing.assert_allclose(begun, double(whole), rtol=1e-5, atol=1e-6)
    assert jnp.abs(begun - sixteen).max() > 0.1


def test_a_stage_begins_with_the_logits_of_the_one_before_on_halved_images():
    (four, eight, begun), (_, whole, sixteen) = judged(0.0), judged(1.0)
    np.testing.assert_allclose(eight, four, rtol=1e-4)
    np.testing.assert_allclose(begun, whole, rtol=1e-4)
    assert jnp.abs(begun - sixteen).max() > 0.01


def test_fading_is_exact_at_both_ends_and_the_images_are_means_in_between():
    old, new = np.random.default_rng(0).normal(size=(2, 1, 2, 2, 3)).astype(np.float32)
    fade = jax.jit(progressive.fade)
    np.testing.assert_array_equal(fade(old, new, 0.0), old)
    np.testing.assert_array_equal(fade(old, new, 1.0), new)
    none, half, all_ = (draw(alpha)[1] for alpha in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(half, (none + all_) / 2, rtol=1e-4, atol=1e-5)


def test_weights_of_an_earlier_version_make_the_same():
    assert has_fingerprint(draw(0.5), -2.1568)
    assert has_fingerprint(judged(0.5), 0.68793)


def used(net, variables, x):
    """The parts of a network by which its output moves, while it fades and after."""

    def value(params, alpha):
        given = {"params": params}
        return net(alpha=alpha).apply(given, x, LABEL, train=True).sum()

    slopes = jax.jit(jax.grad(value))
    for alpha in (0.5, 1.0):
        grads = slopes(variables["params"], alpha)
        moved = lambda part: any(jnp.any(x) for x in jax.tree.leaves(part))
        yield {name for name, part in grads.items() if moved(part)}


def test_a_stage_reads_its_own_weights_and_while_it_fades_the_last_ones():
    own = {"block_4", "block_8", "image_8"}
    fading, faded = used(partial(generator, side=8), G, Z)
    assert fading == own | {"image_4"} and faded == own
    fading, faded = used(discriminator, D, halve(IMAGE))
    assert fading == own | {"image_4", "head"} and faded == own | {"head"}


def test_every_stage_has_the_same_weights_to_the_bit():
    init = partial(jax.jit, static_argnames="train")
    first, last = (
        init(generator(side=s).init)(KEY, Z, LABEL, train=False) for s in (4, 16)
    )
    same(first, last)


def test_the_first_stage_costs_what_4x4_costs():
    net = partial(progressive.Generator, 64, 3, width=32, base=2048)

    def flops(side):
        shapes = jax.eval_shape(partial(net().init, train=False), KEY, Z, LABEL)
        run = partial(net(side=side).apply, train=False)
        return jax.jit(run).lower(shapes, Z, LABEL).cost_analysis()["flops"]

    assert flops(4) < flops(8) / 3 < flops(64) / 50


def test_the_first_layers_are_scaled_as_published():
    """He et al.'s gains, of which the first has a quarter, and pixels of length 1."""
    params = jax.tree.map(np.float64, G["params"]["block_4"])
    ours = jax.jit(progressive.InitialBlock(6).apply)({"params": params}, Z)
    unit = lambda x: x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-8)
    act = lambda x: unit(np.where(x > 0, x, 0.2 * x))

    kernel = params["Conv_0"]["kernel"][0, 0]
    x = np.asarray(Z, np.float64) @ kernel * np.sqrt(2) / 4 / np.sqrt(5)
    x = act(x.reshape(4, 4, 4, 6) + params["bias"])
    kernel = params["Conv_1"]["kernel"] * np.sqrt(2 / (9 * 6))
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = sum(wide[:, i : i + 4, j : j + 4] @ kernel[i, j] for i, j in np.ndindex(3, 3))
    np.testing.assert_allclose(ours, act(y + params["Conv_1"]["bias"]), atol=1e-4)


def test_real_images_are_shown_as_sharp_as_the_stage_is():
    image = np.random.default_rng(1).normal(size=(2, 8, 8, 3)).astype(np.float32)
    mean = lambda x, n: x.reshape(2, 8 // n, n, 8 // n, n, 3).mean((2, 4))
    blurred = mean(image, 2).repeat(2, axis=1).repeat(2, axis=2)
    show = jax.jit(progressive.downsample_real, static_argnums=1)
    np.testing.assert_allclose(show(image, 4, 0.3), mean(image, 2), atol=1e-6)
    np.testing.assert_allclose(show(image, 8, 0.0), blurred, atol=1e-6)
    np.testing.assert_array_equal(show(image, 8, 1.0), image)
    wanted = 0.7 * blurred + 0.3 * image
    np.testing.assert_allclose(show(image, 8, 0.3), wanted, atol=1e-6)


def test_a_side_that_is_not_4_doubled_is_a_mistake():
    assert progressive.sides(32) == [4, 8, 16, 32]
    with pytest.raises(UsageError, match="24x24 .* 4, 8, 16, .* 16 and 32"):
        progressive.sides(24)


def test_the_authors_classes_are_those_of_a_classifier():
    net = discriminator(classes=3, head=heads.Classifier)
    run = jax.jit(partial(net.apply, train=False, mutable="heads"))
    logits, said = run(seat(net, IMAGE, LABEL), IMAGE, LABEL)
    assert logits.shape == (4,)
    assert said["heads"]["head"]["classes"].shape == (4, 3)


COUNTS = [
    (progressive.Generator(), (4, 512), 23_079_115),
    (progressive.Discriminator(), (4, 1024, 1024, 3), 23_087_249),
]


@pytest.mark.parametrize("net, shape, count", COUNTS, ids=["g", "d"])
def test_parameter_counts_are_the_published_ones(net, shape, count):
    """23.1 million each (table 2); the authors' code has a layer for every side, too."""
    init = partial(net.init, train=False)
    params = jax.eval_shape(init, KEY, jnp.zeros(shape), LABEL)["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count
