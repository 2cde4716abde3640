"""ADA's corruptions: additive noise and cutout (Karras et al., 2020, appendix B)."""

import flax.struct
import jax
import jax.numpy as jnp

from ganjax.augment.transform import Image, Stage
from ganjax.core import PyTree


@flax.struct.dataclass
class NoiseParams:
    """The parameters of one image's noise."""

    sigma: PyTree  # standard deviation; 0: no noise
    normal: PyTree  # [h, w, c] samples of N(0, 1)


@flax.struct.dataclass
class CutoutParams:
    """The parameters of one image's cutout."""

    size: PyTree  # fraction of each side; 0: no cutout
    center: PyTree  # [2] fractions of width and height


def noise(noise: float = 1.0, noise_std: float = 0.1) -> Stage:
    """Returns ADA's additive Gaussian noise, of a strength that is drawn for each image.

    Arguments have the names and defaults of the released code's `AugmentPipe`.

    Args:
        noise: multiplier of p.
        noise_std: the strength of the noise is |N(0, noise_std^2)|; images are in [-1, 1].
    """

    def draw(key, p, shape):
        keep_key, sigma_key, normal_key = jax.random.split(key, 3)
        sigma = noise_std * jnp.abs(jax.random.normal(sigma_key))
        acts = jax.random.bernoulli(keep_key, noise * p)
        # Noise is drawn for every image: shapes cannot depend on whether it acts.
        return NoiseParams(
            sigma=jnp.where(acts, sigma, 0.0),
            normal=jax.random.normal(normal_key, shape),
        )

    return Stage(draw, apply_noise)


def cutout(cutout: float = 1.0, cutout_size: float = 0.5) -> Stage:
    """Returns ADA's cutout: sets a rectangle, centered anywhere in the image, to zero.

    Arguments have the names and defaults of the released code's `AugmentPipe`.

    Args:
        cutout: multiplier of p.
        cutout_size: the rectangle's sides, as a fraction of the image's.
    """

    def draw(key, p, shape):
        keep_key, center_key = jax.random.split(key)
        acts = jax.random.bernoulli(keep_key, cutout * p)
        center = jax.random.uniform(center_key, (2,))
        return CutoutParams(jnp.where(acts, cutout_size, 0.0), center)

    return Stage(draw, apply_cutout)


def apply_noise(image: Image, params: NoiseParams) -> Image:
    """Adds the noise to an image.

    Args:
        image: the image.
        params: its noise.
    """
    return image + (params.sigma * params.normal).astype(image.dtype)


def apply_cutout(image: Image, params: CutoutParams) -> Image:
    """Sets the rectangle of an image to zero, cut off at the border.

    Args:
        image: the image.
        params: the rectangle.
    """

    def inside(length, center):
        # Pixel centers, as fractions of the side.
        position = (jnp.arange(length) + 0.5) / length
        return jnp.abs(position - center) < params.size / 2

    height, width, _ = image.shape
    rows = inside(height, params.center[1])
    columns = inside(width, params.center[0])
    hole = rows[:, None, None] & columns[None, :, None]
    # Zero is middle gray.
    return jnp.where(hole, 0.0, image)
