"""FastGAN (Liu et al., 2021): a light G for few images, and a D that is an autoencoder.

In both networks skip-layer excitation lets coarse features gate the channels of fine ones.
D also decodes its features to images, which the regularizer `reconstruction` compares with
what it saw. So its features must describe the entire image, which keeps D from
overfitting.

Sizes follow the authors' code for images of 256, 512 and 1024 px; networks for smaller
images are a part of those. The authors' G also makes a second image of 128 px, for D's
input at that resolution; here D downsamples large fakes, as it does real images.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import resampling, sizes
from ganjax.layers.equalized import pixel_norm
from ganjax.layers.example import Example
from ganjax.layers.heads import sow_heads
from ganjax.layers.normalization import BatchNorm
from ganjax.layers.spectral_norm import SpectralNorm, Wrap
from ganjax.models.biggan import ConditionalNorm
from ganjax.models.fastgan_layers import (
    BatchStatsNorm,
    DownBlock,
    Excitation,
    Start,
    UpBlock,
)
from ganjax.models.projected import INIT, PatchLogits
from ganjax.ops.convolution import Conv


# Channels of G's feature maps in multiples of `width`, by their side in pixels.
G_WIDTHS = {
    **{4: 16, 8: 8, 16: 4, 32: 2, 64: 2},
    **{128: 1, 256: 1 / 2, 512: 1 / 4, 1024: 1 / 8},
}

# Sides of G's feature maps that are gated by the feature maps of a 16th of their side.
GATED_SIDES = (64, 128, 256, 512)

# The same as `G_WIDTHS` for D's path of the image and its path of the small image.
D_WIDTHS = {512: 1 / 8, 256: 1 / 4, 128: 1 / 2, 64: 1, 32: 2, 16: 4, 8: 8}
SMALL_D_WIDTHS = {64: 1 / 2, 32: 1, 16: 2, 8: 4}

# Side of D's small image; half the side of smaller images.
SMALL_SIDE = 128

NORMAL = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """Maps z [b, z] to unbounded images [b, size, size, channels].

    z is normalized to one length. A layer makes 4x4 feature maps of it, and each block
    doubles their side.

    Attributes:
        size: height and width of the images; a key of `G_WIDTHS`, 8 or more.
        channels: channels of the images.
        width: channels of the feature maps at 128 px.
        classes: number of classes. An embedding as long as z determines the gains and
            biases of the blocks' batch norms.
        convs: convolutions of each block, repeated in turn: (2, 1) for FastGAN, (2,) for
            Projected GAN (Sauer et al., 2021), whose code this follows, and (1,) for that
            code's "lite" version. Only blocks of two convolutions add noise.
        wrap: spectral norm, or `identity_wrap`.

    Raises:
        UsageError: If there is no network for `size`.
    """

    size: int = 256
    channels: int = 3
    width: int = 128
    classes: int = 0
    convs: tuple[int, ...] = (2,)
    wrap: Wrap = SpectralNorm

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        def norm():
            if not self.classes:
                return BatchNorm()
            return ConditionalNorm(wrap=self.wrap, use_bias=True, kernel_init=INIT)

        first, *others = sides(G_WIDTHS, 4, self.size, "FastGAN's G")
        condition = label
        if self.classes:
            init = nn.initializers.normal(1.0)
            embed = nn.Embed(self.classes, z.shape[-1], embedding_init=init)
            condition = embed(label)

        # Only the direction of z counts, as in StyleGAN. A GLU halves the channels.
        start = Start(2 * channels_of(G_WIDTHS, first, self.width))
        x = self.wrap(start)(pixel_norm(z), train=train)
        x = nn.glu(BatchNorm()(x, label, train=train))

        features = {first: x}  # by their sides, for the excitations
        for i, side in enumerate(others):
            width = channels_of(G_WIDTHS, side, self.width)
            convs = self.convs[i % len(self.convs)]
            # In the authors' code a conditional block has one strength of noise for both
            # convolutions.
            noise_strengths = 0
            if convs > 1:
                noise_strengths = 1 if self.classes else convs
            block = UpBlock(width, norm, self.wrap, convs, noise_strengths)
            x = block(x, condition, train=train)
            # Skip-layer excitation: features 16 times smaller gate the channels of these.
            if side in GATED_SIDES:
                x = Excitation(self.wrap)(features[side // 16], x, train=train)
            features[side] = x
        return self.wrap(Conv(self.channels, kernel_init=INIT))(x, train=train)


class Decoder(nn.Module):
    """D's decoder (section 3.2): maps 8x8 feature maps to images [b, side, side, channels].

    The images are in -1..1.

    Attributes:
        side: height and width of the images; a key of `G_WIDTHS`.
        channels: channels of the images.
        wrap: spectral norm, or `identity_wrap`.
        width: channels of the feature maps at 128 px.
    """

    side: int
    channels: int
    wrap: Wrap
    width: int = 32

    @nn.compact
    def __call__(
        self, x: Float[Array, "b 8 8 d"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        # A block has one norm, under the name that its parameters have in checkpoints.
        norm = partial(BatchStatsNorm, gain_init=NORMAL, name="OwnBatch_0")
        for side in sides(G_WIDTHS, 16, self.side):
            width = channels_of(G_WIDTHS, side, self.width)
            block = UpBlock(width, norm, self.wrap, 1, 0, NORMAL)
            x = block(x, label, train=train)
        last = Conv(self.channels, use_bias=False, kernel_init=NORMAL)
        return jnp.tanh(self.wrap(last)(x, train=train))


class Discriminator(nn.Module):
    """Maps images [b, h, w, c] to logits [b, 50], one for each 4x4 patch of 8x8 features.

    There are two paths, one from the image and one from a small version of it. Both halve
    down to 8x8, and each makes 25 logits.

    For the regularizer `reconstruction` D also decodes its features. It stores three
    decoded images of each example as "reconstructions" [b, 3, s, s, c] in the collection
    "heads", and what they should have been as "targets": the small image, decoded from the
    image's path; the same, decoded from the small image's path; and one quadrant of the
    image, decoded from that quadrant of its 16x16 features.

    Attributes:
        width: channels of the feature maps at 64 px.
        classes: number of classes, which enter as in `projected`; the authors have none.
        decoder: makes each of the three decoders, `decoder(side, channels, wrap)`, such as
            `Decoder`.
        wrap: spectral norm, or `identity_wrap`.

    Raises:
        UsageError: If images are not square, or not of 32, 64, ..., 1024 px.
    """

    width: int = 64
    classes: int = 0
    decoder: Callable[[int, int, Wrap], Callable[..., Array]] = Decoder
    wrap: Wrap = SpectralNorm

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        norm = partial(BatchNorm, gain_init=NORMAL)

        def lrelu(layer, x):
            return nn.leaky_relu(self.wrap(layer)(x, train=train), 0.2)

        def norm_lrelu(layer, x):
            x = self.wrap(layer)(x, train=train)
            return nn.leaky_relu(norm()(x, label, train=train), 0.2)

        def conv(width, size):
            return Conv(width, size, use_bias=False, kernel_init=NORMAL)

        def down(x, table):
            width = channels_of(table, x.shape[1] // 2, self.width)
            return resampling.Down(width, kernel_init=NORMAL)

        size, _ = sizes.sides_of("FastGAN's D", image, square=True)
        sides(G_WIDTHS, 32, size, "FastGAN's D")

        # The image's path: plain convolutions to at most 256 px, then blocks to 8x8. The
        # features of 8 times its side gate a block's output.
        if size > 256:
            x = lrelu(down(image, D_WIDTHS), image)
        else:
            x = lrelu(conv(channels_of(D_WIDTHS, size, self.width), 3), image)
        while x.shape[1] > 256:
            x = norm_lrelu(down(x, D_WIDTHS), x)
        features = {x.shape[1]: x}
        for side in reversed(sides(G_WIDTHS, 8, x.shape[1] // 2)):
            width = channels_of(D_WIDTHS, side, self.width)
            x = DownBlock(width, norm, self.wrap, NORMAL)(x, label, train=train)
            if 8 * side in features:
                gate = Excitation(self.wrap, NORMAL)
                x = gate(features[8 * side], x, train=train)
            features[side] = x

        # The small image's path.
        small = subsample(image, min(SMALL_SIDE, size // 2))
        h = lrelu(down(small, SMALL_D_WIDTHS), small)
        while h.shape[1] > 8:
            h = norm_lrelu(down(h, SMALL_D_WIDTHS), h)

        # What the three decoders should give, in the order of `reconstructions`.
        targets = [small, small, subsample(quadrants(image), small.shape[1])]
        side, channels = small.shape[2:]
        reconstructions = [
            self.decoder(side, channels, self.wrap)(encoded, label, train=train)
            for encoded in (x, h, quadrants(features[16]))
        ]
        sown = {
            "targets": jnp.stack(targets, 1),
            "reconstructions": jnp.stack(reconstructions, 1),
        }
        sow_heads(self, sown)

        # Both paths end in 8x8 features, whose 4x4 patches at stride 1 are 5x5 = 25 logits
        # each.
        last = norm_lrelu(conv(16 * self.width, 1), x)
        logits = []
        for i, encoded in enumerate((last, h)):
            # The names are those that the parameters have in checkpoints.
            name = f"Verdict_{i}"
            classify = PatchLogits(self.classes, self.wrap, NORMAL, name=name)
            logits.append(classify(encoded, label, train=train))
        return jnp.concatenate(logits, axis=-1)


def sides(
    table: Mapping[int, float], first: int, last: int, network: str = "FastGAN"
) -> list[int]:
    """Returns a table's sides from `first` to `last`, in ascending order.

    Raises:
        UsageError: If `last` is not one of the table's sides, or is smaller than `first`.
    """
    possible = [side for side in sorted(table) if side >= first]
    sizes.check(network, last, sizes.one_of(possible))
    return [side for side in possible if side <= last]


def channels_of(table: Mapping[int, float], side: int, width: int) -> int:
    """Returns how many channels the feature maps of a side have, at least 1."""
    return max(1, int(width * table[side]))


def subsample(x: Float[Array, "b h w c"], side: int) -> Float[Array, "b n n c"]:
    """Keeps every k-th pixel of rows and columns, the first included, k = h // side."""
    step = x.shape[1] // side
    return x[:, ::step, ::step]


def quadrants(x: Float[Array, "b h w c"]) -> Float[Array, "b n m c"]:
    """Returns one quadrant of each image.

    It is the upper left of the batch's first image, then upper right, lower left, lower
    right, and so on. So it needs no random numbers, and images and features are cropped
    alike.
    """
    b, h, w, c = x.shape
    # [b, 2, 2, h / 2, w / 2, c]: the quadrants of each image.
    grid = x.reshape(b, 2, h // 2, 2, w // 2, c).swapaxes(2, 3)
    rows = jnp.arange(b)
    return grid[rows, rows // 2 % 2, rows % 2]


def _no_decoder(*fields: Any) -> Callable[..., Array]:
    """Replaces `Decoder` in `TINY`, since tests of all networks do not read its images."""
    return lambda x, label, train: x.mean(-1, keepdims=True)


TINY = {
    "g": Example(partial(Generator, 64, 2, width=2, convs=(2, 1)), (5,)),
    "d": Example(partial(Discriminator, 2, decoder=_no_decoder), (64, 64, 2)),
}
