"""The blur that fades out at the beginning of StyleGAN3-R's training.

D first sees blurred images, real and generated alike, so that it cannot rely on high
frequencies before G has learned the low ones (Karras et al., 2021, appendix B).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.augment.transform import Transform


def blur(max_sigma: float = 10.0) -> Transform:
    """Blurs images along both axes, with the kernel 2^-(x / sigma)^2.

    The kernel is cut off at 3 sigma pixels and normalized, and sigma is p times
    `max_sigma`. Unlike for other transforms, `p` is a strength and not a probability, and
    the key is not used. Beyond the image's border are zeros. The published blur lets p fall
    from 1 to 0 over the first 200,000 images:

        augment.fixed(augment.blur(10.0), optax.linear_schedule(1.0, 0.0, 200_000 // batch))

    Args:
        max_sigma: sigma in pixels at p = 1; the released code's `blur_init_sigma`.
    """

    def apply(key, image, p):
        rows, columns = (
            _blur_matrix(length, p * max_sigma, max_sigma) for length in image.shape[:2]
        )
        # Matrix products, as the kernel of a convolution cannot have a traced width.
        einsum = partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
        return einsum("ij,jkc,lk->ilc", rows, image, columns).astype(image.dtype)

    return apply


def _blur_matrix(length: int, sigma: Array, max_sigma: float) -> Float[Array, "n n"]:
    """Returns the blur along an axis of this length as a matrix."""

    def kernel(x):
        inside = jnp.abs(x) <= jnp.floor(3 * sigma)
        # The lower bound of sigma keeps the gradient finite once the blur has faded out.
        return jnp.where(inside, jnp.exp2(-((x / jnp.maximum(sigma, 1e-6)) ** 2)), 0.0)

    pixel = jnp.arange(length)
    # sigma is traced, so the sum is over the support of the widest kernel.
    radius = int(3 * max_sigma)
    total = kernel(jnp.arange(-radius, radius + 1)).sum()
    return kernel(pixel[:, None] - pixel[None]) / total
