"""Networks that are made of functions and of NNX modules."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import ganjax as gx
from ganjax.modalities import POINTS
from tests.helpers.states import same


def init(key, x, label):
    return [{"w": 0.1 * jax.random.normal(key, (x.shape[-1], 2)), "b": jnp.zeros(2)}]


def apply(weights, x, label):
    return x @ weights[0]["w"] + weights[0]["b"][None] + 0 * label[:, None]


class Layers(nnx.Module):
    """A linear layer, batch norm and dropout."""

    def __init__(self, size, out, rngs):
        self.first = nnx.Linear(size, 8, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.Linear(8, out, rngs=rngs)

    def __call__(self, x, label):
        x = self.drop(jax.nn.relu(self.norm(self.first(x))))
        x = self.last(x)
        return x[:, 0] if x.shape[-1] == 1 else x


def logits(weights, x, label):
    return (x @ weights[0]["w"]).sum(-1)


PLAYERS = {
    "functions": (gx.from_functions(init, apply), gx.from_functions(init, logits)),
    "nnx": (
        gx.from_nnx(lambda rngs: Layers(2, 2, rngs)),
        gx.from_nnx(lambda rngs: Layers(2, 1, rngs)),
    ),
}


@pytest.mark.parametrize("kind", PLAYERS)
def test_a_network_of_ones_own_trains_is_saved_and_sampled(kind, tmp_path):
    adam = optax.adam(1e-2)
    g, d = (gx.Player(net, adam) for net in PLAYERS[kind])
    game = gx.game(gx.GAN(g, d, gx.losses.hinge(), gx.priors.normal(2)), POINTS)
    states = {}
    for devices in ("jit", "shard"):
        run = gx.Run(str(tmp_path / devices), 4, 16, devices=devices, scores=False)
        states[devices] = gx.train(game, "ring", run)
    loaded = gx.load(tmp_path / "jit", game=game)
    same(loaded.state, states["jit"])
    assert loaded.sample(3).shape == (3, 2)
    first = game.init(jax.random.key(0), np.zeros((16, 2), np.float32))
    moved = jax.tree.map(lambda a, b: np.any(a != b), first.g, states["jit"].g)
    assert any(jax.tree.leaves(moved.params))
    # Dropout is drawn for a whole batch at once, so only what has none is the same.
    if kind == "functions":
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
            states["jit"].g,
            states["shard"].g,
        )


def test_nnx_modules_compute_what_they_do_by_themselves():
    net = PLAYERS["nnx"][0]
    x, label = jnp.linspace(-1, 1, 12).reshape(6, 2), jnp.zeros(6, int)
    variables = net.init(jax.random.key(3), x, label)
    alone = Layers(2, 2, nnx.Rngs(0))
    state = nnx.state(alone, nnx.Param)
    nnx.replace_by_pure_dict(state, variables["params"]["weights"])
    nnx.update(alone, state)
    alone.eval()
    np.testing.assert_allclose(
        net.apply(variables, x, label), alone(x, label), rtol=1e-6
    )

    rngs = {"dropout": jax.random.key(0)}
    play = lambda rngs: net.apply(
        variables, x, label, train=True, mutable=["stats"], rngs=rngs
    )
    made, after = play(rngs)
    assert not np.allclose(made, net.apply(variables, x, label))
    other, _ = play({"dropout": jax.random.key(1)})
    assert not np.allclose(made, other), "each step has a dropout of its own"
    np.testing.assert_array_equal(made, play(rngs)[0])
    mean = after["stats"]["nnx"]["norm"]["mean"]
    hidden = alone.first(x)
    np.testing.assert_allclose(mean, 0.01 * hidden.mean(0), rtol=1e-3, atol=1e-6)
