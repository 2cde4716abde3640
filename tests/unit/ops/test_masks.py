"""Masks: what they share, and that each hides what its name says."""

import hashlib
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.ops import masks, strokes


KINDS = {
    "box": masks.box(),
    "half": masks.half(),
    "free form": masks.free_form(),
    "thin": masks.thin(),
    "medium": masks.medium(),
    "thick": masks.thick(),
    "union": masks.union(masks.box(), masks.free_form()),
    "one of": masks.one_of(masks.box(), masks.half(), weights=(1, 3)),
}
EACH = pytest.mark.parametrize("name", KINDS)
KEYS = jax.random.split(jax.random.key(3), 50)


@cache
def many(name):
    """A hundred masks [100, 64, 64]."""
    return masks.fixed_masks(KINDS[name], 100, 64, seed=5)[..., 0]


@cache
def small(name):
    """Fifty masks of a few pixels [50, 3, 5], all at once."""
    run = jax.vmap(partial(KINDS[name], height=3, width=5))
    return np.asarray(jax.jit(run)(KEYS))[..., 0]


@EACH
@pytest.mark.parametrize("draw", [many, small])
def test_a_mask_hides_some_pixels_and_leaves_some(name, draw):
    drawn = draw(name)
    assert drawn.dtype == np.float32 and set(np.unique(drawn)) == {0, 1}
    shares = drawn.mean((1, 2))
    assert 0 < shares.min() and shares.max() < 1
    assert len(np.unique(drawn, axis=0)) > 3


def test_a_region_is_one_rectangle_whatever_the_key():
    drawn = masks.fixed_masks(masks.region(0.25, 0.5, 0.75, 1.0), 3, 8)[..., 0]
    wanted = np.zeros((8, 8))
    wanted[2:6, 4:] = 1
    np.testing.assert_array_equal(drawn, np.stack([wanted] * 3))


@pytest.mark.parametrize(
    "shares", [(0.5, 0, 0.5, 1), (0, 0.9, 1, 0.1), (-0.1, 0, 1, 1), (0, 0, 1, 1.1)]
)
def test_a_region_lies_within_the_image(shares):
    with pytest.raises(UsageError, match="must rise within 0..1"):
        masks.region(*shares)


@pytest.mark.parametrize("name", ["half", "free form", "medium"])
def test_a_key_gives_one_mask_under_jit_or_vmap(name):
    jitted = jax.jit(partial(KINDS[name], height=3, width=5))
    for i in range(3):
        np.testing.assert_array_equal(jitted(KEYS[i])[..., 0], small(name)[i])


@pytest.mark.parametrize("name", ["box", "half"])
def test_a_key_gives_that_mask_without_a_compiler_too(name):
    for i in range(3):
        alone = KINDS[name](KEYS[i], height=3, width=5)[..., 0]
        np.testing.assert_array_equal(alone, small(name)[i])


SHARES = {
    "box": (0.17, 0.21),
    "half": (0.5, 0.5),
    "free form": (0.13, 0.18),
    "thin": (0.22, 0.31),
    "medium": (0.18, 0.28),
    "thick": (0.33, 0.45),
    "union": (0.27, 0.35),
    "one of": (0.38, 0.46),
}


@EACH
def test_masks_hide_as_much_as_the_publications_do(name):
    """The authors' own, at 256 px: free form 0.149, thin 0.293, medium 0.24, thick 0.41."""
    least, most = SHARES[name]
    assert least <= many(name).mean() <= most


def test_thin_masks_hide_less_than_thick_ones_and_are_thinner():
    thin, thick = many("thin"), many("thick")
    assert thin.mean() < thick.mean()
    deep = {}
    for name, drawn in (("thin", thin), ("thick", thick)):
        inner = drawn.astype(bool)
        for axis in (1, 2):
            inner = inner & np.roll(inner, 2, axis) & np.roll(inner, -2, axis)
        deep[name] = inner.sum() / drawn.sum()
    assert deep["thin"] < 0.1 < 0.6 < deep["thick"]


def test_the_hidden_boxes_are_boxes_of_the_sizes_asked_for():
    for drawn in many("box"):
        rows, columns = drawn.any(1), drawn.any(0)
        np.testing.assert_array_equal(drawn, rows[:, None] & columns[None])
        assert 24 <= rows.sum() <= 32 and 24 <= columns.sum() <= 32
    sizes = [(drawn.any(1).sum(), drawn.any(0).sum()) for drawn in many("box")]
    assert len(set(sizes)) > 40
    draw = jax.jit(jax.vmap(partial(KINDS["box"], height=64, width=64)))
    drawn = np.asarray(draw(jax.random.split(KEYS[0], 1000)))
    assert drawn.any(0).mean() > 0.99, "some places are spared"


def test_a_box_is_a_share_of_each_side_by_itself():
    for key in jax.random.split(jax.random.key(0), 8):
        hidden = np.asarray(masks.box(0.5, 0.5)(key, 8, 32))[..., 0]
        assert hidden.any(1).sum() == 4 and hidden.any(0).sum() == 16


def test_a_half_lies_on_each_of_the_four_sides():
    found = {tuple(drawn[[0, -1, 31, 31], [31, 31, 0, -1]]) for drawn in many("half")}
    assert found == {(1, 0, 1, 1), (0, 1, 0, 0), (1, 1, 1, 0), (0, 0, 0, 1)}


def test_a_share_of_one_side_is_hidden_where_it_is_asked_for():
    sky = masks.half(0.4, (masks.TOP,))
    for key in KEYS[:3]:
        drawn = sky(key, 10, 5)[..., 0]
        np.testing.assert_array_equal(drawn, np.repeat([[1.0]] * 4 + [[0.0]] * 6, 5, 1))


def test_one_of_several_is_taken_as_often_as_it_weighs():
    halves = (many("one of").mean((1, 2)) == 0.5).mean()
    assert abs(halves - 3 / 4) < 4 * np.sqrt(3 / 16 / 100)


def brute(points, radius, height, width):
    """Pixels whose middle is within `radius` pixels of the line through points (x, y)."""
    y, x = np.mgrid[:height, :width] + 0.5
    found = np.zeros((height, width), bool)
    for a, b in zip(points, points[1:], strict=False):
        (ax, ay), (dx, dy) = a, np.subtract(b, a)
        t = ((x - ax) * dx + (y - ay) * dy) / max(dx**2 + dy**2, 1e-9)
        t = np.clip(t, 0, 1)
        found |= np.hypot(x - ax - t * dx, y - ay - t * dy) <= radius
    return found


def test_a_stroke_covers_what_is_near_its_line():
    turns, lengths, radius = [0, 300, 1700], [10, 12, 15], 2.53
    points = [(4.5, 6.5)]
    for turn, length in zip(turns, lengths, strict=True):
        angle = 2 * np.pi * turn / strokes.TURN
        along = length * np.array([np.cos(angle), np.sin(angle)])
        points.append(np.asarray(points[-1]) + along)
    path = strokes.Path(
        start=jnp.array([[72, 104]]),
        angle=jnp.array([turns]),
        length=16 * jnp.array([lengths]),
        radius=jnp.full((1, 3), int(16 * radius)),
        drawn=jnp.ones((1, 3), bool),
    )
    drawn = strokes.rasterize(path, 24, 32)
    assert np.sum(drawn != brute(points, radius, 24, 32)) <= 3
    first = path.replace(drawn=jnp.array([[True, False, False]]))
    drawn = strokes.rasterize(first, 24, 32)
    np.testing.assert_array_equal(drawn, brute(points[:2], radius, 24, 32))


def test_a_stroke_that_leaves_goes_on_from_the_border():
    path = strokes.Path(
        start=jnp.array([[8, 8]]),
        angle=jnp.array([[1800, 900]]),
        length=jnp.array([[160, 48]]),
        radius=jnp.full((1, 2), 8),
        drawn=jnp.ones((1, 2), bool),
    )
    wanted = brute([(0.5, 0.5), (0, 0.5), (0, 3.5)], 0.5, 6, 6)
    np.testing.assert_array_equal(strokes.rasterize(path, 6, 6), wanted)


def test_the_finest_stroke_leaves_no_gaps():
    path = strokes.Path(
        start=jnp.array([[8, 8]]),
        angle=jnp.array([[300]]),
        length=jnp.array([[160]]),
        radius=jnp.zeros((1, 1), int),
        drawn=jnp.ones((1, 1), bool),
    )
    drawn = strokes.rasterize(path, 12, 12)
    assert drawn[:, :9].any(0).all() and drawn.sum() < 20


def test_all_or_nothing_gives_way_to_the_upper_half():
    sides = [masks.half(0.5, (side,)) for side in (masks.TOP, masks.BOTTOM)]
    for mask in (masks.union(*sides), masks.half(0.01)):
        drawn = mask(KEYS[0], 5, 6)[..., 0]
        np.testing.assert_array_equal(drawn, np.arange(5)[:, None].repeat(6, 1) < 2)


DIGESTS = {
    "box": "a93aaf96e22a740b",
    "half": "2727f176be887c67",
    "free form": "b03c36a79e39b089",
    "thin": "e34e9401659aa656",
    "medium": "d2a8e0e16294c641",
    "thick": "73babc09026ac710",
    "union": "e4450682a050699d",
    "one of": "0ba744eadd4580ee",
}


# Of masks of 3x5, in which height and width cannot stand for each other.
SMALL_DIGESTS = {
    "box": "c81428a4e0ef7ce7",
    "half": "c2cae9937ac8faf0",
    "free form": "fdb0c94dad1b2f7f",
    "thin": "afb790d569651f4f",
    "medium": "f46e7356374ef929",
    "thick": "0a7daf82dcfa1ab0",
    "union": "6360fc12340dadca",
    "one of": "6b0a806e9d0e9ee9",
}


@EACH
@pytest.mark.parametrize("draw, digests", [(many, DIGESTS), (small, SMALL_DIGESTS)])
def test_fixed_masks_are_the_same_on_every_machine(name, draw, digests):
    digest = hashlib.sha256(np.packbits(draw(name) > 0).tobytes()).hexdigest()[:16]
    assert digest == digests[name]


def test_lama_s_lengths_are_shares_of_the_shorter_side():
    boxes = masks._lama_boxes((1, 1), (128, 128), margin=64)
    drawn = np.asarray(boxes(KEYS[0], 64, 96))
    assert drawn.any(0).sum() == drawn.any(1).sum() == 32
    assert not drawn[:, :16].any() and not drawn[:, -16:].any()


def test_the_first_fixed_masks_are_those_of_a_shorter_set_and_seeds_differ():
    few, more = (masks.fixed_masks(KINDS["half"], n, 16, seed=1) for n in (2, 4))
    np.testing.assert_array_equal(few, more[:2])
    assert (masks.fixed_masks(KINDS["half"], 4, 16, seed=2) != more).any()


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: masks.box(0.5, 0.4), "must rise"),
        (lambda: masks.half(1.0), "within 0..1"),
        (lambda: masks.one_of(masks.half(), weights=(1, 2)), "weight"),
        (lambda: KINDS["box"](KEYS[0], 1, 8), "1x8 is too small"),
    ],
)
def test_what_cannot_be_hidden_is_a_mistake(ask, says):
    with pytest.raises(UsageError, match=says):
        ask()
