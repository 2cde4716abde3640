"""What every transform keeps to, and what each of them does."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import augment
from ganjax.augment import (
    adaptive,
    chain,
    chain_augments,
    color,
    cutout,
    fixed,
    flip,
    pseudo,
    translation,
)
from tests.helpers.states import same


def makes_a_transform(make):
    """A function of this file that gives a transform when called with nothing."""
    signature = inspect.signature(make)
    several = [p for p in signature.parameters.values() if p.kind is p.VAR_POSITIONAL]
    return signature.return_annotation == augment.Transform and not several


TRANSFORMS = {
    f"{room.__name__.removeprefix('ganjax.')}.{name}": make()
    for room in (augment, augment.ada)
    for name, make in inspect.getmembers(room, inspect.isfunction)
    if make.__module__.startswith(augment.__name__) and makes_a_transform(make)
}
SETS = {f"augment.ada.{name}" for name in "blit bg bgc bgcf bgcfn bgcfnc".split()}
RULED = {name: x for name, x in TRANSFORMS.items() if name not in SETS}
UNDRAWN = [RULED["augment.blur"]]  # the same for every key
EACH = pytest.mark.parametrize("transform", RULED.values(), ids=RULED.keys())
KEYS = jax.random.split(jax.random.key(0), 128)


def picture(*shape):
    return jax.random.uniform(jax.random.key(7), shape, minval=-1.0)


def play(transform, image, p=1.0):
    """The image under each of the keys: [128, h, w, c]."""
    run = jax.jit(jax.vmap(transform, (0, None, None)))
    return np.asarray(run(KEYS, image, jnp.float32(p)))


def acted(images, image):
    """Which of the images differ from the one that went in."""
    return (images != np.asarray(image)[None]).any(axis=(1, 2, 3))


def test_the_transforms_are_found():
    ours = {"flip", "color", "translation", "cutout", "ada.geom", "ada.color"}
    assert {f"augment.{name}" for name in ours} < RULED.keys()
    assert SETS < TRANSFORMS.keys()


@EACH
@pytest.mark.parametrize("shape", [(8, 12, 1), (16, 8, 3)])
def test_a_transform_keeps_to_the_rules(transform, shape):
    image, weight = picture(*shape), jax.random.normal(jax.random.key(1), shape)

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None))
    def run(key, p):
        out, back = jax.vjp(lambda image: transform(key, image, p), image)
        return out, back(weight)[0]

    out, slopes = run(KEYS, jnp.float32(1.0))
    assert out.shape == (len(KEYS), *shape) and out.dtype == image.dtype
    assert np.isfinite(out).all() and np.isfinite(slopes).all()
    assert (np.abs(slopes).max(axis=(1, 2, 3)) > 0).all(), "nothing reaches G"
    assert acted(out, image).any(), "it never acts"
    several = len(np.unique(np.asarray(out), axis=0)) > 1
    assert several == (transform not in UNDRAWN), "whether the key matters"
    same, slopes = map(np.asarray, run(KEYS, jnp.float32(0.0)))
    still = np.broadcast_to(image, out.shape)
    assert same.tobytes() == still.tobytes(), "it acts with probability 0"
    np.testing.assert_array_equal(slopes, np.broadcast_to(weight, out.shape))


@EACH
def test_a_transform_is_set_by_its_key(transform):
    """Traced anew it is the same program: no chance is frozen into it."""
    run = lambda: jax.make_jaxpr(lambda *args: transform(*args))
    one, two = (run()(KEYS[0], picture(8, 8, 3), jnp.float32(1)) for _ in range(2))
    assert str(one) == str(two)
    same(one.consts, two.consts)


@EACH
def test_a_penalty_on_slopes_has_the_right_gradient(transform):
    """Each transform is A x + b, and the penalty |A^T 3 y^2|^2 of D(y) = sum y^3."""
    shape = (6, 4, 1)
    image = picture(*shape)

    @jax.jit
    def both(key):
        run = lambda x: transform(key, x.reshape(shape), jnp.float32(1)).ravel()
        slopes = jax.grad(lambda x: jnp.sum(run(x) ** 3))
        penalty = lambda x: jnp.sum(slopes(x) ** 2)
        x = image.ravel()
        y, push = jax.linearize(run, x)
        return y, jax.vmap(push)(jnp.eye(x.size)).T, jax.grad(penalty)(x)

    for key in KEYS[:2]:
        y, a, found = (np.asarray(each, np.float64) for each in both(key))
        wanted = 2 * a.T @ (6 * y * (a @ (a.T @ (3 * y**2))))
        assert np.isfinite(found).all() and np.abs(found).max() > 0
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("make", [flip, color, translation, cutout])
def test_a_transform_acts_as_often_as_p_says(make):
    image = picture(8, 8, 3)
    always, half = (acted(play(make(), image, p), image).mean() for p in (1.0, 0.5))
    assert abs(half - always / 2) < 4 * np.sqrt(0.25 / len(KEYS))


def test_a_flip_mirrors_half_of_the_time():
    image = picture(4, 6, 3)
    out = play(flip(), image)
    mirrored = acted(out, image)
    assert (out[mirrored] == np.asarray(image)[None, :, ::-1]).all()
    assert 0.3 < mirrored.mean() < 0.7


def shifted(image, down, right):
    """`np.roll` with zeros moving in."""
    moved = np.roll(image, (down, right), (0, 1))
    rows, columns = np.arange(image.shape[0]), np.arange(image.shape[1])
    whole = (rows - down >= 0) & (rows - down < len(rows))
    broad = (columns - right >= 0) & (columns - right < len(columns))
    return moved * (whole[:, None] & broad)[..., None]


def test_a_translation_is_a_roll_with_black_moving_in():
    image = np.asarray(picture(4, 20, 2))  # an eighth is half a pixel, and 2.5
    places = [(down, right) for down in range(-1, 2) for right in range(-3, 4)]
    rolled = {place: shifted(image, *place) for place in places}
    found = [
        [place for place in places if np.array_equal(out, rolled[place])]
        for out in play(translation(), jnp.asarray(image))
    ]
    assert all(len(place) == 1 for place in found), "not a shift by whole pixels"
    assert {place for (place,) in found} == set(places), "not every shift is made"


@pytest.mark.parametrize(("share", "size"), [(0.5, (4, 6)), (0.375, (3, 5))])
def test_a_cutout_blanks_one_rectangle_and_no_more(share, size):
    image = picture(8, 12, 2) + 2  # nowhere 0
    out = play(cutout(share), image)
    hole = (out == 0).all(axis=-1)
    np.testing.assert_array_equal(out, np.where(hole[..., None], 0, image[None]))
    rows, columns = hole.any(axis=2), hole.any(axis=1)
    np.testing.assert_array_equal(hole, rows[:, :, None] & columns[:, None, :])
    for line, most in ((rows, size[0]), (columns, size[1])):
        lengths = line.sum(axis=1)
        assert lengths.max() == most and lengths.min() >= most // 2
        assert (np.abs(np.diff(line.astype(int), axis=1)).sum(axis=1) <= 2).all()
        assert line.any(axis=0).all(), "some place is never blanked"
        places = {tuple(each) for each in line}
        assert places == {each[::-1] for each in places}, "one side is favored"


def test_contrast_keeps_the_mean_and_a_gray_image_has_no_saturation():
    """Of a gray image, color is a brightness that moves the mean and a contrast."""
    image = np.asarray(picture(4, 6, 1))
    out = play(color(), jnp.asarray(image)).reshape(len(KEYS), -1)
    flat = image.ravel()
    brightness = out.mean(axis=1) - flat.mean()
    assert -0.5 <= brightness.min() < -0.3 and 0.3 < brightness.max() <= 0.5
    contrast = out.std(axis=1) / flat.std()
    assert 0.499 < contrast.min() < 0.7 and 1.3 < contrast.max() < 1.501
    centered = contrast[:, None] * (flat - flat.mean())[None]
    np.testing.assert_allclose(
        out, out.mean(axis=1, keepdims=True) + centered, atol=1e-5
    )


def test_saturation_scales_what_is_not_gray():
    image = np.asarray(picture(4, 6, 3))
    out = play(color(), jnp.asarray(image))
    gray = lambda x: x.mean(axis=-1, keepdims=True)
    spread = lambda x: x.reshape(-1, x.shape[-3] * x.shape[-2] * x.shape[-1]).std(
        axis=1
    )
    contrast = spread(gray(out)) / spread(gray(image))
    assert 0.499 < contrast.min() and contrast.max() < 1.501
    saturation = spread(out - gray(out)) / spread(image - gray(image)) / contrast
    assert saturation.min() < 0.3 and 1.7 < saturation.max() < 2.001
    scale = (saturation * contrast)[:, None, None, None]
    expected = gray(out) + scale * (image - gray(image))[None]
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_diff_augment_is_color_then_translation_then_cutout():
    args = KEYS[0], picture(4, 6, 3), jnp.float32(0.5)
    ours, wanted = (
        str(jax.make_jaxpr(transform)(*args))
        for transform in (
            augment.diff_augment(),
            chain(color(), translation(), cutout()),
        )
    )
    assert ours == wanted


def test_a_translation_goes_as_far_as_is_asked_for():
    image = picture(2, 8, 1)
    for key in KEYS[:2]:
        np.testing.assert_array_equal(translation(0.0)(key, image, 1.0), image)


def test_a_chain_goes_in_order_and_gives_each_its_own_key():
    double, raise_ = lambda key, x, p: 2 * x, lambda key, x, p: x + p
    image = jnp.ones((1, 1, 1))
    assert chain(double, raise_)(KEYS[0], image, 3.0).item() == 5
    assert chain(raise_, double)(KEYS[0], image, 3.0).item() == 8
    draw = lambda key, x, p: jnp.append(x, jax.random.uniform(key))
    first, second = chain(draw, draw)(KEYS[0], jnp.zeros(0), 1.0)
    assert first != second


def test_identity_is_nothing():
    none = augment.identity()
    state, image = none.init(), picture(2, 2, 1)
    assert none.apply(state, KEYS[0], image) is image
    assert none.update(state, jnp.ones(()), jnp.zeros(())) == state == ()


def test_a_fixed_augmentation_follows_its_schedule():
    """The p that a turn leaves behind is the one of the step after."""
    probability = lambda key, image, p: image + p
    made = fixed(probability, optax.linear_schedule(0.2, 1.0, 8))
    state, seen = made.init(), []
    for step in range(10):
        seen.append(made.apply(state, KEYS[0], jnp.zeros((1, 1, 1))).item())
        state = made.update(state, jnp.asarray(1.0), jnp.asarray(step))
        assert state.p.dtype == jnp.float32 and state.p.shape == ()
    np.testing.assert_allclose(
        seen, np.minimum(0.2 + 0.1 * np.arange(10), 1), rtol=1e-6
    )
    constant = fixed(probability, 0.3)
    state = constant.update(constant.init(), jnp.asarray(1.0), jnp.asarray(9))
    np.testing.assert_allclose([constant.init().p, state.p], 0.3)


def test_a_fixed_augmentation_acts_always_unless_it_is_told_otherwise():
    assert fixed(flip()).init().p == 1


def drive(made, signs, p=0.0, step=0):
    """The p after each turn with these signs."""
    state, found = made.init().replace(p=jnp.float32(p)), []
    for sign in signs:
        state = made.update(state, jnp.float32(sign), jnp.asarray(step))
        found.append(float(state.p))
    return found


def test_adaptive_rises_while_d_is_too_sure_and_falls_otherwise():
    made = adaptive(flip(), batch=50, images=1000, every=1)
    assert made.init().p == 0
    close = partial(np.testing.assert_allclose, rtol=1e-5)
    close(drive(made, [0.9] * 4), [0.05, 0.1, 0.15, 0.2])
    close(drive(made, [0.61], p=0.5), [0.55])
    close(drive(made, [0.5] * 2, p=0.5), [0.45, 0.4])
    assert drive(made, [1.0] * 25)[-1] == 1 and drive(made, [-1.0] * 3, p=0.1)[-1] == 0
    assert drive(made, [0.6] * 3, p=0.25) == [0.25] * 3


def test_adaptive_moves_after_several_turns_by_what_all_of_them_said():
    """Against the heuristic in doubles, on signs that are worth a look."""
    signs = np.random.default_rng(0).uniform(-1, 1, 60).astype(np.float32)
    wanted, p = [], 0.3
    for turn in range(60):
        if turn % 3 == 2:
            p += np.sign(signs[turn - 2 : turn + 1].mean() - 0.1) * 3 * 20 / 1000
            p = min(max(p, 0.0), 1.0)
        wanted.append(p)
    assert len(set(np.round(wanted, 6))) > 5
    made = adaptive(flip(), batch=20, target=0.1, images=1000, every=3)
    np.testing.assert_allclose(drive(made, signs, p=0.3), wanted, atol=1e-6)


def test_adaptive_takes_its_images_from_nothing_to_always():
    """As published: 500 thousand images, heard four turns at a time."""
    made = adaptive(flip(), batch=50_000)
    up = drive(made, [1.0] * 12)
    np.testing.assert_allclose(up[3::4], [0.4, 0.8, 1.0], rtol=1e-6)
    assert up[:3] == [0.0] * 3 and up[4] == up[3]
    down = drive(made, [-1.0] * 12, p=0.9)
    np.testing.assert_allclose(down[3::4], [0.5, 0.1, 0.0], atol=1e-6)


def test_adaptive_s_target_may_follow_a_schedule():
    rising = optax.linear_schedule(0.0, 1.0, 10)
    made = adaptive(flip(), 50, rising, images=1000, every=1)
    (early,), (late,) = (drive(made, [0.5], p=0.5, step=step) for step in (0, 9))
    assert early > 0.5 > late


def test_adaptive_plays_its_transform_with_p():
    made, image = adaptive(flip(), batch=1), picture(2, 4, 1)
    for p in (0.0, 1.0):
        state = made.init().replace(p=p)
        out = play(lambda key, image, _, at=state: made.apply(at, key, image), image)
        np.testing.assert_array_equal(out, play(flip(), image, p))


def test_as_many_fakes_pass_for_real_as_p_says():
    made = pseudo(adaptive(flip(), batch=1))
    real, fake = jnp.zeros((128, 2, 2, 1)), jnp.ones((128, 2, 2, 1))
    shown = partial(made.present, made.init().replace(p=0.25), KEYS, real, lambda: fake)
    passed = np.asarray(shown()).reshape(128, -1)
    assert (passed == passed[:, :1]).all(), "an image is the one or the other"
    assert abs(passed.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 128)
    for p in (0.0, 1.0):
        shown = made.present(made.init().replace(p=p), KEYS, real, lambda: fake)
        assert (shown == p).all()


def test_g_learns_nothing_from_fakes_that_pass_for_real():
    made = pseudo(fixed(flip(), 0.5))
    batch = jnp.ones((8, 1, 1, 1))

    def shown(real, fake):
        return made.present(made.init(), KEYS[:8], real, lambda: fake).sum()

    real, fake = jax.grad(shown, (0, 1))(batch, 2 * batch)
    assert not fake.any() and 0 < real.sum() < 8


def test_augmentations_in_a_chain_both_replace_real_images():
    real, fake = jnp.zeros((128, 2, 2, 1)), jnp.ones((128, 2, 2, 1))
    apa = pseudo(fixed(flip(), 0.5))
    for made, wanted in (
        (chain_augments(fixed(flip()), apa), 0.5),
        (chain_augments(apa, fixed(flip())), 0.5),
        (chain_augments(apa, apa), 0.75),
    ):
        share = made.present(made.init(), KEYS, real, lambda: fake).mean()
        assert abs(share - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / 128)


def test_pseudo_leaves_the_rest_of_the_augmentation_as_it_is():
    image, inner = picture(2, 4, 1), adaptive(flip(), batch=1)
    made, sign, step = pseudo(inner), jnp.float32(1), jnp.asarray(0)
    assert made.update(made.init(), sign, step) == inner.update(
        inner.init(), sign, step
    )
    state = made.init().replace(p=jnp.float32(1))
    ours, theirs = (x.apply(state, KEYS[0], image) for x in (made, inner))
    np.testing.assert_array_equal(ours, theirs)
    assert inner.present(state, KEYS, image, None) is image, "no fake is made"
