"""StyleGAN2's lazy game against its arithmetic, on players with one vector each."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Player, augment, losses
from ganjax.core import Regularizer, normal
from ganjax.errors import UsageError
from ganjax.games import lazy
from ganjax.regularizers import r1, stateless
from tests.helpers.points import RATE, Point, Slope, turns
from tests.helpers.states import same


GAMMA = 0.5
PAID = Regularizer(
    init=lambda: jnp.zeros(()), apply=lambda turn, paid: (jnp.zeros(()), paid + 1)
)
ROWS = stateless(lambda turn: jnp.float32(len(turn.z)))
SUM = stateless(lambda turn: turn.fake.x.mean(0).sum())


def made(g_terms=None):
    sgd = optax.sgd(RATE)
    g_terms = {"sum": SUM, "rows": ROWS, "paid": PAID} if g_terms is None else g_terms
    return GAN(
        g=Player(Point(), sgd, g_terms),
        d=Player(Slope(), sgd, {"r1": r1(GAMMA), "paid": PAID}),
        loss=losses.wasserstein(),
        augment=augment.identity(),
        prior=normal(2),
        ema=optax.constant_schedule(0.75),
    )


def test_both_players_pay_in_steps_of_their_own():
    game = lazy(made(), g_every=2, d_every=3)
    state, step = game.init(jax.random.key(0), turns()), jax.jit(game.step)
    point = np.asarray(state.g.params["point"], np.float64)
    slope = np.asarray(state.d.params["slope"], np.float64)
    ema, real = point, np.asarray(turns().d.x[0], np.float64).mean(0)
    for i in range(7):
        state, logs = step(state, turns())
        point = point + RATE * slope
        if i % 2 == 0:
            point = point - RATE * 2
        slope = slope - RATE * (point - real)
        if i % 3 == 0:
            slope = slope - RATE * 3 * GAMMA * slope
        ema = 0.75 * ema + 0.25 * point
        near = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
        near(state.g.params["point"], point)
        near(state.d.params["slope"], slope)
        near(state.ema["params"]["point"], ema)
        assert logs["g"]["rows"] == (3 if i % 2 == 0 else 0)  # half of G's batch
    assert state.g.memory["paid"] == 4 and state.d.memory["paid"] == 3


def test_statistics_move_whenever_g_is_played_and_are_not_averaged():
    game = lazy(made(), g_every=2, d_every=3)
    state, step = game.init(jax.random.key(0), turns()), jax.jit(game.step)
    for calls in (3, 5, 8):  # G's turn, its payment in every second step, D's turn
        state, _ = step(state, turns())
        assert state.g.stats["stats"]["calls"] == calls
        same(state.ema["stats"], state.g.stats["stats"])


def test_an_adaptive_augmentation_is_updated_in_d_s_turn_with_the_loss_alone():
    counting = augment.identity()._replace(
        init=lambda: jnp.zeros((), jnp.int32),
        update=lambda turns, sign, step: turns + 1,
    )
    game = lazy(made()._replace(augment=counting), g_every=1, d_every=1)
    state, step = game.init(jax.random.key(0), turns()), jax.jit(game.step)
    for number in (1, 2):
        state, _ = step(state, turns())
        assert state.augment == number


def test_a_player_without_regularizers_has_one_move():
    free, usual = (lazy(made(g_terms=terms)) for terms in ({}, {"paid": PAID}))
    state = free.init(jax.random.key(0), turns())
    after, logs = jax.jit(free.step)(state, turns())
    moved, _ = jax.jit(usual.step)(usual.init(jax.random.key(0), turns()), turns())
    assert set(logs["g"]) == {"loss"}
    same(after.g.params, moved.g.params)


def test_more_turns_for_d_are_refused():
    game = lazy(made())
    state = game.init(jax.random.key(0), turns())
    with pytest.raises(UsageError, match="one turn"):
        game.step(state, turns(2))
