"""The turns of a step follow from (seed, step), on the host as on the device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.core import ONE, Batch, Devices
from ganjax.data import Sizes, decoding, resident, streamed
from ganjax.data.source import Source, Spec, example_struct
from ganjax.data.stream import shapes_of
from ganjax.modalities import POINTS


ROWS = Batch(
    np.random.default_rng(0).normal(size=(23, 2)).astype(np.float32),
    np.arange(23, dtype=np.int32),  # each row's own number
)
SOURCE = Source(
    Spec("rows"),
    23,
    example_struct((2,), np.float32),
    (),
    lambda i: Batch(*(x[i] for x in ROWS)),
)
SIZES = [Sizes(1, 4, 4), Sizes(3, 4, 6), Sizes(3, 2, 30)]


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
    np.testing.assert_array_equal(turns.d.x, ROWS.x[turns.d.label])


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


def test_a_window_has_as_many_steps_as_it_may():
    sizes = Sizes(3, 4, 6)
    here, there = resident(ROWS, sizes), streamed(SOURCE, sizes)
    assert here.data() is ROWS and here.rows is None and here.longest == 256
    seed = here.window(7, 3)
    assert seed == 7 and seed.dtype == np.uint32
    assert there.data() == () and there.longest == 4
    window = there.window(7, 3)
    assert window.d.x.shape == (4, 3, 4, 2) and window.d.label.shape == (4, 3, 4)
    assert window.g.x.shape == (4, 6, 2) and window.g.label.shape == (4, 6)
    later = there.window(7, 5)
    np.testing.assert_array_equal(later.d.label[:2], window.d.label[2:])
    np.testing.assert_array_equal(later.g.label[:2], window.g.label[2:])


def test_the_turns_of_an_epoch_show_every_row_once():
    source = SOURCE._replace(length=24, read=lambda rows: Batch(rows, rows))
    window = streamed(source, Sizes(2, 3, 4), longest=6).window(0, 0)
    assert sorted(window.d.label[:4].ravel()) == [*range(24)]
    assert sorted(window.g.label.ravel()) == [*range(24)]


def test_shapes_are_known_without_reading():
    sizes = Sizes(3, 4, 6)
    unread = SOURCE._replace(read=lambda rows: pytest.fail("is read"))
    shapes = shapes_of(unread, sizes)
    assert shapes == resident(ROWS, sizes).shapes == streamed(unread, sizes).shapes
    assert shapes.d.x.shape == (3, 4, 2) and shapes.d.x.dtype == np.float32
    assert shapes.g.x.shape == (6, 2)
    assert shapes.d.label.shape == (3, 4) and shapes.g.label.shape == (6,)
    assert shapes.g.label.dtype == np.int32


def test_examples_are_decoded_and_labels_are_not():
    sizes = Sizes(3, 4, 6)
    modality = POINTS._replace(decode=lambda x: jnp.stack([2 * x, x + 1], -1))
    plain = streamed(SOURCE, sizes)
    made = decoding(plain, modality)
    assert made.window is plain.window and made.rows == plain.rows
    assert made.shapes.d.x.shape == (3, 4, 2, 2)
    assert made.shapes.d.label == plain.shapes.d.label
    window = plain.window(0, 0)
    seen, stored = (each.draw((), window, None, 1, ONE) for each in (made, plain))
    for player in ("d", "g"):
        one, other = getattr(seen, player), getattr(stored, player)
        np.testing.assert_array_equal(one.x[..., 0], 2 * other.x)
        np.testing.assert_array_equal(one.x[..., 1], other.x + 1)
        np.testing.assert_array_equal(one.label, other.label)
