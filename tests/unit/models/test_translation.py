"""The networks of image translation: what a patch sees, what a norm takes, who learns."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers import resampling
from ganjax.layers.normalization import Shift
from ganjax.models import patch, translator, unet
from ganjax.models.patch_features import (
    PatchFeatures,
    gather_features,
    sample_locations,
)
from tests.helpers.prints import has_fingerprint
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def painted(x, kernel):
    """Every pixel's kernel at twice its place, one pixel back, as large as it may be."""
    (_, h, w, _), k = x.shape, len(kernel)
    canvas = np.zeros((2 * h + k, 2 * w + k, kernel.shape[-1]))
    for i, j in np.ndindex(h, w):
        patch = np.einsum("c,hwcd->hwd", np.asarray(x)[0, i, j], np.asarray(kernel))
        canvas[2 * i : 2 * i + k, 2 * j : 2 * j + k] += patch
    return canvas[1 : 2 * h + 1, 1 : 2 * w + 1]


@pytest.mark.parametrize("size", [3, 4])
def test_painting_doubles_the_sides(size):
    x, kernel = normal(1, 1, 3, 4, 2), normal(2, size, size, 2, 3)
    made = resampling.down_transpose(x, kernel)
    assert made.shape == (1, 6, 8, 3)
    np.testing.assert_allclose(made[0], painted(x, kernel), atol=1e-5)


@pytest.mark.parametrize("side", [6, 7])
def test_a_blurred_half_is_a_mean_of_mirrored_neighbors(side):
    x = np.asarray(normal(3, 2, side, side, 3))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    rows = sum(t * padded[:, i : i + side] for i, t in enumerate((0.25, 0.5, 0.25)))
    both = sum(t * rows[:, :, i : i + side] for i, t in enumerate((0.25, 0.5, 0.25)))
    made = resampling.blur_downsample(jnp.array(x))
    np.testing.assert_allclose(made, both[:, ::2, ::2], atol=1e-6)


def test_a_blurred_double_lies_at_quarters_between_the_pixels():
    x = np.asarray(normal(4, 2, 3, 5, 2))
    for axis, n in ((1, 3), (2, 5)):
        place = (np.arange(2 * n) - 0.5) / 2
        line = partial(np.interp, place, np.arange(n))
        made = resampling.blur_upsample(jnp.array(x))
        alone = made.mean(3 - axis) if axis == 1 else made.mean(1)
        wanted = np.apply_along_axis(line, 1, x.mean(3 - axis))
        np.testing.assert_allclose(alone, wanted, atol=1e-6)


def slopes(net, image, pick):
    """Where an image moves what `pick` takes of the network's output."""
    label = jnp.zeros(len(image), jnp.int32)
    variables = seat(net, image, label)
    value = lambda image: pick(net.apply(variables, image, label, train=False))
    return np.abs(jax.jit(jax.grad(value))(image)[0]).sum(-1) > 0


@pytest.mark.parametrize(
    ("make", "halvings", "seen"),
    [
        (patch.Discriminator, 1, 16),
        (patch.Discriminator, 2, 34),
        (patch.Discriminator, 3, 70),
        (patch.CUT, 3, 84),
    ],
)
def test_a_logit_sees_a_patch(make, halvings, seen):
    net = make(1, halvings=halvings, norm=Shift)
    image = normal(5, 1, 128, 128, 1)
    middle = (128 >> halvings) // 2 - 1
    count = (128 >> halvings) - 2
    pick = lambda logits: logits.reshape(count, count)[middle, middle]
    found = slopes(net, image, pick)
    assert found.any(1).sum() == found.any(0).sum() == seen


@pytest.mark.parametrize("net", [patch.Discriminator, patch.CUT])
def test_a_256_px_image_has_30x30_patches(net):
    image = jax.ShapeDtypeStruct((2, 256, 256, 3), jnp.float32)
    run = partial(net().init_with_output, train=False)
    logits, _ = jax.eval_shape(run, KEY, image, jnp.zeros(2, jnp.int32))
    assert logits.shape == (2, 900)


def test_logits_of_a_class_are_the_common_ones_and_its_own():
    net = patch.Discriminator(2, classes=3, halvings=1)
    image = normal(6, 4, 8, 8, 2)
    variables = seat(net, image, LABEL)
    params = dict(variables["params"])
    last = params["Conv_2"]
    alone = {"kernel": last["kernel"].at[..., 1:].set(0), "bias": last["bias"]}
    alone["bias"] = alone["bias"].at[1:].set(jnp.arange(1.0, 4.0))
    run = jax.jit(partial(net.apply, train=False))
    common = run({"params": params | {"Conv_2": alone}}, image, LABEL)
    plain = patch.Discriminator(2, halvings=1)
    one = jax.tree.map(lambda x: x[..., :1], last)
    wanted = plain.apply(
        {"params": params | {"Conv_2": one}}, image, LABEL, train=False
    )
    shift = jnp.broadcast_to(1.0 + LABEL[:, None], wanted.shape)
    np.testing.assert_allclose(common, wanted + shift, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sides", [(8, 8), (12, 20)])
@pytest.mark.parametrize("make", [translator.Generator, translator.CUT])
def test_a_translation_is_as_large_as_its_image(make, sides):
    net = make(2, 2, blocks=1)
    image = jnp.zeros((1, *sides, 5))
    run = partial(net.init_with_output, train=False)
    made, _ = jax.eval_shape(run, KEY, image, LABEL[:1])
    assert made.shape == (1, *sides, 2)


def test_the_maps_are_of_falling_sides_and_end_where_they_are_seen():
    net = translator.CUT(3, 4, blocks=4, feature_blocks=(0, 2))
    image = normal(8, 4, 16, 12, 3)
    run = jax.jit(partial(net.apply, train=False, method="features"))
    variables = seat(net, image, LABEL)
    maps = run(variables, image, LABEL)
    shapes = [x.shape for x in maps]
    coarse = (4, 4, 3, 16)
    assert shapes == [(4, 22, 18, 3), (4, 16, 12, 8), (4, 8, 6, 16), coarse, coarse]
    np.testing.assert_array_equal(maps[0][:, 3:-3, 3:-3], image)
    params = variables["params"]
    later = {k: 0 * x for k, x in params["Conv_7"].items()}  # in the third block
    after = {k: 0 * x for k, x in params["Conv_9"].items()}  # in the fourth
    moved = run({"params": params | {"Conv_7": later, "Conv_9": after}}, image, LABEL)
    kept = [bool((a == b).all()) for a, b in zip(maps, moved, strict=True)]
    assert kept == [True] * 4 + [False]
    moved = run({"params": params | {"Conv_9": after}}, image, LABEL)
    assert all((a == b).all() for a, b in zip(maps, moved, strict=True))


@pytest.mark.parametrize(
    "make, recorded",
    [
        (partial(translator.Generator, 3, 2, blocks=1), -2.6059),
        (partial(translator.CUT, 3, 2, blocks=1), -2.6025),
        (partial(patch.Discriminator, 2, halvings=2), -6.6428),
    ],
)
def test_a_bias_before_an_instance_norm_does_nothing(make, recorded):
    """And weights of an earlier version make the same."""
    image = normal(9, 4, 16, 16, 3)
    without, biased = make(), make(use_bias=True)
    variables = seat(biased, image, LABEL)
    params = variables["params"]
    few = jax.eval_shape(partial(without.init, train=False), KEY, image, LABEL)
    bare = {k: {n: params[k][n] for n in few["params"][k]} for k in params}
    assert bare != params

    @partial(jax.jit, static_argnums=0)
    def run(net, params):
        return net.apply({"params": params}, image, LABEL, train=True)

    a, b = run(biased, params), run(without, bare)
    assert has_fingerprint(b, recorded)
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("make", "deviation"),
    [
        (partial(translator.Generator, blocks=1), lambda shape: 0.02),
        (partial(unet.Generator, multipliers=(1, 2, 2)), lambda shape: 0.02),
        (patch.Discriminator, lambda shape: 0.02),
        (partial(translator.CUT, blocks=1), lambda shape: 0.02 * xavier(shape)),
        (patch.CUT, lambda shape: 0.02 * xavier(shape)),
    ],
)
def test_weights_are_drawn_as_published(make, deviation):
    image = jnp.zeros((1, 32, 32, 3))
    init = jax.jit(partial(make(width=16).init, train=False))
    params = init(KEY, image, LABEL[:1])["params"]
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        name = path[-1].key
        if name == "bias":
            assert not leaf.any()
        else:
            wanted = 0.02 if name == "gain" else deviation(leaf.shape)
            assert leaf.std() == pytest.approx(wanted, rel=5 / np.sqrt(leaf.size))
            assert abs(leaf.mean()) < 5 * wanted / np.sqrt(leaf.size)


def xavier(shape):
    """Glorot's deviation for a convolution."""
    return np.sqrt(2 / (shape[0] * shape[1] * (shape[2] + shape[3])))


def test_in_training_u_net_s_dropout_is_all_that_is_random():
    """It is at the depths where nothing widens, but for the innermost."""
    image = normal(10, 4, 16, 16, 3)

    def differ(times, train=True):
        net = unet.Generator(2, 3, multipliers=times)
        run = jax.jit(partial(net.apply, train=train, mutable="batch_stats"))
        variables = seat(net, image, LABEL)
        keys = jax.random.split(KEY)
        a, b = (run(variables, image, LABEL, rngs={"dropout": key}) for key in keys)
        return bool((a[0] != b[0]).any())

    assert differ((1, 2, 2, 2)) and not differ((1, 2, 2, 2), train=False)
    assert not differ((1, 2, 4, 4))


def test_a_skip_carries_what_the_middle_forgets():
    """With the middle's weights at zero an image still comes through."""
    net = unet.Generator(2, 3, multipliers=(1, 2, 4))
    image = normal(11, 4, 8, 8, 3)
    variables = seat(net, image, LABEL)
    middle = {"Conv_2": {"kernel": 0 * variables["params"]["Conv_2"]["kernel"]}}
    given = {**variables, "params": variables["params"] | middle}
    made = net.apply(given, image, LABEL, train=False)
    assert (made[0] != made[1]).any()


@pytest.mark.parametrize(
    ("net", "sides", "said"),
    [
        (translator.Generator(), (10, 12), "multiples of 4"),
        (translator.Generator(), (8, 4), "at least 8"),
        (patch.Discriminator(), (16, 64), "16x64 .* at least 24; .* fewer halvings"),
        (unet.Generator128(), (128, 64), "128x64 .* multiples of 128"),
    ],
)
def test_images_of_the_wrong_size_are_a_mistake(net, sides, said):
    image = jnp.zeros((1, *sides, 3))
    with pytest.raises(UsageError, match=said):
        jax.eval_shape(partial(net.init, train=False), KEY, image, LABEL[:1])


def test_places_are_different_pixels_of_every_map():
    maps = [jnp.zeros((2, 9, 8, 1)), jnp.zeros((2, 3, 3, 4)), jnp.zeros((2, 9, 8, 2))]
    drawn = sample_locations(KEY, maps, 20)
    assert [len(x) for x in drawn] == [20, 9, 20]
    for x, most in zip(drawn, (72, 9, 72), strict=True):
        assert len(set(x.tolist())) == len(x) and 0 <= x.min() and x.max() < most
    assert (drawn[0] != drawn[2]).any()
    assert (sample_locations(jax.random.key(1), maps, 20)[0] != drawn[0]).any()
    np.testing.assert_array_equal(sample_locations(KEY, maps, 20)[0], drawn[0])


def test_what_is_taken_lies_there():
    x = normal(12, 2, 3, 4, 5)
    (made,) = gather_features([x], [jnp.array([5, 0, 11])])
    np.testing.assert_array_equal(
        made, np.stack([x[:, 1, 1], x[:, 0, 0], x[:, 2, 3]], 1)
    )


def test_features_have_length_1_and_a_gradient_even_where_they_are_none():
    net, given = PatchFeatures(8), [normal(13, 2, 5, 3), jnp.zeros((2, 4, 6))]
    params = jax.jit(partial(net.init, train=False))(KEY, given, LABEL[:2])
    run = jax.jit(partial(net.apply, train=True))
    made = run(params, given, LABEL[:2])
    np.testing.assert_allclose(jnp.linalg.norm(made[0], axis=-1), 1, atol=1e-2)
    assert not made[1].any()

    def value(params):
        return sum(x.sum() for x in run(params, given, LABEL[:2]))

    grads = jax.tree.leaves(jax.grad(value)(params))
    assert all(jnp.isfinite(grad).all() for grad in grads)
    kernel = params["params"]["Dense_1"]["kernel"]
    assert kernel.std() == pytest.approx(0.02 * np.sqrt(2 / 16), rel=0.4)
