"""ADA's geometry: eight transformations of the plane as one matrix.

All matrices give where a pixel comes from: (x, y, 1) of the new image to the old one's,
in pixels from the centre. So the first transformation is the leftmost factor.
"""

from functools import partial
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
    log2_normal,
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
        keys = iter(jax.random.split(key, 16))
        act = lambda chance, drawn, rest: sometimes(next(keys), chance, drawn, rest)
        whole = lambda most: jax.random.randint(next(keys), (), 0, most).astype(
            jnp.float32
        )
        even = partial(jax.random.uniform, minval=-1.0)
        octaves = lambda std: log2_normal(next(keys), std)
        angle = lambda: pi * rotate_max * even(next(keys))
        shift = lambda: jax.random.normal(next(keys), (2,))
        once = 1 - jnp.sqrt(jnp.clip(1 - rotate * p, 0.0))
        return Affine(
            xflip=act(xflip * p, whole(2), 0.0),
            rotate90=act(rotate90 * p, whole(4), 0.0),
            xint=act(xint * p, xint_max * even(next(keys), (2,)), 0.0),
            scale=act(scale * p, octaves(scale_std), 1.0),
            before=act(once, angle(), 0.0),
            aniso=act(aniso * p, octaves(aniso_std), 1.0),
            after=act(once, angle(), 0.0),
            xfrac=act(xfrac * p, xfrac_std * shift(), 0.0),
        )

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
