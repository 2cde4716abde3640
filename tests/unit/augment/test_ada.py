"""ADA against what the released code made of the same draws, and against its own word."""

import inspect
from functools import cache, partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Batch, Player, losses
from ganjax.augment import ada, adaptive, pseudo
from ganjax.augment.affine import AffineParams, affine, apply_affine
from ganjax.augment.bands import (
    BANK,
    BandParams,
    apply_bands,
    bands,
    normalize_power,
)
from ganjax.augment.colors import ColorParams, apply_colors, colors
from ganjax.augment.corruption import (
    CutoutParams,
    NoiseParams,
    apply_cutout,
    apply_noise,
    cutout,
    noise,
)
from ganjax.augment.resample import SYM6, reflect_index
from ganjax.core import ONE, Turns, d_turn, init, normal
from ganjax.errors import UsageError
from ganjax.regularizers import r1
from tests.helpers.processes import FIXTURES


KINDS = pytest.mark.parametrize("kind", ["rgb", "gray"])
STAGES = (
    (AffineParams, apply_affine),
    (ColorParams, apply_colors),
    (BandParams, apply_bands),
    (NoiseParams, apply_noise),
    (CutoutParams, apply_cutout),
)
NAMES = "blit", "geom", "color", "filter", "noise", "cutout", "bgcfnc"
KEYS = jax.random.split(jax.random.key(0), 4096)
GEOMETRY, COLORS = affine(xint=0.5, xfrac=0.25), colors(hue=0.5)
BANDS = bands(0.5, (1.0, 0.5, 0.1, 1.0))
NOISE, CUTOUT = noise(0.5), cutout(0.5)


def released(name, kind):
    """Images in [-1, 1], what was drawn for them, and what the released code gave."""
    found = np.load(FIXTURES / f"augment_{name}.npz")
    arrays = {key.removeprefix(f"{kind}_"): found[key] for key in found if kind in key}
    for name in ("before", "after"):
        if name in arrays:
            arrays[f"rotate_{name}"] = arrays.pop(name)
    image = arrays.pop("image").astype(np.float32) / 127.5 - 1
    if "gain0" in arrays:
        arrays["gains"] = np.stack([arrays.pop(f"gain{i}") for i in range(4)], 1)
    if "center" in arrays:
        arrays["size"] = np.full(len(image), 0.5, np.float32)
    return image, arrays, arrays.pop("out"), arrays.pop("padding", None)


def ours(image, drawn):
    """Each stage that something was drawn for, in the order of the pipeline."""
    for kind, apply in STAGES:
        names = kind.__dataclass_fields__.keys() & drawn.keys()
        if names:
            run = lambda image, each, kind=kind, do=apply: do(image, kind(**each))
            each = {name: drawn[name] for name in names}
            image = jax.jit(jax.vmap(run))(image, each)
    return np.asarray(image)


def back(drawn, height, width):
    """Where pixels come from, in double precision: each transformation undone."""
    drawn = {name: np.float64(value) for name, value in drawn.items()}
    get = lambda name, rest: drawn.get(name, np.float64(rest))
    size = np.array([width, height])

    def shift(by):
        return np.linalg.inv([[1, 0, by[0]], [0, 1, by[1]], [0, 0, 1]])

    def turn(angle):
        sin, cos = np.sin(angle), np.cos(angle)
        return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])

    scale = lambda x, y: np.diag([1 / x, 1 / y, 1])
    return np.linalg.multi_dot(
        [
            scale(1 - 2 * get("xflip", 0), 1),
            turn(np.pi / 2 * get("rotate90", 0)),
            shift(np.round(size * get("xint", [0, 0]))),
            scale(get("scale", 1), get("scale", 1)),
            turn(get("rotate_before", 0)),
            scale(get("aniso", 1), 1 / get("aniso", 1)),
            turn(get("rotate_after", 0)),
            shift(size * get("xfrac", [0, 0])),
        ]
    )


def inside(drawn, padding, shape):
    """Which pixels are made of no place beyond the released code's padding: [b, h, w].

    Halving reads half pixels up to three pixels away, each of them between two, and
    these are made of three pixels before and three behind.
    """
    (left, right, top, bottom), (rows, height, width, _) = padding, shape
    halves = lambda n: np.arange(-5, 2 * n + 5) / 2 - (n - 1) / 2
    x, y = np.meshgrid(halves(width), halves(height))
    kept = []
    for row in range(rows):
        numbers = {name: value[row] for name, value in drawn.items()}
        place = np.stack([x, y, np.ones_like(x)], -1) @ back(numbers, height, width).T
        column, line = place[..., 0] + (width - 1) / 2, place[..., 1] + (height - 1) / 2
        good = (column >= 3 - left) & (column < width + right - 3.5)
        good &= (line >= 3 - top) & (line < height + bottom - 3.5)
        windows = np.lib.stride_tricks.sliding_window_view(good, (12, 12))
        kept.append(windows[::2, ::2][:height, :width].all(axis=(2, 3)))
    return np.stack(kept)


@KINDS
@pytest.mark.parametrize("name", NAMES)
def test_the_released_code_makes_the_same_of_the_same_draws(name, kind):
    image, drawn, wanted, _ = released(name, kind)
    out = ours(image, drawn)
    assert (np.abs(out - image).max(axis=(1, 2, 3)) > 0.1).all(), "nothing happens"
    close(out, wanted)


@KINDS
def test_far_out_the_released_code_is_the_same_within_its_padding(kind):
    """It pads by at most n - 1 pixels and has black beyond, where we go on reflecting."""
    image, drawn, wanted, padding = released("far", kind)
    out, kept = ours(image, drawn), inside(drawn, padding, image.shape)
    assert (0.1 < kept.mean(axis=(1, 2))).all() and (kept.mean(axis=(1, 2)) < 0.9).all()
    close(out[kept], wanted[kept])
    assert np.abs(out - wanted)[~kept].max() > 0.1
    numbers = [{name: value[i] for name, value in drawn.items()} for i in range(2)]
    pairs = zip(image.astype(np.float64), numbers, strict=True)
    close(out, np.stack([resampled(*pair) for pair in pairs]))


def close(out, wanted):
    np.testing.assert_allclose(out, wanted, atol=1e-5 * np.abs(wanted).max(), rtol=1e-5)


def resampled(image, drawn, far=150):
    """The same by the letter: padded far out, spread by zeros, filtered, in doubles."""
    height, width, _ = image.shape
    taps = np.array(SYM6) / np.sum(SYM6)
    smooth = partial(np.apply_along_axis, np.convolve)
    x = np.pad(image, ((far, far), (far, far), (0, 0)), mode="reflect")
    for axis in (0, 1):
        spread = np.zeros([n * (1 + (i == axis)) for i, n in enumerate(x.shape)])
        spread[(slice(None),) * axis + (slice(None, None, 2),)] = x
        x = smooth(axis, spread, 2 * taps)
    halves = lambda n: np.arange(-5, 2 * n + 5) / 2 - (n - 1) / 2
    columns, rows = np.meshgrid(halves(width), halves(height))
    place = np.stack([columns, rows, np.ones_like(rows)], -1)
    place = place @ back(drawn, height, width).T
    late = 2 * far + 5  # the filter's middle comes five half pixels after its first tap
    right = 2 * (place[..., 0] + (width - 1) / 2) + late
    down = 2 * (place[..., 1] + (height - 1) / 2) + late
    i, j = np.floor(down).astype(int), np.floor(right).astype(int)
    v, u = (down - i)[..., None], (right - j)[..., None]
    x = (x[i, j] * (1 - u) + x[i, j + 1] * u) * (1 - v) + (
        x[i + 1, j] * (1 - u) + x[i + 1, j + 1] * u
    ) * v
    for axis in (0, 1):
        x = smooth(axis, x, taps[::-1])
    return x[11 : 11 + 2 * height : 2, 11 : 11 + 2 * width : 2]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_the_larger_sets_are_those_stages_one_after_the_other(count):
    stages = (affine(), colors(), bands(), noise(), cutout())[:count]
    name = "bgcfnc"[: count + 1]
    key, image, p = KEYS[0], jnp.zeros((2, 3, 3)), jnp.float32(0.5)

    def by_hand(key, image, p):
        for i, stage in enumerate(stages):
            image = stage.apply(
                image, stage.draw(jax.random.fold_in(key, i), p, (2, 3, 3))
            )
        return image

    programs = (
        jax.make_jaxpr(run)(key, image, p) for run in (getattr(ada, name)(), by_hand)
    )
    assert len({str(program) for program in programs}) == 1


def test_a_shift_is_exact_and_a_mirror_image_is_not():
    """As in the released code, which leaves the same errors of noise in its middle."""
    image = np.asarray(jax.random.uniform(KEYS[0], (32, 32, 3), minval=-1.0))
    run = lambda drawn: jax.jit(apply_affine)(jnp.asarray(image), drawn)
    shifted = run(AffineParams(xint=jnp.array([1 / 32, -2 / 32])))
    np.testing.assert_allclose(shifted[:-2, 1:], image[2:, :-1], atol=1e-5)
    for drawn, wanted, error in (
        (AffineParams(xflip=1.0), image[:, ::-1], 0.09),
        (AffineParams(rotate90=2.0), image[::-1, ::-1], 0.123),
    ):
        gap = (run(drawn) - wanted)[4:-4, 4:-4]
        assert abs(np.std(gap) - error) < 0.01


def test_sym6_is_an_orthogonal_wavelet():
    """Its shifts by two are orthonormal, and it passes constants as they are."""
    spread = np.correlate(SYM6, SYM6, mode="full")[len(SYM6) - 1 :: 2]
    np.testing.assert_allclose(spread, np.eye(6)[0], atol=1e-9)
    np.testing.assert_allclose([sum(SYM6[::2]), sum(SYM6[1::2])], 0.5**0.5, rtol=1e-9)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 5, 3)])
def test_constant_images_of_any_size_stay_constant(shape):
    image = jnp.full(shape, 0.7)
    run = jax.jit(jax.vmap(ada.bg(), (0, None, None)))
    moved = run(KEYS[:64], image, jnp.float32(1))
    assert moved.shape == (64, *shape)
    np.testing.assert_allclose(moved, 0.7, atol=1e-5)
    gains = jnp.array([1.3, 0.2, 5.0, 2.0])  # the first alone knows constants
    filtered = apply_bands(image, BandParams(gains))
    np.testing.assert_allclose(
        filtered, 0.7 * normalize_power(gains)[0] ** 2, rtol=1e-5
    )


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_reflection_goes_on_for_ever(length):
    wanted = np.pad(np.arange(length), (20, 30), mode="reflect")
    np.testing.assert_array_equal(
        reflect_index(np.arange(-20, length + 30), length), wanted
    )


@cache
def drawing(stage):
    """p -> what the stage draws under each of the keys, compiled once."""
    draw = jax.vmap(partial(stage.draw, shape=(4, 6, 3)), (0, None))
    return jax.jit(partial(draw, KEYS))


def drawn_by(stage, p):
    drawn = drawing(stage)(jnp.float32(p))
    return {name: np.asarray(value) for name, value in vars(drawn).items()}


def rate(values, rest=0.0):
    """How often something is drawn that changes an image."""
    return (values != rest).reshape(len(values), -1).any(axis=1).mean()


def within(rate, wanted):
    assert abs(rate - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / len(KEYS))


@pytest.mark.parametrize("p", [0.3, 0.8])
def test_each_transformation_happens_as_often_as_p_says(p):
    found = drawn_by(GEOMETRY, p)
    within(rate(found["xflip"]), p / 2)  # one of two
    within(rate(found["rotate90"]), p * 3 / 4)  # three of four
    within(rate(found["xint"]), p * 0.5)
    within(rate(found["scale"], 1.0), p)
    within(rate(found["aniso"], 1.0), p)
    within(rate(found["xfrac"]), p * 0.25)
    within(rate(found["rotate_before"]), 1 - np.sqrt(1 - p))
    within(rate(np.stack([found["rotate_before"], found["rotate_after"]], 1)), p)
    found = drawn_by(COLORS, p)
    within(rate(found["lumaflip"]), p / 2)
    within(rate(found["brightness"]), p)
    within(rate(found["contrast"], 1.0), p)
    within(rate(found["hue"]), p * 0.5)
    within(rate(found["saturation"], 1.0), p)
    gains = drawn_by(BANDS, p)["gains"]
    for band, share in enumerate((0.5, 0.25, 0.05, 0.5)):
        within(rate(gains[:, band], 1.0), p * share)
    within(rate(drawn_by(NOISE, p)["sigma"]), p * 0.5)
    within(rate(drawn_by(CUTOUT, p)["size"]), p * 0.5)


def test_what_is_drawn_is_spread_as_published():
    """Mean and standard deviation of each, where it acts."""
    found = {}
    for stage in (GEOMETRY, COLORS, BANDS, CUTOUT, NOISE):
        found |= drawn_by(stage, 1)
    acted = lambda name, rest=0.0: found[name][found[name] != rest]
    even = 1 / np.sqrt(3)
    spread_as(found["xflip"], 0.5, 0.5)
    spread_as(found["rotate90"], 1.5, np.sqrt(1.25))
    spread_as(acted("xint"), 0, 0.125 * even)
    spread_as(acted("rotate_before"), 0, np.pi * even)
    spread_as(acted("rotate_after"), 0, np.pi * even)
    spread_as(acted("xfrac"), 0, 0.125)
    spread_as(acted("brightness"), 0, 0.2)
    spread_as(found["lumaflip"], 0.5, 0.5)
    spread_as(acted("hue"), 0, np.pi * even)
    spread_as(found["center"], 0.5, even / 2)
    spread_as(acted("sigma"), 0.1 * np.sqrt(2 / np.pi), 0.1 * np.sqrt(1 - 2 / np.pi))
    for name, std in (
        ("scale", 0.2),
        ("aniso", 0.2),
        ("contrast", 0.5),
        ("saturation", 1.0),
        ("gains", 1.0),
    ):
        spread_as(np.log2(acted(name, 1.0)), 0, std)


def spread_as(values, mean, std):
    assert abs(values.mean() - mean) < 4 * std / np.sqrt(values.size)
    assert abs(values.std() / std - 1) < 4 / np.sqrt(values.size)


def test_what_is_drawn_for_one_transformation_says_nothing_of_another():
    """Neither how far it goes nor whether it acts."""
    for stage, rest in ((GEOMETRY, AffineParams()), (COLORS, ColorParams())):
        strong, often = drawn_by(stage, 1), drawn_by(stage, 0.3)
        columns = [x.reshape(len(KEYS), -1) for x in strong.values()]
        acted = [
            (x.reshape(len(KEYS), -1) != getattr(rest, name)).any(axis=1, keepdims=True)
            for name, x in often.items()
        ]
        for table in (columns, acted):
            related = np.corrcoef(np.concatenate(table, axis=1), rowvar=False)
            assert np.abs(related - np.eye(len(related))).max() < 5 / np.sqrt(len(KEYS))


MULTIPLIERS = {
    affine: {name: {name} for name in "xflip rotate90 xint scale aniso xfrac".split()}
    | {"rotate": {"rotate_before", "rotate_after"}},
    colors: {
        name: {name} for name in "brightness contrast lumaflip hue saturation".split()
    },
}
STRENGTHS = {
    affine: {
        "xint_max": {"xint"},
        "scale_std": {"scale"},
        "rotate_max": {"rotate_before", "rotate_after"},
        "aniso_std": {"aniso"},
        "xfrac_std": {"xfrac"},
    },
    colors: {
        "brightness_std": {"brightness"},
        "contrast_std": {"contrast"},
        "hue_max": {"hue"},
        "saturation_std": {"saturation"},
    },
}
BOTH = pytest.mark.parametrize("make", [affine, colors])


def several(stage, p=1.0):
    """What is drawn under a few keys, each of which sets something: [5, ...]."""
    drawn = [vars(stage.draw(key, p, (4, 6, 3))) for key in KEYS[:5]]
    return {name: np.stack([each[name] for each in drawn]) for name in drawn[0]}


@BOTH
def test_each_multiplier_is_that_of_its_own_transformation(make):
    rest = vars(AffineParams() if make is affine else ColorParams())
    for name, own in MULTIPLIERS[make].items():
        others = {other: 0.0 for other in MULTIPLIERS[make] if other != name}
        drawn = several(make(**others))
        acted = {field for field, x in drawn.items() if (x != rest[field]).any()}
        assert acted == own


@BOTH
def test_each_strength_is_that_of_its_own_transformation(make):
    plain = several(make())
    for name, own in STRENGTHS[make].items():
        default = inspect.signature(make).parameters[name].default
        strong = several(make(**{name: 2 * default}))
        for field, x in plain.items():
            factors = field in "scale aniso contrast saturation".split()
            view = np.log2 if factors else np.asarray
            times = 2 if field in own else 1
            np.testing.assert_allclose(view(strong[field]), times * view(x), rtol=1e-5)


def test_gains_and_noise_are_as_strong_and_holes_as_large_as_is_asked_for():
    for make, name, view in (
        (bands, "imgfilter_std", lambda drawn: np.log2(drawn.gains)),
        (noise, "noise_std", lambda drawn: np.asarray(drawn.sigma)),
        (cutout, "cutout_size", lambda drawn: np.asarray(drawn.size)),
    ):
        default = inspect.signature(make).parameters[name].default
        plain, strong = (
            view(make(**{name: times * default}).draw(KEYS[0], 1.0, (2, 2, 1)))
            for times in (1, 0.5)
        )
        np.testing.assert_allclose(strong, 0.5 * plain, rtol=1e-5)
        assert np.abs(plain).min() > 0


def test_blits_and_general_geometry_are_the_two_halves_of_all_geometry(monkeypatch):
    monkeypatch.setattr(ada, "pipeline", lambda *stages: lambda *_: stages)
    acted = {}
    for name in ("blit", "geom"):
        (stage,), rest = getattr(ada, name)()(), vars(AffineParams())
        drawn = several(stage)
        acted[name] = {field for field, x in drawn.items() if (x != rest[field]).any()}
    assert acted["blit"] == {"xflip", "rotate90", "xint"}
    assert acted["geom"] == set(rest) - acted["blit"]


def test_an_image_keeps_its_type():
    image = jax.ShapeDtypeStruct((4, 6, 3), jnp.bfloat16)
    made = jax.eval_shape(ada.bgcfnc(), KEYS[0], image, jnp.float32(1))
    assert made.dtype == jnp.bfloat16


def test_how_strong_noise_is_has_nothing_to_do_with_its_pixels():
    draw = lambda key: noise(noise_std=0.5).draw(key, 1.0, (4, 4, 1))
    drawn = jax.vmap(draw)(jax.random.split(jax.random.key(0), 64))
    pixels = 0.5 * np.abs(drawn.normal.reshape(64, -1))
    assert not (drawn.sigma[:, None] == pixels).any()


def test_a_gray_image_is_the_mean_of_its_colors():
    image = jax.random.uniform(KEYS[0], (4, 6, 1), minval=-1.0)
    drawn = ColorParams(**drawn_by(COLORS, 1))
    run = jax.jit(jax.vmap(apply_colors, (None, 0)))
    gray, color = run(image, drawn), run(image.repeat(3, 2), drawn)
    np.testing.assert_allclose(gray, color.mean(axis=-1, keepdims=True), atol=2e-5)


def test_colors_ask_for_three_channels_or_one():
    with pytest.raises(UsageError, match="not 4"):
        apply_colors(jnp.zeros((2, 2, 4)), ColorParams())


def test_the_bands_add_up_to_all_and_keep_the_expected_power():
    whole = np.zeros(43)
    whole[21] = 1
    np.testing.assert_allclose(BANK.sum(axis=0), whole, atol=1e-6)
    for band in range(4):
        gains = normalize_power(jnp.ones(4).at[band].set(3.0))
        np.testing.assert_allclose(gains**2 @ np.array([10, 1, 1, 1]), 13, rtol=1e-5)
        assert (gains[band] > gains[band - 1]) and gains[band - 1] < 1


class Plane(nn.Module):
    """A linear network from or to images."""

    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x, label, *, train):
        x = nn.Dense(int(np.prod(self.shape)))(x.reshape(len(x), -1))
        return jnp.tanh(x).reshape(len(x), *self.shape)


@pytest.mark.slow
def test_a_game_is_played_behind_it_with_penalties_on_slopes():
    """D learns, R1 is paid from p = 0 on, and p moves after every fourth turn."""
    adam = optax.adam(1e-3)
    gan = GAN(
        g=Player(Plane((6, 6, 3)), adam),
        d=Player(Plane(()), adam, {"r1": r1(1.0)}),
        loss=losses.non_saturating(),
        augment=pseudo(adaptive(ada.bgc(), batch=8, target=-2.0, images=80)),
        prior=normal(2),
        ema=optax.constant_schedule(0.9),
    )
    image = np.random.default_rng(0).uniform(-1, 1, (8, 6, 6, 3)).astype(np.float32)
    batch = Batch(jnp.asarray(image), jnp.zeros(8, jnp.int32))
    state = init(gan, KEYS[0], Turns(batch, batch))
    turn = jax.jit(partial(d_turn, gan, ONE))
    for i in range(8):
        assert abs(state.augment.p - 0.4 * (i // 4)) < 1e-6
        state, logs = turn(state, (KEYS[i], batch))
        for leaf in jax.tree.leaves((state.d, logs)):
            assert np.isfinite(leaf).all()
        assert logs["r1"] > 0
    assert abs(state.augment.p - 0.8) < 1e-6
