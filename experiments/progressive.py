"""Progressive growing (Karras et al., 2018): from 4x4 images to large ones in one run.

As in the authors' code, real images counted: 600,000 at 4x4, then for every further side
600,000 while its layers fade in and 600,000 more. Both optimizers begin anew at either.
WGAN-GP and a drift of 0.001, one D turn a step. The program has a branch for each stage,
so that a small stage costs little; a population (`--seeds`) computes all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

import ganjax as gx
from ganjax.models import resnet


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/progressive", steps=937_500, batch=16)
    data: str = "tfds:celeb_a"
    size: gx.PositiveInt = 128
    """Height and width of the images in the end, 4 doubled a few times."""
    channels: gx.PositiveInt = 3
    latent: gx.PositiveInt = 512
    width: gx.PositiveInt = 512
    """The most channels that a layer has."""
    stable: gx.PositiveInt = 600_000
    """Real images that a stage sees while nothing fades."""
    fade: gx.PositiveInt = 600_000
    """Real images that a stage sees while its layers fade in."""
    lr: gx.PositiveFloat = 1e-3
    penalty: gx.NonNegativeFloat = 10.0
    drift: gx.NonNegativeFloat = 1e-3


TINY = Args(
    gx.Run("runs/tiny_progressive", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=4,
    width=4,
    stable=8,
    fade=32,
)


class Growth(NamedTuple):
    """The sides of the stages, and how far they have come after some steps."""

    sides: list[int]
    level: Callable[[Any], Array]  # step -> 0 for 4x4, 1 for 8x8; in between 8x8 fades


def growth(args: Args) -> Growth:
    sides = gx.models.progressive.sides(args.size)

    def level(step):
        seen = jnp.maximum(step, 0) * args.run.batch
        whole, rest = jnp.divmod(seen, args.stable + args.fade)
        part = jnp.maximum(rest - args.stable, 0) / args.fade
        return jnp.minimum(whole + part, len(sides) - 1)

    return Growth(sides, level)


def choose(stages: Growth, step: Array, each: Callable, *args: Any) -> Any:
    """`each(side, alpha)` of the stage that a step belongs to, called with `args`."""
    level = stages.level(step)
    stage = jnp.ceil(level)
    branches = [each(side, 1 + level - stage) for side in stages.sides]
    return jax.lax.switch(stage.astype(int), branches, *args)


def at(gan: gx.GAN, side: int, alpha: Array) -> gx.GAN:
    """The GAN of one stage: its networks."""
    return gan._replace(
        g=gan.g._replace(net=gan.g.net.clone(side=side, alpha=alpha)),
        d=gan.d._replace(net=gan.d.net.clone(alpha=alpha)),
    )


def train_stage(
    gan: gx.GAN,
    state: gx.core.State,
    turns: gx.Turns,
    on: gx.core.Devices,
    side: int,
    alpha: Array,
) -> tuple[gx.core.State, gx.core.PyTree]:
    """One step of a stage, on real images of its side."""

    def shown(batch):
        return batch._replace(
            x=gx.models.progressive.downsample_real(batch.x, side, alpha)
        )

    d = jax.vmap(shown)(turns.d)
    return gx.core.train_step(
        at(gan, side, alpha), state, gx.Turns(d, shown(turns.g)), on
    )


def step(
    gan: gx.GAN,
    stages: Growth,
    state: gx.core.State,
    turns: gx.Turns,
    on: gx.core.Devices = gx.core.ONE,
) -> tuple[gx.core.State, gx.core.PyTree]:
    def each(side, alpha):
        return lambda state, turns: train_stage(gan, state, turns, on, side, alpha)

    after, logs = choose(stages, state.step, each, state, turns)
    return after, logs | {"g": logs["g"] | {"level": stages.level(state.step)}}


def enlarged(
    gan: gx.GAN,
    stages: Growth,
    state: gx.core.State,
    z: Array,
    label: Array,
    key: Array,
) -> Array:
    """Images of the last side, whatever the side of the stage."""

    def each(*stage):
        def enlarged(*args):
            image = gx.core.generate(at(gan, *stage), *args)
            while image.shape[1] < stages.sides[-1]:
                image = resnet.double(image)
            return image

        return enlarged

    return choose(stages, state.step, each, state, z, label, key)


class Restarted(NamedTuple):
    """How many updates there have been, and the state of the optimizer since it began."""

    count: Array
    inner: gx.core.PyTree


def restarted(
    optim: optax.GradientTransformation, stages: Growth
) -> optax.GradientTransformation:
    """`optim`, which begins anew where something begins, or has ceased, to fade."""

    def first(params):
        return Restarted(jnp.zeros((), jnp.int32), optim.init(params))

    def update(
        updates: gx.core.PyTree, state: gx.core.PyTree, params: gx.core.PyTree = None
    ):
        ends = lambda level: jnp.stack([jnp.floor(level), jnp.ceil(level)])
        before, now = (ends(stages.level(state.count - i)) for i in (1, 0))
        new = partial(jnp.where, jnp.any(before != now))
        inner = jax.tree.map(new, optim.init(params), state.inner)
        updates, inner = optim.update(updates, inner, params)
        return updates, Restarted(state.count + 1, inner)

    return optax.GradientTransformation(first, update)


def make(args: Args) -> gx.Game:
    stages = growth(args)
    adam = restarted(optax.adam(args.lr, b1=0.0, b2=0.99), stages)
    drift = gx.regularizers.stateless(
        lambda turn: args.drift * jnp.mean(turn.real.logits**2)
    )
    terms = {
        "gradient_penalty": gx.regularizers.gradient_penalty(args.penalty),
        "drift": drift,
    }
    g = gx.models.progressive.Generator(args.size, args.channels, args.width)
    gan = gx.GAN(
        g=gx.Player(g, adam),
        d=gx.Player(gx.models.progressive.Discriminator(args.width), adam, terms),
        loss=gx.losses.wasserstein(),
        prior=gx.priors.normal(args.latent),
    )
    return gx.game(gan)._replace(
        step=partial(step, gan, stages), generate=partial(enlarged, gan, stages)
    )


def main(args: Args):
    return gx.train(
        make(args), gx.Spec(args.data, args.size, args.channels), args.run, config=args
    )


if __name__ == "__main__":
    gx.command(main)
