"""Games of pairs: what D has seen after a step, and of what."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import Player, losses
from ganjax.core import Batch, Pair, Turns, pixels
from ganjax.games.paired import Task, joined, paired
from ganjax.games.translation import View
from tests.helpers.witness import Witness


class Painter(nn.Module):
    """G: an image of one shade."""

    @nn.compact
    def __call__(self, x, label, *, train):
        return x * 0 + self.param("shade", nn.initializers.zeros, ())


BESIDE = {
    "both": (joined, 2),
    "y alone": (lambda x, y: y, 1),
}


@pytest.mark.parametrize("name", BESIDE)
def test_d_keeps_what_it_notices_of_real_pairs_and_then_of_g_s(name):
    beside, channels = BESIDE[name]
    sgd = optax.sgd(0.0)
    game = paired(
        Player(Painter(), sgd),
        Player(Witness(), sgd),
        losses.hinge(),
        Task(lambda keys, x: x, View(4, flip=False), beside, {}),
    )
    image = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 4, 1), np.uint8)
    x, y = pixels(image)
    label = np.zeros(3, np.int32)
    g = Batch(Pair(x, y), label)
    turns = Turns(jax.tree.map(lambda leaf: leaf[None], g), g)
    state = game.init(jax.random.key(0), turns)
    after, _ = jax.jit(game.step)(state, turns)
    stats = after.players["d"].stats["stats"]
    assert stats["times"] == 2, "once the real pairs, once G's; not on G's turn"
    # The real pass has x and y, the other x and G's gray, which is 0.
    wanted = [2 * x.mean(), y.mean()][-channels:]
    np.testing.assert_allclose(stats["seen"], wanted, rtol=1e-5, atol=1e-6)


class Scaled(nn.Module):
    """G: x times a number, brighter in training."""

    @nn.compact
    def __call__(self, x, label, *, train):
        return x * self.param("weight", nn.initializers.constant(2.0), ()) + 0.5 * train


class Sum(nn.Module):
    """D: a number times its first channel's mean, less its last one's."""

    @nn.compact
    def __call__(self, x, label, *, train):
        weight = self.param("weight", nn.initializers.constant(0.7), ())
        return weight * (3 * x[..., 0] - x[..., -1]).mean((1, 2))


def test_d_moves_by_its_loss_then_g_by_its_own_and_the_distances():
    """Of the real pair and G's, beside the same x."""
    image = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4, 4, 1)).astype(np.float32)
    x, y = image
    sgd = optax.sgd(0.1)
    task = Task(
        lambda keys, pair: pair,
        View(4, flip=False),
        joined,
        {"far": lambda made, y: 5 * ((made - y) ** 2).mean()},
    )
    game = paired(Player(Scaled(), sgd), Player(Sum(), sgd), losses.wasserstein(), task)
    label = np.zeros(3, np.int32)
    other = Pair(-image[:1], image[:1])
    turns = Turns(
        Batch(other, label[None]), Batch(Pair(*map(jnp.asarray, image)), label)
    )
    start = game.init(jax.random.key(0), turns)
    after, logs = jax.jit(game.step)(start, turns)
    made = 2 * x + 0.5
    gap = (3 * x - made).mean() - (3 * x - y).mean()
    np.testing.assert_allclose(logs["d"]["loss"], 0.7 * gap, rtol=1e-4)
    weight = 0.7 - 0.1 * gap
    np.testing.assert_allclose(after.players["d"].params["weight"], weight, rtol=1e-5)
    np.testing.assert_allclose(
        logs["g"]["loss"], -weight * (3 * x - made).mean(), rtol=1e-4
    )
    np.testing.assert_allclose(
        logs["g"]["far"], 5 * ((made - y) ** 2).mean(), rtol=1e-5
    )
    slope = weight * x.mean() + 10 * ((made - y) * x).mean()
    moved = 2 - 0.1 * slope
    np.testing.assert_allclose(after.players["g"].params["weight"], moved, rtol=1e-4)
    assert after.step == 1
    drawn = game.sample(after, jax.random.key(1), jnp.asarray(x))
    np.testing.assert_allclose(drawn, moved * x, rtol=1e-4, atol=1e-6)


class Drawn(Exception):
    """The pairs of a step were to be made."""


def test_a_game_of_pairs_asks_for_x_and_compares_with_y_of_the_middle():
    """Always with the same keys, one for each row; in training with keys of the step."""
    seen, playing = [], []

    def pair(keys, x):
        seen.append(np.asarray(jax.random.key_data(keys)))
        if playing:
            raise Drawn
        return Pair(x, 2 * x)

    sgd = optax.sgd(0.1)
    task = Task(pair, View(2, 2), joined, {})
    game = paired(Player(Scaled(), sgd), Player(Sum(), sgd), losses.hinge(), task)
    image = jnp.arange(2.0 * 4 * 4).reshape(2, 4, 4, 1)
    middle = np.asarray(image)[:, 1:3, 1:3]
    condition = game.conditions.make(2, 0, lambda n: image[:n])
    np.testing.assert_array_equal(condition, middle)
    np.testing.assert_array_equal(game.real(image), 2 * middle)
    np.testing.assert_array_equal(seen[0], seen[1])
    assert len(np.unique(seen[0], axis=0)) == 2
    label = np.zeros(2, np.int32)
    turns = Turns(Batch(image[None], label[None]), Batch(image, label))
    state = game.init(jax.random.key(0), turns)
    seen.clear()
    playing.append(True)
    for step in range(2):
        with pytest.raises(Drawn):
            game.step(state.replace(step=jnp.int32(step)), turns)
    assert len(np.unique(np.concatenate(seen), axis=0)) == 4
