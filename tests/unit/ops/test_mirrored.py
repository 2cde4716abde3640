"""Texture from beyond the nearest known pixel, and what is known kept from it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from ganjax.models import gated
from ganjax.ops import masks, mirrored, pyramid
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)


@pytest.fixture(params=[(32, 32), (13, 40)], scope="module")
def scene(request):
    """Noise and masks of one hole or of many."""
    h, w = request.param
    image = jax.random.uniform(KEY, (8, h, w, 3), minval=-1)
    holes = masks.fixed_masks(masks.one_of(masks.thick(), masks.thin()), 8, 40, seed=1)
    return image, jnp.asarray(holes[:, :h, :w], jnp.float32)


def test_the_nearest_known_pixel_is_found(scene):
    _, mask = scene
    found = np.asarray(jax.jit(mirrored.nearest_known)(mask))
    here = np.asarray(mirrored.pixel_grid(*mask.shape[1:3]))
    for hole, near in zip(np.asarray(mask)[..., 0] > 0, found, strict=True):
        assert not hole[tuple(np.moveaxis(near, -1, 0))].any()
        far = np.linalg.norm(near - here[0], axis=-1)
        np.testing.assert_allclose(far, ndimage.distance_transform_edt(hole), atol=1e-5)


def test_half_an_image_is_mirrored():
    image = jax.random.normal(KEY, (1, 8, 16, 2))
    mask = jnp.zeros((1, 8, 16, 1)).at[:, :, 8:].set(1)
    made = mirrored.mirror(image, mask)
    np.testing.assert_array_equal(made[:, :, :8], image[:, :, :8])
    np.testing.assert_array_equal(made[:, :, 8:15], image[:, :, 6::-1])


def test_what_is_known_is_kept_and_what_is_hidden_has_no_part(scene):
    image, mask = scene
    made = jax.jit(mirrored.fill)(image, mask)
    smooth, texture = jnp.split(made, 2, axis=-1)
    assert made.shape == (*image.shape[:3], 6)
    np.testing.assert_array_equal(
        smooth, jax.jit(pyramid.fill, static_argnums=2)(image, mask, 4)
    )
    known = np.broadcast_to(mask == 0, image.shape)
    assert (np.asarray(texture)[known] == 0).all()
    assert (np.asarray(texture)[~known] != 0).mean() > 0.99
    other = jnp.where(mask > 0, jnp.nan, image)
    np.testing.assert_array_equal(jax.jit(mirrored.fill)(other, mask), made)


def test_one_color_has_no_texture(scene):
    image, mask = scene
    _, texture = jnp.split(mirrored.fill(jnp.full_like(image, 0.25), mask), 2, axis=-1)
    np.testing.assert_allclose(texture, 0, atol=1e-6)


def test_of_nothing_known_nothing_is_made():
    made = mirrored.fill(jnp.ones((1, 8, 8, 1)), jnp.ones((1, 8, 8, 1)))
    np.testing.assert_array_equal(made, 0)


def test_g_adds_as_much_of_it_as_it_likes(scene):
    image, mask = scene
    net = gated.Generator(1, fill=mirrored.fill)
    z, label = gated.hide(image, mask), jnp.zeros(len(image), jnp.int32)
    params = seat(net, z, label)["params"]
    nothing = {
        "kernel": 0 * params["Conv_0"]["kernel"],
        "bias": jnp.array([0, 0, 0, 0.3]),
    }
    variables = {"params": params | {"Conv_0": nothing}}
    made = net.apply(variables, z, label, train=False, method="paint")
    h, w = image.shape[1:3]
    wide = jnp.pad(z, ((0, 0), (0, -h % 4), (0, -w % 4), (0, 0)), mode="reflect")
    smooth, texture = jnp.split(
        mirrored.fill(wide[..., :-1], wide[..., -1:]), 2, axis=-1
    )
    right = (smooth + 0.3 * texture)[:, :h, :w]
    np.testing.assert_allclose(made, right, atol=1e-6)
