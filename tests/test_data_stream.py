"""The turns of a step follow from (seed, step), on the host as on the device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.lax import fori_loop

from ganjax.data import Sizes, resident, streamed
from ganjax.data.shuffle import loop, order, shuffle
from ganjax.data.source import Source, Spec
from ganjax.gan import ONE, Batch, Devices


LENGTHS = [1, 2, 3, 7, 64, 899, 1000]
ROWS = Batch(
    np.random.default_rng(0).normal(size=(23, 2)).astype(np.float32),
    np.arange(23, dtype=np.int32),  # each row's own number
)
SOURCE = Source(
    Spec("rows"),
    23,
    (2,),
    np.dtype(np.float32),
    (),
    lambda i: Batch(*(x[i] for x in ROWS)),
)
SIZES = [Sizes(1, 4, 4), Sizes(3, 4, 6), Sizes(3, 2, 30)]


def permutation(length, *seeds):
    place = np.arange(length, dtype=np.uint32)
    return shuffle(loop, place, length, *map(np.uint32, seeds))


def rows(length, size, step, seed=0, role=0):
    places, step = np.arange(size, dtype=np.uint32), np.full(size, step, np.uint32)
    return order(loop, np.uint32(seed), role, step, length, size, places)


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


@pytest.mark.parametrize("varied", ["seed", "lap"])
def test_every_arrangement_is_as_likely(varied):
    """Chi-square over the rows at two places at once: 8 x 7 pairs, 200 of each."""
    draws = 8 * 7 * 200
    place = np.broadcast_to(np.arange(8, dtype=np.uint32), (draws, 8))
    number = np.broadcast_to(np.arange(draws, dtype=np.uint32)[:, None], (draws, 8))
    seeds = (number, np.uint32(3)) if varied == "seed" else (np.uint32(3), number)
    made = shuffle(loop, place, 8, *seeds)
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


@pytest.mark.parametrize("size", [16, 300])
def test_a_step_may_be_very_late(size):
    late = [rows(100, size, 2**31 - 1 - back) for back in (0, 1)]
    assert np.max(late) < 100 and (late[0] != late[1]).any()


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_host_and_the_device_draw_the_same_turns(sizes):
    """Window after window, through several epochs and far beyond."""
    here, there = resident(ROWS, sizes), streamed(SOURCE, sizes, longest=3)
    device = jax.jit(lambda *feed: here.draw(*feed, 0, ONE))
    for first in (0, 3, 6, 2**31 - 4):
        window = there.window(7, first)
        for place in range(3):
            ours = device(here.data(), here.window(7, 0), jnp.int32(first + place))
            theirs = there.draw((), window, None, place, ONE)
            jax.tree.map(np.testing.assert_array_equal, ours, theirs)
            kind = lambda x: (x.shape, x.dtype)
            for turns in (ours, theirs):
                assert jax.tree.map(kind, turns) == jax.tree.map(kind, here.shapes)
    assert here.shapes == there.shapes


def test_each_player_and_each_turn_has_rows_of_its_own():
    turns = streamed(SOURCE, Sizes(3, 7, 7)).window(0, 0)
    d = turns.d.label[0]
    assert d.shape == (3, 7) and len(set(d.ravel())) == 21
    assert not any(set(batch) == set(turns.g.label[0]) for batch in d)
    np.testing.assert_array_equal(turns.d.image, ROWS.image[turns.d.label])


@pytest.mark.parametrize("sizes", SIZES[:2], ids=str)
def test_processes_read_their_shares_of_the_whole(sizes):
    parts = [streamed(SOURCE, sizes, process=p, count=2).window(0, 3) for p in (0, 1)]
    stream = streamed(SOURCE, sizes)
    entire = stream.window(0, 3)
    join = lambda axis, *each: np.concatenate(each, axis=axis)
    for player, axis in stream.rows._asdict().items():
        shares = [getattr(part, player) for part in parts]
        joined = jax.tree.map(lambda *each, axis=axis: join(axis, *each), *shares)
        jax.tree.map(np.testing.assert_array_equal, joined, getattr(entire, player))


def test_replicas_draw_their_shares_of_the_whole():
    stream = resident(ROWS, Sizes(3, 4, 6))

    @jax.jit
    def draw(data, replica):
        part, step = Devices(index=lambda: replica, count=2), jnp.int32(4)
        return [stream.draw(data, np.uint32(5), step, 0, on).d for on in (part, ONE)]

    (one, whole), (two, _) = (draw(ROWS, jnp.int32(i)) for i in (0, 1))
    np.testing.assert_array_equal(jnp.append(one.label, two.label, axis=1), whole.label)


def test_members_of_a_population_see_data_of_their_own():
    sizes = Sizes(2, 8, 8)
    for stream in (resident(ROWS, sizes), streamed(SOURCE, sizes)):
        data, zero = jax.tree.map(jnp.asarray, stream.data()), jnp.int32(0)
        seen = [
            stream.draw(data, stream.window(seed, 0), zero, 0, ONE).d.label
            for seed in (0, 1, 2)
        ]
        assert len(np.unique(np.reshape(seen, (3, -1)), axis=0)) == 3
