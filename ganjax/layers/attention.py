"""Self-attention over the pixels of images (Zhang et al., 2019, section 3)."""

import flax.linen as nn
from jaxtyping import Array, Float

from ganjax.errors import UsageError
from ganjax.layers import sizes
from ganjax.layers.spectral_norm import SpectralNorm, Wrap
from ganjax.ops.convolution import Conv


MIN_CHANNELS = 8  # so that an eighth of them is at least one


class Attention(nn.Module):
    """Self-attention with a residual connection: x + gamma o(softmax(theta phi^T) g).

    Names and sizes are those of the authors' code. All four maps are 1x1 convolutions
    without a bias: theta and phi to c / 8 channels, g to c / 2 and o back to c. phi and g
    are pooled to the maximum of every 2x2 square. The paper calls them f, g, h and v, and
    leaves out the pooling. gamma is a learned number that starts at 0, so that the layer
    is the identity at first.

    Attributes:
        wrap: What the four convolutions are wrapped in.
        kernel_init: The initializer of their kernels.
    """

    wrap: Wrap = SpectralNorm
    kernel_init: nn.initializers.Initializer = nn.initializers.glorot_uniform()

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        def conv(x, width, name):
            init = self.kernel_init
            layer = Conv(width, 1, use_bias=False, kernel_init=init, name=name)
            return self.wrap(layer)(x, train=train)

        c = x.shape[-1]
        if c < MIN_CHANNELS:
            raise UsageError(
                f"Attention uses an eighth of the channels, and there are only {c}: give "
                f"it at least {MIN_CHANNELS}, or place it at another resolution."
            )
        # Queries are taken at every pixel, keys and values at a quarter as many places,
        # which makes the matrix of weights four times smaller.
        theta = _pixels(conv(x, c // 8, "theta"))
        phi = _pixels(max_pool(conv(x, c // 8, "phi")))
        g = _pixels(max_pool(conv(x, c // 2, "g")))
        # Unlike in transformers, the logits are not divided by the root of c / 8.
        weights = nn.softmax(theta @ phi.swapaxes(1, 2))  # [b, pixel, pooled pixel]
        attended = (weights @ g).reshape(*x.shape[:3], c // 2)
        # The network first relies on neighborhoods, then learns to use distant pixels.
        gamma = self.param("gamma", nn.initializers.zeros, ())
        return x + gamma * conv(attended, c, "o")


def max_pool(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """Returns the maximum of every 2x2 square: [b, h, w, c] to [b, h / 2, w / 2, c].

    Raises:
        UsageError: unless the height and the width are even.
    """
    b, h, w, c = x.shape
    sizes.check(
        "Attention", (h, w), sizes.multiples(2), "another resolution for attention"
    )
    return x.reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))


def _pixels(x: Array) -> Array:
    """Returns images [b, h, w, c] as rows of pixels, [b, h w, c]."""
    return x.reshape(len(x), -1, x.shape[-1])
