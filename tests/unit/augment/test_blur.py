"""StyleGAN3-R's fading blur, and two augmentations in a row."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.augment import blur, chain_augments, fixed


KEY = jax.random.key(0)
IMAGE = np.random.default_rng(0).normal(size=(9, 14, 2)).astype(np.float32)


def smooth(image, width):
    """Each axis by a loop over the bell's taps, in float64."""
    reach = int(np.floor(3 * width))
    taps = {x: 2.0 ** -((x / width) ** 2) for x in range(-reach, reach + 1)}
    image = image.astype(np.float64)
    for axis in (0, 1):
        out = np.zeros_like(image)
        for i in range(image.shape[axis]):
            for x, tap in taps.items():
                if 0 <= i + x < image.shape[axis]:
                    row = np.take(image, i + x, axis) * tap / sum(taps.values())
                    out[(slice(None),) * axis + (i,)] += row
        image = out
    return image


@pytest.mark.parametrize("p", [0.2, 0.5, 1.0])
def test_a_blur_is_a_bell_along_both_axes(p):
    made = jax.jit(blur(2.5))(KEY, jnp.asarray(IMAGE), p)
    np.testing.assert_allclose(made, smooth(IMAGE, 2.5 * p), atol=1e-5)


def test_a_blur_is_of_ten_pixels_unless_it_is_told_otherwise():
    image = jnp.asarray(IMAGE)
    np.testing.assert_allclose(
        blur()(KEY, image, jnp.float32(0.2)),
        blur(2.0)(KEY, image, jnp.float32(1)),
        atol=1e-6,
    )


@pytest.mark.parametrize("p", [0.0, 0.1])
def test_a_blur_of_less_than_a_third_of_a_pixel_is_none(p):
    np.testing.assert_array_equal(jax.jit(blur(3.0))(KEY, jnp.asarray(IMAGE), p), IMAGE)


def test_gradients_are_finite_when_it_is_gone():
    slope = jax.grad(lambda p: blur()(KEY, jnp.asarray(IMAGE), p).sum())(0.0)
    assert jnp.isfinite(slope)


def test_of_two_augmentations_each_keeps_its_own_state():
    add = lambda by: lambda key, image, p: image * 2 + by * p
    step = chain_augments(fixed(add(1.0), lambda step: step), fixed(add(10.0), 0.5))
    state = step.init()
    for i in range(3):
        state = step.update(state, jnp.zeros(()), jnp.asarray(i))
    assert [float(one.p) for one in state] == [3.0, 0.5]
    made = step.apply(state, KEY, jnp.ones((2, 2, 1)))
    np.testing.assert_allclose(made, (1 * 2 + 3) * 2 + 5)


def test_of_two_augmentations_each_draws_for_itself():
    noise = lambda sign: lambda key, image, p: image + sign * jax.random.normal(key)
    both = chain_augments(fixed(noise(1.0)), fixed(noise(-1.0)))
    draw = lambda key: both.apply(both.init(), key, jnp.zeros(1))
    one, other = map(draw, jax.random.split(KEY))
    assert one != 0 and other != 0 and one != other
