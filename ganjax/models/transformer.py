"""GAT (Hyun et al., 2025): transformers as G and as D, of latents or of pixels.

G's tokens begin as their places alone; z and the class, by a slow mapping network, scale
what enters every layer and gate what leaves it. G makes images at several depths, each
adding to the one before, and D sees them at once, one image's channels behind another's.
Sizes, weights and norms are those of the authors' code. What there is multiplied by zero
in G is left out, as are D's last bias, which a relativistic loss takes away, and its
projector, which is to guess another network's features.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.models import heads, sizes, tokens
from ganjax.models.equalized import normalise
from ganjax.models.example import Example
from ganjax.models.tokens import GLOROT, Grid


FAINT = nn.initializers.variance_scaling(0.01, "fan_avg", "uniform")  # a tenth of it
SMALL = nn.initializers.normal(0.02)
RATE = 0.01  # of the layers that learn slowly

# The authors' sizes.
S = {"depth": 12, "width": 384, "heads": 6}
B = {"depth": 12, "width": 768, "heads": 12}
L = {"depth": 24, "width": 1024, "heads": 16}
XL = {"depth": 28, "width": 1152, "heads": 16}


class Generator(nn.Module):
    """From z to `levels` images of side `size` in a row of channels, the last the best.

    They are made at equal distances of the `depth`. Collection "w_avg" keeps an average
    of w for each class, which training moves; evaluation draws w towards it.
    """

    size: int = 32
    channels: int = 4
    patch: int = 2
    depth: int = 12
    width: int = 768
    heads: int = 12
    classes: int = 0
    levels: int = 4
    decay: float = 0.995  # of the average of w
    psi: float = 1.0  # how far from that average w may be at evaluation, as a share

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        every = self._distance()
        sizes.divisible(
            "GAT's G", "channels (its width)", self.width, self.heads, "heads"
        )
        x = normalise(z)
        if self.classes:
            embed = nn.Embed(self.classes, z.shape[-1], embedding_init=SMALL)
            x = jnp.concatenate([normalise(embed(label)), x], axis=-1)
        w = Average(self.classes, self.decay, self.psi)(
            Stack(self.width)(x), label, train
        )

        grid = tokens.grid_of(self.size, self.size, self.patch)
        angles = tokens.rotations(grid, self.width // self.heads)
        places = jnp.asarray(tokens.sinusoids(grid, self.width), z.dtype)
        x = jnp.broadcast_to(places[None], (len(z), *places.shape))
        image, images = jnp.zeros((1, 1, 1, 1), z.dtype), []
        for i in range(self.depth):
            x = Styled(self.heads)(x, w, angles)
            if (i + 1) % every == 0:
                image = image + ToImage(self.channels, self.patch)(x, w, grid)
                images.append(image)
        return jnp.concatenate(images, axis=-1)

    def _distance(self) -> int:
        if self.depth % self.levels:
            raise Mistake(
                f"A depth of {self.depth} has no {self.levels} equal parts: change one."
            )
        return self.depth // self.levels


class Stack(nn.Module):
    """Two layers that learn a hundred times more slowly than others, SiLU in between."""

    width: int

    @nn.compact
    def __call__(self, x: Float[Array, "b c"]) -> Float[Array, "b d"]:
        slow = lambda key, shape, dtype: GLOROT(key, shape, dtype) / RATE
        dense = partial(nn.Dense, self.width, kernel_init=slow)
        h = nn.silu(RATE * dense()(x))
        return RATE * dense()(h)


class Average(nn.Module):
    """w, or at evaluation somewhere between w and the average w of its class."""

    classes: int
    decay: float
    psi: float

    @nn.compact
    def __call__(
        self, w: Float[Array, "b d"], label: Int[Array, " b"], train: bool
    ) -> Float[Array, "b d"]:
        count = max(self.classes, 1)
        average = self.variable("w_avg", "w", jnp.zeros, (count, w.shape[-1]))
        label = label if self.classes else jnp.zeros_like(label)
        if not train:
            centre = average.value[label].astype(w.dtype)
            return centre + self.psi * (w - centre)
        who = jax.nn.one_hot(label, count)
        seen = who.sum(0)[:, None]
        away = who.T @ w / jnp.maximum(seen, 1) - average.value
        average.value += jnp.where(seen > 0, (1 - self.decay) * away, 0)
        return w


class Styled(nn.Module):
    """G's block: w scales the normalised tokens before either layer, and what it gives."""

    heads: int

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b n d"],
        w: Float[Array, "b d"],
        angles: Float[Array, "n half"],
    ) -> Float[Array, "b n d"]:
        width = x.shape[-1]
        norm = nn.RMSNorm(use_scale=False)
        style = nn.Dense(4 * width, kernel_init=FAINT, name="style")(nn.silu(w))
        scale, gate, scale_2, gate_2 = jnp.split(style[:, None], 4, axis=-1)
        x = x + gate * tokens.Attention(self.heads)(norm(x) * (1 + scale), angles)
        return x + gate_2 * tokens.FeedForward()(norm(x) * (1 + scale_2))


class ToImage(nn.Module):
    """The images that G's tokens stand for, after a norm that w scales."""

    channels: int
    patch: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n d"], w: Float[Array, "b d"], grid: Grid
    ) -> Float[Array, "b h w c"]:
        style = nn.Dense(x.shape[-1], kernel_init=FAINT, name="style")(nn.silu(w))
        x = nn.RMSNorm(use_scale=False)(x) * (1 + style[:, None])
        x = nn.Dense(self.patch**2 * self.channels, kernel_init=GLOROT)(x)
        return tokens.pixels(x, grid, self.patch)


class Mapped(nn.Module):
    """D's head: projection on what a mapping network makes of the class."""

    classes: int = 0
    size: int = 2048

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        heads.tell(self, features=h)
        dense = partial(nn.Dense, use_bias=False, kernel_init=GLOROT)
        if not self.classes:
            return dense(1)(h)[:, 0]
        embed = nn.Embed(self.classes, self.size, embedding_init=SMALL)(label)
        h = dense(self.size)(h)
        return jnp.sum(h * Stack(self.size)(embed), axis=-1)


class Discriminator(nn.Module):
    """From images to logits [b]: a token for each patch, and before them one that judges.

    Images have `channels` for each of their `levels`, or `channels` for all of them.
    """

    channels: int = 4
    patch: int = 2
    depth: int = 12
    width: int = 768
    heads: int = 12
    classes: int = 0
    levels: int = 4
    head: Callable[..., Callable[..., Any]] = Mapped

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        sizes.divisible(
            "GAT's D", "channels (its width)", self.width, self.heads, "heads"
        )
        grid = tokens.grid_of(*sizes.sides_of("GAT's D", image), self.patch)
        alike = (1, 1, 1, self._alike(image.shape[-1]))
        x = tokens.patches(jnp.tile(image, alike), self.patch)
        x = nn.Dense(self.width, kernel_init=GLOROT)(x)
        x = x + jnp.asarray(tokens.sinusoids(grid, self.width), x.dtype)[None]
        judge = self.param("judge", SMALL, (1, 1, self.width))
        judge = jnp.broadcast_to(judge, (len(x), 1, self.width))
        x = jnp.concatenate([judge, x], axis=1)
        angles = tokens.rotations(grid, self.width // self.heads)
        angles = jnp.pad(angles, ((1, 0), (0, 0)))  # the judge has no place
        for _ in range(self.depth):
            x = Plain(self.heads)(x, angles)
        h = nn.RMSNorm()(x[:, 0])
        return self.head(self.classes, name="head")(h, label, train=train)

    def _alike(self, channels: int) -> int:
        for levels in (1, self.levels):
            if channels * levels == self.channels * self.levels:
                return levels
        raise Mistake(
            f"An image of {channels} channels is neither {self.levels} images of "
            f"{self.channels} nor one: change the channels or the levels of D."
        )


class Plain(nn.Module):
    """D's block: what a layer adds is small at first (Touvron et al., 2021)."""

    heads: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n d"], angles: Float[Array, "n half"]
    ) -> Float[Array, "b n d"]:
        def scale(name):
            init = nn.initializers.constant(0.1)
            return self.param(name, init, (x.shape[-1],)).reshape(1, 1, -1)

        h = tokens.Attention(self.heads)(nn.RMSNorm()(x), angles)
        x = x + scale("attention") * h
        return x + scale("feed_forward") * tokens.FeedForward()(nn.RMSNorm()(x))


SIZES = {"channels": 1, "depth": 2, "width": 8, "heads": 2, "levels": 2}
TINY = {
    "g": Example(partial(Generator, 8, **SIZES), (5,)),
    "d": Example(
        partial(Discriminator, head=partial(Mapped, size=7), **SIZES), (8, 8, 2)
    ),
}
