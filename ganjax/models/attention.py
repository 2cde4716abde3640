"""Self-attention over the pixels of images (Zhang et al., 2019, section 3)."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
from jaxtyping import Array, Float

from ganjax.errors import Mistake
from ganjax.models import layers, sizes
from ganjax.models.convolution import Conv


class Attention(nn.Module):
    """x + gamma o(softmax(theta(x) phi(x)') g(x)), each pixel's mean over all of g.

    Names and sizes are those of the authors' code: 1x1 convolutions without bias, theta
    and phi to c / 8 channels, g to c / 2 and o back to c; phi and g are pooled to the
    largest of every 2x2 square (the paper's f, g, h and v, whose pooling it leaves out).
    As gamma starts at 0, so does what is added.
    """

    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm
    kernel_init: Callable[..., Array] = nn.initializers.glorot_uniform()

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        def conv(x, width, name):
            init = self.kernel_init
            layer = Conv(width, 1, use_bias=False, kernel_init=init, name=name)
            return self.wrap(layer)(x, train=train)

        c = x.shape[-1]
        if c < 8:
            raise Mistake(
                f"Attention compares an eighth of the channels, and there are {c}: give at "
                "least 8 where it is, or attend at another side."
            )
        theta = _pixels(conv(x, c // 8, "theta"))
        phi = _pixels(largest(conv(x, c // 8, "phi")))
        g = _pixels(largest(conv(x, c // 2, "g")))
        beta = nn.softmax(theta @ phi.swapaxes(1, 2))  # [b, pixel, square]
        seen = (beta @ g).reshape(*x.shape[:3], c // 2)
        gamma = self.param("gamma", nn.initializers.zeros, ())
        return x + gamma * conv(seen, c, "o")


def largest(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """The largest of every 2x2 square, [b, 2h, 2w, c] to [b, h, w, c]."""
    b, h, w, c = x.shape
    sizes.check("Attention", (h, w), sizes.multiples(2), "another side to attend at")
    return x.reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))


def _pixels(x: Array) -> Array:
    """[b, h, w, c] as [b, h w, c]."""
    return x.reshape(len(x), -1, x.shape[-1])
