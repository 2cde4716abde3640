"""PatchGAN (Isola et al., 2017): D judges every patch of an image by itself.

The 70x70 one of pix2pix and CycleGAN, and CUT's, which blurs. Weights are from N(0, 0.02);
CUT's are drawn as in its authors' code. To judge one image beside another, as pix2pix's D
does, give it both as channels.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import layers, sizes
from ganjax.models.convolution import Conv
from ganjax.models.dcgan import INIT, NORM
from ganjax.models.example import Example
from ganjax.models.sampling import BLURRED, STRIDED, Sampling, slide


def xavier(gain: float = 0.02) -> Callable[..., Array]:
    """First weights of CUT: `gain` times as far from 0 as Glorot & Bengio's (2010)."""
    return nn.initializers.variance_scaling(gain**2, "fan_avg", "normal")


class Discriminator(nn.Module):
    """From images to logits [b, n], one for each patch, row by row.

    A logit sees 70 pixels a side after three `halvings`, 34 after two, 16 after one; of
    three with blurs 84. `width` counts the channels at half the size; each further
    halving, and the layer after the last one, doubles them up to eight times. Classes enter
    by projection: each has a last kernel of its own beside the common one.
    """

    width: int = 64
    classes: int = 0
    halvings: int = 3
    norm: Callable[..., Callable[..., Any]] = layers.InstanceNorm
    sampling: Sampling = STRIDED
    use_bias: bool = False  # before the norms, which take it away
    last_bias: bool = True  # of the logits; to relativistic losses it is nothing
    kernel_init: Callable[..., Array] = INIT

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        def conv(features, use_bias, by):
            return Conv(features, 4, use_bias, self.kernel_init, by)

        def act(times, by, x):
            x = conv(self.width * min(times, 8), self.use_bias, by)(x)
            return nn.leaky_relu(self.norm()(x, label, train=train), 0.2)

        # Halved, the image has at least 3x3 places, as two kernels of 4x4 remain.
        possible = sizes.multiples(1, least=3 << max(self.halvings, 1))
        sides = sizes.sides_of("The PatchGAN", image)
        sizes.check("The PatchGAN", sides, possible, "fewer halvings")

        halve = self.sampling.halve
        x = nn.leaky_relu(conv(self.width, True, self.sampling.down)(image), 0.2)
        x = halve(x)
        for i in range(1, self.halvings):
            x = halve(act(1 << i, self.sampling.down, x))
        x = act(1 << self.halvings, slide, x)
        logits = conv(1 + self.classes, self.last_bias, slide)(x)
        logits = logits.reshape(len(x), -1, 1 + self.classes)
        if not self.classes:
            return logits[..., 0]
        own = jnp.take_along_axis(logits, 1 + label[:, None, None], axis=-1)
        return (logits[..., :1] + own)[..., 0]


# pix2pix's, whose images come with the ones they were made from.
Pix2pix = partial(Discriminator, norm=NORM)

# That of CUT and FastCUT.
CUT = partial(Discriminator, sampling=BLURRED, kernel_init=xavier())

TINY = {
    "d": Example(partial(Discriminator, 4, halvings=1), (8, 8, 2)),
    "d of pix2pix": Example(partial(Pix2pix, 4, halvings=1), (8, 8, 2)),
    "d of cut": Example(partial(CUT, 4, halvings=1, kernel_init=INIT), (8, 8, 2)),
}
