"""Push-pull: smooth where nothing is known, and untouched where something is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.ops import pyramid


KEY = jax.random.key(0)


@pytest.fixture(params=[(16, 16), (5, 12)], scope="module")
def scene(request):
    """Noise and a mask of half of its pixels."""
    h, w = request.param
    image = jax.random.uniform(KEY, (2, h, w, 3), minval=-1)
    mask = jax.random.bernoulli(jax.random.key(1), 0.5, (2, h, w, 1))
    return image, mask.astype(jnp.float32)


def test_what_is_known_is_kept_and_what_is_hidden_has_no_part(scene):
    image, mask = scene
    filled = jax.jit(pyramid.fill)(image, mask)
    known = np.broadcast_to(mask == 0, image.shape)
    np.testing.assert_array_equal(np.asarray(filled)[known], np.asarray(image)[known])
    other = jnp.where(mask > 0, jnp.nan, image)
    np.testing.assert_array_equal(jax.jit(pyramid.fill)(other, mask), filled)
    assert not jnp.array_equal(filled, image)


def test_a_fill_lies_between_what_is_known(scene):
    image, mask = scene
    filled = pyramid.fill(image, mask)
    seen = jnp.where(mask > 0, jnp.nan, image)
    for bound, sign in ((jnp.nanmax, 1), (jnp.nanmin, -1)):
        edge = bound(seen, (1, 2), keepdims=True)
        assert (sign * (edge - filled) > -1e-6).all()


@pytest.mark.parametrize("value", [-1.0, 0.25])
def test_one_color_is_gone_on_with(scene, value):
    image, mask = scene
    same = jnp.full_like(image, value)
    np.testing.assert_allclose(pyramid.fill(same, mask), value, atol=1e-6)


def test_a_slope_is_gone_on_with():
    ramp = jnp.broadcast_to(jnp.linspace(-1, 1, 32)[:, None, None], (1, 32, 32, 1))
    mask = jnp.zeros((1, 32, 32, 1)).at[:, 8:24, 8:24].set(1)
    far = jnp.abs(pyramid.fill(ramp, mask) - ramp).mean(where=mask > 0)
    mean = jnp.abs(ramp).mean(where=mask > 0)  # of a fill by the mean, which is 0
    assert far < 0.35 * mean


def test_sweeps_bring_it_close_to_the_harmonic_surface(scene):
    """Which a direct solution of the equations of all hidden pixels gives."""
    image, mask = map(np.asarray, scene)
    hidden = np.zeros(mask.shape[:3], bool)
    hidden[:, 1:-1, 1:-1] = mask[:, 1:-1, 1:-1, 0] > 0
    hidden[:, 1:4, 1:4] = True
    exact = image.copy()
    for n in range(len(image)):
        index = {at: i for i, at in enumerate(zip(*np.nonzero(hidden[n]), strict=True))}
        system, right = np.eye(len(index)), np.zeros((len(index), image.shape[-1]))
        for (y, x), i in index.items():
            for at in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if at in index:
                    system[i, index[at]] -= 0.25
                else:
                    right[i] += 0.25 * image[n][at]
        exact[n][hidden[n]] = np.linalg.solve(system, right)
    hide = jnp.asarray(hidden[..., None], jnp.float32)
    fill = lambda sweeps: pyramid.fill(scene[0], hide, sweeps)
    far = lambda sweeps: jnp.abs(fill(sweeps) - exact).max()
    assert far(0) > 0.1 and far(4) < 0.5 * far(0) and far(100) < 1e-4


def test_of_nothing_known_nothing_is_made():
    image, mask = jnp.ones((1, 4, 6, 1)), jnp.ones((1, 4, 6, 1))
    np.testing.assert_array_equal(pyramid.fill(image, mask), 0)
