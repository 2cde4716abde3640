"""R3GAN2's networks and the layers they are made of, which keep magnitudes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers import magnitude
from ganjax.models import r3gan2
from tests.helpers.prints import has_fingerprint
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
IMAGE = jax.random.normal(KEY, (4, 16, 16, 2))
SMALL = {"widths": (16, 8), "blocks": 2, "group": 8}
RNGS = {"noise": KEY}

generator = partial(r3gan2.Generator, channels=2, **SMALL)
discriminator = partial(r3gan2.Discriminator, **SMALL)


def size(x, axis=None):
    return np.sqrt(np.mean(np.square(x, dtype=np.float64), axis=axis))


ONES = jnp.ones(64)
LAYERS = {
    "pointwise": (magnitude.Conv(512), (8, 8, 8, 64)),
    "grouped": (magnitude.Conv(64, 3, 8), (4, 32, 32, 64)),
    "of any mean": (magnitude.Conv(512, centered=False), (8, 8, 8, 64)),
    "biased": (partial(magnitude.Biased(512), gain=ONES), (8, 8, 8, 64)),
    "noisy": (partial(magnitude.Biased(512, noise=True), gain=ONES), (8, 8, 8, 64)),
    "linear": (magnitude.Linear(512), (256, 64)),
    "spread": (magnitude.Spread(16), (256, 64)),
    "gathered": (magnitude.Gathered(16), (256, 4, 4, 64)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_keeps_magnitudes_whatever_its_stored_weights_are(name):
    layer, shape = LAYERS[name]
    gain = getattr(layer, "keywords", {})
    layer = getattr(layer, "func", layer)
    x = jax.random.normal(KEY, shape)
    variables = jax.jit(layer.init)(KEY, x, **gain)
    odd = jax.tree.map(lambda w: 5 * w + 3, variables)
    run = jax.jit(partial(layer.apply, rngs=RNGS))
    y = run(variables, x, **gain)
    assert size(y) == pytest.approx(1, rel=0.05)
    if name != "of any mean":
        np.testing.assert_allclose(run(odd, x, **gain), y, rtol=1e-3, atol=1e-3)


def test_the_activation_keeps_the_deviation_of_a_normal():
    x = jax.random.normal(KEY, (100_000,))
    assert jnp.std(magnitude.lrelu(x)) == pytest.approx(1, rel=0.01)


def test_an_embedding_gives_all_classes_one_vector_at_first_and_each_its_own():
    net = magnitude.Embed(3, 64)
    variables = net.init(KEY, LABEL)
    first = net.apply(variables, LABEL)
    np.testing.assert_array_equal(first, first[:1].repeat(4, 0))
    np.testing.assert_allclose(size(first, axis=1), np.ones(4), rtol=1e-3)
    draw = lambda w: 1 + 4 * jax.random.normal(KEY, w.shape)
    rows = net.apply(jax.tree.map(draw, variables), LABEL)
    np.testing.assert_array_equal(rows[1], rows[3])
    assert jnp.abs(rows[0] - rows[1]).max() > 0.1
    np.testing.assert_allclose(size(rows, axis=1), np.ones(4), rtol=1e-3)


@pytest.mark.parametrize(
    "net, x, recorded", [(generator, Z, -2.6561), (discriminator, IMAGE, -0.86139)]
)
def test_forced_weights_stay_as_they_are_and_so_does_what_the_network_makes(
    net, x, recorded
):
    """And it makes what it made in earlier versions."""
    net = net(classes=3)
    params = seat(net, x, LABEL)["params"]
    force = partial(
        jax.tree_util.tree_map_with_path,
        lambda path, w: magnitude.forced_weight_normalization(
            jax.tree_util.keystr(path, simple=True, separator="/"), w
        ),
    )
    once = jax.jit(force)(params)
    run = jax.jit(partial(net.apply, train=True, rngs=RNGS))
    made, wanted = (run({"params": p}, x, LABEL) for p in (once, params))
    np.testing.assert_allclose(made, wanted, atol=2e-3 * np.abs(wanted).max())
    assert has_fingerprint(wanted, recorded)
    leaves = jax.tree_util.tree_leaves_with_path(once)
    for (path, w), old in zip(leaves, jax.tree.leaves(params), strict=True):
        if path[-1].key != "kernel":
            np.testing.assert_array_equal(w, old)
            continue
        inputs = tuple(range(w.ndim - 1))
        np.testing.assert_allclose(
            size(w, axis=inputs), np.ones(w.shape[-1]), rtol=5e-3
        )
        centered = np.abs(w.mean(inputs)).max() < 1e-6
        assert centered == ("rgb" not in str(path))


def test_a_stage_starts_as_the_identity_and_divides_out_what_its_blocks_add():
    stage, x = r3gan2.Stage(3, 8), jax.random.normal(KEY, (16, 8, 8, 32))
    variables = jax.jit(stage.init)(KEY, x)
    y, gain = jax.jit(stage.apply)(variables, x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(gain, jnp.ones(32))
    bend = lambda path, w: w + 0.7 if path[-1].key == "alpha" else w
    bent = jax.tree_util.tree_map_with_path(bend, variables)
    y, gain = jax.jit(stage.apply)(bent, x)
    wanted = 1 / np.sqrt(1 + 3 * np.tanh(0.7) ** 2)
    np.testing.assert_allclose(gain, np.full(32, wanted), rtol=1e-6)
    assert size(y) == pytest.approx(1 / wanted, rel=0.05)
    np.testing.assert_allclose(
        size(np.asarray(y), axis=(0, 1, 2)) * gain, np.ones(32), rtol=0.2
    )


def test_every_pixel_has_noise_of_its_own_key_and_only_g_has_any():
    net = generator()
    variables = seat(net, Z, LABEL)
    run = jax.jit(partial(net.apply, train=False))
    draw = lambda i: run(variables, Z, LABEL, rngs={"noise": jax.random.key(i)})
    a, b = draw(0), draw(1)
    assert jnp.all(jnp.abs(a - b).max(axis=-1) > 0)
    np.testing.assert_array_equal(a, draw(0))
    d = discriminator()
    shapes = jax.eval_shape(partial(d.init, train=False), KEY, IMAGE, LABEL)["params"]
    first = lambda tree: (
        tree["Stage_1"]["Block_0"]["Biased_0"]["Unit_0"]["kernel"].shape
    )
    assert first(variables["params"])[2] == 8 + 2 and first(shapes)[2] == 16 + 1


def test_to_another_width_channels_become_pixels_and_back():
    x = jnp.arange(8.0).reshape(1, 1, 1, 8) * jnp.ones((1, 6, 6, 1))
    y = r3gan2.up(x, 4)  # each channel is half the pixels of one
    assert y.shape == (1, 12, 12, 4)
    away = y[:, 2:-2, 2:-2]
    np.testing.assert_allclose(away[..., 3], np.full((1, 8, 8), 6.5), rtol=1e-6)
    back = r3gan2.down(y, 8)[:, 2:-2, 2:-2]
    np.testing.assert_allclose(
        back[0, 0, 0], np.arange(4).repeat(2) * 2 + 0.5, rtol=1e-5
    )


def test_widths_that_do_not_divide_are_named():
    for widths, said in (((20, 12), "cannot follow"), ((10, 10), "groups of 8")):
        for net, x in ((generator, Z), (discriminator, IMAGE)):
            with pytest.raises(UsageError, match=said):
                jax.eval_shape(
                    partial(net(widths=widths).init, train=False), KEY, x, LABEL
                )


def test_images_of_another_size_than_the_stages_take_are_named():
    init = partial(discriminator(widths=(16, 8, 8)).init, train=False)
    with pytest.raises(
        UsageError, match="3 widths.*right for .* 32x32 .* not of 16x16: .* 2 widths"
    ):
        jax.eval_shape(init, KEY, IMAGE, LABEL)


@pytest.mark.parametrize("net, x", [(generator, Z), (discriminator, IMAGE)])
def test_in_bfloat16_stages_compute_short_and_all_else_in_float32(net, x):
    whole, short = net(classes=3), net(classes=3, dtype=jnp.bfloat16)
    variables = seat(whole, x, LABEL)
    apply = lambda net: partial(net.apply, train=True, rngs=RNGS)
    y, wanted = (jax.jit(apply(n))(variables, x, LABEL) for n in (short, whole))
    assert y.dtype == jnp.float32
    assert 0 < np.abs(y - wanted).max() < 0.05 * np.abs(wanted).max()
    made = jax.make_jaxpr(apply(short))(variables, x, LABEL)
    convs = [e for e in made.jaxpr.eqns if e.primitive.name == "conv_form"]
    kinds = [str(e.outvars[0].aval.dtype) for e in convs]
    assert (
        kinds.count("bfloat16") == 2 * 2 * 3 + 1
    )  # all of a stage, and to or from RGB
    slope = jax.grad(lambda v: jnp.sum(apply(short)(v, x, LABEL)))
    grads = jax.eval_shape(slope, variables)
    assert {leaf.dtype for leaf in jax.tree.leaves(grads)} == {jnp.dtype(jnp.float32)}
