"""BigGAN (Brock et al., 2019, appendix B, not the deep one): SAGAN's networks, wider.

Every block of G has a chunk of z of its own, which together with one embedding of the
class chooses its batch norms' gains and biases; all weights start orthogonal. Sizes and
what spectral norm wraps are those of the authors' PyTorch code, but for the biases that
a batch norm takes away (see `sagan`). Of the paper's are 128 and 256 px, with `ch` 96
and attention at 64; at 32 px `ch` is the quarter of a width that is the same throughout,
and at 8 and 16 px, to try things out, too.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.models import layers, sagan, sizes
from ganjax.models.attention import Attention
from ganjax.models.convolution import Conv
from ganjax.models.example import Example
from ganjax.models.resnet import UpBlock


ORTHOGONAL = nn.initializers.orthogonal()
UP = {  # the side of an image -> the width of each of G's blocks, in multiples of ch
    8: (4,),
    16: (4, 4),
    32: (4, 4, 4),
    64: (16, 8, 4, 2),
    128: (16, 8, 4, 2, 1),
    256: (16, 8, 8, 4, 2, 1),
}
DOWN = {  # and of D's, and the side at which they no longer halve
    8: ((4, 4, 4), 4),
    16: ((4, 4, 4), 4),
    32: ((4, 4, 4, 4), 8),
    64: ((1, 2, 4, 8, 16), 4),
    128: ((1, 2, 4, 8, 16, 16), 4),
    256: ((1, 2, 4, 8, 8, 16, 16), 4),
}


class Generator(nn.Module):
    """From z to images of side `size`: a dense layer to 4x4, then blocks that double it.

    z is cut into as many equal chunks as there are blocks, and one for the dense layer:
    4 at 32 px, 5 at 64, 6 at 128 (z: 120) and 7 at 256 (z: 140); other z are a `Mistake`.
    Without classes the chunks alone choose the gains and biases. Attention is as in
    `sagan.Generator`.
    """

    size: int = 32
    channels: int = 3
    ch: int = 96
    classes: int = 0
    shared: int = 128  # the length of the embedding
    attend: int = 16
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm
    use_bias: bool = False  # of the blocks, as in the authors' code

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        widths = [self.ch * times for times in at_size(UP, self.size, "BigGAN's G")]
        parts = len(widths) + 1
        if z.shape[-1] % parts:
            less = z.shape[-1] // parts * parts
            near = " or ".join(str(n) for n in (less, less + parts) if n)
            raise Mistake(
                f"z has {z.shape[-1]} numbers, which {parts} chunks cannot share: give "
                f"BigGAN a --latent that is a multiple of {parts} at {self.size} px, such "
                f"as {near}."
            )
        first, *chunks = jnp.split(z, parts, axis=-1)
        if self.classes:  # not wrapped, which "cripples G", says the authors' code
            embed = nn.Embed(self.classes, self.shared, embedding_init=ORTHOGONAL)
            known = embed(label)
            chunks = [jnp.concatenate([known, chunk], axis=-1) for chunk in chunks]
        dense = nn.Dense(16 * widths[0], kernel_init=ORTHOGONAL)
        x = self.wrap(dense)(first, train=train).reshape(-1, 4, 4, widths[0])
        norm = partial(ConditionalNorm, wrap=self.wrap)
        for width, condition in zip(widths, chunks, strict=True):
            inits = ORTHOGONAL, ORTHOGONAL
            block = UpBlock(width, norm, self.wrap, inits, self.use_bias)
            x = block(x, condition, train=train)
            if x.shape[1] == self.attend:
                x = Attention(self.wrap, ORTHOGONAL)(x, train=train)
        x = nn.relu(layers.BatchNorm()(x, label, train=train))
        last = Conv(self.channels, kernel_init=ORTHOGONAL)
        return jnp.tanh(self.wrap(last)(x, train=train))


class ConditionalNorm(nn.Module):
    """Batch norm whose gain, less one, and bias are linear in a condition [b, e]."""

    momentum: float = 0.9
    epsilon: float = 1e-5
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm
    use_bias: bool = False  # of the two linear functions
    kernel_init: Callable[..., Array] = ORTHOGONAL

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b h w c"],
        condition: Float[Array, "b e"],
        *,
        train: bool,
    ) -> Float[Array, "b h w c"]:
        def linear(name):
            given = {"kernel_init": self.kernel_init, "name": name}
            dense = nn.Dense(x.shape[-1], self.use_bias, **given)
            return self.wrap(dense)(condition, train=train)[:, None, None]

        norm = nn.BatchNorm(
            use_running_average=not train,
            momentum=self.momentum,
            epsilon=self.epsilon,
            use_bias=False,
            use_scale=False,
        )
        return norm(x) * (1 + linear("gain")) + linear("bias")


def Discriminator(size: int = 32, ch: int = 96, **others: Any) -> sagan.Discriminator:
    """SAGAN's D for images of side `size`, orthogonal and of BigGAN's widths.

    `others` are its `classes`, `attend`, `wrap` and `head`.
    """
    times, grid = at_size(DOWN, size, "BigGAN's D")
    widths = tuple(ch * n for n in times)
    return sagan.Discriminator(widths, grid, kernel_init=ORTHOGONAL, **others)


def at_size(table: Mapping[int, Any], size: int, network: str = "BigGAN") -> Any:
    """The row of a table for images of a side; a `Mistake` if it has none."""
    sizes.check(network, size, sizes.among(table))
    return table[size]


TINY = {
    "g": Example(partial(Generator, 8, 2, ch=2, shared=3, attend=8), (6,)),
    "d": Example(partial(Discriminator, 8, ch=2, attend=4), (8, 8, 2)),
}
