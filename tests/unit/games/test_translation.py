"""Games of images made of images: either way, with all that their networks remember."""

import importlib
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import Player, losses
from ganjax.core import Batch, Pair, Turns, pixels
from ganjax.errors import UsageError
from ganjax.games.inpainting import inpainting
from ganjax.games.translation import View, linear_decay, sides
from ganjax.models import gated, sn_patch
from ganjax.ops import masks
from tests.helpers.states import apart, same


RNG = np.random.default_rng(0)


@pytest.fixture(params=["cut", "cyclegan"])
def module(request):
    return importlib.import_module(request.param)


def both_ways(module):
    """The game and its reverse, and turns in which they play for the same."""
    x, y = RNG.integers(0, 256, (2, 2, 2, 20, 20, 1), np.uint8)
    label = np.zeros(2, np.int32)
    for reverse, pair in ((False, (x, y)), (True, (y, x))):
        source, target = pixels(np.stack(pair))
        d = Batch(Pair(source[:1], target[:1]), label[None])
        g = Batch(Pair(source[1], target[1]), label)
        game = module.make(replace(module.TINY, reverse=reverse))
        yield game, Turns(d, g)


def test_either_kind_is_asked_for_the_other(module):
    seen = []
    for game, turns in both_ways(module):
        condition = game.conditions.make(2, 0, lambda n, turns=turns: turns.g.x)
        seen.append((condition, game.real(turns.g.x)))
    same(*seen)
    assert not np.allclose(*seen[0])


@pytest.mark.slow
@pytest.mark.parametrize("module", ["cut"], indirect=True)
def test_the_other_way_is_the_same_game_of_exchanged_images(module):
    key = jax.random.key(0)
    ends = [
        jax.jit(lambda turns, game=game: game.step(game.init(key, turns), turns)[0])(
            turns
        )
        for game, turns in both_ways(module)
    ]
    same(*ends)


@pytest.mark.slow
def test_statistics_of_either_player_are_kept_and_used():
    adam = optax.adam(1e-2)
    g = Player(gated.Generator(2, middle=gated.FOURIER[:1]), adam)
    d = Player(sn_patch.Discriminator((4,)), adam)
    game = inpainting(g, d, losses.hinge(), masks.box(), View(16))
    image = pixels(RNG.integers(0, 256, (2, 2, 16, 16, 3), np.uint8))
    label = np.zeros(2, np.int32)
    turns = Turns(Batch(image[:1], label[None]), Batch(image[1], label))
    first = game.init(jax.random.key(0), turns)
    after, _ = jax.jit(game.step)(first, turns)
    for name in "gd":
        moved = apart(first.players[name].stats, after.players[name].stats)
        assert moved and max(moved.values()) > 0
    condition = game.conditions.make(2, 0, lambda n: image[1][:n])
    made = jax.jit(game.sample)(after, jax.random.key(1), condition)
    assert np.isfinite(made).all()


def test_a_rate_stands_still_and_then_falls_in_a_line():
    rate = linear_decay(2.0, 100)
    wanted = {0: 2.0, 49: 2.0, 50: 2.0, 75: 1.0, 99: 0.04, 100: 0.0, 200: 0.0}
    for step, value in wanted.items():
        np.testing.assert_allclose(rate(step), value, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(linear_decay(2.0, 100, flat=0.0)(25), 1.5, rtol=1e-6)
    np.testing.assert_allclose(linear_decay(2.0, 100, flat=0.9)(95), 1.0, rtol=1e-5)
    assert linear_decay(2.0, 100, flat=1.0)(99) == 2.0


def test_a_view_cuts_everywhere_and_mirrors_half_of_the_time():
    """Each pixel holds its own number, so that a cut tells where it is from."""
    rows, columns = 6, 9
    image = jnp.arange(rows * columns, dtype=jnp.float32).reshape(1, rows, columns, 1)
    keys = jax.random.split(jax.random.key(0), 600)
    batch = jnp.broadcast_to(image, (600, rows, columns, 1))
    view = View(side=4, margin=2)
    places, mirrored = set(), 0
    for part in np.asarray(view.jitter(keys, batch))[..., 0]:
        turned = part[0, 0] > part[0, 1]
        part = part[:, ::-1] if turned else part
        top, left = divmod(int(part[0, 0]), columns)
        whole = np.asarray(image)[0, top : top + 4, left : left + 4, 0]
        np.testing.assert_array_equal(part, whole)
        places.add((top, left))
        mirrored += turned
    assert places == {(top, left) for top in range(3) for left in range(6)}
    assert abs(mirrored / 600 - 0.5) < 4 * np.sqrt(0.25 / 600)
    still = np.asarray(View(4, flip=False).jitter(keys, batch))[..., 0]
    assert (still[:, :, 1:] > still[:, :, :-1]).all()
    middle = View(4).middle(np.asarray(image, np.uint8))
    assert middle[0, 0, 0, 0] == columns + 2 and middle.shape == (1, 4, 4, 1)


def test_images_smaller_than_the_crop_are_a_mistake_and_larger_ones_are_not():
    View(4).check(Pair(jnp.zeros((1, 4, 9, 3)), jnp.zeros((1, 5, 4, 3))))
    for shape in ((1, 3, 9, 3), (1, 9, 3, 3), (9, 9, 3)):
        with pytest.raises(UsageError, match="4x4 pixels of each image are seen"):
            View(4).check(Pair(jnp.zeros((1, 9, 9, 3)), jnp.zeros(shape)))


def test_both_images_of_a_pair_are_cut_and_mirrored_alike():
    image = jnp.arange(5.0 * 7 * 6).reshape(5, 7, 6, 1)
    keys = jax.random.split(jax.random.key(0), 5)
    a, b = View(3).jitter(keys, Pair(image, -image))
    np.testing.assert_array_equal(a, -b)
    middle = View(3).middle(Pair(image, -image))
    np.testing.assert_array_equal(middle.source, np.asarray(image)[:, 2:5, 1:4])
    np.testing.assert_array_equal(middle.target, -np.asarray(image)[:, 2:5, 1:4])


def test_sides_are_the_source_and_the_target_or_the_other_way():
    pair = Pair("source", "target")
    straight, back = sides(False), sides(True)
    assert (straight.x(pair), straight.y(pair)) == pair
    assert (back.y(pair), back.x(pair)) == pair
    for side in (*straight, *back):
        with pytest.raises(UsageError, match="is a single image, and pairs are wanted"):
            side(jnp.zeros((1, 4, 4, 3)))
