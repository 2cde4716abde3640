"""Where a step runs. Compilers take f(state, feed, on) and give f(state, feed).

The state goes in and comes out whole, whatever the devices; it is donated. `rows` names
the batch axis of each array in the feed (a prefix of its tree; None: no batch axis).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P

from ganjax.gan import ONE, Devices, PyTree, Turns


AXIS = "data"
WHOLE = P()  # a copy on each device
STEP_ROWS = Turns(d=1, g=0)  # where the batch lies in the turns of a single step
Compiled = Callable[[PyTree, PyTree], tuple[PyTree, PyTree]]


def scan(step: Callable, draw: Callable, longest: int) -> Callable:
    """Up to `longest` steps in one call; the feed is (data, window, count).

    How many is an argument of the program, not a part of it, so that any split of a run
    into calls is the same program and gives the same bits. The logs are [longest, ...]
    of which the first `count` are filled.
    """

    def program(state, feed, on=ONE):
        data, window, count = feed

        @jax.jit  # so that it is traced once
        def once(state, place, data, window):
            return step(state, draw(data, window, state.step, place, on), on)

        def body(place, carry):
            state, logs = carry
            state, row = once(state, place, data, window)
            return state, jax.tree.map(lambda all, x: all.at[place].set(x), logs, row)

        first = jnp.int32(0)
        _, row = jax.eval_shape(once, state, first, data, window)
        logs = jax.tree.map(lambda x: jnp.zeros((longest, *x.shape), x.dtype), row)
        return jax.lax.fori_loop(first, count, body, (state, logs))

    return program


def mesh() -> Mesh:
    """All devices of all processes in one row."""
    auto = (jax.sharding.AxisType.Auto,)
    return jax.make_mesh((jax.device_count(),), (AXIS,), axis_types=auto)


def jit(program: Callable, rows: PyTree = None) -> Compiled:
    """One device."""
    return jax.jit(program, donate_argnums=0)


def shard(
    program: Callable, rows: PyTree, mesh: Mesh, layout: PyTree = WHOLE
) -> Compiled:
    """The view from above: the step sees the whole batch and the compiler divides it.

    Batch norm is that of the whole batch. `layout` says how the state lies on the mesh;
    a copy on each device, or divided as `fsdp` says. Under several processes each one
    feeds its share of the rows.
    """
    compiled, feed = laid_out(program, rows, mesh, layout)
    return lambda state, arrays: compiled(state, put(arrays, feed))


def laid_out(
    program: Callable, rows: PyTree, mesh: Mesh, layout: PyTree = WHOLE
) -> tuple[jax.stages.Wrapped, PyTree]:
    """What `shard` calls, and how the feed lies that it is called with.

    It can be lowered from shapes alone and compiled for a mesh that is not at hand.
    """
    named = partial(NamedSharding, mesh)
    spec = lambda axis: P(*(None,) * axis, AXIS) if axis is not None else P()
    on = Devices(place=lambda x: jax.lax.with_sharding_constraint(x, named(P(AXIS))))
    state = jax.tree.map(named, layout, is_leaf=lambda x: isinstance(x, P))
    feed = jax.tree.map(lambda axis: named(spec(axis)), rows, is_leaf=_is_axis)
    compiled = jax.jit(
        partial(program, on=on),
        in_shardings=(state, feed),
        out_shardings=(state, named(P())),
        donate_argnums=0,
    )
    return compiled, feed


def pmap(program: Callable, rows: PyTree) -> Compiled:
    """The view from one device: each sees its own rows, and they agree by averaging.

    Batch norm, minibatch statistics and dropout are those of the device's own rows.
    """
    mean = partial(jax.lax.pmean, axis_name=AXIS)
    here, count = jax.local_device_count(), jax.device_count()
    replicas = jax.process_index() * here + np.arange(here, dtype=np.int32)

    def on_one(state, feed, replica):
        return program(state, feed, on=Devices(mean, lambda: replica, count=count))

    compiled = jax.pmap(
        on_one,
        AXIS,
        in_axes=(None, rows, 0),
        out_axes=None,
        donate_argnums=0,
    )

    def divide(axis, arrays):
        if axis is None:
            return arrays
        cut = lambda x: x.reshape(*x.shape[:axis], here, -1, *x.shape[axis + 1 :])
        return jax.tree.map(cut, arrays)

    return lambda state, arrays: compiled(
        state, jax.tree.map(divide, rows, arrays, is_leaf=_is_axis), replicas
    )


def population(program: Callable, mesh: Mesh) -> Compiled:
    """Many states at once, stacked along a first axis that the devices share.

    Of the feed (data, window, count) each member has a window of its own.
    """
    named = partial(NamedSharding, mesh)
    members, all_ = named(P(AXIS)), named(P())
    many = jax.vmap(program, in_axes=(0, (None, 0, None)))
    feed = (all_, members, all_)
    compiled = jax.jit(
        many,
        in_shardings=(members, feed),
        out_shardings=(members, members),
        donate_argnums=0,
    )
    return lambda state, arrays: compiled(state, put(arrays, feed))


def fsdp(state: PyTree, count: int, smallest: int = 2**16) -> PyTree:
    """A layout that divides each large array along its longest axis that allows it.

    Arrays of fewer than `smallest` numbers stay whole: dividing them costs more than it
    saves, and makes the compiler copy convolutions back and forth.
    """

    def spec(x):
        axes = [i for i, length in enumerate(x.shape) if length % count == 0]
        if x.size < smallest or not axes:
            return P()
        longest = max(axes, key=lambda i: x.shape[i])
        return P(*(AXIS if i == longest else None for i in range(x.ndim)))

    return jax.tree.map(spec, state)


def put(arrays: PyTree, shardings: PyTree) -> PyTree:
    """Host arrays as global arrays; what already lies on the devices stays there.

    `shardings` is a prefix of the tree. Each process hands in its own share of what is
    divided and the whole of what is not.
    """

    def one(sharding, part):
        def place(x):
            if isinstance(x, jax.Array) and x.sharding == sharding:
                return x
            if jax.process_count() == 1:
                return jax.device_put(x, sharding)
            return jax.make_array_from_process_local_data(sharding, np.asarray(x))

        return jax.tree.map(place, part)

    return jax.tree.map(one, shardings, arrays)


def _is_axis(x: Any) -> bool:
    return x is None
