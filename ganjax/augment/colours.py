"""ADA's colours: five transformations of RGB as one matrix."""

from math import pi, sqrt

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.augment.transform import (
    Image,
    Part,
    either,
    matrix,
    product,
    sometimes,
)
from ganjax.errors import Mistake
from ganjax.gan import PyTree


@flax.struct.dataclass
class Colours:
    """What is drawn for one image. As made by default it changes nothing."""

    brightness: PyTree = 0.0  # is added
    contrast: PyTree = 1.0  # times
    lumaflip: PyTree = 0.0  # 1: light and dark exchanged
    hue: PyTree = 0.0  # radians
    saturation: PyTree = 1.0  # times


def colours(
    *,
    brightness: float = 1.0,
    contrast: float = 1.0,
    lumaflip: float = 1.0,
    hue: float = 1.0,
    saturation: float = 1.0,
    brightness_std: float = 0.2,
    contrast_std: float = 0.5,
    hue_max: float = 1.0,
    saturation_std: float = 1.0,
) -> Part:
    """Colour transformations (Karras et al., 2020, appendix B), of 3 channels or 1.

    The first five are the chance of each as a share of p; the others say how far it goes:
    of the range [-1, 1], in octaves, of a full circle, in octaves.
    """

    def draw(key, p, shape):
        act, even, normal = jax.random.split(key, 3)
        u, n = jax.random.uniform(even, (2,)), jax.random.normal(normal, (3,))
        chances = Colours(
            brightness * p, contrast * p, lumaflip * p, hue * p, saturation * p
        )
        drawn = Colours(
            brightness=brightness_std * n[0],
            contrast=2 ** (contrast_std * n[1]),
            lumaflip=jnp.floor(2 * u[0]),
            hue=pi * hue_max * (2 * u[1] - 1),
            saturation=2 ** (saturation_std * n[2]),
        )
        return sometimes(act, chances, drawn)

    return Part(draw, recolour)


def recolour(image: Image, drawn: Colours) -> Image:
    """The image with each pixel's colour moved; itself where nothing moves it."""
    mix = mixture(drawn)
    linear, added = mix[:3, :3], mix[:3, 3]
    if image.shape[-1] == 1:  # the mean colour of a grey pixel
        linear, added = linear.sum(1).mean().reshape(1, 1), added.mean().reshape(1)
    elif image.shape[-1] != 3:
        raise Mistake(
            f"ADA's colours are for images of 3 channels or 1, not {image.shape[-1]}: "
            "leave them out of the pipeline."
        )
    exact = jax.lax.Precision.HIGHEST
    moved = jnp.einsum("hwc,dc->hwd", image, linear, precision=exact)
    moved = moved + added.reshape(1, 1, -1)
    return either(jnp.any(mix != jnp.eye(4)), moved, image)


def mixture(drawn: Colours) -> Float[Array, "4 4"]:
    """The matrix that gives new colours (r, g, b, 1) of old ones.

    Luma flip, hue and saturation keep or turn the grey axis, of three equal colours.
    """
    grey = jnp.full((3, 3), 1 / 3)
    return product(
        _linear(drawn.saturation * (jnp.eye(3) - grey) + grey),
        _linear(_about_grey(drawn.hue)),
        _linear(jnp.eye(3) - 2 * drawn.lumaflip * grey),
        _linear(drawn.contrast * jnp.eye(3)),
        jnp.eye(4).at[:3, 3].set(drawn.brightness),
    )


def _about_grey(angle: Array | float) -> Float[Array, "3 3"]:
    """The rotation about the grey axis (Rodrigues)."""
    cross = matrix((0, -1, 1), (1, 0, -1), (-1, 1, 0)) / sqrt(3)
    turned = (1 - jnp.cos(angle)) / 3
    return jnp.cos(angle) * jnp.eye(3) + jnp.sin(angle) * cross + turned


def _linear(three: Float[Array, "3 3"]) -> Float[Array, "4 4"]:
    return jnp.eye(4).at[:3, :3].set(three)
