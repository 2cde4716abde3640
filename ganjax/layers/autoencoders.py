"""What makes an encoder of a discriminator, and a decoder of a generator.

An encoder is a discriminator whose last layer, its `head`, gives a code in place of a
logit: `Posterior` is that of a variational autoencoder, `Code` that of a plain one. So any
discriminator that has a field `head` is an encoder, and it is compared with a GAN of like
networks. `LearnedScale` adds to a generator the scale that likelihoods have besides a mean.

    e = dcgan.Discriminator(head=partial(Posterior, latent=100))
    g = LearnedScale(dcgan.Generator())
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import heads
from ganjax.layers.spectral_norm import Wrap, identity_wrap
from ganjax.likelihoods import Scaled


class Posterior(nn.Module):
    """A head with the mean and the log-variance of each number of z, [b, 2 latent].

    The layer has a bias, whatever `use_bias` is. Classes enter as a one-hot label.

    Attributes:
        latent: the numbers of a z.
    """

    classes: int = 0
    wrap: Wrap = identity_wrap
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = heads.DEFAULT_KERNEL_INIT
    latent: int = 100

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b outputs"]:
        h = _with_label(h, label, self.classes)
        layer = nn.Dense(2 * self.latent, kernel_init=self.kernel_init)
        return self.wrap(layer)(h, train=train)


class Code(nn.Module):
    """A head with a code [b, latent] whose numbers have mean 0 and variance 1.

    They are normalized over the batch, without a gain or a bias. So the codes of a plain
    autoencoder, which no term draws to a prior, have the scale of the standard normal
    distribution that samples are drawn from. What their numbers have in common stays.

    Attributes:
        latent: the numbers of a code.
        momentum: the share of the old averages that is kept.
    """

    classes: int = 0
    wrap: Wrap = identity_wrap
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = heads.DEFAULT_KERNEL_INIT
    latent: int = 100
    momentum: float = 0.9

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b outputs"]:
        h = _with_label(h, label, self.classes)
        # The normalization would take a bias away.
        layer = nn.Dense(self.latent, use_bias=False, kernel_init=self.kernel_init)
        return nn.BatchNorm(
            use_running_average=not train,
            momentum=self.momentum,
            use_bias=False,
            use_scale=False,
        )(self.wrap(layer)(h, train=train))


class LearnedScale(nn.Module):
    """A decoder whose likelihood has a scale that is learned, the same for all z.

    Attributes:
        net: the network that makes the mean, called as `net(z, label, train=train)`.
        initial: the scale before the first step.
        shape: (n,) for the n continuous columns of a table.
        is_log: whether the weight is the logarithm of the scale, which is above 0 wherever
            an optimizer moves it. Otherwise it is the scale itself, as in TVAE, which
            `optim.project` must keep above 0.
    """

    net: Callable[..., Array]
    initial: float = 0.1
    shape: tuple[int, ...] = ()
    is_log: bool = True

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Scaled:
        made = self.net(z, label, train=train)
        if self.is_log:
            begin = nn.initializers.constant(math.log(self.initial))
            return Scaled(made, self.param("log_scale", begin, self.shape))
        begin = nn.initializers.constant(self.initial)
        return Scaled(made, jnp.log(self.param("scale", begin, self.shape)))


def _with_label(h: Array, label: Array, classes: int) -> Array:
    """The features, beside the one-hot label where there are classes."""
    return jnp.concatenate([h, jax.nn.one_hot(label, classes, dtype=h.dtype)], axis=-1)
