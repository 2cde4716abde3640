from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers.filtered import Band
from ganjax.models.stylegan3 import Fourier, Generator, GeneratorR, Stage, Unit
from tests.helpers.prints import has_fingerprint
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
SIZE, SHIFT = 32, (5, 3)  # right and down
Z, LABEL = jax.random.normal(KEY, (2, 16)), jnp.zeros(2, jnp.int32)
TRANSFORMS = jnp.array(
    [
        [[1, 0, 0], [0, 1, 0]],
        [[1, 0, -SHIFT[0] / SIZE], [0, 1, -SHIFT[1] / SIZE]],
        [[0, -1, 0], [1, 0, 0]],  # a quarter turn, counterclockwise
    ]
)


def pick(x, band, rate):
    """Every second pixel, or fourth, without a filter; sides as after one."""
    down = rate // band.rate
    first = 3 * down - 1
    return x[:, first : -3 * down : down, first : -3 * down : down]


@cache
def images(net):
    """What a drawn network shows as it is, shifted, and turned."""
    net = net(SIZE, 2, width=8, w_dim=16, layers=6)
    variables = jax.jit(partial(net.init, train=False))(KEY, Z, LABEL)
    rng = np.random.default_rng(0)
    noise = lambda x: x + jnp.asarray(rng.normal(0, 0.3, x.shape), x.dtype)
    variables = {**variables, "params": jax.tree.map(noise, variables["params"])}

    @jax.jit
    def run(variables):
        w = net.apply(variables, Z, LABEL, train=False, method="mapping")
        show = partial(net.apply, variables, w, train=False, method="synthesis")
        return jax.lax.map(lambda transform: show(transform=transform), TRANSFORMS)

    return np.asarray(run(variables), np.float64)


def decibels(wanted, made):
    """The images' variance over the mean square of the error, away from the borders."""
    far = 9
    wanted, made = (x[:, far:-far, far:-far] for x in (wanted, made))
    error = np.mean((made - wanted) ** 2)
    return 10 * np.log10(wanted.var((1, 2)).mean() / error)


def shifted(net):
    still, moved, _ = images(net)
    return decibels(np.roll(still, SHIFT[::-1], (1, 2)), moved)


def turned(net):
    still, _, moved = images(net)
    return decibels(np.rot90(still, 1, (1, 2)), moved)


@pytest.mark.parametrize("net", [Generator, GeneratorR], ids="tr")
def test_images_shift_as_their_waves_do(net):
    """By half a pixel, more or less, at the first layers' rate.

    78 and 83 dB were measured; what remains is that filters of few taps let a little pass
    of what the leaky ReLU makes beyond their band.
    """
    assert shifted(net) > 70


@pytest.mark.parametrize(
    ("net", "recorded"), [(Generator, 0.026865), (GeneratorR, 0.061946)], ids="tr"
)
def test_weights_of_an_earlier_version_make_the_same_images(net, recorded):
    assert has_fingerprint(images(net), recorded)


def test_without_filters_after_the_leaky_relu_they_do_not():
    """34 dB were measured."""
    assert shifted(partial(Generator, downsample=pick)) < 45


def test_images_turn_as_their_waves_do_where_no_kernel_has_a_direction():
    """By a quarter, grids and filters are as before: only rounding differs (117 dB).

    3x3 kernels are not as before: nothing agrees (-6 dB).
    """
    assert turned(GeneratorR) > 100
    assert turned(Generator) < 0


# As the released module names its layers: pixels a side, and channels.
PUBLISHED = {
    256: "36_512 36_512 36_512 52_512 52_512 84_512 84_512 148_512 148_512 148_362 "
    "276_256 276_181 276_128 256_128",
    512: "36_512 36_512 52_512 52_512 84_512 84_512 148_512 148_483 276_323 276_215 "
    "532_144 532_96 532_64 512_64",
    1024: "36_512 36_512 52_512 52_512 84_512 148_512 148_512 276_323 276_203 532_128 "
    "1044_81 1044_51 1044_32 1024_32",
}


@pytest.mark.parametrize("size", PUBLISHED)
def test_the_layers_are_those_of_the_published_networks(size):
    stages = Generator(size).stages[:-1]
    assert " ".join(f"{s.size}_{s.channels}" for s in stages) == PUBLISHED[size]
    twice = GeneratorR(size).stages[:-1]
    for a, b in zip(stages, twice, strict=True):
        assert (a.band, a.size) == (b.band, b.size)
        assert abs(b.channels - 2 * a.channels) <= 1


def test_bands_grow_geometrically_and_end_critically_sampled():
    bands = [stage.band for stage in Generator(256).stages]
    cutoffs = np.array([band.cutoff for band in bands])
    np.testing.assert_allclose(cutoffs[1:13] / cutoffs[:12], 64 ** (1 / 12))
    np.testing.assert_allclose(cutoffs[12:], 128)
    for band in bands:
        assert 0 < band.half_width and band.cutoff <= band.rate / 2
        assert band.cutoff + band.half_width >= band.rate / 2 - 1e-9


@pytest.mark.parametrize("size", [4, 48])
def test_sides_that_cannot_be_made_are_refused(size):
    with pytest.raises(UsageError, match=f"no images of {size}x{size} .* 8, 16, 32"):
        Generator(size).init(KEY, Z, LABEL, train=False)


def test_too_few_layers_are_refused():
    with pytest.raises(UsageError, match="2 layers are too few: take at least 3"):
        Generator(layers=2).init(KEY, Z, LABEL, train=False)


STAGE = Stage(Band(16, 2.0, 6.0), 20, 400)
STILL = jnp.eye(2, 3)
NAMES = "frequencies", "phases"


@cache
def waves():
    """The Fourier features' variables at first, all waves as they are."""
    variables = jax.jit(Fourier(STAGE).init)(KEY, jnp.ones((2, 5)), STILL)
    kernel = 20 * jnp.eye(400)[None, None]
    return {
        "frozen": variables["frozen"],
        "params": {**variables["params"], "Conv_0": {"kernel": kernel}},
    }


def test_frequencies_are_of_a_uniform_disc_and_phases_of_a_turn():
    drawn = waves()["frozen"]
    frequencies, phases = np.asarray(drawn["frequencies"]), np.asarray(drawn["phases"])
    share = (frequencies**2).sum(1) / 2.0**2  # of the disc's area
    for each in (share, phases + 0.5, np.arctan2(*frequencies.T) / 2 / np.pi % 1):
        assert each.min() >= 0 and each.max() <= 1
        gaps = np.sort(each) - (np.arange(400) + 0.5) / 400
        assert np.abs(gaps).max() < 0.1  # Kolmogorov, Smirnov: once in a thousand


def test_at_first_w_moves_nothing_and_later_it_turns_and_shifts():
    """Waves in float64, at the pixels' middles."""
    run = jax.jit(Fourier(STAGE).apply)
    variables, w = waves(), jnp.asarray(np.random.default_rng(1).normal(size=(2, 5)))
    place = (np.arange(20) + 0.5 - 10) / 16
    x, y = (side[None, ..., None] for side in np.meshgrid(place, place))

    def wanted(cos, sin, right, down):
        f, phase = (np.float64(variables["frozen"][k]) for k in NAMES)
        length = np.hypot(cos, sin)
        c, s, a, b = (v[:, None, None, None] for v in (cos, sin, right, down) / length)
        u, v = x - a, y - b
        turned = f[:, 0] * (c * u - s * v) + f[:, 1] * (s * u + c * v)
        return np.sin(2 * np.pi * (turned + phase))

    one, zero = np.ones(2), np.zeros(2)
    still = wanted(one, zero, zero, zero)
    np.testing.assert_allclose(run(variables, w, STILL), still, atol=1e-4)
    kernel = jnp.asarray(np.random.default_rng(2).normal(size=(5, 4)), jnp.float32)
    dense = {**variables["params"]["Dense_0"], "kernel": kernel}
    variables = {**variables, "params": {**variables["params"], "Dense_0": dense}}
    given = np.asarray(w @ kernel, np.float64) / np.sqrt(5) + [1, 0, 0, 0]
    made = run(variables, w.astype(jnp.float32), STILL)
    np.testing.assert_allclose(made, wanted(*given.T), atol=1e-4)


def test_waves_too_short_for_the_pixels_fade():
    run = jax.jit(Fourier(STAGE).apply)
    length = np.linalg.norm(waves()["frozen"]["frequencies"], axis=1)
    show = lambda times: np.abs(run(waves(), jnp.ones((1, 5)), times * STILL))
    still, shrunk = (show(times).max((0, 1, 2)) for times in (1.0, 3.0))
    assert still.min() > 0.8
    assert (shrunk[3 * length > 8] == 0).all()
    part = (2 < 3 * length) & (3 * length < 8)
    share = 1 - (3 * length[part] - 2) / 6
    np.testing.assert_allclose(shrunk[part], share, atol=0.25)
    assert (shrunk[part] <= share + 1e-6).all()


def test_waves_are_computed_in_float32_whatever_w_is():
    low = partial(jax.tree.map, lambda x: x.astype(jnp.bfloat16))
    variables = {**waves(), "params": low(waves()["params"])}
    run, w = jax.jit(Fourier(STAGE).apply), jnp.ones((1, 5))
    made = run(variables, low(w), STILL)
    assert made.dtype == jnp.bfloat16
    np.testing.assert_allclose(made.astype("f4"), run(waves(), w, STILL), atol=0.01)


def test_training_averages_squares_and_divides_by_their_root():
    x = 3 * jax.random.normal(KEY, (2, 4, 4, 3))
    given = {"magnitude": {"square": jnp.float32(5.0)}}
    run = partial(Unit(0.75).apply, given, x, mutable=["magnitude"])
    square = 0.75 * 5 + 0.25 * np.mean(np.float64(x) ** 2)
    made, moved = run(train=True)
    np.testing.assert_allclose(moved["magnitude"]["square"], square, rtol=1e-6)
    np.testing.assert_allclose(made, x / np.sqrt(square), rtol=1e-5)
    made, kept = run(train=False)
    assert kept["magnitude"]["square"] == 5
    np.testing.assert_allclose(made, x / np.sqrt(5), rtol=1e-5)


def test_the_average_of_squares_has_no_gradient():
    x = jax.random.normal(KEY, (2, 4, 4, 3))
    given = {"magnitude": {"square": jnp.ones(())}}
    run = partial(Unit(0.5).apply, given, train=True, mutable=["magnitude"])
    (made, _), grad = run(x), jax.grad(lambda x: run(x)[0].sum())(x)
    np.testing.assert_allclose(grad, np.mean(made / x), rtol=1e-5)


def test_every_layers_w_counts():
    net = GeneratorR(8, 2, width=4, w_dim=7, layers=4, margin=2)
    w = jax.random.normal(KEY, (1, 6, 7))
    variables = seat(net, Z, LABEL)
    show = partial(net.apply, train=False, method="synthesis")
    grad = jax.jit(jax.grad(lambda w: jnp.sum(show(variables, w) ** 2)))(w)
    sizes = np.linalg.norm(grad, axis=(0, 2))
    assert sizes.min() > 1e-3 * sizes.max()
