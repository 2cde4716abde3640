"""PatchGAN (Isola et al., 2017): a discriminator that classifies overlapping patches.

It is fully convolutional, and each of its logits sees one patch of the image, 70x70 in
pix2pix and CycleGAN. To judge one image given another, as pix2pix's D does, pass both as
channels of one image. CUT's variant (Park et al., 2020) halves by convolutions that keep
the resolution, followed by a blur (Zhang, 2019). Weights are from N(0, 0.02); CUT's are
initialized as in its authors' code.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import sizes
from ganjax.layers.example import Example
from ganjax.layers.normalization import InstanceNorm, Norm
from ganjax.layers.resampling import BLURRED, STRIDED, Resampling
from ganjax.models.dcgan import INIT, NORM
from ganjax.ops.convolution import Conv, conv_pad1


def xavier(gain: float = 0.02) -> nn.initializers.Initializer:
    """Returns CUT's initializer: Glorot & Bengio's (2010) normal one, scaled by `gain`."""
    return nn.initializers.variance_scaling(gain**2, "fan_avg", "normal")


class Discriminator(nn.Module):
    """Maps images [b, h, w, c] to logits [b, n], one for each patch in row-major order.

    A patch is 70 px wide after three halvings (84 with blurs), 34 after two, 16 after one.

    Attributes:
        width: channels after the first convolution; each further halving, and the
            convolution after the last one, doubles them, up to 8 times `width`.
        classes: number of classes. In the last convolution each class has a kernel that is
            added to a shared one: projection (Miyato & Koyama, 2018) at every patch.
        halvings: how often the resolution is halved.
        norm: makes a norm, called as `norm()(x, label, train=train)`.
        resampling: how the resolution is halved: by strides or by blurs.
        use_bias: whether convolutions before a norm have a bias, which it cancels.
        last_bias: whether the logits have a bias, which a relativistic loss cancels.
        kernel_init: initializer of the convolutions.
    """

    width: int = 64
    classes: int = 0
    halvings: int = 3
    norm: Norm = InstanceNorm
    resampling: Resampling = STRIDED
    use_bias: bool = False
    last_bias: bool = True
    kernel_init: nn.initializers.Initializer = INIT

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        def conv(features, use_bias, conv_fn):
            return Conv(features, 4, use_bias, self.kernel_init, conv_fn)

        def conv_norm_act(multiplier, conv_fn, x):
            x = conv(self.width * min(multiplier, 8), self.use_bias, conv_fn)(x)
            return nn.leaky_relu(self.norm()(x, label, train=train), 0.2)

        # After the halvings the two 4x4 convolutions need feature maps of at least 3x3.
        possible = sizes.multiples(1, minimum=3 << max(self.halvings, 1))
        sides = sizes.sides_of("The PatchGAN", image)
        sizes.check("The PatchGAN", sides, possible, "fewer halvings")

        # `resampling` halves in its convolution (`down`) or after the activation (`halve`).
        down = self.resampling.down_conv
        halve = self.resampling.downsample
        x = halve(nn.leaky_relu(conv(self.width, True, down)(image), 0.2))
        for i in range(1, self.halvings):
            x = halve(conv_norm_act(1 << i, down, x))

        # Two convolutions of stride 1, the last of which makes the logits.
        x = conv_norm_act(1 << self.halvings, conv_pad1, x)
        logits = conv(1 + self.classes, self.last_bias, conv_pad1)(x)
        logits = logits.reshape(len(x), -1, 1 + self.classes)
        if not self.classes:
            return logits[..., 0]
        # Channel 0 is shared; channel 1 + label is that of the image's class.
        of_class = jnp.take_along_axis(logits, 1 + label[:, None, None], axis=-1)
        return (logits[..., :1] + of_class)[..., 0]


# The D of pix2pix, which sees the input image and its translation as channels of one.
Pix2pix = partial(Discriminator, norm=NORM)

# The D of CUT and FastCUT.
CUT = partial(Discriminator, resampling=BLURRED, kernel_init=xavier())

TINY = {
    "d": Example(partial(Discriminator, 4, halvings=1), (8, 8, 2)),
    "d of pix2pix": Example(partial(Pix2pix, 4, halvings=1), (8, 8, 2)),
    "d of cut": Example(partial(CUT, 4, halvings=1, kernel_init=INIT), (8, 8, 2)),
}
