"""Games of pairs: what D has seen after a step, and of what."""

import flax.linen as nn
import jax
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
