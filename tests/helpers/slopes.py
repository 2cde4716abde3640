"""A turn of a discriminator whose gradient with respect to its input is known."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from ganjax import GAN, Batch, Player, augment, losses
from ganjax.core import (
    ONE,
    DiscriminatorOutputs,
    Regularizer,
    Turn,
    Turns,
    init,
    make_turn,
    normal,
)
from ganjax.models import mlp
from ganjax.regularizers import approximate_r1, approximate_r2


W = np.asarray([[1.0, -2.0], [0.5, 3.0]], np.float32)
APPROXIMATE = [approximate_r1, approximate_r2]


def linear(image):
    """D(x) = <w, x>: its slope is w wherever it is taken."""
    return jnp.einsum("bij,ij->b", image, jnp.asarray(W, image.dtype))


def square(image):
    """D(x) = |x|^2 / 2: its slope is x itself."""
    return jnp.sum(image**2, axis=(1, 2)) / 2


def look(d, image, label):
    slope = jax.grad(lambda image: d(image).sum())
    return DiscriminatorOutputs(image, label, d(image), d, lambda: slope(image), {})


def turn(d=linear, step=0, real=None, fake=None):
    """A turn on eight random images with the discriminator `d`."""
    images = jax.random.normal(jax.random.key(0), (2, 8, 2, 2))
    images = [
        x if x is not None else y for x, y in zip((real, fake), images, strict=True)
    ]
    rows, key = len(images[0]), jax.random.key(1)
    label = jnp.zeros(rows, jnp.int32)
    looks = [look(d, image, label) for image in images]
    z, step = jnp.zeros((rows, 1)), jnp.asarray(step)
    return Turn(lambda *_: images[1], d, z, z, *looks, {}, {}, key, step, ONE)


def value(term: Regularizer, turn: Turn) -> float:
    return float(term.apply(turn, term.init())[0])


class Plane(nn.Module):
    """D(x) = <w, x> as a network, that forgets a share of x."""

    rate: float = 0.0

    @nn.compact
    def __call__(self, image, label, *, train):
        image = nn.Dropout(self.rate, deterministic=not train)(image)
        return nn.Dense(1, use_bias=False)(image)[:, 0]


def behind(change, term, rate=0.0):
    """What `term` costs behind an augmentation, and |w|^2."""
    gan = GAN(
        g=Player(mlp.Generator(shape=(2,), width=2, depth=0), optax.sgd(1.0)),
        d=Player(Plane(rate), optax.sgd(1.0)),
        loss=losses.wasserstein(),
        augment=augment.fixed(change),
        prior=normal(1),
        ema=optax.constant_schedule(0.0),
    )
    batch = Batch(jnp.ones((64, 2)), jnp.zeros(64, jnp.int32))
    state = init(gan, jax.random.key(0), Turns(batch, batch))
    draw = jax.random.key(1), batch
    cost = lambda state: term(2.0).apply(make_turn(gan, ONE, state, draw), ())[0]
    return jax.jit(cost)(state), jnp.sum(state.d.params["Dense_0"]["kernel"] ** 2)
