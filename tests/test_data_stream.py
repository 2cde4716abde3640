"""The turns of a step follow from (seed, step), on the host as on the device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.data import Sizes, load, resident, streamed, whole
from ganjax.data.shuffle import loop, order, shuffle
from ganjax.data.source import Spec
from ganjax.gan import ONE


def rows(length, size, step, seed=0, role=0):
    places = np.arange(size, dtype=np.uint32)
    return order(loop, np.uint32(seed), role, np.uint32(step), length, size, places)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 64, 899])
def test_a_shuffle_is_a_permutation_and_another_for_each_seed(length):
    place = np.arange(length, dtype=np.uint32)
    one, two = (shuffle(loop, place, length, np.uint32(s)) for s in (1, 2))
    assert sorted(one) == sorted(two) == list(range(length))
    assert length < 7 or (one != two).any()


def test_numpy_and_jax_shuffle_alike():
    place = np.arange(100, dtype=np.uint32)
    ours = shuffle(loop, place, 100, np.uint32(3), np.uint32(5))
    fori = jax.lax.fori_loop
    theirs = shuffle(fori, jnp.asarray(place), 100, jnp.uint32(3), jnp.uint32(5))
    np.testing.assert_array_equal(ours, theirs)


def test_every_place_is_as_likely_for_every_row():
    place = np.arange(8, dtype=np.uint32)
    counts = np.zeros((8, 8))
    for seed in range(800):
        counts[place, shuffle(loop, place, 8, np.uint32(seed))] += 1
    assert ((counts - 100) ** 2 / 100).sum() < 100  # chi-square, 49 degrees: p = 2e-5


def test_an_epoch_shows_no_row_twice_and_the_next_is_another():
    epochs = [
        np.concatenate([rows(50, 8, 6 * e + i) for i in range(6)]) for e in (0, 1)
    ]
    assert all(len(set(epoch)) == 48 for epoch in epochs)
    assert (epochs[0] != epochs[1]).any()


def test_a_batch_may_be_larger_than_the_data_and_a_step_very_late():
    assert sorted(rows(5, 10, 3)) == sorted([*range(5)] * 2)
    assert rows(1000, 16, 2**31 - 1).max() < 1000


@pytest.mark.parametrize("sizes", [Sizes(1, 8, 8), Sizes(3, 8, 16)])
def test_the_host_and_the_device_draw_the_same_turns(sizes):
    source = load(Spec("digits"))
    here, there = resident(whole(source), sizes), streamed(source, sizes, longest=2)
    draw = jax.jit(lambda d, w, i: here.draw(d, w, i, 0, ONE))
    for step in (0, 1, 111, 112, 113):
        device = draw(here.data(), here.window(7, step), jnp.int32(step))
        host = there.draw((), there.window(7, step), None, 0, ONE)
        jax.tree.map(np.testing.assert_array_equal, device, host)
        assert jax.tree.map(jnp.shape, host) == jax.tree.map(jnp.shape, here.shapes)


def test_processes_read_their_shares_of_the_whole():
    source, sizes = load(Spec("digits")), Sizes(2, 8, 4)
    parts = [streamed(source, sizes, process=p, count=2).window(0, 3) for p in (0, 1)]
    entire = streamed(source, sizes).window(0, 3)
    for part, axis in (("d", 2), ("g", 1)):
        halves = [getattr(x, part).image for x in parts]
        joined = np.concatenate(halves, axis=axis)
        np.testing.assert_array_equal(joined, getattr(entire, part).image)
