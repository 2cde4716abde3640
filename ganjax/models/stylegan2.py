"""StyleGAN2 (Karras et al., 2020a), with the networks of StyleGAN2-ADA (2020b).

The generator is two networks. The mapping network f turns z into a style vector w. The
synthesis network g starts from a learned 4x4 constant and doubles it up to the size of the
images; each of its convolutions is modulated by w. At each size it adds an RGB image to the
enlarged image of the size before ("output skips"). The discriminator is residual.

The authors' configurations differ in numbers only, except for CIFAR-10: there D is
`OrigDiscriminator`, both mapping networks have depth 2, and `group` is 32. The authors
clamp activations in half precision (float16). In bfloat16, which has the range of float32,
that is not needed.
"""

from collections.abc import Callable
from functools import partial
from math import sqrt

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers import heads, sizes
from ganjax.layers.equalized import (
    NORMAL,
    Conv,
    Dense,
    conv_downsample,
    lrelu,
    pixel_norm,
    upsample_conv,
)
from ganjax.layers.example import Example
from ganjax.layers.modulated import StyledConv, ToRGB
from ganjax.ops import filters


class Generator(nn.Module):
    """Maps z to images; nothing keeps them within -1..1.

    A call composes the methods `mapping` and `synthesis`, the paper's f and g. Path length
    regularization and style mixing apply them separately.

    Attributes:
        size: side of the images, a power of two.
        channels: channels of the images.
        width: largest number of channels of a layer.
        base: layers at side s have min(base / s, width) channels.
        w_dim: length of w.
        depth: layers of the mapping network.
        classes: number of classes, 0 for an unconditional generator.
        decay: decay of the moving average of w, per training step.
        psi: truncation at evaluation (2020a): w is replaced by mean + psi (w - mean), where
            the mean is the moving average.
        noise: standard deviation of the noise that each layer scales and adds.
        mixing: probability that a training image gets the styles of two w.
    """

    size: int = 32
    channels: int = 3
    width: int = 512
    base: int = 32768
    w_dim: int = 512
    depth: int = 8
    classes: int = 0
    decay: float = 0.995
    psi: float = 1.0
    noise: float = 1.0
    mixing: float = 0.0

    def setup(self):
        self.widths = _widths("StyleGAN2's G", self.size, self.base, self.width)
        self.f = Mapping(self.w_dim, self.depth, self.classes, self.decay, self.psi)
        self.g = Synthesis(self.channels, self.widths, self.noise)

    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        return self.synthesis(self.mapping(z, label, train=train), train=train)

    def mapping(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n w_dim"]:
        """Returns a w for each of the n layers, all n equal unless styles are mixed.

        Under style mixing (Karras et al., 2019, section 3.1) some images take the w of
        another, random z from a random layer on. It does not count in the average of w.
        """
        # One w for each convolution, and one for the last layer to RGB.
        shape = (len(z), 2 * len(self.widths), self.w_dim)
        w = jnp.broadcast_to(self.f(z, label, train=train)[:, None], shape)
        if not train or not self.mixing:
            return w

        # The crossover is the first layer that takes the second w; n if none does.
        keys = jax.random.split(self.make_rng("noise"), 3)
        second = self.f(jax.random.normal(keys[0], z.shape), label, counted=False)
        crossover = jax.random.randint(keys[1], (len(z),), 1, shape[1])
        mixed = jax.random.bernoulli(keys[2], self.mixing, (len(z),))
        crossover = jnp.where(mixed, crossover, shape[1])
        keeps_first = jnp.arange(shape[1])[None] < crossover[:, None]
        return jnp.where(keeps_first[..., None], w, second[:, None])

    def synthesis(
        self, w: Float[Array, "b n w_dim"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        """Returns the images of a w for each layer, the same in training and evaluation."""
        return self.g(w)


class Mapping(nn.Module):
    """Maps z and a class to w.

    Collection "w_avg" keeps a moving average of w, which training updates. At evaluation w
    is interpolated toward it (the "truncation trick").

    Attributes:
        w_dim: length of w.
        depth: number of layers.
        classes: number of classes, 0 for none.
        decay: decay of the moving average.
        psi: weight of w in the interpolation, 1 for no truncation.
    """

    w_dim: int
    depth: int
    classes: int
    decay: float
    psi: float

    @nn.compact
    def __call__(
        self,
        z: Float[Array, "b z"],
        label: Int[Array, " b"],
        *,
        train: bool = True,
        counted: bool = True,
    ) -> Float[Array, "b w_dim"]:
        # Only the direction of z counts, and that of the class's embedding.
        x = pixel_norm(z)
        if self.classes:
            one_hot = jax.nn.one_hot(label, self.classes, dtype=z.dtype)
            embed = pixel_norm(Dense(self.w_dim)(one_hot))
            x = jnp.concatenate([x, embed], axis=-1)
        w = Stack(self.w_dim, self.depth)(x)
        average = self.variable("w_avg", "w", jnp.zeros, (self.w_dim,))
        # A second w of style mixing is not counted.
        if train and counted:
            average.value += (1 - self.decay) * (w.mean(0) - average.value)
        if train:
            return w
        # Truncation: psi 0 gives the mean image, psi 1 leaves w unchanged.
        center = average.value.astype(w.dtype)[None]
        return center + self.psi * (w - center)


class Stack(nn.Module):
    """Fully connected layers with a hundredth of the other layers' learning rate."""

    features: int
    depth: int

    @nn.compact
    def __call__(self, x: Float[Array, "b c"]) -> Float[Array, "b d"]:
        for _ in range(self.depth):
            x = lrelu(Dense(self.features, lr_multiplier=0.01)(x))
        return x


class Synthesis(nn.Module):
    """Maps a w for each layer to images, with "output skips" (2020a, figure 7b).

    The first size has one convolution, each further size two; each size has a layer to RGB,
    which shares its w with the first convolution of the next size.

    Attributes:
        channels: channels of the images.
        widths: channels of the feature maps at sides 4, 8, and so on.
        noise: standard deviation of the noise that each layer scales and adds.
    """

    channels: int
    widths: tuple[int, ...]
    noise: float

    @nn.compact
    def __call__(self, w: Float[Array, "b n w_dim"]) -> Float[Array, "b h w c"]:
        layer = partial(StyledConv, noise_scale=self.noise)
        first, *others = self.widths
        # The learned 4x4 input, which is the same for all images.
        const = self.param("const", NORMAL, (4, 4, first))
        x = jnp.broadcast_to(const[None], (len(w), *const.shape))
        x = layer(first)(x, w[:, 0])
        image = ToRGB(self.channels)(x, w[:, 1])
        # The RGB layer of a size takes the same row of w as the next size's first layer.
        for i, features in enumerate(others):
            x = layer(features, conv_fn=upsample_conv)(x, w[:, 2 * i + 1])
            x = layer(features)(x, w[:, 2 * i + 2])
            image = filters.up(image) + ToRGB(self.channels)(x, w[:, 2 * i + 3])
        return image


# A block of D: (features, image) -> the features and the image for the next block. It
# halves the sides of the features. Only `Skip` uses the image, which has the side of the
# features, and halves it; other blocks return it unchanged.
Block = Callable[[Array, Array], tuple[Array, Array]]


class Residual(nn.Module):
    """D's block "resnet" (2020a, figure 7c): two 3x3 convolutions and a 1x1 skip."""

    features: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], image: Float[Array, "b y x k"]
    ) -> tuple[Float[Array, "b H W d"], Float[Array, "b y x k"]]:
        skip = Conv(self.features, 1, use_bias=False)(filters.down(x))
        h = lrelu(Conv(x.shape[-1])(x))
        h = lrelu(Conv(self.features, conv_fn=conv_downsample)(h))
        # The sum of two independent terms keeps the variance of each.
        return (h + skip) / sqrt(2), image


class Straight(nn.Module):
    """D's block "orig": two 3x3 convolutions without a skip connection."""

    features: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], image: Float[Array, "b y x k"]
    ) -> tuple[Float[Array, "b H W d"], Float[Array, "b y x k"]]:
        h = lrelu(Conv(x.shape[-1])(x))
        return lrelu(Conv(self.features, conv_fn=conv_downsample)(h)), image


class Skip(nn.Module):
    """D's block "skip" ("input skips", figure 7b): `Straight`, plus the halved image.

    A 1x1 convolution brings the image to the channels of the features.
    """

    features: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], image: Float[Array, "b h w k"]
    ) -> tuple[Float[Array, "b H W d"], Float[Array, "b H W k"]]:
        h = lrelu(Conv(x.shape[-1])(x))
        h = lrelu(Conv(self.features, conv_fn=conv_downsample)(h))
        image = filters.down(image)
        return h + lrelu(Conv(self.features, 1)(image)), image


class MappedProjectionHead(nn.Module):
    """Computes logits [b] from features [b, c] and classes (2020b).

    Without classes the logit is a linear function of the features. With classes it is the
    inner product of linearly mapped features and the output of a mapping network, `depth`
    layers deep, for the class.
    """

    classes: int = 0
    depth: int = 8

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        heads.sow_heads(self, {"features": h})
        if not self.classes:
            return Dense(1)(h)[:, 0]
        width = h.shape[-1]
        one_hot = jax.nn.one_hot(label, self.classes, dtype=h.dtype)
        embed = Stack(width, self.depth)(pixel_norm(Dense(width)(one_hot)))
        return jnp.sum(Dense(width)(h) * embed, axis=-1) / sqrt(width)


class Discriminator(nn.Module):
    """Maps images to logits [b]: blocks that halve the sides to 4x4, then dense layers.

    At 4x4 the minibatch standard deviation is one more channel.

    Attributes:
        width: largest number of channels of a layer.
        base: layers at side s have min(base / s, width) channels.
        classes: number of classes, 0 for an unconditional discriminator.
        group: number of images over which the minibatch standard deviation is taken; they
            are neighbors in the batch.
        block: makes a block, `block(features)`: `Residual`, `Straight` or `Skip`.
        head: makes the last layer, `head(classes)`; see `ganjax.layers.heads`.
    """

    width: int = 512
    base: int = 32768
    classes: int = 0
    group: int = 4
    block: Callable[[int], Block] = Residual
    head: heads.Head = MappedProjectionHead

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        side, _ = sizes.sides_of("StyleGAN2's D", image, square=True)
        widths = _widths("StyleGAN2's D", side, self.base, self.width)
        # From RGB, then one block for each halving down to 4x4.
        x = lrelu(Conv(widths[-1], 1)(image))
        for features in reversed(widths[:-1]):
            x, image = self.block(features)(x, image)
        last = widths[0]
        # The epilogue at 4x4.
        x = jnp.concatenate([x, minibatch_stddev(x, self.group)], axis=-1)
        x = lrelu(Conv(last)(x))
        # [b, 4, 4, last] to [b, last].
        h = lrelu(Dense(last)(x.reshape(len(x), -1)))
        return self.head(self.classes, name="head")(h, label, train=train)


# The authors' architectures "orig", for CIFAR-10, and "skip".
OrigDiscriminator = partial(Discriminator, block=Straight)
SkipDiscriminator = partial(Discriminator, block=Skip)


def minibatch_stddev(x: Float[Array, "b h w c"], group: int) -> Float[Array, "b h w 1"]:
    """Returns the minibatch standard deviation (Karras et al., 2018, section 3).

    For each group of images it is one number: the standard deviation of each feature at
    each pixel over the group, averaged over features and pixels. It lets D see whether
    samples lack variety.

    Args:
        x: features of a batch.
        group: images in each group, neighbors in the batch. A smaller batch is one group.

    Raises:
        UsageError: the batch cannot be divided into such groups.
    """
    group = min(group, len(x))
    if len(x) % group:
        raise UsageError(
            f"A batch of {len(x)} cannot be divided into groups of {group}: change one."
        )
    # [groups, group, h, w, c]: statistics over the images of a group.
    variance = x.reshape(-1, group, *x.shape[1:]).var(1)
    stddev = jnp.sqrt(variance + 1e-8).mean((1, 2, 3))
    stddev = stddev.repeat(group)[:, None, None, None]
    return jnp.broadcast_to(stddev, (*x.shape[:3], 1))


def _widths(network: str, size: int, base: int, width: int) -> tuple[int, ...]:
    """Returns the number of channels at sides 4, 8 and so on up to `size`.

    Raises a `UsageError` for a size that is not among them, or that has no channel left.
    """
    sizes.check(network, size, sizes.geometric(4))
    sizes.check_base(network, size, base)
    return tuple(min(base // side, width) for side in sides_up_to(size))


def sides_up_to(size: int) -> list[int]:
    """Returns the sides [4, 8, ..., size] of the feature maps; `size` is one of them."""
    return [4 << i for i in range((size // 4).bit_length())]


TINY = {
    "g": Example(partial(Generator, 8, 2, width=6, w_dim=7, depth=2), (5,)),
    "d": Example(partial(Discriminator, width=6, group=2), (8, 8, 2)),
    "d orig": Example(partial(OrigDiscriminator, width=6, group=2), (8, 8, 2)),
    "d skip": Example(
        partial(
            SkipDiscriminator,
            width=6,
            group=2,
            head=partial(MappedProjectionHead, depth=2),
        ),
        (8, 8, 2),
    ),
}
