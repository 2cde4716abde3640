"""Where a step runs: compilers for one device, many devices, many processes, many seeds.

A compiler takes a pure program `f(state, feed, on) -> (state, logs)` and returns it
compiled, as `f(state, feed)`. `on`, a `ganjax.core.Devices`, is all that a step knows of
the devices: how it averages over them, and where an array lies. A compiler is told by
`rows` which axis of each array of the feed is the batch: a prefix of the feed's tree,
None for an array that has no batch.

| compiler | how | batch norm sees |
|---|---|---|
| `jit` | on one device | the whole batch |
| `shard` | XLA divides the batch over a mesh; `fsdp` also the state | the whole batch |
| `pmap` | each device plays its own rows; gradients are averaged | its own rows |
| `population` | many states at once, one for each seed | a member's whole batch |

In each, the state goes in and comes out as one global tree, whatever the devices, and it is
donated: the arrays that went in cannot be used again.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.multihost_utils import sync_global_devices
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P

from ganjax.core import ONE, Devices, PyTree


AXIS = "data"
REPLICATED = P()  # a copy on each device
# XLA orders a CPU's program so that much of it can run at once, which keeps many arrays in
# memory. In an order that frees them soon, a convolutional step takes about half of that,
# and no longer, as more of it stays in the processor's cache.
CPU_OPTIONS = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}


class Compiled(NamedTuple):
    """A program on devices, `compiled(state, feed) -> (state, logs)`.

    It is compiled when it is first called, or asked for its memory, and donates the state.

    Attributes:
        jitted: the function that JAX compiles.
        lay_out: the feed -> what `jitted` takes after the state, laid out for the devices.
    """

    jitted: jax.stages.Wrapped
    lay_out: Callable[[PyTree], tuple[PyTree, ...]]

    def __call__(self, state: PyTree, feed: PyTree) -> tuple[PyTree, PyTree]:
        """Runs the program."""
        return self.jitted(state, *self.lay_out(feed))

    def memory(self, state: PyTree, feed: PyTree) -> int:
        """Returns the bytes that the program takes on each device, with what it is given.

        It is 0 where JAX's backend does not tell, and under `jax.disable_jit`, where no
        program is compiled. The state is not donated.
        """
        if jax.config.jax_disable_jit:  # pyright: ignore[reportAttributeAccessIssue]
            return 0
        # A later call with the same shapes does not compile anew.
        return memory_of(self.jitted.lower(state, *self.lay_out(feed)).compile())


def compiler_options(platform: str) -> dict[str, str] | None:
    """Returns the options of XLA with which a step's program is compiled.

    Args:
        platform: the platform of its devices, as JAX names it.

    Returns:
        What `jax.jit` takes as `compiler_options`; None for XLA's defaults.
    """
    return CPU_OPTIONS if platform == "cpu" else None


def memory_of(compiled: jax.stages.Compiled) -> int:
    """Returns the bytes that a compiled program takes on each device, or 0 if unknown."""
    sizes = compiled.memory_analysis()
    if sizes is None:
        return 0
    # What is donated is an argument and an output in the same place.
    held = sizes.argument_size_in_bytes + sizes.output_size_in_bytes
    return held - sizes.alias_size_in_bytes + sizes.temp_size_in_bytes


@runtime_checkable
class Program(Protocol):
    """A pure function to be compiled, which learns by `on` where it runs."""

    def __call__(
        self, state: PyTree, feed: PyTree, on: Devices = ONE
    ) -> tuple[PyTree, PyTree]:
        """Returns the next state and the logs."""
        ...


def scan(step: Callable, draw: Callable, longest: int) -> Program:
    """Makes a program of up to `longest` steps in one call.

    Its feed is `(data, window, count)`: what is resident on the devices, what was read for
    these steps, and how many of them are to be played. The count is an argument of the
    program and not a constant in it, so every division of a run into calls is the same
    program and gives the same bits.

    Args:
        step: `step(state, turns, on) -> (state, row)`.
        draw: `draw(data, window, step, place, on) -> turns`, where `place` counts the steps
            of this call.
        longest: the greatest count.

    Returns:
        A program whose logs are [longest, ...], of which the first `count` are filled.
    """

    def program(
        state: PyTree, feed: PyTree, on: Devices = ONE
    ) -> tuple[PyTree, PyTree]:
        data, window, count = feed

        @jax.jit  # so that it is traced once, for its shapes here and in the loop below
        def once(state, place, data, window):
            return step(state, draw(data, window, state.step, place, on), on)

        # Logs are written into arrays of the greatest length, as shapes are static.
        def body(place, carry):
            state, logs = carry
            state, row = once(state, place, data, window)
            return state, jax.tree.map(lambda all, x: all.at[place].set(x), logs, row)

        _, row = jax.eval_shape(once, state, jnp.int32(0), data, window)
        logs = jax.tree.map(lambda x: jnp.zeros((longest, *x.shape), x.dtype), row)
        return jax.lax.fori_loop(jnp.int32(0), count, body, (state, logs))

    return program


def mesh() -> Mesh:
    """Returns all devices of all processes as a mesh of one axis."""
    auto = (jax.sharding.AxisType.Auto,)
    return jax.make_mesh((jax.device_count(),), (AXIS,), axis_types=auto)


def jit(program: Program, rows: PyTree = None) -> Compiled:
    """Compiles for one device."""
    options = compiler_options(jax.local_devices()[0].platform)
    jitted = jax.jit(program, donate_argnums=0, compiler_options=options)
    return Compiled(jitted, lambda feed: (feed,))


def shard(
    program: Program, rows: PyTree, mesh: Mesh, layout: PyTree = REPLICATED
) -> Compiled:
    """Compiles for a mesh: the step sees the whole batch, and XLA divides the work.

    Args:
        program: the program.
        rows: the batch axis of each array of the feed.
        mesh: the devices. Under several processes each one feeds its share of the rows.
        layout: how the state lies on the mesh, as a prefix of its tree: a copy on each
            device by default, or divided as `fsdp` says.
    """
    jitted, shardings = jit_sharded(program, rows, mesh, layout)
    # The feed comes from the host, and is laid out by its shardings before each call.
    return Compiled(jitted, lambda feed: (put(feed, shardings),))


def jit_sharded(
    program: Program, rows: PyTree, mesh: Mesh, layout: PyTree = REPLICATED
) -> tuple[jax.stages.Wrapped, PyTree]:
    """Returns the function that `shard` calls, and the shardings of its feed.

    It can be lowered from shapes alone, and compiled for a mesh that is not at hand.
    """
    named = partial(NamedSharding, mesh)

    def spec(axis: int | None) -> P:
        return P() if axis is None else P(*(None,) * axis, AXIS)

    # Without `place`, arrays that are made within the step, such as latents, are computed
    # by every device in full.
    on = Devices(place=lambda x: jax.lax.with_sharding_constraint(x, named(P(AXIS))))
    state = jax.tree.map(named, layout, is_leaf=lambda x: isinstance(x, P))
    feed = jax.tree.map(lambda axis: named(spec(axis)), rows, is_leaf=_is_axis)
    compiled = jax.jit(
        partial(program, on=on),
        in_shardings=(state, feed),
        out_shardings=(state, named(P())),
        donate_argnums=0,
        compiler_options=compiler_options(mesh.devices.flat[0].platform),
    )
    return compiled, feed


def pmap(program: Program, rows: PyTree) -> Compiled:
    """Compiles for each device by itself: it sees its own rows, and gradients are averaged.

    Batch norm, minibatch statistics and dropout are those of the device's own rows.
    """
    mean = partial(jax.lax.pmean, axis_name=AXIS)
    here = jax.local_device_count()
    count = jax.device_count()
    replicas = jax.process_index() * here + np.arange(here, dtype=np.int32)

    # Each device is told which replica of the whole run it is, over all processes.
    def on_one(state, feed, replica):
        return program(state, feed, on=Devices(mean, lambda: replica, count=count))

    # The state is neither replicated before nor sliced after: a slice of a pmap's result
    # is wrong on several hosts.
    jitted: Any = jax.pmap(
        on_one,
        AXIS,
        in_axes=(None, rows, 0),
        out_axes=None,
        donate_argnums=0,
    )

    def divide(axis, arrays):
        """The batch axis as two, of which the first counts the devices."""
        if axis is None:
            return arrays

        def cut(x):
            return x.reshape(*x.shape[:axis], here, -1, *x.shape[axis + 1 :])

        return jax.tree.map(cut, arrays)

    def lay_out(feed):
        return jax.tree.map(divide, rows, feed, is_leaf=_is_axis), replicas

    return Compiled(jitted, lay_out)


def population(program: Program, mesh: Mesh) -> Compiled:
    """Compiles for many states at once, stacked along a first axis that devices share.

    Of the feed `(data, window, count)` each member has a window of its own.
    """
    # Members are independent: `vmap` makes one program of them, and XLA gives each device
    # its share without any communication. What is resident and the count are shared.
    members = NamedSharding(mesh, P(AXIS))
    everywhere = NamedSharding(mesh, P())
    shardings = (everywhere, members, everywhere)
    jitted = jax.jit(
        jax.vmap(program, in_axes=(0, (None, 0, None))),
        in_shardings=(members, shardings),
        out_shardings=(members, members),
        donate_argnums=0,
        compiler_options=compiler_options(mesh.devices.flat[0].platform),
    )
    return Compiled(jitted, lambda feed: (put(feed, shardings),))


def fsdp(state: PyTree, count: int, smallest: int = 2**16) -> PyTree:
    """Returns a layout that divides the large arrays of a state over the devices.

    Each is divided along the longest of the axes that the count of devices divides. This
    is fully sharded data parallelism (ZeRO, Rajbhandari et al., 2020) left to the compiler.

    Args:
        state: a state, or its shapes.
        count: how many devices there are.
        smallest: arrays of fewer numbers stay whole. To divide them costs more than it
            saves, and makes the compiler copy convolutions back and forth.
    """

    # Only equal shares: an axis that the count does not divide would have to be padded.
    def spec(x):
        axes = [i for i, length in enumerate(x.shape) if length % count == 0]
        if x.size < smallest or not axes:
            return P()
        longest = max(axes, key=lambda i: x.shape[i])
        return P(*(AXIS if i == longest else None for i in range(x.ndim)))

    return jax.tree.map(spec, state)


def barrier(name: str) -> None:
    """Waits until every process of the run has reached the barrier of this name."""
    if jax.process_count() > 1:
        sync_global_devices(name)


def put(arrays: PyTree, shardings: PyTree) -> PyTree:
    """Returns host arrays as global arrays of these shardings, a prefix of the tree.

    Each process hands in its own share of what is divided, and the whole of what is not.
    What already lies on the devices so stays there.
    """

    def place(sharding: NamedSharding, x: Any) -> jax.Array:
        if isinstance(x, jax.Array) and x.sharding == sharding:
            return x
        # With several processes, none of them has the whole of what is divided.
        if jax.process_count() == 1:
            return jax.device_put(x, sharding)
        return jax.make_array_from_process_local_data(sharding, np.asarray(x))

    def subtree(sharding: NamedSharding, part: PyTree) -> PyTree:
        return jax.tree.map(partial(place, sharding), part)

    return jax.tree.map(subtree, shardings, arrays)


def _is_axis(x: Any) -> bool:
    # None is a value here, while a tree of JAX takes it for an empty node.
    return x is None
