from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Player, losses
from ganjax.core import Batch, Turns, init, normal, train_step
from ganjax.errors import UsageError
from ganjax.layers.spectral_norm import identity_wrap
from ganjax.models import fastgan, fastgan_layers
from ganjax.regularizers import reconstruction
from tests.helpers.states import apart, seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
RNG = np.random.default_rng(0)

generator = partial(fastgan.Generator, 64, 2, 2)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_coarse_features_gate_the_channels_of_fine_ones():
    """Equation 1 in numpy, without spectral norm."""
    coarse, fine = RNG.normal(size=(2, 8, 8, 3)), RNG.normal(size=(2, 16, 16, 5))
    net = fastgan_layers.Excitation(identity_wrap)
    given = jnp.float32(coarse), jnp.float32(fine)
    variables = net.init(KEY, *given, train=False)
    squares, last = (np.float64(x["kernel"]) for x in variables["params"].values())
    if squares.shape[0] == 1:
        squares, last = last, squares
    seen = coarse.reshape(2, 4, 2, 4, 2, 3).mean((2, 4))
    seen = np.einsum("bijc,ijcd->bd", seen, squares)
    gate = sigmoid((seen * sigmoid(seen)) @ last[0, 0])
    wanted = fine * gate[:, None, None]
    np.testing.assert_allclose(
        net.apply(variables, *given, train=False), wanted, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("size, gated", [(32, 0), (64, 1), (512, 4), (1024, 4)])
def test_features_of_64_to_512_px_are_gated(size, gated):
    net = fastgan.Generator(size, width=8)
    init = partial(net.init_with_output, train=False)
    image, variables = jax.eval_shape(init, KEY, Z, LABEL)
    assert image.shape == (4, size, size, 3)
    names = [name for name in variables["params"] if "Excitation" in name]
    assert len(names) == gated


def test_only_the_direction_of_z_counts():
    net = generator(convs=(1,))
    variables = seat(net, Z, LABEL)
    run = jax.jit(partial(net.apply, variables, label=LABEL, train=False))
    a, b, c = run(Z), run(3 * Z), run(Z + 1)
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(a).max())
    assert np.abs(a - c).max() > 1e-2 * np.abs(a).max()


@pytest.mark.parametrize("classes, strengths", [(0, 2), (3, 1)])
def test_with_classes_the_convolutions_of_a_block_share_one_strength(
    classes, strengths
):
    """Without, each has its own; blocks of one convolution add no noise."""
    init = partial(generator(classes=classes, convs=(2, 1)).init, train=False)
    params = jax.eval_shape(init, KEY, Z, LABEL)["params"]
    for i in range(4):
        names = [name for name in params[f"UpBlock_{i}"] if "Noise" in name]
        assert len(names) == (0 if i % 2 else strengths)


def test_noise_is_one_number_for_each_pixel():
    x = jnp.zeros((2, 3, 3, 4))
    run = partial(fastgan_layers.Noise().apply, rngs={"noise": KEY})
    noise = run({"params": {"strength": jnp.float32(2)}}, x)
    assert len(np.unique(noise)) == 2 * 3 * 3
    assert 1 < noise[..., 0].std() < 4
    np.testing.assert_array_equal(noise, np.repeat(noise[..., :1], 4, -1))
    np.testing.assert_array_equal(run({"params": {"strength": jnp.zeros(())}}, x), x)


def test_the_first_layer_is_as_wide_as_pytorchs_would_be():
    """Uniform within the root of a transposed convolution's fan-in there, 16 d."""
    kernel = fastgan_layers.Start(32).init(KEY, Z)["params"]["kernel"]
    assert 0.95 / np.sqrt(16 * 32) < jnp.abs(kernel).max() <= 1 / np.sqrt(16 * 32)


def told(image, net):
    variables = seat(net, image, LABEL)
    apply = partial(net.apply, train=True, mutable=[*variables, "heads"])
    logits, noticed = jax.jit(apply)(variables, image, LABEL)
    return logits, noticed["heads"]


@pytest.mark.slow
def test_d_tells_what_it_redraws_and_what_that_was_to_be():
    image = jax.random.normal(KEY, (4, 64, 64, 2))
    logits, heads = told(image, fastgan.Discriminator(2))
    assert logits.shape == (4, 50)
    assert heads["reconstructions"].shape == heads["targets"].shape == (4, 3, 32, 32, 2)
    assert jnp.abs(heads["reconstructions"]).max() < 1
    half = image[:, ::2, ::2]
    whole, small, quarter = np.moveaxis(heads["targets"], 1, 0)
    np.testing.assert_array_equal(whole, half)
    np.testing.assert_array_equal(small, half)
    corners = [(0, 0), (0, 32), (32, 0), (32, 32)]
    for row, (i, j) in enumerate(corners):
        np.testing.assert_array_equal(quarter[row], image[row, i : i + 32, j : j + 32])


def test_a_quarter_is_redrawn_from_its_own_features_alone():
    x = jnp.arange(4.0 * 16 * 16).reshape(4, 16, 16, 1)
    for row, (i, j) in enumerate([(0, 0), (0, 8), (8, 0), (8, 8)]):
        wanted = x[row, i : i + 8, j : j + 8]
        np.testing.assert_array_equal(fastgan.quadrants(x)[row], wanted)


@pytest.mark.parametrize(
    "size, count", [(256, 11_526_160), (512, 11_526_496), (1024, 11_528_192)]
)
def test_d_has_as_many_parameters_as_the_authors(size, count):
    image = jax.ShapeDtypeStruct((4, size, size, 3), jnp.float32)
    init = partial(fastgan.Discriminator().init, train=False)
    params = jax.eval_shape(init, KEY, image, LABEL)["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count


def test_images_of_other_sides_are_a_mistake():
    with pytest.raises(
        UsageError, match="no images of 48x48 .* 8, 16, .* 1024; .* 32 and 64"
    ):
        jax.eval_shape(partial(fastgan.Generator(48).init, train=False), KEY, Z, LABEL)
    image = jax.ShapeDtypeStruct((4, 16, 16, 3), jnp.float32)
    with pytest.raises(UsageError, match="no images of 16x16 .* nearest is 32"):
        init = partial(fastgan.Discriminator().init, train=False)
        jax.eval_shape(init, KEY, image, LABEL)


@pytest.mark.slow
def test_a_d_that_is_to_redraw_learns_with_all_of_its_weights():
    image = np.random.default_rng(0).uniform(-1, 1, (1, 4, 32, 32, 2))
    image = jnp.asarray(image, jnp.float32)
    turns = Turns(Batch(image, LABEL[None]), Batch(image[0], LABEL))
    decoder = partial(fastgan.Decoder, width=1)
    d = fastgan.Discriminator(1, decoder=decoder, wrap=identity_wrap)
    g = fastgan.Generator(32, 2, 1, convs=(1,), wrap=identity_wrap)
    sgd = optax.sgd(1e-2)
    players = Player(g, sgd), Player(d, sgd, {"reconstruction": reconstruction()})
    average = optax.constant_schedule(0.9)
    gan = GAN(*players, losses.smooth_hinge(), normal(5), ema=average)

    @partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def play(key):
        first = init(gan, key, turns)
        return first, *train_step(gan, first, turns)

    first, state, logs = play(KEY)
    assert 0 < logs["d"]["reconstruction"] < 6
    moved = apart(first.d.params, state.d.params)
    assert min(moved.values()) > 0
    assert len([path for path in moved if "Decoder" in path]) == 3 * 4


def test_a_norm_without_averages_goes_by_the_batch_in_evaluation_too():
    x = RNG.normal(2.0, 3.0, size=(2, 3, 4, 5))
    gain, bias = RNG.normal(size=(2, 5))
    params = {"gain": jnp.float32(gain), "bias": jnp.float32(bias)}
    apply = partial(fastgan_layers.BatchStatsNorm(0.1).apply, {"params": params})
    scale = (1 + gain) / np.sqrt(x.var((0, 1, 2)) + 0.1)
    wanted = (x - x.mean((0, 1, 2))) * scale + bias
    for train in (False, True):
        found = apply(jnp.float32(x), jnp.zeros(2, jnp.int32), train=train)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_widths_and_small_images_are_those_of_the_side():
    assert fastgan.channels_of(fastgan.G_WIDTHS, 256, 128) == 64
    assert fastgan.channels_of(fastgan.G_WIDTHS, 1024, 4) == 1
    assert fastgan.sides(fastgan.G_WIDTHS, 8, 64) == [8, 16, 32, 64]
    x = jnp.arange(2.0 * 8 * 8).reshape(2, 8, 8, 1)
    np.testing.assert_array_equal(fastgan.subsample(x, 2), x[:, ::4, ::4])


def test_a_layer_of_z_is_pytorch_s_transposed_convolution_of_one_pixel():
    z, kernel = RNG.normal(size=(2, 3)), RNG.normal(size=(4, 4, 3, 5))
    start = fastgan_layers.Start(5)
    found = start.apply({"params": {"kernel": jnp.float32(kernel)}}, jnp.float32(z))
    wanted = [[z @ kernel[i, j] for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(found, np.moveaxis(wanted, 2, 0), rtol=1e-4, atol=1e-5)


def test_a_block_of_d_is_the_mean_of_its_two_paths():
    block = fastgan_layers.DownBlock(3, lambda: lambda x, *_, **__: x, identity_wrap)
    x, label = jax.random.normal(jax.random.key(0), (2, 8, 8, 4)), jnp.zeros(2, int)
    variables = block.init(jax.random.key(1), x, label, train=True)
    out, seen = block.apply(
        variables, x, label, train=True, capture_intermediates=True, mutable=True
    )
    paths = [
        seen["intermediates"][name]["__call__"][0] for name in ("Conv_0", "Conv_1")
    ]
    first, second = (np.where(y > 0, y, 0.2 * y) for y in map(np.asarray, paths))
    np.testing.assert_allclose(out, (first + second) / 2, rtol=1e-6)
