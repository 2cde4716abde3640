"""What x is made of, what D is shown and how far G's y is from the true one."""

from dataclasses import replace
from importlib import import_module
from inspect import getclosurevars, unwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import superres

from ganjax.core import Pair
from ganjax.errors import UsageError


KEYS = jax.random.split(jax.random.key(0), 3)
IMAGE = np.random.default_rng(0).uniform(-1, 1, (3, 8, 4, 3)).astype(np.float32)


def task(name, **flags):
    """The task of an experiment of pairs."""
    module = import_module(name)
    game = module.make(replace(module.TINY, **flags))
    return getclosurevars(unwrap(game.step)).nonlocals["task"]


@pytest.mark.parametrize("name", ["colors", "pix2pix", "superres"])
def test_g_pays_the_mean_difference_and_d_sees_what_the_task_says(name):
    found = task(name, l1_weight=3.0)
    a, b = (jnp.asarray(x) for x in (IMAGE, IMAGE[::-1]))
    assert found.distances.keys() == {"l1"}
    wanted = 3 * np.abs(IMAGE - IMAGE[::-1]).mean()
    np.testing.assert_allclose(found.distances["l1"](a, b), wanted, rtol=1e-6)
    seen = b if name == "superres" else jnp.concatenate([a, b], axis=-1)
    np.testing.assert_array_equal(found.d_input(a, b), seen)


def test_views_are_those_of_the_flags():
    assert task("colors", size=16, margin=3).view == (16, 3, True)
    assert task("superres", size=16, margin=3).view == (16, 3, True)
    for flip in (False, True):
        assert task("pix2pix", margin=3, flip=flip).view == (8, 3, flip)


def test_x_is_as_bright_as_the_colors_that_are_wanted():
    x, y = task("colors").pair(KEYS, jnp.asarray(IMAGE))
    luma = 0.299 * IMAGE[..., 0] + 0.587 * IMAGE[..., 1] + 0.114 * IMAGE[..., 2]
    np.testing.assert_allclose(x, luma[..., None], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(y, IMAGE)


def test_either_image_of_a_pair_may_be_the_wanted_one():
    a, b = jnp.asarray(IMAGE), jnp.asarray(IMAGE[::-1])
    assert task("pix2pix").pair(KEYS, Pair(a, b)) == (a, b)
    assert task("pix2pix", reverse=True).pair(KEYS, Pair(a, b)) == (b, a)


def test_x_is_the_image_smaller_and_noisier_by_up_to_the_deviation_asked_for():
    flat = jnp.full((64, 16, 8, 1), 0.25)
    keys = jax.random.split(jax.random.key(1), 64)
    still, y = superres.shrunk(2, 0.0, keys, flat)
    np.testing.assert_allclose(still, np.full((64, 8, 4, 1), 0.25), rtol=1e-5)
    assert y is flat
    noisy = np.asarray(superres.shrunk(2, 0.2, keys, flat).source - 0.25)
    deviation = noisy.std((1, 2, 3))
    assert noisy.shape == (64, 8, 4, 1) and deviation.max() < 0.3
    assert abs(deviation.mean() - 0.1) < 0.02 and deviation.min() < 0.03
    assert len(np.unique(noisy)) == noisy.size, "every pixel's noise is its own"
    assert np.abs(superres.shrunk(2, 50.0, keys, flat).source).max() == 1
    # A row that falls in a line falls so, too, at the middle of the pixels that are joined.
    line = jnp.broadcast_to(jnp.linspace(-1, 1, 32).reshape(1, 32, 1, 1), (1, 32, 4, 1))
    small = superres.shrunk(4, 0.0, keys[:1], line).source[0, 2:-2, 0, 0]
    wanted = np.linspace(-1, 1, 32).reshape(8, 4).mean(1)[2:-2]
    np.testing.assert_allclose(small, wanted, atol=1e-3)


@pytest.mark.parametrize(
    "flags", [{"times": 3}, {"times": 4, "size": 18}, {"times": 1}]
)
def test_images_are_enlarged_by_two_or_four_alone(flags):
    with pytest.raises(UsageError, match="give 2 or 4, by which --size is divided"):
        task("superres", **flags)
