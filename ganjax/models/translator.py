"""From image to image by residual blocks: G of CycleGAN and of CUT.

Zhu et al. (2017, appendix 7.2), after Johnson et al. (2016); Park et al. (2020). Weights
are from N(0, 0.02); CUT's are drawn as in its authors' code. The image stands where other
generators have z.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import layers, patch, sizes
from ganjax.models.convolution import Conv
from ganjax.models.dcgan import INIT
from ganjax.models.example import Example
from ganjax.models.patch import xavier
from ganjax.models.sampling import BLURRED, STRIDED, Sampling, inside, reflected


class Generator(nn.Module):
    """A 7x7 convolution, two that halve, `blocks`, two that double, a 7x7 and tanh.

    Sides are multiples of 4 from 8 on, others are a `Mistake`; the paper has 9 blocks from
    256 px on and 6 below. `width` counts the channels at the image's own size. Classes
    choose gains and biases of the norms, so that one network knows several styles.
    """

    channels: int = 3  # of what it makes
    width: int = 64
    classes: int = 0
    blocks: int = 9
    norm: Callable[..., Callable[..., Any]] = layers.InstanceNorm
    sampling: Sampling = STRIDED
    use_bias: bool = False  # before the norms, which take it away
    kernel_init: Callable[..., Array] = INIT
    seen: tuple[int, ...] = (0, 4)  # of the blocks, by `features`

    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w d"]:
        return self._run(image, label, train)[0]

    def features(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> list[Array]:
        """The maps that CUT compares, [b, h, w, c] each, from fine to coarse.

        They are the padded image, what either of the convolutions that halve puts out
        before its norm, and what comes out of the blocks `seen`. Compiled, the rest of the
        network is not computed.
        """
        return self._run(image, label, train)[1]

    @nn.compact
    def _run(
        self, image: Array, label: Array, train: bool
    ) -> tuple[Array, list[Array]]:
        sides = sizes.sides_of("The translating G", image)
        sizes.check("The translating G", sides, sizes.multiples(4, least=8))
        conv = partial(Conv, use_bias=self.use_bias, kernel_init=self.kernel_init)

        def norm(x):
            return self.norm(classes=self.classes)(x, label, train=train)

        def block(x):
            h = nn.relu(norm(conv(x.shape[-1], by=inside)(reflected(x, 1))))
            return x + norm(conv(x.shape[-1], by=inside)(reflected(h, 1)))

        x = reflected(image, 3)
        maps = [x]
        x = nn.relu(norm(conv(self.width, 7, by=inside)(x)))
        for times in (2, 4):
            x = conv(times * self.width, by=self.sampling.down)(x)
            maps.append(x)
            x = self.sampling.halve(nn.relu(norm(x)))
        for i in range(self.blocks):
            x = block(x)
            maps += [x] if i in self.seen else []
        for times in (2, 1):
            x = self.sampling.double(x)
            x = nn.relu(norm(conv(times * self.width, by=self.sampling.up)(x)))
        last = Conv(self.channels, 7, kernel_init=self.kernel_init, by=inside)
        return jnp.tanh(last(reflected(x, 3))), maps


# That of CUT and FastCUT.
CUT = partial(Generator, sampling=BLURRED, kernel_init=xavier())


SMALL = {"width": 4, "blocks": 2, "seen": (0, 1)}
TINY = {
    "g": Example(partial(Generator, 2, **SMALL), (8, 8, 3)),
    "g of cut": Example(partial(CUT, 2, kernel_init=INIT, **SMALL), (8, 8, 3)),
    "d": patch.TINY["d"],
}
