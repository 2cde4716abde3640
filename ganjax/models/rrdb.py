"""ESRGAN's G (Wang et al., 2018): small images made large by densely joined residuals."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.models import patch, sizes
from ganjax.models.convolution import Conv
from ganjax.models.example import Example
from ganjax.models.textures import added, blurred


INIT = nn.initializers.variance_scaling(2 * 0.1**2, "fan_in", "normal")  # He's, a tenth
SCALE = 0.2  # of what is added (section 3.1)
_lrelu: Callable[[Array], Array] = partial(nn.leaky_relu, negative_slope=0.2)


class Doubled(nn.Module):
    """As published: pixels are repeated, twice a side, and two convolutions follow."""

    features: int
    times: int
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        width = x.shape[-1]
        if self.times & (self.times - 1):
            raise Mistake(
                f"Images are doubled until they are of {self.times} times the sides, which "
                "is no power of two: give 2 or 4 times, or an `end` that needs no doubling."
            )
        for _ in range(self.times.bit_length() - 1):
            x = _lrelu(Conv(width)(x.repeat(2, 1).repeat(2, 2)))
        x = _lrelu(Conv(width)(x))
        return Conv(self.features, kernel_init=self.kernel_init)(x)


class Shuffled(nn.Module):
    """Each place makes its pixels at the small size (Shi et al., 2016): much less work.

    They have half as many features, and one convolution at the large size sees across
    places. At first the pixels of a place are alike (Aitken et al., 2017), so that no
    grid is to be seen.
    """

    features: int
    times: int
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        (b, h, w, c), t = x.shape, self.times
        half = max(c // 2, 1)
        x = Conv(t * t * half, kernel_init=partial(_alike, t * t))(x)
        x = x.reshape(b, h, w, t, t, half).transpose(0, 1, 3, 2, 4, 5)
        x = _lrelu(x.reshape(b, h * t, w * t, half))
        return Conv(self.features, kernel_init=self.kernel_init)(x)


def _alike(n: int, key, shape, dtype=jnp.float32):
    kernel = nn.initializers.lecun_normal()(key, (*shape[:-1], shape[-1] // n), dtype)
    return jnp.tile(kernel, n)


class Generator(nn.Module):
    """From images [b, h, w, c] to images of `times` the sides, a power of two; linear.

    `width` counts the channels throughout, `growth` those that each convolution within a
    block adds to what the next one sees. Classes add a vector before the first block;
    `end` makes what is large of what is small. With `over`, called as `over(image, times)`,
    G makes what is to be added to an enlargement without learning, 0 at first. What that
    has behind the image are textures, of each of which G adds as much as it likes; with
    `grain` white noise is one more, from the rng "noise".
    """

    channels: int = 3  # of what it makes
    times: int = 4
    width: int = 64
    classes: int = 0
    growth: int = 32
    blocks: int = 23
    over: Callable[[Array, int], Array] | None = None
    grain: bool = False
    end: Callable[..., Callable[[Array], Array]] = Doubled

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b H W d"]:
        sizes.sides_of("ESRGAN's G", image)
        x = Conv(self.width)(image)
        if self.classes:
            x += nn.Embed(self.classes, self.width)(label)[:, None, None]
        trunk = x
        for _ in range(self.blocks):
            trunk = Block(self.growth)(trunk)
        x += Conv(self.width)(trunk)
        if not self.over:
            return self.end(self.channels, self.times)(x)
        given = self.over(image, self.times)
        first, *more = jnp.split(given, given.shape[-1] // self.channels, axis=-1)
        if self.grain:
            shape = (*first.shape[:-1], 1)
            more += [jax.random.normal(self.make_rng("noise"), shape, first.dtype)]
        zeros = nn.initializers.zeros
        made = self.end(self.channels + len(more), self.times, zeros)(x)
        return added(made, first, more)


def cubic(image: Float[Array, "b h w c"], times: int) -> Float[Array, "b H W c"]:
    """An enlargement by cubic interpolation (Keys, 1981)."""
    b, h, w, c = image.shape
    return jax.image.resize(image, (b, times * h, times * w, c), "cubic")


def sharper(image: Float[Array, "b h w c"], times: int) -> Float[Array, "b H W c_2"]:
    """That enlargement, and how it differs from what is around: of this G may add some."""
    large = cubic(image, times)
    return jnp.concatenate([large, large - blurred(large, 2 * times + 1)], axis=-1)


class Block(nn.Module):
    """x and a fifth of three dense blocks of it, one after another (figure 4)."""

    growth: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        h = x
        for _ in range(3):
            h = Dense(self.growth)(h)
        return x + SCALE * h


class Dense(nn.Module):
    """x and a fifth of five convolutions of it, each of which sees all before it."""

    growth: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        seen = x
        for _ in range(4):
            h = _lrelu(Conv(self.growth, kernel_init=INIT)(seen))
            seen = jnp.concatenate([seen, h], axis=-1)
        return x + SCALE * Conv(x.shape[-1], kernel_init=INIT)(seen)


TINY = {
    "g": Example(partial(Generator, 2, 2, 3, growth=2, blocks=1), (4, 4, 3)),
    "g_shuffled": Example(
        partial(Generator, 2, 2, 4, growth=2, blocks=1, end=Shuffled), (4, 4, 3)
    ),
    "d": patch.TINY["d"],
}
