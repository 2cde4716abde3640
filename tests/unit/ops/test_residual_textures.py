"""Textures that are added to an image by as much as a network likes."""

import jax
import jax.numpy as jnp
import numpy as np

from ganjax.ops.residual_textures import add_residual, box_blur


KEYS = jax.random.split(jax.random.key(0), 4)


def test_an_image_is_added_as_it_is_and_textures_as_often_as_is_said():
    image, whole = (jax.random.normal(key, (2, 3, 4, 3)) for key in KEYS[:2])
    gray = jax.random.normal(KEYS[2], (2, 3, 4, 1))
    made = jax.random.normal(KEYS[3], (2, 3, 4, 5))
    total = np.asarray(add_residual(made, image, [whole, gray]))
    wanted = np.array(image)
    for c in range(3):
        wanted[..., c] += np.asarray(made[..., c])
        wanted[..., c] += np.asarray(made[..., 3] * whole[..., c])
        wanted[..., c] += np.asarray(made[..., 4] * gray[..., 0])
    np.testing.assert_allclose(total, wanted, atol=1e-6)
    np.testing.assert_array_equal(
        add_residual(jnp.zeros_like(made[..., :3]), image, []), image
    )


def test_the_mean_around_a_pixel_repeats_the_border():
    slope = jnp.broadcast_to(jnp.arange(6.0).reshape(1, 1, 6, 1), (1, 5, 6, 1))
    found = box_blur(slope, 3)[0, :, :, 0]
    wanted = np.array([1 / 3, 1, 2, 3, 4, 5 - 1 / 3])
    np.testing.assert_allclose(found, np.tile(wanted, (5, 1)), atol=1e-6)
