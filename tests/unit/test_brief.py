"""States and games are short when they are printed, and still compare as before."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ganjax as gx
from ganjax.games import posthoc_ema
from ganjax.games.pool import empty
from tests.helpers.runs import game, train


@pytest.fixture(scope="module")
def made():
    turns = gx.turns(np.zeros((16, 2), np.float32))
    return game(regularizers={"r1": gx.regularizers.r1(1.0)}), turns


def test_a_state_has_scalars_and_counts(made):
    a_game, turns = made
    state = a_game.init(jax.random.key(0), turns)
    numbers = sum(x.size for x in jax.tree.leaves(state.d.params))
    arrays = len(jax.tree.leaves(state.d.params))
    text = repr(state)
    assert text.startswith("State(step=0, key=key<fry>[], g=PlayerState(params=<")
    assert f"d=PlayerState(params=<{numbers:,} numbers in {arrays} arrays>" in text
    assert "\n" not in text and len(text) < 500
    assert "step=3," in repr(replace(state, step=np.int32(3)))


def test_shapes_traces_and_states_that_are_gone_are_printed_too(made):
    a_game, turns = made
    shapes = jax.eval_shape(a_game.init, jax.random.key(0), turns)
    assert repr(shapes).startswith("State(step=int32[], key=key<fry>[], g=")
    seen = []
    step = jax.jit(lambda state: seen.append(repr(state)) or state, donate_argnums=0)
    state = a_game.init(jax.random.key(0), turns)
    step(state)
    assert seen == [repr(shapes)]
    state.step.delete()
    assert repr(state) == repr(shapes)


def test_states_of_other_games_are_short_too(made):
    a_game, turns = made
    state = posthoc_ema(a_game, (0.1,)).init(jax.random.key(0), turns)
    assert repr(state).startswith("PosthocEMAState(game=State(step=0")
    pool = repr(empty(jnp.zeros((2, 2, 1)), 3))
    assert pool == "Pool(images=float32[3,2,2,1], count=0)"


def test_players_and_games_are_named_by_their_networks(made):
    a_game, _ = made
    adam = optax.adam(1e-3)
    terms = {"r1": gx.regularizers.r1(1.0)}
    player = gx.Player(gx.models.mlp.Discriminator(), adam, terms)
    assert repr(player) == "Player(Discriminator, regularizers=['r1'])"
    assert repr(player._replace(regularizers={})) == "Player(Discriminator)"
    gan = gx.GAN(player, player, gx.losses.hinge(), gx.priors.normal(2))
    assert repr(gan) == f"GAN(g={player!r}, d={player!r})"
    assert repr(a_game) == "Game(train_step, points, Labels(classes=0))"
    # They are still tuples, which compare by what they hold.
    assert gan == gan._replace() and hash(adam) == hash(gan.g.optim)
    assert gan != gan._replace(prior=gx.priors.normal(3))
    assert a_game == a_game._replace() and len({id(x) for x in a_game}) > 4


def test_a_loaded_run_is_one_line(tmp_path):
    train(tmp_path, scores=False)
    run = gx.load(tmp_path, game=game())
    says = "Loaded(Game(train_step, points, Labels(classes=0)), step=8, classes=8)"
    assert repr(run) == says
