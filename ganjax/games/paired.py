"""The game of paired translation: G makes y of x, and the true y is known.

It is pix2pix (Isola et al., 2017) in general form: G's objective has, besides D's loss,
distances between G's y and the true one. `Task.d_input` says what D judges, both images
together as in pix2pix, or y alone as in super-resolution. Where D has several parts, the
loss is summed over them, and their features can be compared, too, as vocoders do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from operator import add
from typing import Any, NamedTuple, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.core import (
    ONE,
    Conditions,
    Devices,
    Game,
    ImageToImage,
    Loss,
    Modality,
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
    l1,
    turn,
    variables,
)
from ganjax.games.translation import no_latents, unlabeled
from ganjax.layers.judgment import Judgment
from ganjax.modalities import IMAGES


class View(Protocol):
    """Which part of a stored example is used, as `translation.View` has it of images."""

    def middle(self, x: PyTree) -> PyTree:
        """Returns the part that pictures and scores have."""
        ...

    def check(self, x: PyTree) -> None:
        """Raises a `UsageError` for examples that are too small."""
        ...

    def jitter(self, keys: Key[Array, " b"], x: PyTree) -> PyTree:
        """Returns a random part of each example."""
        ...


Judge = Callable[..., list[Judgment]]  # (D, its input, label, train) -> outputs
MakePair = Callable[[Key[Array, " b"], PyTree], Pair]  # keys, examples -> x and its y
Distance = Callable[[Array, Array], Array]  # (G's y, y) -> scalar
Features = Sequence[Sequence[Array]]  # of each part of D, those of each layer
FeatureDistance = Callable[[Features, Features], Array]  # (of G's y, of y) -> scalar


def whole(net: nn.Module, x: Array, label: Array, *, train: bool) -> list[Judgment]:
    """Calls a D of one part."""
    return [Judgment(net(x, label, train=train))]


def of_parts(net: nn.Module, x: Array, label: Array, *, train: bool) -> list[Judgment]:
    """Calls a D of several parts by its method `judge`, as `vocoder_discriminators` has."""
    return net.judge(x, label, train=train)  # pyright: ignore[reportAttributeAccessIssue]


class Task(NamedTuple):
    """A task of paired translation.

    Attributes:
        pair: (keys, examples in -1..1) -> x and y. It may take the two images of a `Pair`,
            or make x from a single image, as colorization does.
        view: which part of the stored images is used.
        d_input: (x, y) -> the input of D, such as `joined`.
        distances: further terms of G's objective, by the name they are logged under.
        judge: how D is called, `whole` or `of_parts`.
        feature_distances: further terms of G's objective, of D's features of G's y and of
            the true one.
    """

    pair: MakePair
    view: View
    d_input: Callable[[Array, Array], Array]
    distances: Mapping[str, Distance]
    judge: Judge = whole
    feature_distances: Mapping[str, FeatureDistance] = {}


PAIRED_IMAGES = partial(ImageToImage, paired=True)


def joined(x: Float[Array, "b h w c"], y: Float[Array, "b h w d"]) -> Array:
    """Concatenates x and y along the channels, pix2pix's input of D."""
    return jnp.concatenate([x, y], axis=-1)


def feature_matching(made: Features, real: Features) -> Float[Array, ""]:
    """Returns the sum over all layers of D of the mean absolute difference of features.

    It is the feature loss of MelGAN (Kumar et al., 2019, eq. 4) and HiFi-GAN (Kong et al.,
    2020, eq. 6). The features of the true y are no constants, as D does not move meanwhile.
    """
    parts = zip(made, real, strict=True)
    pairs = [pair for part in parts for pair in zip(*part, strict=True)]
    return sum((l1(a, b) for a, b in pairs), jnp.zeros(()))


def paired(
    g: Player,
    d: Player,
    loss: Loss,
    task: Task,
    modality: Modality = IMAGES,
    ask: Callable[..., Conditions] = PAIRED_IMAGES,
) -> Game:
    """Makes the game in which D moves, then G against the new D, both on G's batch.

    A sample's condition is x. Pictures and scores use the middle of each example.

    Args:
        g: its network maps x to y.
        d: its network takes what `task.d_input` makes.
        loss: the adversarial loss of both.
        task: what x and y are.
        modality: the kind of data.
        ask: makes the game's conditions of their `source`, which gives the x of examples.
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
            net = partial(nets["d"], method=task.judge)
            real, stats = net(task.d_input(x, y), label)
            fake, stats = net(task.d_input(x, made), label, stats=stats)
            return real, fake, stats

        def summed(side, real, fake):
            pairs = zip(real, fake, strict=True)
            return reduce(add, [side(a.logits, b.logits) for a, b in pairs])

        def discriminator_loss(nets):
            made = output(nets["g"])(x, label)
            real, fake, stats = judge(nets, made)
            loss_of_d = summed(loss.d, real, fake)
            return Objective({"d": {"loss": loss_of_d}}, stats={"d": stats})

        def generator_loss(nets):
            made, stats = nets["g"](x, label)
            real, fake, _ = judge(nets, made)
            terms = {"loss": summed(loss.g, real, fake)}
            for name, distance in task.distances.items():
                terms[name] = distance(made, y)
            features = [[part.features for part in side] for side in (fake, real)]
            for name, distance in task.feature_distances.items():
                terms[name] = distance(*features)
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
        modality=modality,
        conditions=ask(source=lambda x: middle(x)[0]),
        real=lambda x: middle(x)[1],
    )
