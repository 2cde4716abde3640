"""CycleGAN's pool of past images, one number an image."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.games import pool


@pytest.fixture(scope="module")
def past():
    """400 batches of 4 numbers that count up, what was shown, and the pool of 20."""
    numbers = jnp.arange(1600, dtype=jnp.float32).reshape(400, 4)
    keys = jax.random.split(jax.random.key(0), (400, 4))
    turn = lambda kept, batch: pool.query(kept, *batch)
    run = jax.jit(partial(jax.lax.scan, turn))
    last, shown = run(pool.empty(numbers[0, 0], 20), (numbers, keys))
    return np.asarray(numbers), np.asarray(shown), last


def test_it_shows_what_it_is_given_until_it_is_full(past):
    numbers, shown, _ = past
    np.testing.assert_array_equal(shown[:5], numbers[:5])
    assert (shown[5:15] != numbers[5:15]).any()


def test_then_about_half_of_what_it_shows_is_older(past):
    numbers, shown, _ = past
    older = (numbers != shown)[5:]
    assert abs(older.mean() - 0.5) < 4 * 0.5 / np.sqrt(older.size)
    assert (shown <= numbers).all()


def test_every_image_is_shown_once_or_still_there(past):
    numbers, shown, last = past
    kept = np.asarray(last.images)
    assert last.count == len(kept) == 20
    once = np.concatenate([kept, shown[5:].ravel()])
    early = shown[:5].ravel()  # shown when they came, and kept
    assert len(set(once)) == len(once) and set(early) <= set(once)
    assert set(once) == set(numbers.ravel())


def test_every_place_is_as_likely():
    keys = jax.random.split(jax.random.key(1), 4000)
    coins, places = jax.vmap(partial(pool.draw_exchange, size=8))(keys)
    counts = np.bincount(places[coins], minlength=8)
    assert len(counts) == 8 and np.abs(counts - 250).max() < 5 * np.sqrt(250)


def test_images_keep_their_shape_and_type():
    images = jnp.ones((2, 4, 6, 3), jnp.bfloat16)
    start = pool.empty(images[0])
    keys = jax.random.split(jax.random.key(0), 2)
    kept, shown = jax.jit(pool.query)(start, images, keys)
    assert kept.images.shape == (50, 4, 6, 3) and shown.dtype == jnp.bfloat16
    assert kept.count == 2 and (kept.images[:2] == 1).all()
    assert jax.tree.map(jnp.shape, kept) == jax.tree.map(jnp.shape, start)
