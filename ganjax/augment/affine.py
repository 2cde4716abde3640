"""ADA's geometric transformations: flips, rotations, scalings and shifts.

All eight of them are composed into one affine map of the plane, so that the image is
resampled only once (Karras et al., 2020, appendix B).

Matrices are *inverse* maps: they take (x, y, 1) of a pixel in the new image to its source
in the old one, in pixels from the center. The matrix of a composition is therefore the
product with the first transformation leftmost.
"""

from math import pi

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.augment.resample import resample
from ganjax.augment.transform import (
    Image,
    Stage,
    keep_with_probability,
    matrix,
    product,
    where_changed,
)
from ganjax.core import PyTree


@flax.struct.dataclass
class AffineParams:
    """The parameters of one image's map; the defaults are those of the identity."""

    xflip: PyTree = 0.0  # 1: mirrored left to right
    rotate90: PyTree = 0.0  # quarter turns, 0 to 3
    xint: PyTree = 0.0  # [2] fractions of width and height, rounded to whole pixels
    scale: PyTree = 1.0
    rotate_before: PyTree = 0.0  # rotation before `aniso`, in radians
    aniso: PyTree = 1.0  # x is multiplied by this, y divided
    rotate_after: PyTree = 0.0  # rotation after `aniso`, in radians
    xfrac: PyTree = 0.0  # [2] fractions of width and height, not rounded


def affine(
    *,
    xflip: float = 1.0,
    rotate90: float = 1.0,
    xint: float = 1.0,
    scale: float = 1.0,
    rotate: float = 1.0,
    aniso: float = 1.0,
    xfrac: float = 1.0,
    xint_max: float = 0.125,
    scale_std: float = 0.2,
    rotate_max: float = 1.0,
    aniso_std: float = 0.2,
    xfrac_std: float = 0.125,
) -> Stage:
    """Returns ADA's geometric transformations (Karras et al., 2020, appendix B).

    Arguments have the names and defaults of the released code's `AugmentPipe`. The first
    seven multiply p: with 0 a transformation never acts, with 1 it acts with probability p.

    Args:
        xflip: multiplier of p for the left-right flip. Where it acts, it is drawn whether
            the image is flipped or left as it is.
        rotate90: the same for rotations by 0, 90, 180 or 270 degrees.
        xint: the same for shifts by whole pixels.
        scale: the same for isotropic scaling.
        rotate: the same for rotation by any angle.
        aniso: the same for anisotropic scaling.
        xfrac: the same for shifts by fractions of a pixel.
        xint_max: the largest shift by whole pixels, as a fraction of the image's size.
        scale_std: standard deviation of the log2 of the scale.
        rotate_max: the largest rotation, as a fraction of half a turn to either side.
        aniso_std: standard deviation of the log2 of the anisotropic scale.
        xfrac_std: standard deviation of the fractional shift, as a fraction of the size.
    """

    def draw(key, p, shape):
        keep_key, uniform_key, normal_key = jax.random.split(key, 3)
        u = jax.random.uniform(uniform_key, (6,))
        n = jax.random.normal(normal_key, (4,))

        # Two rotations surround the anisotropic scaling. Each acts with a probability
        # such that at least one of them does with probability rotate * p.
        each_rotation = 1 - jnp.sqrt(jnp.clip(1 - rotate * p, 0.0))
        probabilities = AffineParams(
            xflip=xflip * p,
            rotate90=rotate90 * p,
            xint=xint * p,
            scale=scale * p,
            rotate_before=each_rotation,
            aniso=aniso * p,
            rotate_after=each_rotation,
            xfrac=xfrac * p,
        )
        # All parameters are drawn; which of them are kept is decided afterwards.
        drawn = AffineParams(
            xflip=jnp.floor(2 * u[0]),
            rotate90=jnp.floor(4 * u[1]),
            xint=xint_max * (2 * u[2:4] - 1),
            scale=2 ** (scale_std * n[0]),
            rotate_before=pi * rotate_max * (2 * u[4] - 1),
            aniso=2 ** (aniso_std * n[1]),
            rotate_after=pi * rotate_max * (2 * u[5] - 1),
            xfrac=xfrac_std * n[2:],
        )
        return keep_with_probability(keep_key, probabilities, drawn)

    return Stage(draw, apply_affine)


def apply_affine(image: Image, params: AffineParams) -> Image:
    """Transforms an image; the parameters of the identity leave every bit unchanged.

    Args:
        image: the image.
        params: the parameters of its map.
    """
    # Every pixel of the new image is looked up in the old one, hence the inverse map.
    inverse = inverse_matrix(params, image.shape[0], image.shape[1])
    return where_changed(
        jnp.any(inverse != jnp.eye(3)), resample(image, inverse), image
    )


def inverse_matrix(
    params: AffineParams, height: int, width: int
) -> Float[Array, "3 3"]:
    """Returns the map from pixels of the new image to their sources in the old one.

    Coordinates are (x, y, 1), in pixels from the center of the image.

    Args:
        params: the parameters of the map.
        height: the height of the image in pixels.
        width: its width.
    """
    # Shifts are fractions of the image's size, and matrices are in pixels.
    size = jnp.array([width, height], jnp.float32)
    whole_shift = size * jnp.asarray(params.xint)
    fractional_shift = size * jnp.asarray(params.xfrac)
    # These are the inverses of the transformations: reciprocal scales, negative shifts.
    return product(
        _scale(1 - 2 * params.xflip, 1.0),
        _rotate(pi / 2 * params.rotate90),
        _shift(*-jnp.round(whole_shift)),
        _scale(1 / params.scale, 1 / params.scale),
        _rotate(params.rotate_before),
        _scale(1 / params.aniso, params.aniso),
        _rotate(params.rotate_after),
        _shift(*-fractional_shift),
    )


def _shift(x: Array | float, y: Array | float) -> Array:
    return matrix((1, 0, x), (0, 1, y), (0, 0, 1))


def _scale(x: Array | float, y: Array | float) -> Array:
    return matrix((x, 0, 0), (0, y, 0), (0, 0, 1))


def _rotate(theta: Array | float) -> Array:
    sin = jnp.sin(theta)
    cos = jnp.cos(theta)
    return matrix((cos, -sin, 0), (sin, cos, 0), (0, 0, 1))
