"""The residual image-to-image generator of CycleGAN and CUT.

CycleGAN's (Zhu et al., 2017, appendix 7.2) follows Johnson et al. (2016); CUT's (Park et
al., 2020) resamples with blurs. Weights are drawn from a normal distribution of standard
deviation 0.02, CUT's as in its authors' code. The source image takes the place that z has
in other generators.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import sizes
from ganjax.layers.example import Example
from ganjax.layers.normalization import InstanceNorm, Norm
from ganjax.layers.resampling import (
    BLURRED,
    STRIDED,
    Resampling,
    reflect_pad,
)
from ganjax.models import patch
from ganjax.models.dcgan import INIT
from ganjax.models.patch import xavier
from ganjax.ops.convolution import Conv, conv_valid


class Generator(nn.Module):
    """Maps images [b, h, w, c] to images [b, h, w, channels] in -1..1.

    A 7x7 convolution, two that halve the sides, residual blocks, two that double them, and
    a last 7x7 convolution with tanh. Sides are multiples of 4, at least 8; others raise a
    `UsageError`. Classes choose gains and biases of the norms, so that one network can
    translate to several styles.

    Attributes:
        channels: channels of the output.
        width: channels of the layers at the image's own size.
        classes: number of classes, 0 for an unconditional generator.
        blocks: residual blocks; 9 in the paper from 256 px on and 6 below.
        norm: makes a normalization layer, `norm(classes=...)`.
        resampling: how sides are halved and doubled: `STRIDED` in CycleGAN, `BLURRED` in
            CUT.
        use_bias: whether layers before a norm have a bias, which the norm subtracts again.
        kernel_init: initializer of all weights.
        feature_blocks: the residual blocks whose outputs `features` returns.
    """

    channels: int = 3
    width: int = 64
    classes: int = 0
    blocks: int = 9
    norm: Norm = InstanceNorm
    resampling: Resampling = STRIDED
    use_bias: bool = False
    kernel_init: nn.initializers.Initializer = INIT
    feature_blocks: tuple[int, ...] = (0, 4)

    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w d"]:
        return self._run(image, label, train)[0]

    def features(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> list[Array]:
        """Returns the feature maps that CUT compares, [b, h, w, c] each, fine to coarse.

        They are the padded image, the outputs of the two halving convolutions before their
        norms, and the outputs of the `feature_blocks`. Under `jax.jit` the rest of the
        network is not computed.
        """
        return self._run(image, label, train)[1]

    @nn.compact
    def _run(
        self, image: Array, label: Array, train: bool
    ) -> tuple[Array, list[Array]]:
        sides = sizes.sides_of("The translating G", image)
        sizes.check("The translating G", sides, sizes.multiples(4, minimum=8))
        conv = partial(Conv, use_bias=self.use_bias, kernel_init=self.kernel_init)

        def norm(x):
            return self.norm(classes=self.classes)(x, label, train=train)

        def block(x):
            # No ReLU after the sum, as in Johnson et al. (2016).
            h = nn.relu(norm(conv(x.shape[-1], conv_fn=conv_valid)(reflect_pad(x, 1))))
            return x + norm(conv(x.shape[-1], conv_fn=conv_valid)(reflect_pad(h, 1)))

        # Reflected borders leave fewer artifacts than zeros do.
        x = reflect_pad(image, 3)
        maps = [x]
        x = nn.relu(norm(conv(self.width, 7, conv_fn=conv_valid)(x)))

        # Halve the sides twice and double the channels.
        for multiplier in (2, 4):
            x = conv(multiplier * self.width, conv_fn=self.resampling.down_conv)(x)
            maps.append(x)
            x = self.resampling.downsample(nn.relu(norm(x)))

        for i in range(self.blocks):
            x = block(x)
            if i in self.feature_blocks:
                maps.append(x)

        # Back to the sides of the image.
        for multiplier in (2, 1):
            x = self.resampling.upsample(x)
            x = nn.relu(
                norm(conv(multiplier * self.width, conv_fn=self.resampling.up_conv)(x))
            )
        last = Conv(self.channels, 7, kernel_init=self.kernel_init, conv_fn=conv_valid)
        return jnp.tanh(last(reflect_pad(x, 3))), maps


# The generator of CUT and FastCUT.
CUT = partial(Generator, resampling=BLURRED, kernel_init=xavier())


SMALL = {"width": 4, "blocks": 2, "feature_blocks": (0, 1)}
TINY = {
    "g": Example(partial(Generator, 2, **SMALL), (8, 8, 3)),
    "g of cut": Example(partial(CUT, 2, kernel_init=INIT, **SMALL), (8, 8, 3)),
    "d": patch.TINY["d"],
}
