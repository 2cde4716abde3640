"""How often an augmentation acts: never, as planned, or as much as D needs it."""

import flax.struct
import jax
import jax.numpy as jnp

from ganjax.augment.transform import Transform
from ganjax.gan import Augment, Number, PyTree, at


@flax.struct.dataclass
class Planned:
    """The state of a probability known beforehand."""

    p: PyTree  # float32 scalar


@flax.struct.dataclass
class Adapted:
    """The state of a probability that D moves, and what was heard since it moved."""

    p: PyTree  # float32 scalar
    sign: PyTree  # sum over D's turns of its mean sign on what it took as real
    turns: PyTree  # int32 scalar, how many


def identity() -> Augment:
    """Nothing: D sees the images as they are."""
    return Augment(
        init=lambda: (),
        apply=lambda state, key, image: image,
        update=lambda state, sign, step: state,
    )


def fixed(transform: Transform, p: Number = 1.0) -> Augment:
    """`transform` with a probability known beforehand, constant or a schedule."""
    planned = lambda step: Planned(jnp.asarray(at(p, step), jnp.float32))
    return Augment(
        init=lambda: planned(jnp.zeros((), jnp.int32)),
        apply=lambda state, key, image: transform(key, image, state.p),
        update=lambda _, sign, step: planned(step + 1),
    )


def adaptive(
    transform: Transform,
    batch: int,
    target: Number = 0.6,
    images: float = 500e3,
    every: int = 4,
) -> Augment:
    """ADA: p rises while D is too sure of the real images (Karras et al., 2020, eq. 1).

    After `every` turns of D on `batch` images each, p moves by `every * batch / images`
    towards r_t, the mean over them of D's sign on real images, being `target`; `images`
    is how many it takes from p = 0 to 1, where it ends (the released code lets it pass 1).
    """

    def init():
        return Adapted(jnp.zeros(()), jnp.zeros(()), jnp.zeros((), jnp.int32))

    def update(state, sign, step):
        heard, turns = state.sign + sign, state.turns + 1
        towards = jnp.sign(heard / turns - at(target, step))
        p = jnp.clip(state.p + every * batch / images * towards, 0.0, 1.0)
        moved = Adapted(p, jnp.zeros_like(heard), jnp.zeros_like(turns))
        waiting = Adapted(state.p, heard, turns)
        return jax.tree.map(lambda a, b: jnp.where(turns < every, a, b), waiting, moved)

    return Augment(
        init=init,
        apply=lambda state, key, image: transform(key, image, state.p),
        update=update,
    )


def both(first: Augment, second: Augment) -> Augment:
    """The second of what the first makes, each as often as it says itself."""

    def apply(states, key, image):
        one, two = jax.random.split(key)
        return second.apply(states[1], two, first.apply(states[0], one, image))

    def update(states, sign, step):
        return first.update(states[0], sign, step), second.update(states[1], sign, step)

    return Augment(lambda: (first.init(), second.init()), apply, update)


def pseudo(augment: Augment) -> Augment:
    """APA: fakes pass for real, with the probability of `augment` (Jiang et al., 2021).

    `augment` is `fixed` or `adaptive`, whose transform acts besides with the same p;
    `pseudo(adaptive(chain(), batch))` is APA alone. R1, the sign that moves p and all
    else that reads real images read what D takes for them, as in the released code. The
    fakes are drawn for this alone; there they are those of G's turn before.
    """

    def present(state, keys, real, fakes):
        passes = jax.vmap(lambda key: jax.random.bernoulli(key, state.p))(keys)
        passes = passes.reshape(-1, *(1,) * (real.ndim - 1))
        return jnp.where(passes, jax.lax.stop_gradient(fakes()), real)

    return augment._replace(present=present)
