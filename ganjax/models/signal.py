"""Layers for signals [b, n, c]: images of one row, to the convolutions."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.models.convolution import conv, conv_transpose


STRIDE = 4


def up(
    x: Float[Array, "b n c"], kernel: Float[Array, "k c d"]
) -> Float[Array, "b N d"]:
    """The stride-4 transposed convolution, [b, n, c] to [b, 4n, d].

    Its kernel lies as that of `jax.lax.conv_transpose` does.
    """
    rows, padding = kernel[None, ::-1].swapaxes(2, 3), _quarter(len(kernel))
    return conv_transpose(x[:, None], rows, padding, (1, STRIDE))[:, 0]


def down(
    x: Float[Array, "b n c"], kernel: Float[Array, "k c d"]
) -> Float[Array, "b N d"]:
    """The stride-4 convolution, [b, 4n, c] to [b, n, d]."""
    padding = _quarter(len(kernel))
    return conv(x[:, None], kernel[None], padding, (1, STRIDE))[:, 0]


def _quarter(size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The padding that makes [b, 4n, c] give n outputs."""
    after = (size - STRIDE) // 2
    return (0, 0), (size - STRIDE - after, after)


class Resample(nn.Module):
    """A convolution, with a bias, that makes a signal 4 times as long or as short."""

    features: int
    by: Callable[[Array, Array], Array]  # up or down
    size: int = 25
    kernel_init: Callable[..., Array] = nn.initializers.glorot_uniform()

    @nn.compact
    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b N d"]:
        shape = (self.size, x.shape[-1], self.features)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        kernel = self.param("kernel", self.kernel_init, shape)
        return self.by(x, kernel) + bias.reshape(1, 1, -1)


Up = partial(Resample, by=up)
Down = partial(Resample, by=down)


class PhaseShuffle(nn.Module):
    """Each signal shifted by a whole number of up to `radius`, whatever the sign.

    Where it moved away stands its reflection (Donahue et al., 2019, section 3.3). The
    shifts are uniform, from the rng "dropout"; as dropout, it only acts in training.
    """

    radius: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n c"], *, train: bool
    ) -> Float[Array, "b n c"]:
        r = self.radius
        if not (r and train):
            return x
        start = jax.random.randint(self.make_rng("dropout"), (len(x),), 0, 2 * r + 1)
        padded = jnp.pad(x, ((0, 0), (r, r), (0, 0)), mode="reflect")
        cut = partial(jax.lax.dynamic_slice_in_dim, slice_size=x.shape[1])
        return jax.vmap(cut)(padded, start)
