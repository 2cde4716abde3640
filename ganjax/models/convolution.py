"""One stride-1 convolution for every network, fast where it runs.

On a CPU it is patches times a matrix: XLA's own convolution has weight gradients there
that take ten times as long, and inside a loop of steps a further thirty. Elsewhere it is
XLA's own. Both are made of plain operations, so all derivatives exist, of any order.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


Padding = tuple[tuple[int, int], tuple[int, int]]  # rows and columns, before and after


def conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "i j c d"], padding: Padding
) -> Float[Array, "b H W d"]:
    """The stride-1 convolution (correlation) of zero-padded images with a kernel."""
    return jax.lax.platform_dependent(
        x,
        kernel,
        cpu=partial(_by_patches, padding),
        default=partial(_by_xla, padding),
    )


def same(size: int) -> tuple[int, int]:
    """The padding that keeps a side as it is under a kernel of `size`."""
    return ((size - 1) // 2, size // 2)


class Conv(nn.Module):
    """A square convolution that keeps the images' sides, with a bias by default."""

    features: int
    size: int = 3
    use_bias: bool = True
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        x = conv(x, kernel, (same(self.size), same(self.size)))
        if not self.use_bias:
            return x
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + bias.reshape(1, 1, 1, -1)


def _by_patches(padding: Padding, x: Array, kernel: Array) -> Array:
    rows, columns, _, features = kernel.shape
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    height, width = x.shape[1] - rows + 1, x.shape[2] - columns + 1
    taps = [
        x[:, i : i + height, j : j + width] for i in range(rows) for j in range(columns)
    ]
    return jnp.concatenate(taps, axis=-1) @ kernel.reshape(-1, features)


def _by_xla(padding: Padding, x: Array, kernel: Array) -> Array:
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
