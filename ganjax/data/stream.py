"""Data as a function of time: the turns of step i follow from (seed, i) and no more."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import fori_loop

from ganjax.data.shuffle import loop, order
from ganjax.data.source import Source
from ganjax.gan import Batch, Devices, PyTree, Turns


class Stream(NamedTuple):
    """How the turns of a step come about: a host half and a device half.

    `data` makes what stays on the devices throughout, `window` what one call of at most
    `longest` steps needs besides, and `draw` picks from both the turns of one step.
    """

    data: Callable[[], PyTree]
    window: Callable[[int, int], PyTree]  # (seed, first step) -> arrays
    draw: Callable[..., Turns]  # (data, window, step, place in window, on) -> Turns
    rows: PyTree  # the batch axis of each array of a window, None where it has none
    longest: int
    shapes: Turns  # of whole batches, as `jax.ShapeDtypeStruct`


class Sizes(NamedTuple):
    """How many turns D has in a step, and how many images each player sees in one."""

    d_turns: int
    d_batch: int
    g_batch: int


def resident(batch: Batch, sizes: Sizes) -> Stream:
    """Every example stays on the device; a program draws its rows from (seed, step)."""
    length = len(batch.label)

    def draw(data, seed, step, place, on: Devices):
        step = step.astype(jnp.uint32)

        def take(role, turns, size):
            row = on.rows(size // on.count)[None] + size * jnp.arange(turns)[:, None]
            row = row.astype(jnp.uint32)
            row = order(fori_loop, seed, role, step, length, turns * size, row)
            return jax.tree.map(lambda stored: stored[row], data)

        d = take(0, sizes.d_turns, sizes.d_batch)
        return Turns(d, jax.tree.map(lambda x: x[0], take(1, 1, sizes.g_batch)))

    return Stream(
        data=lambda: batch,
        window=lambda seed, first: np.uint32(seed),
        draw=draw,
        rows=None,
        longest=256,
        shapes=_shapes(batch.image.shape[1:], batch.image.dtype, sizes),
    )


def streamed(
    source: Source, sizes: Sizes, *, longest: int = 4, process: int = 0, count: int = 1
) -> Stream:
    """The same turns, read on the host: each process reads its share of every batch."""

    def rows(seed, first, role, turns, size):
        step = np.arange(first, first + longest, dtype=np.uint32)[:, None, None]
        turn = np.arange(turns)[:, None]
        row = np.arange(size).reshape(count, -1)[process]
        place, step = np.broadcast_arrays(size * turn + row, step)
        place, seed = place.astype(np.uint32), np.uint32(seed)
        return order(loop, seed, role, step, source.length, turns * size, place)

    def window(seed, first):
        d = rows(seed, first, 0, sizes.d_turns, sizes.d_batch)
        g = rows(seed, first, 1, 1, sizes.g_batch)[:, 0]
        both = source.read(np.concatenate([d.ravel(), g.ravel()]))
        split = lambda x, part, like: x[part].reshape(*like.shape, *x.shape[1:])
        return Turns(
            Batch(*(split(x, slice(d.size), d) for x in both)),
            Batch(*(split(x, slice(d.size, None), g) for x in both)),
        )

    return Stream(
        data=lambda: (),
        window=window,
        draw=lambda data, window, step, place, on: jax.tree.map(
            lambda x: x[place], window
        ),
        rows=Turns(d=2, g=1),
        longest=longest,
        shapes=_shapes(source.shape, source.dtype, sizes),
    )


def shapes_of(source: Source, sizes: Sizes) -> Turns:
    """The turns of a step as `jax.ShapeDtypeStruct`, without reading any example."""
    return _shapes(source.shape, source.dtype, sizes)


def _shapes(shape: tuple[int, ...], dtype: np.dtype, sizes: Sizes) -> Turns:
    def batch(*rows):
        image = jax.ShapeDtypeStruct((*rows, *shape), dtype)
        return Batch(image, jax.ShapeDtypeStruct(rows, np.int32))

    return Turns(d=batch(sizes.d_turns, sizes.d_batch), g=batch(sizes.g_batch))
