"""BigGAN-deep (Brock et al., 2019, appendix B): thin bottleneck blocks, twice as many.

Unlike in BigGAN, z is not split: all of z and one embedding of the class determine the
gains and biases of every batch norm. Skip connections have no weights, except where D
becomes wider: G's drop the surplus channels, and D's append the output of a 1x1
convolution.

Widths, and which layers have spectral norm, follow the authors' PyTorch code, without the
biases that a batch norm cancels (see `sagan`). The paper's networks are those of 128 and
256 px, with `ch` 128 and a z of 128.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers import heads, sizes
from ganjax.layers.attention import Attention
from ganjax.layers.example import Example
from ganjax.layers.normalization import BatchNorm, Norm
from ganjax.layers.spectral_norm import SpectralNorm, Wrap
from ganjax.models import biggan
from ganjax.models.biggan import ORTHOGONAL, ConditionalNorm, at_size
from ganjax.models.resnet import double, halve
from ganjax.ops.convolution import Conv


Resize = Callable[[Array], Array]
# Widths in multiples of `ch`, by the side of the images in pixels. They are `biggan`'s, but
# here the first is that before the first stage, so G's first one is repeated.
SIDES = (32, 64, 128, 256)
G_WIDTHS = {side: (biggan.G_WIDTHS[side][0], *biggan.G_WIDTHS[side]) for side in SIDES}
D_WIDTHS = {side: biggan.D_WIDTHS[side] for side in SIDES}


def identity(x: Array) -> Array:
    """Returns x: the `Resize` of blocks that keep the resolution."""
    return x


class Generator(nn.Module):
    """Maps z [b, z] to images [b, size, size, channels] in -1..1.

    A dense layer makes 4x4 feature maps, and each stage doubles their side. A stage has
    `depth` blocks, the last of which changes the resolution and the width.

    Attributes:
        size: height and width of the images; a key of `G_WIDTHS`.
        channels: channels of the images.
        ch: the unit of all widths.
        classes: number of classes; without any, z alone determines the gains and biases.
        shared_dim: length of the class embedding.
        attention_resolution: side of the feature maps after which self-attention follows;
            none if no stage ends there.
        depth: blocks of a stage.
        wrap: spectral norm, or `identity_wrap`.
        use_bias: whether the blocks' convolutions have biases, as in the authors' code.

    Raises:
        UsageError: If there is no network for `size`, or if `ch` is too small.
    """

    size: int = 128
    channels: int = 3
    ch: int = 128
    classes: int = 0
    shared_dim: int = 128
    attention_resolution: int = 64
    depth: int = 2
    wrap: Wrap = SpectralNorm
    use_bias: bool = False

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        multiples = at_size(G_WIDTHS, self.size, "BigGAN-deep's G")
        widths = _stage_widths("BigGAN-deep's G", self.ch, multiples)
        if self.classes:
            embed = nn.Embed(self.classes, self.shared_dim, embedding_init=ORTHOGONAL)
            z = jnp.concatenate([embed(label), z], axis=-1)
        dense = nn.Dense(16 * widths[0], kernel_init=ORTHOGONAL)
        x = self.wrap(dense)(z, train=train).reshape(-1, 4, 4, widths[0])

        norm = partial(ConditionalNorm, wrap=self.wrap)
        block = partial(UpBlock, norm=norm, wrap=self.wrap, use_bias=self.use_bias)
        for before, after in pairwise(widths):
            for _ in range(self.depth - 1):
                x = block(before)(x, z, train=train)
            x = block(after, double)(x, z, train=train)
            if x.shape[1] == self.attention_resolution:
                x = Attention(self.wrap, ORTHOGONAL)(x, train=train)

        # The last batch norm has one gain and bias for all classes.
        x = nn.relu(BatchNorm()(x, label, train=train))
        last = Conv(self.channels, kernel_init=ORTHOGONAL)
        return jnp.tanh(self.wrap(last)(x, train=train))


class UpBlock(nn.Module):
    """G's residual bottleneck (figure 16): 1x1, 3x3, 3x3, 1x1, a quarter of x's channels.

    A norm and a ReLU precede each convolution. The resolution changes before the first 3x3.
    The skip connection drops the channels beyond `width`.

    Attributes:
        width: channels of the output.
        resize: changes the resolution: `double` or `identity`.
        norm: makes a norm, called as `norm()(x, condition, train=train)`.
        wrap: spectral norm, or `identity_wrap`.
        use_bias: whether the convolutions have biases.
    """

    width: int
    resize: Resize = identity
    norm: Norm = ConditionalNorm
    wrap: Wrap = SpectralNorm
    use_bias: bool = False

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b h w c"],
        condition: Float[Array, "b e"],
        *,
        train: bool,
    ) -> Float[Array, "b H W d"]:
        def act(x):
            return nn.relu(self.norm()(x, condition, train=train))

        def conv(x, width, size):
            layer = Conv(width, size, self.use_bias, kernel_init=ORTHOGONAL)
            return self.wrap(layer)(x, train=train)

        hidden = x.shape[-1] // 4
        # The bottleneck: the costly 3x3 convolutions work on a quarter of the channels.
        h = conv(act(x), hidden, 1)
        h = conv(self.resize(act(h)), hidden, 3)
        h = conv(act(h), hidden, 3)
        h = conv(act(h), self.width, 1)
        return h + self.resize(x[..., : self.width])


class Discriminator(nn.Module):
    """Maps images [b, h, w, c] to logits [b].

    A 3x3 convolution, stages, then the sum over the pixels. The images' side, a key of
    `D_WIDTHS`, determines the widths. A stage has `depth` blocks, the first of which
    changes the resolution and the width.

    Attributes:
        ch: the unit of all widths.
        classes: number of classes, which enter through `head`.
        attention_resolution: side of the feature maps after which self-attention follows;
            none if no stage reaches it.
        depth: blocks of a stage.
        wrap: spectral norm, or `identity_wrap`.
        head: makes the last layer, one of `layers.heads`.

    Raises:
        UsageError: If images are not square, if there is no network for their side, or if
            `ch` is too small.
    """

    ch: int = 128
    classes: int = 0
    attention_resolution: int = 64
    depth: int = 2
    wrap: Wrap = SpectralNorm
    head: heads.Head = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        size, _ = sizes.sides_of("BigGAN-deep's D", image, square=True)
        multiples, grid = at_size(D_WIDTHS, size, "BigGAN-deep's D")
        first, *widths = _stage_widths("BigGAN-deep's D", self.ch, multiples)
        block = partial(DownBlock, wrap=self.wrap)
        x = self.wrap(Conv(first, kernel_init=ORTHOGONAL))(image, train=train)
        for width in widths:
            before = x.shape[1]
            x = block(width, halve if before > grid else identity)(x, train=train)
            for _ in range(self.depth - 1):
                x = block(width)(x, train=train)
            # Only a stage that halves is followed by attention, so there is one at most.
            if before > x.shape[1] == self.attention_resolution:
                x = Attention(self.wrap, ORTHOGONAL)(x, train=train)
        # Sum pooling, as in SAGAN and BigGAN.
        h = jnp.sum(nn.relu(x), axis=(1, 2))
        head = self.head(self.classes, self.wrap, True, ORTHOGONAL, name="head")
        return head(h, label, train=train)


class DownBlock(nn.Module):
    """D's residual bottleneck (figure 16): 1x1, 3x3, 3x3, 1x1, a quarter of `width`.

    A ReLU precedes each convolution. The resolution changes before the last 1x1. The skip
    connection gets the channels it lacks from another 1x1 convolution.

    Attributes:
        width: channels of the output.
        resize: changes the resolution: `halve` or `identity`.
        wrap: spectral norm, or `identity_wrap`.
    """

    width: int
    resize: Resize = identity
    wrap: Wrap = SpectralNorm

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], *, train: bool
    ) -> Float[Array, "b H W d"]:
        def conv(x, width, size):
            layer = Conv(width, size, kernel_init=ORTHOGONAL)
            return self.wrap(layer)(x, train=train)

        hidden = self.width // 4
        h = conv(nn.relu(x), hidden, 1)
        h = conv(nn.relu(h), hidden, 3)
        h = conv(nn.relu(h), hidden, 3)
        h = conv(self.resize(nn.relu(h)), self.width, 1)
        x = self.resize(x)
        # The skip connection keeps all old channels and computes only the new ones.
        missing = self.width - x.shape[-1]
        if missing:
            x = jnp.concatenate([x, conv(x, missing, 1)], axis=-1)
        return h + x


def _stage_widths(network: str, ch: int, multiples: tuple[int, ...]) -> list[int]:
    """Returns the widths; `UsageError` if the bottleneck of one would have no channels."""
    widths = [ch * multiple for multiple in multiples]
    if min(widths) < 4:
        raise UsageError(
            f"{network} has blocks of a quarter of {min(widths)} channels, which is less "
            f"than one: give a `ch` of at least {-(-4 // min(multiples))}."
        )
    return widths


SMALL = {"ch": 2, "attention_resolution": 16, "depth": 1}
TINY = {
    "g": Example(partial(Generator, 32, 2, shared_dim=3, **SMALL), (5,)),
    "d": Example(partial(Discriminator, **SMALL), (32, 32, 2)),
}
