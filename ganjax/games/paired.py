"""Games in which every x has its y: G makes y of x and is also told how far it was off.

D judges whatever `beside` makes of x and y: both (Isola et al., 2017), or y alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.games.table import Stake, Table, seat, turn
from ganjax.games.translation import View, check_pair, unlabelled
from ganjax.gan import (
    ONE,
    Devices,
    Game,
    Loss,
    Player,
    PyTree,
    Turns,
    check_turns,
    pixels,
    stored,
)
from ganjax.step import output


Pair = Callable[[Key[Array, " b"], Array], tuple[Array, Array]]  # keys, images -> x, y
Distance = Callable[[Array, Array], Array]  # (G's y, y) -> scalar


class Task(NamedTuple):
    """What is to be made of what, and how it is seen."""

    pair: Pair  # of images as they are seen, -1..1
    view: View
    beside: Callable[[Array, Array], Array]  # (x, y) -> what D judges
    distances: Mapping[str, Distance]  # what G pays besides, by name


def joined(x: Float[Array, "b h w c"], y: Float[Array, "b h w d"]) -> Array:
    """Both as channels of one image."""
    return jnp.concatenate([x, y], axis=-1)


def halves(keys: Key[Array, " b"], image: Float[Array, "b h w c"]) -> tuple:
    """x and y as they lie one behind the other."""
    check_pair(image)
    c = image.shape[-1] // 2
    return image[..., :c], image[..., c:]


def paired(g: Player, d: Player, loss: Loss, task: Task) -> Game:
    """D moves, then G against the new D, both on G's batch.

    A sample is asked for by x as bytes [n, h, w, c]; for pictures and scores x is made of
    the middle of images, as `pair` makes it with the same keys always.
    """
    players = {"g": g, "d": d}

    def middle(images):
        image = pixels(task.view.middle(images))
        return task.pair(ONE.keys(jax.random.key(0), len(image)), image)

    def init(key, turns):
        check_turns(turns, ("g",))
        task.view.check(turns.g.image)
        x, y = middle(jnp.zeros(turns.g.image.shape, turns.g.image.dtype))
        label = unlabelled(x)
        inputs = {"g": (x, label), "d": (task.beside(x, y), label)}
        return seat(players, key, inputs)

    def step(state: Table, turns: Turns, on: Devices = ONE) -> tuple[Table, PyTree]:
        key = jax.random.fold_in(state.key, state.step)
        view_key, pair_key, d_key, g_key = jax.random.split(key, 4)
        rows = lambda key: on.keys(key, len(turns.g.label))
        image = task.view.jitter(rows(view_key), pixels(turns.g.image))
        x, y = task.pair(rows(pair_key), image)
        label = unlabelled(x)

        def judge(nets, made):
            real, stats = nets["d"](task.beside(x, y), label)
            fake, stats = nets["d"](task.beside(x, made), label, stats=stats)
            return real, fake, stats

        def tell(nets):
            made = output(nets["g"])(x, label)
            real, fake, stats = judge(nets, made)
            return Stake({"d": loss.d(real, fake)}, stats={"d": stats})

        def make(nets):
            made, stats = nets["g"](x, label)
            real, fake, _ = judge(nets, made)
            terms = {name: far(made, y) for name, far in task.distances.items()}
            return Stake({"g": loss.g(real, fake)} | terms, stats={"g": stats})

        moved, told, _ = turn(players, on, state, d_key, ("d",), tell)
        moved, logs, _ = turn(players, on, moved, g_key, ("g",), make)
        return replace(moved, step=state.step + 1), {"loss": logs | told}

    def sample(state, key, asked):
        seated, rngs = state.players["g"], {"noise": key}
        variables = {"params": seated.params, **seated.stats}
        label = unlabelled(asked)
        made: Any = g.net.apply(variables, pixels(asked), label, train=False, rngs=rngs)
        return made

    def ask(n, classes, images):
        x, _ = middle(images(n))
        return stored(x)

    def show(asked, samples):
        x = jnp.broadcast_to(pixels(asked), (*asked.shape[:3], samples.shape[-1]))
        times = samples.shape[1] // x.shape[1]
        x = x.repeat(times, 1).repeat(times, 2)
        return jnp.concatenate([x, samples], axis=2)

    decode = lambda images: middle(images)[1]
    return Game(init, step, sample, decode, ask, show, classes=0)
