"""Games of several players: who moves, by what, and what replicas know of each other."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import Player
from ganjax.core import ONE, Devices
from ganjax.games.multiplayer import (
    Objective,
    all_rows,
    init_players,
    rows_of_device,
    turn,
)


RATES = {"a": 0.1, "b": 0.5, "c": 1.0}


class Number(nn.Module):
    """One weight, times what it is given; counts how often it was asked."""

    @nn.compact
    def __call__(self, x, label, *, train):
        calls = self.variable("stats", "calls", jnp.zeros, ())
        if train:
            calls.value += 1
        return x * self.param("weight", nn.initializers.constant(2.0), ())


@pytest.fixture
def game():
    players = {name: Player(Number(), optax.sgd(rate)) for name, rate in RATES.items()}
    x, label = jnp.ones((2,)), jnp.zeros(2, jnp.int32)
    table = init_players(players, jax.random.key(0), dict.fromkeys(players, (x, label)))
    return players, table, x, label


def weights(table):
    return {name: float(s.params["weight"]) for name, s in table.players.items()}


def test_the_movers_move_at_once_by_the_sum_of_all_terms_and_the_others_stand(game):
    players, table, x, label = game

    def stake(nets):
        a, stats = nets["a"](x, label)
        b, _ = nets["b"](x, label)
        c, _ = nets["c"](x, label)
        terms = {
            "a": {"loss": (a * b).mean(), "far": 3 * a.mean()},
            "b": {"loss": (b * c).mean()},
        }
        return Objective(terms, rows=a, stats={"a": stats})

    moved, terms, seen = turn(players, ONE, table, table.key, ("a", "b"), stake)
    # Of the sum a b + 3 a + b c at 2, 2, 2.
    wanted = {"a": 2 - 0.1 * (2 + 3), "b": 2 - 0.5 * (2 + 2), "c": 2.0}
    assert weights(moved) == pytest.approx(wanted)
    assert {k: float(v) for k, v in terms["a"].items()} == {"loss": 4.0, "far": 6.0}
    assert terms["b"] == {"loss": 4.0}
    np.testing.assert_array_equal(seen, 2 * x)
    calls = {name: s.stats["stats"]["calls"] for name, s in moved.players.items()}
    assert calls == {"a": 1, "b": 0, "c": 0}, "only what a turn gives back is kept"


def test_gradients_and_terms_are_means_over_replicas(game):
    players, table, _, label = game
    on = Devices(mean=partial(jax.lax.pmean, axis_name="data"))
    rows = jnp.array([[1.0, 2.0], [3.0, 6.0]])

    def replica(x):
        stake = lambda nets: Objective({"a": {"loss": nets["a"](x, label)[0].mean()}})
        return turn(players, on, table, table.key, ("a",), stake)[:2]

    moved, terms = jax.vmap(replica, axis_name="data")(rows)
    np.testing.assert_allclose(terms["a"]["loss"], 2 * rows.mean(), rtol=1e-6)
    wanted = 2 - 0.1 * rows.mean()
    np.testing.assert_allclose(moved.players["a"].params["weight"], wanted, rtol=1e-6)


def test_every_replica_knows_the_whole_batch_and_which_rows_are_its_own():
    rows = jnp.arange(24.0).reshape(4, 3, 2)  # of four replicas, three each

    def replica(part):
        index = lambda: jax.lax.axis_index("data")
        on = Devices(partial(jax.lax.pmean, axis_name="data"), index, count=4)
        whole = all_rows(on, part)
        return whole, rows_of_device(on, whole)

    whole, back = jax.vmap(replica, axis_name="data")(rows)
    for each in whole:
        np.testing.assert_array_equal(each, rows.reshape(12, 2))
    np.testing.assert_array_equal(back, rows)
    assert all_rows(ONE, rows) is rows and rows_of_device(ONE, rows) is rows
