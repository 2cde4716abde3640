"""pix2pix's G (Isola et al., 2017): a U-Net from image to image.

Weights are from N(0, 0.02), batch norm gains from N(1, 0.02). The image stands where other
generators have z: all that is random is the dropout, which the authors keep, as they do
batch statistics, when they test; that is `train=True`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import layers, patch, sizes
from ganjax.models.convolution import Conv
from ganjax.models.dcgan import INIT, NORM
from ganjax.models.example import Example
from ganjax.models.sampling import paint


class Generator(nn.Module):
    """Halved once for each of `times`, doubled back, each side with a skip to its like.

    A halving leaves its `times` as many channels as `width`. The default is that of
    256 px, where one pixel is left; sides that cannot be halved so often are a `Mistake`.
    Dropout, from the rng "dropout", is where two equal widths meet on the way up, but for
    the innermost. Classes choose gains and biases of the norms.
    """

    channels: int = 3  # of what it makes
    width: int = 64
    classes: int = 0
    times: tuple[int, ...] = (1, 2, 4, 8, 8, 8, 8, 8)
    dropout: float = 0.5
    norm: Callable[..., Callable[..., Any]] = NORM
    use_bias: bool = False  # of all but the last layer, which has one
    kernel_init: Callable[..., Array] = INIT

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w d"]:
        sizes.counted("The U-Net", "times", self.times)
        possible = sizes.multiples(1 << len(self.times))
        sides = sizes.sides_of("The U-Net", image)
        sizes.check("The U-Net", sides, possible, "fewer or more `times`")
        conv = partial(Conv, size=4, kernel_init=self.kernel_init)

        def norm(x):
            return self.norm(classes=self.classes)(x, label, train=train)

        widths = [self.width * n for n in self.times]
        last = len(widths) - 1
        x, skips = image, []
        for i, width in enumerate(widths):
            x = nn.leaky_relu(x, 0.2) if i else x
            x = conv(width, use_bias=self.use_bias, by=layers.down)(x)
            x = norm(x) if 0 < i < last else x
            skips.append(x)
        for i in range(last, 0, -1):
            width = widths[i - 1]
            x = norm(conv(width, use_bias=self.use_bias, by=paint)(nn.relu(x)))
            if i < last and widths[i] == width:
                x = nn.Dropout(self.dropout, deterministic=not train)(x)
            x = jnp.concatenate([skips[i - 1], x], axis=-1)
        return jnp.tanh(conv(self.channels, by=paint)(nn.relu(x)))


# That of 128 px.
Generator128 = partial(Generator, times=(1, 2, 4, 8, 8, 8, 8))


TINY = {
    "g": Example(partial(Generator, 2, 4, times=(1, 1, 2)), (8, 8, 3)),
    "d": patch.TINY["d of pix2pix"],
}
