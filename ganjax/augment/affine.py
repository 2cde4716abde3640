"""ADA's geometry: eight transformations of the plane as one matrix.

All matrices give where a pixel comes from: (x, y, 1) of the new image to the old one's,
in pixels from the centre. So the first transformation is the leftmost factor.
"""

from math import pi

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.augment.resample import resample
from ganjax.augment.transform import (
    Image,
    Part,
    either,
    matrix,
    product,
    sometimes,
)
from ganjax.gan import PyTree


@flax.struct.dataclass
class Affine:
    """What is drawn for one image. As made by default it changes nothing."""

    xflip: PyTree = 0.0  # 1: mirrored
    rotate90: PyTree = 0.0  # quarter turns, 0..3
    xint: PyTree = 0.0  # [2] shares of width and height, rounded to whole pixels
    scale: PyTree = 1.0
    before: PyTree = 0.0  # rotation before `aniso`, radians
    aniso: PyTree = 1.0  # x times this, y divided by it
    after: PyTree = 0.0
    xfrac: PyTree = 0.0  # [2] shares of width and height


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
) -> Part:
    """Pixel blitting and general geometry (Karras et al., 2020, appendix B).

    The first seven are the chance of each as a share of p; the others say how far it
    goes: of the size, in octaves, of a full circle, in octaves, of the size. The two
    rotations together act as often as `rotate` says.
    """

    def draw(key, p, shape):
        act, even, normal = jax.random.split(key, 3)
        u, n = jax.random.uniform(even, (6,)), jax.random.normal(normal, (4,))
        once = 1 - jnp.sqrt(jnp.clip(1 - rotate * p, 0.0))
        chances = Affine(
            xflip * p,
            rotate90 * p,
            xint * p,
            scale * p,
            once,
            aniso * p,
            once,
            xfrac * p,
        )
        drawn = Affine(
            xflip=jnp.floor(2 * u[0]),
            rotate90=jnp.floor(4 * u[1]),
            xint=xint_max * (2 * u[2:4] - 1),
            scale=2 ** (scale_std * n[0]),
            before=pi * rotate_max * (2 * u[4] - 1),
            aniso=2 ** (aniso_std * n[1]),
            after=pi * rotate_max * (2 * u[5] - 1),
            xfrac=xfrac_std * n[2:],
        )
        return sometimes(act, chances, drawn)

    return Part(draw, move)


def move(image: Image, drawn: Affine) -> Image:
    """The image under the transformations drawn, resampled once; itself under none."""
    back = origin(drawn, image.shape[0], image.shape[1])
    return either(jnp.any(back != jnp.eye(3)), resample(image, back), image)


def origin(drawn: Affine, height: int, width: int) -> Float[Array, "3 3"]:
    """The matrix by which an image of this size finds where its pixels come from."""
    size = jnp.array([width, height], jnp.float32)
    whole, part = (size * jnp.asarray(x) for x in (drawn.xint, drawn.xfrac))
    return product(
        _scale(1 - 2 * drawn.xflip, 1.0),
        _rotate(pi / 2 * drawn.rotate90),
        _shift(*-jnp.round(whole)),
        _scale(1 / drawn.scale, 1 / drawn.scale),
        _rotate(drawn.before),
        _scale(1 / drawn.aniso, drawn.aniso),
        _rotate(drawn.after),
        _shift(*-part),
    )


def _shift(x: Array | float, y: Array | float) -> Array:
    return matrix((1, 0, x), (0, 1, y), (0, 0, 1))


def _scale(x: Array | float, y: Array | float) -> Array:
    return matrix((x, 0, 0), (0, y, 0), (0, 0, 1))


def _rotate(theta: Array | float) -> Array:
    sin, cos = jnp.sin(theta), jnp.cos(theta)
    return matrix((cos, -sin, 0), (sin, cos, 0), (0, 0, 1))
