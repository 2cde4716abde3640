"""The batches of each training step, as a pure function of (seed, step).

No iterator holds a position: a run that resumes at step i, or on other devices, sees the
same examples as one that was never stopped. A `Stream` has two parts. On the host,
`window` reads what the next few steps need; within the compiled program, `draw` picks the
turns of one step. `resident` keeps small data on the device and does all the work in
`draw`, `streamed` does it in `window`. Both give the same rows (`ops.shuffle`). The
batches of `from_batches` come from a function of the user's own.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import fori_loop

from ganjax.core import ArrayLike, Batch, Devices, Modality, PyTree, Turns, decoded
from ganjax.data.source import Source, batch_shapes
from ganjax.errors import UsageError
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

    The published SNGAN of CIFAR-10 has `Sizes(d_turns=5, d_batch=64, g_batch=128)`: five
    updates of D a step, each on 64 real and 64 generated images, and one of G on 128. Every
    turn draws examples of its own. By default a step has `Sizes(1, batch, batch)`, where
    `batch` is that of the `Run`.

    Attributes:
        d_turns: how many turns D has in a step; G has one.
        d_batch: real examples in one turn of D, and as many generated ones.
        g_batch: examples that G generates in its turn. It gets as many real ones, for
            losses and regularizers that compare the two.
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

    def rows(seed, steps, role, turns, size):
        # Axes [steps, turns, rows]. A process reads one contiguous share of each batch.
        step = np.asarray(steps, np.uint32)[:, None, None]
        turn = np.arange(turns)[:, None]
        row = np.arange(size).reshape(count, -1)[process]
        places, step = np.broadcast_arrays(size * turn + row, step)
        places = places.astype(np.uint32)
        seed = np.uint32(seed)
        batch = turns * size
        return batch_rows(
            numpy_fori_loop, seed, role, step, source.length, batch, places
        )

    def read(seed, steps):
        # d is [steps, turns, rows], g is [steps, rows]: G has one turn in a step.
        d = rows(seed, steps, D_ROLE, sizes.d_turns, sizes.d_batch)
        g = rows(seed, steps, G_ROLE, 1, sizes.g_batch)[:, 0]
        # Both players share one read, as a source may open a file for each.
        batch = source.read(np.concatenate([d.ravel(), g.ravel()]))

        def reshaped(part, shape):
            return jax.tree.map(lambda x: x[part].reshape(*shape, *x.shape[1:]), batch)

        return Turns(
            reshaped(slice(d.size), d.shape), reshaped(slice(d.size, None), g.shape)
        )

    return _read_by_host(read, longest, _shapes(source.example, sizes))


def from_batches(
    batches: Callable[[int], Batch],
    sizes: Sizes,
    *,
    longest: int = 4,
    process: int = 0,
    count: int = 1,
) -> Stream:
    """Returns a stream of batches that are a function of the step.

    D plays on equal parts of a batch and G on the last of them (`core.turns`).

    Args:
        batches: the step -> its `Batch`, the same in every process, with as many rows as D
            sees in a step.
        sizes: the turns and the batch sizes of a step, in all processes together.
        longest: how many steps are read at once.
        process: the index of this process, which takes its share of every batch.
        count: the number of processes.

    Raises:
        UsageError: a batch has another number of rows, or D and G have batches of different
            sizes; the first is raised when the batch is read.
    """
    wanted = sizes.d_turns * sizes.d_batch
    if sizes.g_batch != sizes.d_batch:
        raise UsageError(
            f"D's batch is {sizes.d_batch} and G's {sizes.g_batch}, and a function from "
            "the step to a batch gives both the same: make them alike, or give the data "
            "as something with __len__ and __getitem__."
        )

    def of_step(step: int) -> Turns:
        batch = batches(step)
        shown = len(batch.label)
        if shown != wanted:
            raise UsageError(
                f"The batch of step {step} has {shown} rows, and D sees {wanted} in a "
                f"step: give batches of {wanted}, or another batch size."
            )
        # As `core.turns` divides a batch, but on the host: [turns, rows of all, ...]
        parts = jax.tree.map(
            lambda x: x.reshape(sizes.d_turns, sizes.d_batch, *x.shape[1:]), batch
        )
        share = sizes.d_batch // count
        mine = slice(process * share, (process + 1) * share)
        d = jax.tree.map(lambda x: x[:, mine], parts)
        return Turns(d, jax.tree.map(lambda x: x[-1], d))

    def read(seed, steps):
        return jax.tree.map(lambda *x: np.stack(x), *map(of_step, steps))

    first = batches(0)
    example = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), first.x
    )
    return _read_by_host(read, longest, _shapes(example, sizes))


def _read_by_host(
    read: Callable[[int, Sequence[int]], Turns], longest: int, shapes: Turns
) -> Stream:
    """A stream whose turns are read on the host, each step of a run once.

    Args:
        read: (seed, steps) -> the turns of these steps, [steps, ...].
        longest: the number of steps of a window.
        shapes: the turns of a step.
    """
    # A call of the program may play fewer steps than its window holds. The others are kept
    # for the next window. Each seed of a population has steps of its own.
    kept: dict[tuple[int, int], Turns] = {}

    def window(seed, first):
        steps = range(first, first + longest)
        missing = [step for step in steps if (seed, step) not in kept]
        new = read(seed, missing) if missing else None
        for key in [key for key in kept if key[0] == seed and key[1] < first]:
            del kept[key]
        for i, step in enumerate(missing):
            kept[seed, step] = jax.tree.map(lambda x, i=i: x[i], new)
        # Nearly always all of them are new: then nothing is copied.
        if len(missing) == longest:
            return new
        return jax.tree.map(
            lambda *x: np.stack(x), *(kept[seed, step] for step in steps)
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
        shapes=shapes,
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
