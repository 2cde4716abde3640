"""StyleGAN2 (Karras et al., 2020a) with the networks of StyleGAN2-ADA (2020b).

G adds up what each size of image contributes, D is residual. What differs between data
sets are numbers, but on CIFAR-10 D is `Orig`, both depths 2, `group` 32. Half precision
does without the authors' clamping if it is bfloat16, whose range is float32's.
"""

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.models import filters, heads, sizes
from ganjax.models.equalized import (
    NORMAL,
    Conv,
    Dense,
    grow,
    lrelu,
    normalise,
    shrink,
)
from ganjax.models.example import Example
from ganjax.models.modulated import StyledConv, ToRGB


class Generator(nn.Module):
    """From z to images of `size`, a power of two; nothing keeps them within -1..1.

    It is `synthesis` of `mapping`, the paper's g and f, which penalties and mixtures of
    w may call by themselves. Images of side s have min(base / s, width) channels.
    """

    size: int = 32
    channels: int = 3
    width: int = 512
    base: int = 32768
    w_dim: int = 512
    depth: int = 8  # of the mapping network
    classes: int = 0
    decay: float = 0.995  # of the average of w
    psi: float = 1.0  # how far from that average w may be at evaluation, as a share
    noise: float = 1.0  # the standard deviation of what every layer adds
    mixing: float = 0.0  # how likely in training an image has a second w

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
        """One w, n times: for each layer, as others than this may want them to differ.

        Under style mixing some images have that of another z from a random layer on
        (2019, section 3.1), which the average of w does not count.
        """
        shape = len(z), 2 * len(self.widths), self.w_dim
        w = jnp.broadcast_to(self.f(z, label, train=train)[:, None], shape)
        if not train or not self.mixing:
            return w
        keys = jax.random.split(self.make_rng("noise"), 3)
        second = self.f(jax.random.normal(keys[0], z.shape), label, counted=False)
        first = jax.random.randint(keys[1], (len(z),), 1, shape[1])
        mixed = jax.random.bernoulli(keys[2], self.mixing, (len(z),))
        layer = jnp.where(mixed, first, shape[1])
        own = jnp.arange(shape[1])[None] < layer[:, None]
        return jnp.where(own[..., None], w, second[:, None])

    def synthesis(
        self, w: Float[Array, "b n w_dim"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        """The images of a w for each layer; training and evaluation do not differ."""
        return self.g(w)


class Mapping(nn.Module):
    """From z and a class to w, of which collection "w_avg" keeps an average.

    Training moves it. Evaluation draws w towards it (2020a: "truncation trick").
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
        x = normalise(z)
        if self.classes:
            one_hot = jax.nn.one_hot(label, self.classes, dtype=z.dtype)
            embed = normalise(Dense(self.w_dim)(one_hot))
            x = jnp.concatenate([x, embed], axis=-1)
        w = Stack(self.w_dim, self.depth)(x)
        average = self.variable("w_avg", "w", jnp.zeros, (self.w_dim,))
        if train and counted:
            average.value += (1 - self.decay) * (w.mean(0) - average.value)
        if train:
            return w
        centre = average.value.astype(w.dtype)[None]
        return centre + self.psi * (w - centre)


class Stack(nn.Module):
    """Fully connected layers that learn a hundred times more slowly than others."""

    features: int
    depth: int

    @nn.compact
    def __call__(self, x: Float[Array, "b c"]) -> Float[Array, "b d"]:
        for _ in range(self.depth):
            x = lrelu(Dense(self.features, rate=0.01)(x))
        return x


class Synthesis(nn.Module):
    """From w to images by "output skips" (2020a, figure 7b).

    After the first, each size has two layers; its RGB layer shares the w of the next
    size's first.
    """

    channels: int
    widths: tuple[int, ...]
    noise: float

    @nn.compact
    def __call__(self, w: Float[Array, "b n w_dim"]) -> Float[Array, "b h w c"]:
        layer = partial(StyledConv, noise=self.noise)
        first, *others = self.widths
        const = self.param("const", NORMAL, (4, 4, first))
        x = jnp.broadcast_to(const[None], (len(w), *const.shape))
        x = layer(first)(x, w[:, 0])
        image = ToRGB(self.channels)(x, w[:, 1])
        for i, features in enumerate(others):
            x = layer(features, by=grow)(x, w[:, 2 * i + 1])
            x = layer(features)(x, w[:, 2 * i + 2])
            image = filters.up(image) + ToRGB(self.channels)(x, w[:, 2 * i + 3])
        return image


class Residual(nn.Module):
    """Two 3x3 convolutions that halve, and a 1x1 one beside them (2020a, figure 7c)."""

    features: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], image: Float[Array, "b y x k"]
    ) -> tuple[Float[Array, "b H W d"], Float[Array, "b y x k"]]:
        skip = Conv(self.features, 1, use_bias=False)(filters.down(x))
        h = lrelu(Conv(x.shape[-1])(x))
        h = lrelu(Conv(self.features, by=shrink)(h))
        return (h + skip) / sqrt(2), image


class Straight(nn.Module):
    """The same without anything beside it."""

    features: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], image: Float[Array, "b y x k"]
    ) -> tuple[Float[Array, "b H W d"], Float[Array, "b y x k"]]:
        h = lrelu(Conv(x.shape[-1])(x))
        return lrelu(Conv(self.features, by=shrink)(h)), image


class Skip(nn.Module):
    """The same, and what the halved image itself brings ("input skips", figure 7b)."""

    features: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], image: Float[Array, "b h w k"]
    ) -> tuple[Float[Array, "b H W d"], Float[Array, "b H W k"]]:
        h = lrelu(Conv(x.shape[-1])(x))
        h, image = lrelu(Conv(self.features, by=shrink)(h)), filters.down(image)
        return h + lrelu(Conv(self.features, 1)(image)), image


class Mapped(nn.Module):
    """D's head: projection on the output of a mapping network, `depth` deep (2020b)."""

    classes: int = 0
    depth: int = 8

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        heads.tell(self, features=h)
        if not self.classes:
            return Dense(1)(h)[:, 0]
        width = h.shape[-1]
        one_hot = jax.nn.one_hot(label, self.classes, dtype=h.dtype)
        embed = Stack(width, self.depth)(normalise(Dense(width)(one_hot)))
        return jnp.sum(Dense(width)(h) * embed, axis=-1) / sqrt(width)


class Discriminator(nn.Module):
    """From images to logits [b]: halved down to 4x4, which also sees the deviation.

    Groups of `group` neighbours in the batch are looked at together.
    """

    width: int = 512
    base: int = 32768
    classes: int = 0
    group: int = 4
    block: Callable[[int], Callable[..., Any]] = Residual
    head: Callable[..., Callable[..., Any]] = Mapped

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        side, _ = sizes.sides_of("StyleGAN2's D", image, square=True)
        widths = _widths("StyleGAN2's D", side, self.base, self.width)
        x = lrelu(Conv(widths[-1], 1)(image))
        for features in reversed(widths[:-1]):
            x, image = self.block(features)(x, image)
        last = widths[0]
        x = jnp.concatenate([x, deviation(x, self.group)], axis=-1)
        x = lrelu(Conv(last)(x))
        h = lrelu(Dense(last)(x.reshape(len(x), -1)))
        return self.head(self.classes, name="head")(h, label, train=train)


# The authors' architecture "orig", of CIFAR-10, and "skip".
Orig = partial(Discriminator, block=Straight)
Skips = partial(Discriminator, block=Skip)


def deviation(x: Float[Array, "b h w c"], group: int) -> Float[Array, "b h w 1"]:
    """How much a group's features differ: the mean of their standard deviations.

    Karras et al. (2018), section 3. A batch of fewer than `group` is one group.
    """
    group = min(group, len(x))
    if len(x) % group:
        raise Mistake(
            f"A batch of {len(x)} has no whole number of groups of {group}: change one."
        )
    variance = x.reshape(-1, group, *x.shape[1:]).var(1)
    each = jnp.sqrt(variance + 1e-8).mean((1, 2, 3))
    return jnp.broadcast_to(each.repeat(group)[:, None, None, None], (*x.shape[:3], 1))


def _widths(network: str, size: int, base: int, width: int) -> tuple[int, ...]:
    """How many channels images have, of sides 4, 8 and so on up to `size`.

    Raises a `Mistake` for a size that is not among them, or that has no channel left.
    """
    sizes.check(network, size, sizes.growing(4))
    sizes.enough(network, size, base)
    sides = [4 << i for i in range((size // 4).bit_length())]
    return tuple(min(base // side, width) for side in sides)


TINY = {
    "g": Example(partial(Generator, 8, 2, width=6, w_dim=7, depth=2), (5,)),
    "d": Example(partial(Discriminator, width=6, group=2), (8, 8, 2)),
    "d orig": Example(partial(Orig, width=6, group=2), (8, 8, 2)),
    "d skip": Example(
        partial(Skips, width=6, group=2, head=partial(Mapped, depth=2)), (8, 8, 2)
    ),
}
