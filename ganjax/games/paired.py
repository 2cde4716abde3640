"""The game of paired image-to-image translation: G makes y of x, and the true y is known.

It is pix2pix (Isola et al., 2017) in general form: G's objective has, besides D's loss,
distances between G's y and the true one. `Task.d_input` says what D judges, both images
together as in pix2pix, or y alone as in super-resolution.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.core import (
    ONE,
    Devices,
    Game,
    ImageToImage,
    Loss,
    Pair,
    Player,
    PyTree,
    Turns,
    as_turns,
    check_turns,
    output,
)
from ganjax.games.multiplayer import (
    MultiplayerState,
    Objective,
    init_players,
    turn,
    variables,
)
from ganjax.games.translation import View, no_latents, unlabeled
from ganjax.modalities import IMAGES


MakePair = Callable[[Key[Array, " b"], PyTree], Pair]  # keys, examples -> x and its y
Distance = Callable[[Array, Array], Array]  # (G's y, y) -> scalar


class Task(NamedTuple):
    """A task of paired translation.

    Attributes:
        pair: (keys, examples in -1..1) -> x and y. It may take the two images of a `Pair`,
            or make x from a single image, as colorization does.
        view: which part of the stored images is used.
        d_input: (x, y) -> the input of D, such as `joined`.
        distances: further terms of G's objective, by the name they are logged under.
    """

    pair: MakePair
    view: View
    d_input: Callable[[Array, Array], Array]
    distances: Mapping[str, Distance]


def joined(x: Float[Array, "b h w c"], y: Float[Array, "b h w d"]) -> Array:
    """Concatenates x and y along the channels, pix2pix's input of D."""
    return jnp.concatenate([x, y], axis=-1)


def paired(g: Player, d: Player, loss: Loss, task: Task) -> Game:
    """Makes the game in which D moves, then G against the new D, both on G's batch.

    A sample's condition is x. Pictures and scores use the middle of each image.

    Args:
        g: its network maps x to y.
        d: its network takes what `task.d_input` makes.
        loss: the adversarial loss of both.
        task: what x and y are.
    """
    players = {"g": g, "d": d}

    # Always with the same keys, so that pictures and scores of all steps have the same x.
    def middle(x):
        x = task.view.middle(x)
        return task.pair(ONE.keys(jax.random.key(0), len(jax.tree.leaves(x)[0])), x)

    def init(key, turns):
        turns = as_turns(turns)
        check_turns(turns, ("g",))
        task.view.check(turns.g.x)
        x, y = middle(turns.g.x)
        label = unlabeled(x)
        inputs = {"g": (x, label), "d": (task.d_input(x, y), label)}
        return init_players(players, key, inputs)

    def step(
        state: MultiplayerState, turns: Turns, on: Devices = ONE
    ) -> tuple[MultiplayerState, PyTree]:
        key = jax.random.fold_in(state.key, state.step)
        view_key, pair_key, d_key, g_key = jax.random.split(key, 4)
        n = len(turns.g.label)
        seen = task.view.jitter(on.keys(view_key, n), turns.g.x)
        x, y = task.pair(on.keys(pair_key, n), seen)
        label = unlabeled(x)

        # Real pairs first; generated ones follow with the statistics that those left.
        def judge(nets, made):
            real, stats = nets["d"](task.d_input(x, y), label)
            fake, stats = nets["d"](task.d_input(x, made), label, stats=stats)
            return real, fake, stats

        def discriminator_loss(nets):
            made = output(nets["g"])(x, label)
            real, fake, stats = judge(nets, made)
            return Objective({"d": {"loss": loss.d(real, fake)}}, stats={"d": stats})

        def generator_loss(nets):
            made, stats = nets["g"](x, label)
            real, fake, _ = judge(nets, made)
            terms = {"loss": loss.g(real, fake)}
            for name, distance in task.distances.items():
                terms[name] = distance(made, y)
            return Objective({"g": terms}, stats={"g": stats})

        state, d_logs, _ = turn(players, on, state, d_key, ("d",), discriminator_loss)
        state, g_logs, _ = turn(players, on, state, g_key, ("g",), generator_loss)
        return replace(state, step=state.step + 1), g_logs | d_logs

    def generate(state, z, x, key):
        rngs = {"noise": key}
        label = unlabeled(x)
        made: Any = g.net.apply(variables(state, "g"), x, label, train=False, rngs=rngs)
        return made

    return Game(
        init=init,
        step=step,
        latents=no_latents,
        generate=generate,
        modality=IMAGES,
        conditions=ImageToImage(source=lambda x: middle(x)[0], paired=True),
        real=lambda x: middle(x)[1],
    )
