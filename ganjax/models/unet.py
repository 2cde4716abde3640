"""The generator of pix2pix (Isola et al., 2017): a U-Net from image to image.

Weights are drawn from a normal distribution of standard deviation 0.02, gains of batch
norms from the same around 1. The source image takes the place that z has in other
generators; the only noise is dropout. The authors keep dropout and batch statistics at test
time: call the network with `train=True` for that.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import resampling, sizes
from ganjax.layers.example import Example
from ganjax.layers.normalization import Norm
from ganjax.layers.resampling import down_transpose
from ganjax.models import patch
from ganjax.models.dcgan import INIT, NORM
from ganjax.ops.convolution import Conv


class Generator(nn.Module):
    """Maps images [b, h, w, c] to images [b, h, w, channels] in -1..1.

    The encoder halves the sides once for each multiplier, the decoder doubles them back.
    Skip connections concatenate the encoder's features to the decoder's of the same size.
    Sides that cannot be halved so often raise a `UsageError`. Classes choose gains and
    biases of the norms.

    Attributes:
        channels: channels of the output.
        width: unit of the layers' channels.
        classes: number of classes, 0 for an unconditional generator.
        multipliers: channels after each halving, in units of `width`. The default is that
            of 256 px, where the innermost feature map has one pixel.
        dropout: dropout rate (the rng "dropout") of those decoder layers that keep the
            number of channels, other than the innermost.
        norm: makes a normalization layer, `norm(classes=...)`.
        use_bias: whether layers other than the last have a bias. The last one always has.
        kernel_init: initializer of all weights.
    """

    channels: int = 3
    width: int = 64
    classes: int = 0
    multipliers: tuple[int, ...] = (1, 2, 4, 8, 8, 8, 8, 8)
    dropout: float = 0.5
    norm: Norm = NORM
    use_bias: bool = False
    kernel_init: nn.initializers.Initializer = INIT

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w d"]:
        sizes.check_positive("The U-Net", "multipliers", self.multipliers)
        # Every halving must be exact, or decoder and encoder would differ in size.
        possible = sizes.multiples(1 << len(self.multipliers))
        sides = sizes.sides_of("The U-Net", image)
        sizes.check("The U-Net", sides, possible, "fewer or more `multipliers`")
        conv = partial(Conv, size=4, kernel_init=self.kernel_init)

        def norm(x):
            return self.norm(classes=self.classes)(x, label, train=train)

        widths = [self.width * n for n in self.multipliers]
        last = len(widths) - 1

        # The encoder. As in the authors' code its outermost and innermost layers have no
        # norm. (A norm over a feature map of one pixel would leave nothing of it.)
        x = image
        skips = []
        for i, width in enumerate(widths):
            if i:
                x = nn.leaky_relu(x, 0.2)
            x = conv(width, use_bias=self.use_bias, conv_fn=resampling.down)(x)
            if 0 < i < last:
                x = norm(x)
            skips.append(x)

        # The decoder. Layer i doubles the sides to those of the encoder's features i - 1.
        for i in range(last, 0, -1):
            width = widths[i - 1]
            x = norm(
                conv(width, use_bias=self.use_bias, conv_fn=down_transpose)(nn.relu(x))
            )
            if i < last and widths[i] == width:
                x = nn.Dropout(self.dropout, deterministic=not train)(x)
            x = jnp.concatenate([skips[i - 1], x], axis=-1)
        return jnp.tanh(conv(self.channels, conv_fn=down_transpose)(nn.relu(x)))


# The authors' network for 128 px.
Generator128 = partial(Generator, multipliers=(1, 2, 4, 8, 8, 8, 8))


TINY = {
    "g": Example(partial(Generator, 2, 4, multipliers=(1, 1, 2)), (8, 8, 3)),
    "d": patch.TINY["d of pix2pix"],
}
