"""Games in which everything meets everything: two steps, and nobody stands still.

A few of them, evenly taken; with `GANJAX_PAIRS=all` in the environment, all.
"""

import os
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.core import GAN, ONE, Batch, Loss, State, Turns, init, make_turn, train_step
from tests.helpers import combinations as pairs
from tests.helpers.states import apart, arrays


FEW = os.environ.get("GANJAX_PAIRS", "4")
QUICK = {"xla_backend_optimization_level": 0}  # half the time to compile
GAMES = pairs.games()
SOME = GAMES if FEW == "all" else GAMES[:: -(-len(GAMES) // int(FEW))]


def data(shape: tuple[int, ...], classes: int) -> Turns:
    """One batch for each player, of noise."""
    d, g = np.random.default_rng(0).uniform(-1, 1, (2, pairs.BATCH, *shape))
    label = np.arange(pairs.BATCH, dtype=np.int32) % max(classes, 1)
    batch = lambda image: Batch(jnp.asarray(image, jnp.float32), jnp.asarray(label))
    return Turns(jax.tree.map(lambda x: x[None], batch(d)), batch(g))


def unseen(loss: Loss) -> bool:
    """Whether what moves all of D's logits alike has no say in its loss."""
    real, fake = jnp.array([[0.1, -0.4, 0.5], [0.2, 0.3, -0.1]])
    slope = jax.grad(lambda bias: loss.d(real + bias, fake + bias))(0.0)
    return abs(slope) < 1e-6


def voices(gan: GAN, state: State, batch: Batch) -> dict[str, float]:
    """By how much each of D's parameters can move its logits on real images."""

    def heard(params):
        now = replace(state, d=replace(state.d, params=params))
        return make_turn(gan, ONE, now, (state.key, batch)).real.logits.sum()

    slopes = arrays(jax.jit(jax.grad(heard), compiler_options=QUICK)(state.d.params))
    return {path: abs(x).max() for path, x in slopes.items()}


@pytest.mark.slow
@pytest.mark.parametrize("names", SOME, ids=", ".join)
def test_two_steps_are_finite_and_change_every_parameter(names):
    gan, shape = pairs.build(names)
    turns = data(shape, pairs.CONDITIONINGS[names.conditioning].classes)

    step = jax.jit(partial(train_step, gan), compiler_options=QUICK)
    first = init(gan, jax.random.key(0), turns)  # not compiled: the next has its shapes
    state, logs = step(first, turns)
    state, logs = step(state, turns)
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(logs))
    assert all(np.isfinite(x).all() for x in arrays(state).values())
    moved = {
        side: apart(getattr(first, side).params, getattr(state, side).params)
        for side in "gd"
    }
    assert min(moved["g"].values()) > 0
    still = [path for path, by in moved["d"].items() if by == 0]
    if still:  # biases that move all logits alike, under a loss that does not see it
        assert unseen(gan.loss) and all("'bias'" in path for path in still)
        heard = voices(gan, first, jax.tree.map(lambda x: x[0], turns.d))
        assert min(heard[path] for path in still) > 0


def test_any_two_that_can_meet_do_and_there_are_enough_games():
    seen = {pair for names in GAMES for pair in pairs.met(names)}
    assert len(set(GAMES)) == len(GAMES) >= 500
    levels = [[*names] for names in pairs.LEVELS.values()]
    for i in range(len(levels)):
        for j in range(i + 1, len(levels)):
            able = {(i, a, j, b) for a in levels[i] for b in levels[j]}
            assert seen >= {pair for pair in able if pairs.goes(*pair)}
