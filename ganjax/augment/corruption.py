"""ADA's corruptions: noise, and a rectangle without anything."""

import flax.struct
import jax
import jax.numpy as jnp

from ganjax.augment.transform import Image, Part
from ganjax.gan import PyTree


@flax.struct.dataclass
class Noise:
    """What is drawn for one image."""

    sigma: PyTree
    normal: PyTree  # [h, w, c] of N(0, 1)


@flax.struct.dataclass
class Cutout:
    """What is drawn for one image."""

    size: PyTree  # share of each side, 0: no hole
    center: PyTree  # [2] shares of width and height


def noise(noise: float = 1.0, noise_std: float = 0.1) -> Part:
    """Additive noise, its own sigma |N(0, noise_std^2)| for each image.

    `noise` is its chance as a share of p (Karras et al., 2020, appendix B).
    """

    def draw(key, p, shape):
        act, sigma, normal = jax.random.split(key, 3)
        drawn = noise_std * jnp.abs(jax.random.normal(sigma))
        acts = jax.random.bernoulli(act, noise * p)
        return Noise(jnp.where(acts, drawn, 0.0), jax.random.normal(normal, shape))

    return Part(draw, add)


def cutout(cutout: float = 1.0, cutout_size: float = 0.5) -> Part:
    """A hole of `cutout_size` of each side, centred anywhere, is 0.

    `cutout` is its chance as a share of p (Karras et al., 2020, appendix B).
    """

    def draw(key, p, shape):
        act, center = jax.random.split(key)
        acts = jax.random.bernoulli(act, cutout * p)
        place = jax.random.uniform(center, (2,))
        return Cutout(jnp.where(acts, cutout_size, 0.0), place)

    return Part(draw, cut)


def add(image: Image, drawn: Noise) -> Image:
    """The image and its noise."""
    return image + (drawn.sigma * drawn.normal).astype(image.dtype)


def cut(image: Image, drawn: Cutout) -> Image:
    """The image with its hole."""
    inside = lambda n, center: (
        jnp.abs((jnp.arange(n) + 0.5) / n - center) < drawn.size / 2
    )
    height, width, _ = image.shape
    rows, columns = inside(height, drawn.center[1]), inside(width, drawn.center[0])
    hole = rows[:, None, None] & columns[None, :, None]
    return jnp.where(hole, 0.0, image)
