"""Games of images made of images: either way, with all that their networks remember."""

import importlib
from dataclasses import replace

import jax
import numpy as np
import optax
import pytest

from ganjax import Player, losses
from ganjax.data import masks
from ganjax.games.completing import completing
from ganjax.games.translation import View
from ganjax.gan import Batch, Turns, pixels
from ganjax.models import gated, sn_patch
from tests.support import apart, same
from tests.test_experiments import FOLDER


RNG = np.random.default_rng(0)


@pytest.fixture(params=["cut", "cyclegan"])
def module(request, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module(request.param)


def both_ways(module):
    """The game and its reverse, and turns in which they play for the same."""
    x, y = RNG.integers(0, 256, (2, 2, 2, 20, 20, 1), np.uint8)
    label = np.zeros(2, np.int32)
    for reverse, pair in ((False, (x, y)), (True, (y, x))):
        stored = np.concatenate(pair, axis=-1)
        game = module.make(replace(module.TINY, reverse=reverse))
        yield game, Turns(Batch(stored[:1], label[None]), Batch(stored[1], label))


def test_either_kind_is_asked_for_the_other(module):
    seen = []
    for game, turns in both_ways(module):
        asked = game.ask(2, 0, lambda n, turns=turns: turns.g.image[:n])
        seen.append((asked, game.decode(turns.g.image)))
    same(*seen)
    assert not np.allclose(pixels(seen[0][0]), seen[0][1])


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


def test_statistics_of_either_player_are_kept_and_used():
    adam = optax.adam(1e-2)
    g = Player(gated.Generator(2, middle=gated.FOURIER[:1]), adam)
    d = Player(sn_patch.Discriminator((4,)), adam)
    game = completing(g, d, losses.hinge(), masks.box(), View(16))
    image = RNG.integers(0, 256, (2, 2, 16, 16, 3), np.uint8)
    label = np.zeros(2, np.int32)
    turns = Turns(Batch(image[:1], label[None]), Batch(image[1], label))
    first = game.init(jax.random.key(0), turns)
    after, _ = jax.jit(game.step)(first, turns)
    for name in "gd":
        moved = apart(first.players[name].stats, after.players[name].stats)
        assert moved and max(moved.values()) > 0
    asked = game.ask(2, 0, lambda n: image[1][:n])
    made = jax.jit(game.sample)(after, jax.random.key(1), asked)
    assert np.isfinite(made).all()
