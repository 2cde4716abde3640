"""New ideas in files of their own: a loss, a penalty, another game."""

import dataclasses
import inspect
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax

import ganjax
from ganjax import Game, augment, losses
from ganjax.data import Spec
from ganjax.gan import GAN, ONE, Loss, Player, Turn, normal, points
from ganjax.models import mlp
from ganjax.regularizers import stateless
from ganjax.run import Flat, Run
from ganjax.step import game
from tests.support import apart, arrays, same


@dataclasses.dataclass(frozen=True)
class Args:
    run: Flat[Run]


def hardest(share: float) -> Loss:
    """G learns from the fakes that D likes least (a loss of fifteen lines or fewer)."""

    def g(real, fake):
        count = max(1, int(len(fake) * share))
        return -jnp.sort(fake)[:count].mean()

    return losses.hinge()._replace(g=g)


def flip_agreement(weight: float):
    """D is to judge a point and its mirror image alike."""

    def value(turn: Turn):
        mirrored = turn.real.d(turn.real.image * jnp.asarray([-1.0, 1.0])[None])
        return weight * jnp.mean((mirrored - turn.real.logits) ** 2)

    return stateless(value)


def new_ideas() -> Game:
    adam = optax.adam(1e-3)
    return game(
        GAN(
            g=Player(mlp.Generator(shape=(2,), width=8, output=mlp.linear), adam),
            d=Player(mlp.Discriminator(width=8), adam, {"flip": flip_agreement(0.1)}),
            loss=hardest(0.5),
            augment=augment.identity(),
            prior=normal(2),
            ema=optax.constant_schedule(0.9),
            decode=points,
        )
    )


@flax.struct.dataclass
class Three:
    """Two generators against one discriminator: each makes half of the fakes."""

    step: Any
    key: Any
    params: Any  # {"g": the two, stacked; "d": ...}
    opt: Any


def two_generators() -> Game:
    g = mlp.Generator(shape=(2,), width=8, output=mlp.linear)
    d = mlp.Discriminator(width=8)
    adam, loss = optax.adam(1e-3), losses.non_saturating()

    def init(key, turns):
        label = turns.g.label
        z = jnp.zeros((len(label), 2))
        make = lambda key: g.init(key, z, label, train=False)
        pair = jax.vmap(make)(jax.random.split(key))
        params = {"g": pair, "d": d.init(key, turns.g.image, label, train=False)}
        opt = {who: adam.init(params[who]) for who in params}
        return Three(jnp.zeros((), jnp.int32), key, params, opt)

    def fakes(params, key, label):
        z = jax.vmap(partial(jax.random.normal, shape=(2,)))(ONE.keys(key, len(label)))
        both = jax.vmap(partial(g.apply, train=True), (0, None, None))(params, z, label)
        first = (jnp.arange(len(label)) % 2 == 0)[:, None]
        return jnp.where(first, both[0], both[1])

    def step(state, turns, on=ONE):
        keys = jax.random.split(jax.random.fold_in(state.key, state.step))

        def objective(params, who, key, batch):
            seat = {**state.params, who: params}
            image, label = batch
            see = lambda image: d.apply(seat["d"], image, label, train=True)
            return getattr(loss, who)(see(image), see(fakes(seat["g"], key, label)))

        def move(state, who, key, batch):
            value, grads = jax.value_and_grad(objective)(
                state.params[who], who, key, batch
            )
            updates, opt = adam.update(on.mean(grads), state.opt[who])
            new = optax.apply_updates(state.params[who], updates)
            return value, state.replace(
                params=state.params | {who: new}, opt=state.opt | {who: opt}
            )

        d_loss, state = move(state, "d", keys[0], jax.tree.map(lambda x: x[0], turns.d))
        g_loss, state = move(state, "g", keys[1], turns.g)
        logs = {"d": {"loss": on.mean(d_loss)}, "g": {"loss": on.mean(g_loss)}}
        return state.replace(step=state.step + 1), logs

    sample = lambda state, key, label: fakes(state.params["g"], key, label)
    return Game(init, step, sample, points)


def train(made, folder, **changes):
    flags = {"steps": 8, "batch": 16, "log_every": 1, "save_every": 4} | changes
    return ganjax.train(Args(Run(str(folder), **flags)), made, Spec("ring"))


def test_a_new_loss_and_a_new_penalty_are_short_and_play(tmp_path):
    for idea in (hardest, flip_agreement):
        assert len(inspect.getsource(idea).strip().splitlines()) <= 15
    state = train(new_ideas(), tmp_path / "run")
    assert "d/flip" in (tmp_path / "run" / "metrics.jsonl").read_text()
    assert int(state.step) == 8


def test_another_game_trains_resumes_and_is_sampled_like_any(tmp_path):
    made = two_generators()
    whole = train(made, tmp_path / "whole")
    train(made, tmp_path / "half", steps=4)
    same(train(made, tmp_path / "half"), whole)
    loaded = ganjax.load(tmp_path / "whole", game=made)
    assert loaded.sample(6).shape == (6, 2)
    assert (tmp_path / "whole" / "report.html").exists()


def test_another_game_plays_on_eight_devices(tmp_path):
    made = two_generators()
    alone = train(made, tmp_path / "jit", devices="jit")
    shared = train(made, tmp_path / "shard", devices="shard")
    assert max(apart(alone, shared).values()) <= 1e-5
    mapped = train(made, tmp_path / "pmap", devices="pmap")
    assert all(np.isfinite(x).all() for x in arrays(mapped).values())
