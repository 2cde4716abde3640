"""ADA's color transformations: brightness, contrast, luma flip, hue and saturation.

All five are composed into one affine map of RGB, a 4x4 matrix (Karras et al., 2020,
appendix B). Luma is the component along the gray axis (1, 1, 1).
"""

from math import pi, sqrt

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.augment.transform import (
    Image,
    Stage,
    keep_with_probability,
    matrix,
    product,
    where_changed,
)
from ganjax.core import PyTree
from ganjax.errors import UsageError


@flax.struct.dataclass
class ColorParams:
    """The parameters of one image's map; the defaults are those of the identity."""

    brightness: PyTree = 0.0  # added to all channels
    contrast: PyTree = 1.0  # multiplies all channels
    lumaflip: PyTree = 0.0  # 1: light and dark exchanged, hue and saturation kept
    hue: PyTree = 0.0  # rotation about the gray axis, in radians
    saturation: PyTree = 1.0  # multiplies the distance from the gray axis


def colors(
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
) -> Stage:
    """Returns ADA's color changes (Karras et al., 2020, appendix B), for 3 channels or 1.

    Arguments have the names and defaults of the released code's `AugmentPipe`. The first
    five multiply p: with 0 a transformation never acts, with 1 it acts with probability p.

    Args:
        brightness: multiplier of p for the brightness.
        contrast: the same for the contrast.
        lumaflip: the same for the luma flip. Where it acts, it is drawn whether the luma is
            flipped or left as it is.
        hue: the same for the hue.
        saturation: the same for the saturation.
        brightness_std: standard deviation of what is added to images in [-1, 1].
        contrast_std: standard deviation of the log2 of the contrast.
        hue_max: the largest rotation, as a fraction of half a turn to either side.
        saturation_std: standard deviation of the log2 of the saturation.
    """

    def draw(key, p, shape):
        keep_key, uniform_key, normal_key = jax.random.split(key, 3)
        # All parameters are drawn; which of them are kept is decided afterwards.
        u = jax.random.uniform(uniform_key, (2,))
        n = jax.random.normal(normal_key, (3,))
        probabilities = ColorParams(
            brightness=brightness * p,
            contrast=contrast * p,
            lumaflip=lumaflip * p,
            hue=hue * p,
            saturation=saturation * p,
        )
        drawn = ColorParams(
            brightness=brightness_std * n[0],
            contrast=2 ** (contrast_std * n[1]),
            lumaflip=jnp.floor(2 * u[0]),
            hue=pi * hue_max * (2 * u[1] - 1),
            saturation=2 ** (saturation_std * n[2]),
        )
        return keep_with_probability(keep_key, probabilities, drawn)

    return Stage(draw, apply_colors)


def apply_colors(image: Image, params: ColorParams) -> Image:
    """Maps the color of every pixel; parameters of the identity leave every bit unchanged.

    Args:
        image: the image, of 3 channels or 1.
        params: the parameters of its map.

    Raises:
        UsageError: if the image has another number of channels.
    """
    mapping = color_matrix(params)
    # Colors are homogeneous, so the last column is what is added.
    linear = mapping[:3, :3]
    offset = mapping[:3, 3]
    if image.shape[-1] == 1:
        # A gray pixel becomes the mean of the three channels that its color is mapped to.
        linear = linear.sum(1).mean().reshape(1, 1)
        offset = offset.mean().reshape(1)
    elif image.shape[-1] != 3:
        raise UsageError(
            f"ADA's colors are for images of 3 channels or 1, not {image.shape[-1]}: "
            "remove them from the pipeline."
        )
    exact = jax.lax.Precision.HIGHEST
    mapped = jnp.einsum("hwc,dc->hwd", image, linear, precision=exact)
    mapped = mapped + offset.reshape(1, 1, -1)
    return where_changed(jnp.any(mapping != jnp.eye(4)), mapped, image)


def color_matrix(params: ColorParams) -> Float[Array, "4 4"]:
    """Returns the map from old colors (r, g, b, 1) to new ones.

    The first transformation, brightness, is the rightmost factor.
    """
    gray = jnp.full((3, 3), 1 / 3)  # projects onto the gray axis
    return product(
        # Keep the part along the gray axis, scale what is orthogonal to it.
        _linear(params.saturation * (jnp.eye(3) - gray) + gray),
        _linear(_rotation_about_gray(params.hue)),
        # A Householder reflection, which reverses the gray axis.
        _linear(jnp.eye(3) - 2 * params.lumaflip * gray),
        _linear(params.contrast * jnp.eye(3)),
        jnp.eye(4).at[:3, 3].set(params.brightness),
    )


def _rotation_about_gray(angle: Array | float) -> Float[Array, "3 3"]:
    """Returns the rotation about the gray axis, by Rodrigues' formula.

    It is cos I + sin K + (1 - cos) k k^T, where K is the cross product with the axis
    k = (1, 1, 1) / sqrt(3).
    """
    cross_product = matrix((0, -1, 1), (1, 0, -1), (-1, 1, 0)) / sqrt(3)
    outer_product = (1 - jnp.cos(angle)) / 3
    return jnp.cos(angle) * jnp.eye(3) + jnp.sin(angle) * cross_product + outer_product


def _linear(matrix: Float[Array, "3 3"]) -> Float[Array, "4 4"]:
    """Returns the affine map that is the linear map of a matrix."""
    return jnp.eye(4).at[:3, :3].set(matrix)
