from functools import cache, partial
from typing import Any

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers import equalized, modulated
from ganjax.layers.mixed_precision import Mixed
from ganjax.models import stylegan2
from ganjax.ops.convolution import conv_same
from tests.helpers.prints import has_fingerprint
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
IMAGE = jax.random.normal(KEY, (4, 8, 8, 2))

generator = partial(stylegan2.Generator, size=8, channels=2, width=6, w_dim=7, depth=2)
discriminator = partial(stylegan2.Discriminator, width=6, group=2)
orig = partial(stylegan2.OrigDiscriminator, width=6, group=2)

NETS = pytest.mark.parametrize(
    "net, x",
    [(generator, Z), (discriminator, IMAGE), (orig, IMAGE)],
    ids=["g", "d", "orig"],
)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


VARIABLES = seat(generator(), Z, LABEL)


@jax.jit
def draw(variables, z, noise):
    rngs = {"noise": jax.random.key(noise)}
    return generator().apply(variables, z, LABEL, train=False, rngs=rngs)


def test_noise_matters_by_its_strength():
    a, b = (draw(VARIABLES, Z, noise) for noise in (1, 2))
    assert jnp.any(a != b, axis=(1, 2, 3)).all()
    quiet = lambda path, x: 0 * x if path[-1].key == "strength" else x
    silent = jax.tree_util.tree_map_with_path(quiet, VARIABLES)
    a, b = (draw(silent, Z, noise) for noise in (1, 2))
    np.testing.assert_array_equal(a, b)


def test_weights_of_an_earlier_version_make_the_same_images():
    assert has_fingerprint(draw(VARIABLES, Z, 0), -1.0762)


def test_noise_has_no_strength_at_first():
    init = jax.jit(modulated.StyledConv(3).init)
    params = init(KEY, jnp.ones((1, 1, 1, 2)), jnp.ones((1, 2)))["params"]
    assert params["strength"] == 0


def test_noise_is_one_number_for_all_channels_of_a_pixel_and_another_for_each_pixel():
    x, w = normal(1, 2, 4, 4, 2), normal(2, 2, 3)
    layer = modulated.StyledConv(5)
    given = layer.init(KEY, x, w)["params"]
    shifts = [
        # Slope 1 everywhere: a large bias keeps the leaky ReLU from changing anything.
        layer.apply(
            {"params": {**given, "bias": jnp.full(5, 99.0), "strength": strength}},
            x,
            w,
            rngs={"noise": KEY},
        )
        for strength in (jnp.zeros(()), jnp.ones(()))
    ]
    noise = shifts[1] - shifts[0]
    np.testing.assert_allclose(noise - noise[..., :1], 0, atol=1e-4)
    assert len(np.unique(np.round(noise[..., 0], 3))) > 24  # of 32 pixels


def test_a_layer_of_noise_zero_is_one_without_strength():
    x, w = normal(1, 2, 2, 2, 2), normal(2, 2, 3)
    layer, silent = modulated.StyledConv(3), modulated.StyledConv(3, noise_scale=0.0)

    @jax.jit
    def both():
        a, given = layer.init_with_output(KEY, x, w)
        params = {**given["params"], "strength": jnp.ones(())}
        return a, silent.apply({"params": params}, x, w, rngs={"noise": KEY})

    np.testing.assert_allclose(*both(), atol=1e-6)


def test_z_counts_by_its_direction_alone():
    a, b = (draw(VARIABLES, z, 0) for z in (Z, 3 * Z))
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_images_are_the_synthesis_of_the_mapping_and_every_layers_w_counts():
    apply: Any = partial(generator().apply, VARIABLES, train=False)
    w = apply(Z, LABEL, method="mapping")
    assert w.shape == (4, 2 + 2, 7)

    @jax.jit
    def look(w):
        run = lambda w: apply(w, method="synthesis", rngs={"noise": jax.random.key(0)})
        image, back = jax.vjp(run, w)
        return image, back(image)[0]

    image, slopes = look(w)
    np.testing.assert_allclose(image, draw(VARIABLES, Z, 0), atol=1e-4)
    assert jnp.all(jnp.abs(slopes).max(-1) > 1e-3)


@cache
def mapping(train, psi=1.0):
    """w of Z, and the average of w, which begins at 0.5 and has a decay of 0.75."""
    net = stylegan2.Mapping(w_dim=7, depth=2, classes=0, decay=0.75, psi=psi)
    given = {**seat(net, Z, LABEL), "w_avg": {"w": jnp.full(7, 0.5)}}
    run = jax.jit(partial(net.apply, train=train, mutable="w_avg"))
    w, moved = run(given, Z, LABEL)
    return w, moved["w_avg"]["w"]


def test_w_avg_moves_in_training_by_its_decay_and_not_at_evaluation():
    (_, kept), (w, moved) = mapping(False), mapping(True)
    np.testing.assert_array_equal(kept, 0.5)
    np.testing.assert_allclose(moved, 0.75 * 0.5 + 0.25 * w.mean(0), rtol=1e-5)


def test_truncation_draws_toward_the_average_at_evaluation_alone():
    w, _ = mapping(True, psi=0.7)
    np.testing.assert_allclose(mapping(False)[0], w, atol=1e-5)
    np.testing.assert_allclose(mapping(False, 0.7)[0], 0.5 + 0.7 * (w - 0.5), atol=1e-5)


@pytest.mark.parametrize(
    "conv_fn", [conv_same, equalized.upsample_conv], ids=["same", "upsample"]
)
def test_modulation_is_a_demodulated_kernel_for_each_row(conv_fn):
    """Equations 1 to 3."""
    x, kernel, style = normal(1, 3, 4, 4, 2), normal(2, 3, 3, 2, 5), normal(3, 3, 2)
    ours = jax.jit(partial(modulated.modulated_conv, conv_fn=conv_fn))(x, kernel, style)
    for i in range(3):
        w = kernel * style[i].reshape(1, 1, 2, 1)
        w = w / jnp.sqrt(jnp.sum(w**2, axis=(0, 1, 2), keepdims=True) + 1e-8)
        np.testing.assert_allclose(ours[i], conv_fn(x[i : i + 1], w)[0], atol=1e-5)


def test_identical_images_have_no_deviation():
    x = jnp.broadcast_to(normal(1, 1, 4, 4, 3), (6, 4, 4, 3))
    np.testing.assert_allclose(stylegan2.minibatch_stddev(x, 3), 0, atol=2e-4)


def test_deviation_is_the_mean_over_a_group_of_neighbors():
    x = normal(1, 6, 4, 4, 3)
    ours = stylegan2.minibatch_stddev(x, 3)
    assert ours.shape == (6, 4, 4, 1)
    wanted = [x[:3].std(0).mean(), x[3:].std(0).mean()]
    np.testing.assert_allclose(ours[:, 1, 2, 0], np.repeat(wanted, 3), rtol=1e-4)
    whole = stylegan2.minibatch_stddev(x, 8)[0, 0, 0, 0]
    np.testing.assert_allclose(whole, x.std(0).mean(), rtol=1e-4)


def test_a_batch_that_does_not_divide_into_groups_is_a_mistake():
    with pytest.raises(
        UsageError, match="batch of 6 cannot be divided into groups of 4"
    ):
        stylegan2.minibatch_stddev(normal(1, 6, 4, 4, 3), 4)


@NETS
def test_bfloat16_reaches_every_convolution_and_the_average_stays_float32(net, x):
    net = Mixed(net(classes=3))
    variables = jax.eval_shape(partial(net.init, train=False), KEY, x, LABEL)
    run = partial(net.apply, train=True, mutable="w_avg", rngs={"noise": KEY})
    program = jax.make_jaxpr(run)(variables, x, LABEL)
    convs = [e for e in equations(program.jaxpr) if e.primitive.name == "conv_form"]
    assert convs and {e.outvars[0].aval.dtype for e in convs} == {
        jnp.dtype(jnp.bfloat16)
    }
    y, moved = jax.eval_shape(run, variables, x, LABEL)
    assert {leaf.dtype for leaf in jax.tree.leaves((y, moved))} == {
        jnp.dtype(jnp.float32)
    }


def equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for inner in jax.extend.core.jaxprs_in_params(equation.params):
            yield from equations(inner)


# Parameters of the authors' networks for 32x32x3 images, counted by hand from their code
# with z, w and all widths 512. A dense layer from c to d has c d + d. The mapping
# network: two of them, a third for the classes' embedding, beside which z doubles the
# first's inputs. Seven 3x3 convolutions, each with a style of 512 to 512, a bias, a
# strength; four 1x1 ones to RGB, each with a style; the constant. D: 1x1 from RGB; six
# 3x3, and three 1x1 without bias in the residual one; 3x3 of 513; a dense layer of 4x4
# to 512; one logit, or, for classes, 512, their embedding and eight dense layers.
FC, CONV = 512 * 512 + 512, 9 * 512 * 512 + 512
G = 2 * FC + 7 * (FC + CONV + 1) + 4 * (FC + 512 * 3 + 3) + 16 * 512
D = 4 * 512 + 6 * CONV + CONV + 9 * 512 + 16 * 512 * 512 + 512 + 513
COUNTS = [
    (stylegan2.Generator(depth=2), G),
    (stylegan2.Generator(depth=2, classes=10), G + 11 * 512 + 512 * 512),  # 20.2 M
    (stylegan2.OrigDiscriminator(), D),
    (stylegan2.OrigDiscriminator(classes=10), D - 513 + FC + 11 * 512 + 8 * FC),
    (stylegan2.Discriminator(), D + 3 * 512 * 512),
]


@pytest.mark.parametrize("net, count", COUNTS)
def test_parameter_counts_are_the_authors(net, count):
    z = isinstance(net, stylegan2.Generator)
    x = jnp.zeros((4, 512) if z else (4, 32, 32, 3))
    variables = jax.eval_shape(partial(net.init, train=False), KEY, x, LABEL)
    leaves = jax.tree.leaves(variables["params"])
    assert sum(leaf.size for leaf in leaves) == count


def test_widths_halve_with_the_side_up_to_the_largest():
    net = stylegan2.Discriminator(width=64, base=1024)
    x = jnp.zeros((4, 64, 64, 3))
    params = jax.eval_shape(partial(net.init, train=False), KEY, x, LABEL)["params"]
    kernels = [params[f"Residual_{i}"]["Conv_1"]["kernel"].shape for i in range(4)]
    assert [kernel[-2:] for kernel in kernels] == [(n, n) for n in (16, 32, 64, 64)]


def test_style_mixing_gives_later_layers_another_w():
    rows, label = 400, jnp.zeros(400, jnp.int32)
    z = jax.random.normal(KEY, (rows, 5))
    net = stylegan2.Generator(32, 1, width=4, w_dim=7, depth=1, mixing=0.75)
    variables = net.init(KEY, z[:1], label[:1], train=False)
    map_to = partial(net.apply, variables, z, label, method="mapping")
    plain = map_to(train=False)
    w, moved = map_to(train=True, rngs={"noise": KEY}, mutable="w_avg")
    own = np.asarray((w == plain).all(-1))
    assert own[:, 0].all() and (np.diff(own.astype(int)) <= 0).all()
    assert abs(own.all(1).mean() - 0.25) < 0.07
    cuts = own.sum(1)[~own.all(1)]
    assert set(cuts) == set(range(1, 8)) and abs(cuts.mean() - 4) < 0.4
    expected = 0.005 * plain[:, 0].mean(0)
    np.testing.assert_allclose(moved["w_avg"]["f"]["w"], expected, rtol=1e-4)
