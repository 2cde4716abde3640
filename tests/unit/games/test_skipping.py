from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ganjax as gx
from ganjax.core import train_step
from ganjax.core.types import stream
from ganjax.errors import UsageError
from ganjax.models import mlp
from tests.helpers.states import apart


KEY = jax.random.key(0)


def gan(p):
    adam = optax.adam(1e-2)
    return gx.GAN(
        g=gx.Player(mlp.Generator((2,), width=4, depth=1), adam),
        d=gx.Player(mlp.Discriminator(width=4, depth=1), adam),
        loss=gx.losses.non_saturating(),
        prior=gx.priors.normal(2),
        augment=gx.augment.fixed(lambda key, image, p: image, p),
    )


def turns(n=2):
    x = jax.random.normal(KEY, (n + 1, 8, 2))
    label = jnp.zeros((n + 1, 8), int)
    return gx.core.Turns(gx.Batch(x[:n], label[:n]), gx.Batch(x[n], label[n]))


def played(p, steps, every=16):
    game = gx.games.skipping(gan(p), every, gx.modalities.POINTS)
    step = jax.jit(game.step)
    state, logs = game.init(KEY, turns()), []
    states = [state]
    for _ in range(steps):
        state, log = step(state, turns())
        states.append(state)
        logs.append(log)
    return states, logs


def test_with_a_probability_of_0_it_is_the_usual_game():
    states, logs = played(0.0, 3)
    state = states[0]
    for _ in range(3):
        state, _ = jax.jit(partial(train_step, gan(0.0)))(state, turns())
    # Two programs round in their own order.
    assert max(apart(states[-1], state).values()) < 1e-6
    assert all(float(log["d"]["rests"]) == 0 for log in logs)


def test_a_d_that_always_rests_moves_in_the_steps_that_it_plays_anyhow_alone():
    states, logs = played(1.0, 7, every=3)
    for i, (before, after) in enumerate(zip(states[:-1], states[1:], strict=True)):
        changed = [
            bool((np.asarray(a) != np.asarray(b)).any())
            for a, b in zip(
                jax.tree.leaves(before.d), jax.tree.leaves(after.d), strict=True
            )
        ]
        assert any(changed) == (i % 3 == 0)
        assert float(logs[i]["d"]["rests"]) == float(i % 3 != 0)
        same_g = jax.tree.map(jnp.array_equal, before.g.params, after.g.params)
        assert not all(jax.tree.leaves(same_g))


def test_a_turn_rests_as_often_as_the_probability_says():
    """By the draws themselves, over many keys of turns."""
    keys = jax.random.split(KEY, 4_000)
    drawn = jax.vmap(lambda key: jax.random.uniform(stream(key, "rests")))(keys)
    assert abs(float((drawn < 0.3).mean()) - 0.3) < 4 * (0.21 / 4_000) ** 0.5
    _, logs = played(0.5, 20, every=1_000)
    share = np.mean([float(log["d"]["rests"]) for log in logs[1:]])
    assert 0.15 < share < 0.85


def test_an_augmentation_without_a_probability_is_refused():
    with pytest.raises(UsageError, match="this one has none"):
        gx.games.skipping(gan(0.5)._replace(augment=gx.augment.identity()))
