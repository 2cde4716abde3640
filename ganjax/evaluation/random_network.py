"""Features that need no file: a small convolutional network with random weights.

Random networks tell distributions of images apart, too, and are not biased to the
photographs of ImageNet (Naeem et al., 2020, use a random VGG). They are for data on which
no published network was trained, and where no weights can be fetched. Scores on them
compare only with scores on the same network, whose seed and weights' hash are in its name.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.errors import UsageError
from ganjax.evaluation.feature_network import in_batches, on_devices, to_rgb
from ganjax.evaluation.features import Features, fingerprint
from ganjax.ops.convolution import conv


WIDTHS = (32, 64, 128, 256)
BATCH = 256  # images that are computed at once
PADDING = ((1, 1), (1, 1))


def random_network(seed: int = 0, widths: Sequence[int] = WIDTHS) -> Features:
    """Returns the features of a random convolutional network.

    Its layers are 3x3 convolutions with He's initialization and leaky ReLUs; each but the
    first halves the sides. The features are the spatial means of all layers' outputs, from
    fine to coarse, 480 by default. Images may have any size. Gray ones are repeated to RGB.

    Args:
        seed: sets the weights.
        widths: channels of each layer.

    Returns:
        Features named as in "random-0-1a2b3c4d", with the seed and a hash of the weights.

    Raises:
        UsageError: there are no layers; or when the features are applied, the images are
            neither gray nor RGB.
    """
    if not widths or min(widths) < 1:
        raise UsageError(f"A random network needs widths of 1 or more: {widths}.")
    rng = np.random.default_rng(seed)
    kernels = []
    channels = 3
    for width in widths:
        # Leaky ReLUs keep half of the signal's power, and a little more.
        deviation = np.sqrt(2 / (9 * channels))
        kernel = deviation * rng.standard_normal((3, 3, channels, width))
        kernels.append(kernel.astype(np.float32))
        channels = width

    copies = on_devices(kernels)

    def apply(images: np.ndarray) -> Float[np.ndarray, "n f"]:
        shape = np.shape(images)
        if len(shape) != 4 or shape[-1] not in (1, 3) or not np.prod(shape):
            raise UsageError(
                "A random network sees gray and RGB images [n, h, w, c], not "
                f"{list(shape)}."
            )
        return in_batches(to_rgb, partial(_means, copies()), images, BATCH)

    return Features(f"random-{seed}-{fingerprint(*kernels)}", apply)


@jax.jit
def _means(kernels: list[Array], x: Float[Array, "b h w 3"]) -> Float[Array, "b f"]:
    """Returns the spatial means of each layer's output."""
    means = []
    for i, kernel in enumerate(kernels):
        stride = 2 if i else 1
        x = jax.nn.leaky_relu(conv(x, kernel, PADDING, (stride, stride)))
        means.append(x.mean((1, 2)))
    return jnp.concatenate(means, -1)
