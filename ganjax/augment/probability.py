"""How often an augmentation acts: never, by a schedule, or as much as D overfits.

The functions here make the `Augment` of a `GAN`, most of them from a `Transform`. Its
state, which is part of the training state, holds the probability p; after each turn of D it
is updated from the mean sign of D's logits on real images.
"""

from functools import partial

import flax.struct
import jax
import jax.numpy as jnp

from ganjax.augment.transform import Transform
from ganjax.core import Augment, Number, PyTree, at


@flax.struct.dataclass
class FixedState:
    """The state of `fixed`."""

    p: PyTree  # float32 scalar


@flax.struct.dataclass
class AdaptiveState:
    """The state of `adaptive`: p, and what was observed since p last changed."""

    p: PyTree  # float32 scalar
    sign: PyTree  # sum over D's turns of the mean sign of its logits on real images
    turns: PyTree  # int32 scalar, the number of these turns


def identity() -> Augment:
    """Returns an `Augment` that does nothing: D sees the images unchanged."""
    return Augment()


def fixed(transform: Transform, p: Number = 1.0) -> Augment:
    """Applies a transform with a probability that is constant or scheduled.

    Args:
        transform: the transform.
        p: a probability, or a schedule from the step to one.
    """

    def state_at(step):
        return FixedState(jnp.asarray(at(p, step), jnp.float32))

    return Augment(
        init=lambda: state_at(jnp.zeros((), jnp.int32)),
        apply=lambda state, key, image: transform(key, image, state.p),
        # The state that a turn leaves behind is read in the next step.
        update=lambda _, sign, step: state_at(step + 1),
    )


def adaptive(
    transform: Transform,
    batch: int,
    target: Number = 0.6,
    images: float = 500e3,
    every: int = 4,
) -> Augment:
    """ADA: p rises while D overfits, and falls otherwise (Karras et al., 2020, eq. 1).

    Overfitting is measured by r_t, the mean sign of D's logits on real images over `every`
    turns. After those turns p moves by `every * batch / images`, up if r_t is above
    `target` and down if it is below, but stays within 0..1. The released code has no upper
    bound.

    Args:
        transform: the transform, which acts with probability p.
        batch: how many real images D sees on one turn.
        target: the value that r_t should have, or a schedule from the step to one.
        images: how many real images it takes for p to move from 0 to 1.
        every: how many of D's turns pass between two changes of p.
    """

    def init():
        return AdaptiveState(
            p=jnp.zeros(()), sign=jnp.zeros(()), turns=jnp.zeros((), jnp.int32)
        )

    def update(state, sign, step):
        sign_sum = state.sign + sign
        turns = state.turns + 1
        # r_t above the target means that D is surer of training images than it should be.
        direction = jnp.sign(sign_sum / turns - at(target, step))
        p = jnp.clip(state.p + every * batch / images * direction, 0.0, 1.0)

        # Both outcomes are computed, as `turns` is traced.
        waiting = AdaptiveState(state.p, sign_sum, turns)
        adapted = AdaptiveState(p, jnp.zeros_like(sign_sum), jnp.zeros_like(turns))
        return jax.tree.map(partial(jnp.where, turns < every), waiting, adapted)

    return Augment(
        init=init,
        apply=lambda state, key, image: transform(key, image, state.p),
        update=update,
    )


def chain_augments(first: Augment, second: Augment) -> Augment:
    """Applies `first`, then `second`, each with its own probability and state.

    Unlike `chain`, which joins transforms with the same p, this joins augmentations whose
    probabilities are set differently, such as a scheduled blur and ADA. If one of them is
    `pseudo`, it replaces real images before either is applied.
    """

    def init():
        return first.init(), second.init()

    def apply(states, key, image):
        # With the same key, both would draw the same decisions.
        first_key, second_key = jax.random.split(key)
        image = first.apply(states[0], first_key, image)
        return second.apply(states[1], second_key, image)

    def update(states, sign, step):
        return first.update(states[0], sign, step), second.update(states[1], sign, step)

    def present(states, keys, real, fakes):
        keys = jax.vmap(jax.random.split)(keys)
        real = first.present(states[0], keys[:, 0], real, fakes)
        return second.present(states[1], keys[:, 1], real, fakes)

    return Augment(init, apply, update, present)


def pseudo(augment: Augment) -> Augment:
    """APA: adaptive pseudo augmentation, fakes among the real images (Jiang et al., 2021).

    Each image of D's real batch is replaced by a generated one with probability p, which
    `augment` sets. R1, the sign that p is adapted to, and everything else that reads real
    images reads the mixed batch, as in the released code. The generated images are drawn
    for this purpose; the released code reuses those of G's last turn.

    Args:
        augment: `fixed` or `adaptive`. Its transform also acts, with the same p;
            `pseudo(adaptive(chain(), batch))` is APA alone.
    """

    def present(state, keys, real, fakes):
        replaced = jax.vmap(lambda key: jax.random.bernoulli(key, state.p))(keys)
        replaced = jnp.expand_dims(replaced, tuple(range(1, real.ndim)))
        return jnp.where(replaced, jax.lax.stop_gradient(fakes()), real)

    return augment._replace(present=present)
