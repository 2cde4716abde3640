"""SN-PatchGAN (Yu et al., 2019, section 3.2), the discriminator of free-form inpainting.

A stack of strided convolutions with spectral norm. Every number of the last feature map is
a logit for the part of the image that it sees, so that holes of any shape and at any place
are judged.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import sizes
from ganjax.layers.example import Example
from ganjax.layers.spectral_norm import SpectralNorm, Wrap
from ganjax.ops.convolution import Conv, conv


GLOROT = nn.initializers.glorot_uniform()


class Discriminator(nn.Module):
    """Maps images to logits [b, n]; a mask is one more channel of its image.

    5x5 convolutions of stride 2, each followed by a leaky ReLU. As in the authors' code a
    leaky ReLU also follows the last one, whose outputs are the logits: one for each channel
    at each position. Classes enter there by projection (Miyato & Koyama, 2018).

    Attributes:
        widths: channels of each convolution. The default is the authors' for 256 pixels.
        classes: number of classes, 0 for an unconditional discriminator.
        stem_width: channels of a 3x3 convolution of stride 1 before the others, 0 for none.
            It sees the texture of small images, which a stride of 2 would skip.
        logit_scale: if not 0, a 1x1 convolution without a ReLU makes one logit for each
            position, which is multiplied by this. (The leaky ReLU of the published network
            keeps logits of fakes near 0.)
        wrap: wraps each layer, such as `SpectralNorm`.
    """

    widths: tuple[int, ...] = (64, 128, 256, 256, 256, 256)
    classes: int = 0
    stem_width: int = 0
    logit_scale: float = 0.0
    wrap: Wrap = SpectralNorm

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        sizes.sides_of("The SN-PatchGAN", image)
        sizes.check_positive("The SN-PatchGAN", "widths", self.widths)
        x = image
        if self.stem_width:
            x = nn.leaky_relu(self.wrap(Conv(self.stem_width))(x, train=train), 0.2)
        for width in self.widths:
            x = nn.leaky_relu(self.wrap(Halving(width))(x, train=train), 0.2)
        logits = x
        if self.logit_scale:
            logits = self.logit_scale * self.wrap(Conv(1, 1))(x, train=train)
        if self.classes:
            # The inner product of the class's embedding and the features of each position.
            embed = nn.Embed(self.classes, x.shape[-1], embedding_init=GLOROT)
            embedded = self.wrap(embed)(label, train=train)[:, None, None]
            logits += jnp.sum(embedded * x, axis=-1, keepdims=True)
        return logits.reshape(len(x), -1)


class Halving(nn.Module):
    """A 5x5 convolution of stride 2 with a bias, padded as TensorFlow's "SAME" is."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        kernel = self.param("kernel", GLOROT, (5, 5, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        # (before, after): of an even side the kernel sees one pixel less at the start.
        rows, columns = ((1 + n % 2, 2) for n in x.shape[1:3])
        return conv(x, kernel, (rows, columns), (2, 2)) + bias.reshape(1, 1, 1, -1)


TINY = {
    "d": Example(partial(Discriminator, (3, 4)), (16, 16, 2)),
    "d_small": Example(
        partial(Discriminator, (4,), stem_width=3, logit_scale=8.0), (16, 16, 2)
    ),
}
