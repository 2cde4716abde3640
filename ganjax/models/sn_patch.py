"""SN-PatchGAN (Yu et al., 2019, section 3.2): every number of D's last map is a logit."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import layers, sizes
from ganjax.models.convolution import Conv, conv
from ganjax.models.example import Example


GLOROT = nn.initializers.glorot_uniform()


class Discriminator(nn.Module):
    """From images, with their masks as one more channel, to logits [b, n].

    5x5 convolutions of stride 2, one of each of the `widths`, which are the authors' for
    256 pixels, with spectral norm and a leaky ReLU after each; as in their code also after
    the last, whose outputs are the logits, d of them at each place. Classes enter there
    by projection (Miyato & Koyama, 2018).

    Of small images, whose texture a stride of 2 skips, `fine` adds a 3x3 convolution of so
    many channels before, at the full size. With a `head` one more without a ReLU makes
    one logit for each place, times `head`: a leaky ReLU holds logits of fakes near 0.
    """

    widths: tuple[int, ...] = (64, 128, 256, 256, 256, 256)
    classes: int = 0
    fine: int = 0
    head: float = 0.0
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        sizes.sides_of("The SN-PatchGAN", image)
        sizes.counted("The SN-PatchGAN", "widths", self.widths)
        x = image
        if self.fine:
            x = nn.leaky_relu(self.wrap(Conv(self.fine))(x, train=train), 0.2)
        for width in self.widths:
            x = nn.leaky_relu(self.wrap(Halving(width))(x, train=train), 0.2)
        logits = x
        if self.head:
            logits = self.head * self.wrap(Conv(1, 1))(x, train=train)
        if self.classes:
            embed = nn.Embed(self.classes, x.shape[-1], embedding_init=GLOROT)
            known = self.wrap(embed)(label, train=train)[:, None, None]
            logits += jnp.sum(known * x, axis=-1, keepdims=True)
        return logits.reshape(len(x), -1)


class Halving(nn.Module):
    """The 5x5 convolution of stride 2 with a bias, padded as TensorFlow's "SAME" is."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        kernel = self.param("kernel", GLOROT, (5, 5, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        rows, columns = ((1 + n % 2, 2) for n in x.shape[1:3])
        return conv(x, kernel, (rows, columns), (2, 2)) + bias.reshape(1, 1, 1, -1)


TINY = {
    "d": Example(partial(Discriminator, (3, 4)), (16, 16, 2)),
    "d_small": Example(partial(Discriminator, (4,), fine=3, head=8.0), (16, 16, 2)),
}
