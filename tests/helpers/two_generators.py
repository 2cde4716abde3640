"""A game of another kind: two generators against one discriminator."""

from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from ganjax import Game, losses
from ganjax.core import ONE
from ganjax.modalities import POINTS
from ganjax.models import mlp


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
        params = {"g": pair, "d": d.init(key, turns.g.x, label, train=False)}
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

    return Game(
        init=init,
        step=step,
        latents=lambda key, n: (),
        generate=lambda state, z, label, key: fakes(state.params["g"], key, label),
        modality=POINTS,
    )
