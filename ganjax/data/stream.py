"""The batches of each training step, as a pure function of (seed, step).

No iterator holds a position: a run that resumes at step i, or on other devices, sees the
same examples as one that was never stopped. A `Stream` has two parts. On the host,
`window` reads what the next few steps need; within the compiled program, `draw` picks the
turns of one step. `resident` keeps small data on the device and does all the work in
`draw`, `streamed` does it in `window`. Both give the same rows (`ops.shuffle`).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import fori_loop

from ganjax.core import ArrayLike, Batch, Devices, Modality, PyTree, Turns, decoded
from ganjax.data.source import Source, batch_shapes
from ganjax.ops.shuffle import batch_rows, numpy_fori_loop


# Each player has its own shuffle of the rows.
D_ROLE = 0
G_ROLE = 1


class Stream(NamedTuple):
    """How the turns of a step are made, on the host and on the devices.

    Attributes:
        data: makes what stays on the devices throughout.
        window: (seed, first step) -> what else one call of up to `longest` steps needs.
        draw: (data, window, step, place of the step in the window, devices) -> the turns
            of one step. It is traced, in the compiled program.
        rows: the batch axis of each array of a window; None where it has none.
        longest: the largest number of steps of a window.
        shapes: the turns of a step for all devices, as `jax.ShapeDtypeStruct`.
    """

    data: Callable[[], PyTree]
    window: Callable[[int, int], PyTree]
    draw: Callable[[PyTree, PyTree, ArrayLike, ArrayLike, Devices], Turns]
    rows: PyTree
    longest: int
    shapes: Turns


class Sizes(NamedTuple):
    """The sizes of a step, in all processes and devices together.

    Attributes:
        d_turns: how many turns D has in a step; G has one.
        d_batch: examples in one turn of D.
        g_batch: examples in the turn of G.
    """

    d_turns: int
    d_batch: int
    g_batch: int


def resident(batch: Batch, sizes: Sizes) -> Stream:
    """Returns a stream of data that stays on the devices, where rows are drawn.

    Args:
        batch: all examples, [n, ...].
        sizes: the turns and the batch sizes of a step.
    """
    length = len(batch.label)

    def draw(data, window, step, place, on: Devices):
        # The window is the seed. `batch_rows` computes in uint32.
        step = step.astype(jnp.uint32)

        def take(role, turns, size):
            # Places [turns, rows of this replica]: the turns of a step take consecutive
            # places of the permutation, so that no row comes twice within an epoch.
            places = on.rows(size // on.count)[None] + size * jnp.arange(turns)[:, None]
            places = places.astype(jnp.uint32)
            rows = batch_rows(
                fori_loop, window, role, step, length, turns * size, places
            )
            return jax.tree.map(lambda stored: stored[rows], data)

        d = take(D_ROLE, sizes.d_turns, sizes.d_batch)
        g = take(G_ROLE, 1, sizes.g_batch)
        # G's batch has no axis of turns.
        return Turns(d, jax.tree.map(lambda x: x[0], g))

    return Stream(
        data=lambda: batch,
        # The window is one number, however many steps a call runs, so calls can be long.
        window=lambda seed, first: np.uint32(seed),
        draw=draw,
        rows=None,
        longest=256,
        shapes=_shapes(jax.tree.map(lambda x: x[0], batch.x), sizes),
    )


def streamed(
    source: Source, sizes: Sizes, *, longest: int = 4, process: int = 0, count: int = 1
) -> Stream:
    """Returns a stream of the same turns as `resident`, read on the host.

    Args:
        source: where examples are read.
        sizes: the turns and the batch sizes of a step, in all processes together.
        longest: how many steps are read at once.
        process: the index of this process, which reads its share of every batch.
        count: the number of processes.
    """

    def rows(seed, first, role, turns, size):
        # Axes [steps, turns, rows]. A process reads one contiguous share of each batch.
        step = np.arange(first, first + longest, dtype=np.uint32)[:, None, None]
        turn = np.arange(turns)[:, None]
        row = np.arange(size).reshape(count, -1)[process]
        places, step = np.broadcast_arrays(size * turn + row, step)
        places = places.astype(np.uint32)
        seed = np.uint32(seed)
        batch = turns * size
        return batch_rows(
            numpy_fori_loop, seed, role, step, source.length, batch, places
        )

    def window(seed, first):
        # d is [steps, turns, rows], g is [steps, rows]: G has one turn in a step.
        d = rows(seed, first, D_ROLE, sizes.d_turns, sizes.d_batch)
        g = rows(seed, first, G_ROLE, 1, sizes.g_batch)[:, 0]
        # Both players share one read, as a source may open a file for each.
        batch = source.read(np.concatenate([d.ravel(), g.ravel()]))

        def reshaped(part, shape):
            return jax.tree.map(lambda x: x[part].reshape(*shape, *x.shape[1:]), batch)

        return Turns(
            reshaped(slice(d.size), d.shape), reshaped(slice(d.size, None), g.shape)
        )

    return Stream(
        data=lambda: (),
        window=window,
        draw=lambda data, window, step, place, on: jax.tree.map(
            lambda x: x[place], window
        ),
        # The batch axis comes after those of steps and, for D, of turns.
        rows=Turns(d=2, g=1),
        longest=longest,
        shapes=_shapes(source.example, sizes),
    )


def shapes_of(source: Source, sizes: Sizes) -> Turns:
    """Returns the turns of a step as `jax.ShapeDtypeStruct`, without reading examples."""
    return _shapes(source.example, sizes)


def decoding(stream: Stream, modality: Modality) -> Stream:
    """Returns the stream with its examples decoded to what networks see.

    They are decoded last, within the compiled program. Until then they are copied and kept
    as they are stored, which for images takes one byte per number instead of four.

    Args:
        stream: a stream of stored examples.
        modality: decodes them.
    """

    def draw(data, window, step, place, on):
        return decoded(modality, stream.draw(data, window, step, place, on))

    # Decoding may change shapes too; `eval_shape` finds them without computing anything.
    shapes = jax.eval_shape(lambda turns: decoded(modality, turns), stream.shapes)
    return stream._replace(draw=draw, shapes=shapes)


def _shapes(example: PyTree, sizes: Sizes) -> Turns:
    def batch(*rows):
        x = batch_shapes(example, *rows)
        return Batch(x, jax.ShapeDtypeStruct(rows, np.int32))

    return Turns(d=batch(sizes.d_turns, sizes.d_batch), g=batch(sizes.g_batch))
