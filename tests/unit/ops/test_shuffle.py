"""Shuffles are permutations, alike on NumPy and JAX, and of a new order in each epoch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.lax import fori_loop

from ganjax.ops.shuffle import batch_rows, numpy_fori_loop, shuffle


LENGTHS = [1, 2, 3, 7, 64, 899, 1000]


def permutation(length, *seeds):
    place = np.arange(length, dtype=np.uint32)
    return shuffle(numpy_fori_loop, place, length, *map(np.uint32, seeds))


def rows(length, size, step, seed=0, role=0):
    places, step = np.arange(size, dtype=np.uint32), np.full(size, step, np.uint32)
    return batch_rows(
        numpy_fori_loop, np.uint32(seed), role, step, length, size, places
    )


@pytest.mark.parametrize("length", LENGTHS)
def test_a_shuffle_is_a_permutation(length):
    for seeds in ((0,), (1,), (2**32 - 1,), (0, 0), (7, 1, 3)):
        assert sorted(permutation(length, *seeds)) == list(range(length))


def test_each_seed_role_and_epoch_has_a_permutation_of_its_own():
    seeds = [(0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (0, 0, 1), (0, 1, 0)]
    made = [permutation(64, *each) for each in seeds]
    assert len(np.unique(made, axis=0)) == len(seeds)


@pytest.mark.parametrize("length", [1, 7, 1000])
def test_numpy_and_jax_shuffle_alike(length):
    place = np.arange(length, dtype=np.uint32)
    ours = jax.jit(lambda place, *seeds: shuffle(fori_loop, place, length, *seeds))
    for seeds in ((3, 5), (2**32 - 1, 0)):
        theirs = ours(place, *map(np.uint32, seeds))
        assert theirs.dtype == jnp.uint32
        np.testing.assert_array_equal(theirs, permutation(length, *seeds))


def test_rows_are_the_same_in_every_version():
    """As recorded: a run that goes on in a later version sees what it would have seen."""
    assert permutation(12, 3, 5).tolist() == [11, 5, 9, 3, 6, 4, 1, 0, 2, 10, 7, 8]
    shown = [rows(12, 5, step, seed=3, role=1).tolist() for step in range(3)]
    assert shown == [[1, 3, 10, 8, 2], [6, 0, 4, 5, 7], [0, 9, 8, 5, 7]]
    assert rows(3, 7, 2, seed=4, role=2).tolist() == [0, 2, 1, 2, 1, 0, 2]


@pytest.mark.parametrize("varied", ["seed", "lap"])
def test_every_arrangement_is_as_likely(varied):
    """Chi-square over the rows at two places at once: 8 x 7 pairs, 200 of each."""
    draws = 8 * 7 * 200
    place = np.broadcast_to(np.arange(8, dtype=np.uint32), (draws, 8))
    number = np.broadcast_to(np.arange(draws, dtype=np.uint32)[:, None], (draws, 8))
    seeds = (number, np.uint32(3)) if varied == "seed" else (np.uint32(3), number)
    made = shuffle(numpy_fori_loop, place, 8, *seeds)
    for one, two in ((0, 1), (3, 7)):
        counts = np.zeros((8, 8))
        np.add.at(counts, (made[:, one], made[:, two]), 1)
        counts = counts[~np.eye(8, dtype=bool)]
        assert ((counts - 200) ** 2 / 200).sum() < 110  # 55 degrees: p = 2e-5


@pytest.mark.parametrize(("length", "size"), [(50, 8), (23, 23), (64, 16), (7, 4)])
def test_an_epoch_shows_no_row_twice_and_in_time_every_row_is_seen(length, size):
    steps, seen = length // size, set()
    for epoch in range(40):
        shown = [rows(length, size, steps * epoch + i) for i in range(steps)]
        assert len(set(np.concatenate(shown))) == steps * size
        seen |= set(np.concatenate(shown).tolist())
    assert seen == set(range(length))


def test_the_next_epoch_is_another():
    assert sorted(rows(16, 16, 0)) == sorted(rows(16, 16, 1))
    assert (rows(16, 16, 0) != rows(16, 16, 1)).any()


def test_a_batch_may_be_larger_than_the_data():
    assert sorted(rows(5, 10, 3)) == sorted([*range(5)] * 2)
    counts = np.bincount(rows(5, 12, 3), minlength=5)
    assert set(counts) == {2, 3} and counts.sum() == 12
    laps = np.reshape([rows(16, 32, step) for step in range(3)], (6, 16))
    assert len(np.unique(laps, axis=0)) == 6, "a lap is like one before"
    begun = [rows(16, 40, step)[at : at + 8] for step in range(3) for at in (0, 16, 32)]
    assert len(np.unique(begun, axis=0)) == 9, "a lap that was cut off is played again"


@pytest.mark.parametrize("size", [16, 300])
def test_a_step_may_be_very_late(size):
    late = [rows(100, size, 2**31 - 1 - back) for back in (0, 1)]
    assert np.max(late) < 100 and (late[0] != late[1]).any()
