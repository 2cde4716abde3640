"""BigGAN (Brock et al., 2019, appendix B): SAGAN's networks, wider and deeper.

Each block of G receives its own chunk of z ("hierarchical latent space", figure 15).
The chunk and one embedding of the class, shared by all blocks, determine the gains and
biases of the block's batch norms. Weights are initialized orthogonally.

Widths, and which layers have spectral norm, follow the authors' PyTorch code, without the
biases that a batch norm cancels (see `sagan`). The paper's networks are those of 128 and
256 px, with `ch` 96 and attention at 64 px. At 32 px all blocks are equally wide, 4 `ch`.
The 8 and 16 px versions have no precedent; they are for quick trials.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers import sizes
from ganjax.layers.attention import Attention
from ganjax.layers.example import Example
from ganjax.layers.normalization import BatchNorm
from ganjax.layers.spectral_norm import SpectralNorm, Wrap
from ganjax.models import sagan
from ganjax.models.resnet import UpBlock
from ganjax.ops.convolution import Conv


ORTHOGONAL = nn.initializers.orthogonal()
Entry = TypeVar("Entry")

# The width of each of G's blocks in multiples of `ch`, by the side of the images in pixels.
G_WIDTHS = {
    8: (4,),
    16: (4, 4),
    32: (4, 4, 4),
    64: (16, 8, 4, 2),
    128: (16, 8, 4, 2, 1),
    256: (16, 8, 8, 4, 2, 1),
}

# The same for D's blocks, and the side of the feature maps at which they stop halving.
D_WIDTHS = {
    8: ((4, 4, 4), 4),
    16: ((4, 4, 4), 4),
    32: ((4, 4, 4, 4), 8),
    64: ((1, 2, 4, 8, 16), 4),
    128: ((1, 2, 4, 8, 16, 16), 4),
    256: ((1, 2, 4, 8, 8, 16, 16), 4),
}


class Generator(nn.Module):
    """Maps z [b, z] to images [b, size, size, channels] in -1..1.

    A dense layer makes 4x4 feature maps, and each block doubles their side. z is split into
    equal chunks, one for the dense layer and one for each block: 4 chunks at 32 px, 5 at
    64, 6 at 128 (the paper's z: 120) and 7 at 256 (140).

    Attributes:
        size: height and width of the images; a key of `G_WIDTHS`.
        channels: channels of the images.
        ch: the unit of all widths.
        classes: number of classes; without any, the chunks alone determine the gains and
            biases.
        shared_dim: length of the class embedding.
        attention_resolution: side of the feature maps after which self-attention follows;
            none if no block ends there.
        wrap: spectral norm, or `identity_wrap`.
        use_bias: whether the blocks' convolutions have biases, as in the authors' code.

    Raises:
        UsageError: If there is no network for `size`, or if z cannot be split equally.
    """

    size: int = 32
    channels: int = 3
    ch: int = 96
    classes: int = 0
    shared_dim: int = 128
    attention_resolution: int = 16
    wrap: Wrap = SpectralNorm
    use_bias: bool = False

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        multiples = at_size(G_WIDTHS, self.size, "BigGAN's G")
        widths = [self.ch * multiple for multiple in multiples]
        # Hierarchical z: one chunk makes the 4x4 features, each other one conditions a
        # block.
        first, *conditions = _split_latent(z, len(widths) + 1, self.size)
        if self.classes:
            # The embedding has no spectral norm, which "cripples G" (the authors' code).
            embed = nn.Embed(self.classes, self.shared_dim, embedding_init=ORTHOGONAL)
            embedded = embed(label)
            # Every block sees the same embedding, and its own chunk of z (figure 15).
            conditions = [jnp.concatenate([embedded, c], axis=-1) for c in conditions]

        # [b, 16 c] to [b, 4, 4, c].
        dense = nn.Dense(16 * widths[0], kernel_init=ORTHOGONAL)
        x = self.wrap(dense)(first, train=train).reshape(-1, 4, 4, widths[0])
        norm = partial(ConditionalNorm, wrap=self.wrap)
        inits = (ORTHOGONAL, ORTHOGONAL)
        for width, condition in zip(widths, conditions, strict=True):
            block = UpBlock(width, norm, self.wrap, inits, self.use_bias)
            x = block(x, condition, train=train)
            if x.shape[1] == self.attention_resolution:
                x = Attention(self.wrap, ORTHOGONAL)(x, train=train)

        # The last batch norm has one gain and bias for all classes.
        x = nn.relu(BatchNorm()(x, label, train=train))
        last = Conv(self.channels, kernel_init=ORTHOGONAL)
        return jnp.tanh(self.wrap(last)(x, train=train))


class ConditionalNorm(nn.Module):
    """Batch norm whose gain - 1 and bias are linear functions of a condition [b, e].

    Attributes:
        momentum: share of the old running averages that is kept at each step.
        epsilon: added to the variance.
        wrap: spectral norm of the two linear functions, or `identity_wrap`.
        use_bias: whether the two linear functions have biases.
        kernel_init: initializer of their kernels.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    wrap: Wrap = SpectralNorm
    use_bias: bool = False
    kernel_init: nn.initializers.Initializer = ORTHOGONAL

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b h w c"],
        condition: Float[Array, "b e"],
        *,
        train: bool,
    ) -> Float[Array, "b h w c"]:
        def linear(name):
            dense = nn.Dense(
                x.shape[-1], self.use_bias, kernel_init=self.kernel_init, name=name
            )
            return self.wrap(dense)(condition, train=train)[:, None, None]

        norm = nn.BatchNorm(
            use_running_average=not train,
            momentum=self.momentum,
            epsilon=self.epsilon,
            use_bias=False,
            use_scale=False,
        )
        # Centered at 1, so that a condition of 0 leaves the features normalized.
        return norm(x) * (1 + linear("gain")) + linear("bias")


def Discriminator(
    size: int = 32,
    ch: int = 96,
    classes: int = 0,
    attention_resolution: int = 16,
    **fields: Any,
) -> sagan.Discriminator:
    """Returns SAGAN's D with BigGAN's widths for images of side `size`.

    Args:
        size: height and width of the images; a key of `D_WIDTHS`.
        ch: the unit of all widths.
        classes: number of classes, which enter through `head`.
        attention_resolution: side of the feature maps after which self-attention follows;
            none if no block ends there.
        **fields: further fields of `sagan.Discriminator`: `wrap` and `head`.

    Raises:
        UsageError: If there is no network for `size`.
    """
    multiples, grid = at_size(D_WIDTHS, size, "BigGAN's D")
    widths = tuple(ch * multiple for multiple in multiples)
    return sagan.Discriminator(
        widths, grid, classes, attention_resolution, kernel_init=ORTHOGONAL, **fields
    )


def at_size(table: Mapping[int, Entry], size: int, network: str = "BigGAN") -> Entry:
    """Returns a table's entry for images of side `size`; `UsageError` if there is none."""
    sizes.check(network, size, sizes.one_of(table))
    return table[size]


def _split_latent(
    z: Float[Array, "b z"], count: int, size: int
) -> list[Float[Array, "b _c"]]:
    """Splits z into `count` equal chunks; `UsageError` if its length is not a multiple."""
    length = z.shape[-1]
    if length % count:
        # The message names the nearest lengths that can be split.
        less = length // count * count
        nearest = " or ".join(str(n) for n in (less, less + count) if n)
        raise UsageError(
            f"z has {length} numbers, which cannot be split into {count} equal chunks: "
            f"give BigGAN a --latent that is a multiple of {count} at {size} px, such as "
            f"{nearest}."
        )
    return jnp.split(z, count, axis=-1)


TINY = {
    "g": Example(
        partial(Generator, 8, 2, ch=2, shared_dim=3, attention_resolution=8), (6,)
    ),
    "d": Example(partial(Discriminator, 8, ch=2, attention_resolution=4), (8, 8, 2)),
}
