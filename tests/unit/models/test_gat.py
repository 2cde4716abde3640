import re
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers.mixed_precision import Mixed
from ganjax.models import gat
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
IMAGE = jax.random.normal(KEY, (4, 6, 8, 3))
SIZES = {"channels": 3, "depth": 4, "width": 8, "heads": 2}

generator = partial(gat.Generator, 8, **SIZES)
discriminator = partial(
    gat.Discriminator, head=partial(gat.MappedProjectionHead, size=7), **SIZES
)


def test_every_level_adds_to_the_one_before():
    net = generator()
    variables = seat(net, Z, LABEL)
    silent = {
        name: jax.tree.map(jnp.zeros_like, value) if name == "ToImage_3" else value
        for name, value in variables["params"].items()
    }
    run = jax.jit(partial(net.apply, train=False))
    levels = jnp.split(run({**variables, "params": silent}, Z, LABEL), 4, axis=-1)
    assert levels[0].shape == (4, 8, 8, 3)
    np.testing.assert_array_equal(levels[3], levels[2])
    for a, b in zip(levels[:2], levels[1:], strict=False):
        assert jnp.abs(a - b).max() > 1e-2


def test_a_level_is_made_before_later_blocks():
    net = generator()
    variables = seat(net, Z, LABEL)
    value = lambda params: net.apply(
        {**variables, "params": params}, Z, LABEL, train=False
    )[..., 3:6].sum()
    grads = jax.jit(jax.grad(value))(variables["params"])
    size = lambda name: max(jnp.abs(x).max() for x in jax.tree.leaves(grads[name]))
    assert size("Styled_1") > 0 and size("ToImage_1") > 0 and size("ToImage_0") > 0
    assert size("Styled_2") == size("ToImage_2") == size("ToImage_3") == 0


def test_a_depth_that_levels_do_not_divide_is_a_mistake():
    with pytest.raises(
        UsageError, match="depth of 4 cannot be divided into 3 equal parts"
    ):
        jax.eval_shape(partial(generator(levels=3).init, train=False), KEY, Z, LABEL)


def test_z_counts_by_its_direction_alone():
    net = generator(levels=1, depth=1)
    run = jax.jit(partial(net.apply, train=False))
    variables = seat(net, Z, LABEL)
    a, b = (run(variables, z, LABEL) for z in (Z, 3 * Z))
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_the_average_of_w_moves_for_the_classes_that_were_seen():
    net = gat.Average(classes=4, decay=0.75, psi=1.0)
    w, first = np.random.default_rng(0).normal(size=(2, 4, 6)).astype(np.float32)
    given = {"w_avg": {"w": jnp.asarray(first)}}
    run = partial(net.apply, given, jnp.asarray(w), LABEL, mutable="w_avg")
    same, moved = run(train=True)
    np.testing.assert_array_equal(same, w)
    means = [w[0], (w[1] + w[3]) / 2, w[2]]
    wanted = [0.75 * first[i] + 0.25 * means[i] for i in range(3)]
    np.testing.assert_allclose(moved["w_avg"]["w"], [*wanted, first[3]], rtol=1e-4)
    _, kept = run(train=False)
    np.testing.assert_array_equal(kept["w_avg"]["w"], first)


def test_truncation_draws_toward_the_average_of_the_class_at_evaluation_alone():
    average = jnp.asarray([[2.0] * 6, [4.0] * 6, [6.0] * 6])
    net, w = gat.Average(3, 0.5, psi=0.7), jnp.ones((4, 6))
    given = {"w_avg": {"w": average}}
    ours = net.apply(given, w, LABEL, train=False)
    wanted = 0.7 + 0.3 * np.array([2, 4, 6, 4])
    np.testing.assert_allclose(ours[:, 0], wanted, rtol=1e-6)


def test_a_generator_of_psi_zero_makes_one_image_of_each_class():
    net = generator(classes=3, psi=0.0, levels=1, depth=1)
    run = jax.jit(partial(net.apply, train=False))
    image = run(seat(net, Z, LABEL), Z, LABEL)
    np.testing.assert_array_equal(image[1], image[3])
    assert jnp.any(image[0] != image[1])


def test_an_image_of_one_level_stands_for_all_of_them():
    net, all_levels = discriminator(depth=1), jnp.concatenate([IMAGE] * 4, axis=-1)
    variables = seat(net, all_levels, LABEL)
    run = jax.jit(partial(net.apply, train=False))
    a, b = (run(variables, x, LABEL) for x in (IMAGE, all_levels))
    np.testing.assert_array_equal(a, b)
    assert a.shape == (4,)


def test_an_image_of_other_channels_is_a_mistake():
    image = jnp.zeros((4, 8, 8, 6))
    with pytest.raises(UsageError, match="6 channels is neither 4 images of 3 nor one"):
        jax.eval_shape(partial(discriminator().init, train=False), KEY, image, LABEL)


@pytest.mark.parametrize("net, x, wide", [(generator, Z, 5), (discriminator, IMAGE, 4)])
def test_in_bfloat16_only_softmaxes_and_averages_add_up_in_float32(net, x, wide):
    net = Mixed(net(classes=3))
    variables = jax.eval_shape(partial(net.init, train=False), KEY, x, LABEL)
    run = partial(net.apply, train=True, mutable="w_avg")
    y, moved = jax.eval_shape(run, variables, x, LABEL)
    assert {leaf.dtype for leaf in jax.tree.leaves((y, moved))} == {
        jnp.dtype("float32")
    }
    text = str(jax.make_jaxpr(run)(variables, x, LABEL))
    products = re.findall(r":(\w+)\[[\d,]*\] = dot_general", text)
    assert products.count("f32") == wide and products.count("bf16") > 4 * wide


def test_what_a_block_adds_is_small_at_first():
    x, angles = jax.random.normal(KEY, (2, 6, 8)), jnp.zeros((6, 2))
    block = gat.Plain(2)
    params = jax.jit(partial(block.init, angles=angles))(KEY, x)["params"]
    for name in ("attention", "feed_forward"):
        np.testing.assert_allclose(params[name], 0.1)
    wide = lambda params: {
        **params,
        "attention": jnp.ones(8),
        "feed_forward": jnp.ones(8),
    }
    run = jax.jit(partial(block.apply, angles=angles))
    a, b = (run({"params": p}, x) - x for p in (params, wide(params)))
    assert jnp.linalg.norm(a) < 0.2 * jnp.linalg.norm(b)


# The authors' models of ImageNet's 32x32 latents, with a z of 64, without what is
# multiplied by zero, the projector and D's 2,048 last biases. A block of width w has
# 4 w^2 + 5 w of attention, 3 w h + 2 h + w with h = 8 w / 3, and two scales for each of a
# head's numbers; G's has a style of 4 w (w + 1) besides, D's four times w.
COUNTS = [
    (gat.Generator(classes=1000, **gat.S), 29_256_512),
    (gat.Discriminator(classes=1000, **gat.S), 32_554_112),
    (gat.Generator(classes=1000, **gat.B), 116_545_088),
    (gat.Discriminator(classes=1000, **gat.B), 97_133_312),
]


@pytest.mark.parametrize("net, count", COUNTS, ids=["S g", "S d", "B g", "B d"])
def test_parameter_counts_are_those_of_the_authors_code(net, count):
    latent = isinstance(net, gat.Generator)
    x = jnp.zeros((4, 64) if latent else (4, 32, 32, 4))
    init = partial(net.init, train=False)
    leaves = jax.tree.leaves(jax.eval_shape(init, KEY, x, LABEL)["params"])
    assert sum(leaf.size for leaf in leaves) == count


def test_patches_are_rotated_by_their_positions_and_the_class_token_is_not():
    @jax.jit
    def look():
        seen = []

        def record(call, args, kwargs, context):
            if isinstance(context.module, gat.tokens.Attention):
                seen.append(args[1])
            return call(*args, **kwargs)

        with nn.intercept_methods(record):
            discriminator().init(KEY, IMAGE, LABEL, train=False)
        return jnp.stack(seen)

    angles = gat.tokens.rope_angles(gat.tokens.patch_grid(6, 8, 2), 4)
    for given in look():
        np.testing.assert_array_equal(given[0], jnp.zeros(2))
        np.testing.assert_allclose(given[1:], angles, rtol=1e-6)
