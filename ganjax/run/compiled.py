"""Compiles a game for the devices at hand, in the layout that `--devices` names.

The layouts differ in where the state lies and in which device sees which rows of a batch.
They are built on the compilers of `ganjax.parallel`, which explains them. A run of several
seeds is a population: many states in one program, divided over the devices.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import (
    NamedSharding,
    PartitionSpec as P,
    Sharding,
    SingleDeviceSharding,
)

from ganjax import parallel
from ganjax.core import Game, PyTree, Turns
from ganjax.data import Stream
from ganjax.errors import UsageError
from ganjax.games import accumulated
from ganjax.loop import Program
from ganjax.run.args import Run
from ganjax.run.sampling import DrawSamples
from ganjax.run.sentences import need_device


class CompiledGame(NamedTuple):
    """A game, compiled for the devices at hand.

    Attributes:
        init: makes the state before the first step.
        program: `program(state, window, count)` plays `count` steps. It compiles at its
            first call, and donates the state: the arrays that went in cannot be used again.
        memory: (state, window) -> the bytes that the program takes on each device, with
            state and data; 0 where they are not known. It compiles the program.
        window: the first step of a call -> the data of that call.
        sample: (state, key, condition) -> samples [seeds, n, ...].
        reconstruct: the same of `Game.reconstruction`; None where the game has none.
    """

    init: Callable[[], PyTree]
    program: Program
    memory: Callable[[PyTree, PyTree], int]
    window: Callable[[int], PyTree]
    sample: DrawSamples
    reconstruct: DrawSamples | None = None


def join_processes(distributed: bool) -> None:
    """Joins the processes of a distributed run, before anything else touches JAX.

    JAX takes the coordinator's address, the index of this process and the number of
    processes from the cluster's launcher, or from JAX_COORDINATOR_ADDRESS, JAX_PROCESS_ID
    and JAX_NUM_PROCESSES.

    Args:
        distributed: whether there are others to join.

    Raises:
        UsageError: if neither gives them, or if there is no device.
    """
    if not distributed or jax.distributed.is_initialized():
        need_device()
        return
    # Averages over processes need collectives. CPUs have several implementations of them,
    # and JAX chooses none by itself.
    if jax.config.jax_platforms == "cpu":  # pyright: ignore
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    address = os.environ.get("JAX_COORDINATOR_ADDRESS")
    count, process = (
        os.environ.get(f"JAX_{x}") for x in ("NUM_PROCESSES", "PROCESS_ID")
    )
    try:
        jax.distributed.initialize(
            address, int(count) if count else None, int(process) if process else None
        )
    except (ValueError, RuntimeError) as error:
        raise UsageError(
            "--distributed found no other processes to join: run under a cluster's "
            "launcher, or set JAX_COORDINATOR_ADDRESS, JAX_PROCESS_ID and "
            "JAX_NUM_PROCESSES in each."
        ) from error


def compile_game(run: Run, game: Game, stream: Stream) -> CompiledGame:
    """Compiles `game` for the layout `run.devices`.

    Args:
        run: the settings of the run; `check_sizes` has accepted its sizes.
        game: the game.
        stream: the turns of its steps, with examples as networks see them.

    Raises:
        UsageError: if the game cannot be trained in `run.microbatches`.
    """
    if run.microbatches > 1:
        game = accumulated(game, run.microbatches)
        check_microbatches(game, stream)
    layout = _population if run.seeds > 1 else _LAYOUTS[run.devices]
    return layout(run, game, stream)


def check_sizes(run: Run, shapes: Turns) -> None:
    """Checks that devices can share the batches or seeds, and microbatches the batches.

    Args:
        run: the settings of the run.
        shapes: the shapes of the turns of a step.

    Raises:
        UsageError: if a division leaves a remainder, or if the layout cannot train a
            population.
    """
    # A batch is shared by all devices. In a population it is not: devices share the
    # members, and each member has its complete batch on one device.
    devices = jax.device_count()
    sharing = 1 if run.seeds > 1 or run.devices == "jit" else devices
    if run.seeds > 1:
        if run.devices not in ("jit", "shard"):
            raise UsageError(
                f"--seeds {run.seeds} trains a population, which --devices {run.devices} "
                "cannot; use --devices shard."
            )
        if run.seeds % devices:
            raise UsageError(
                f"--seeds {run.seeds} cannot be shared by {devices} devices; give a "
                f"multiple of {devices}."
            )
    # D's labels are [turns, batch], as it may have several turns in a step; G has one.
    for batch in (shapes.d.label.shape[1], shapes.g.label.shape[0]):
        if batch % sharing:
            raise UsageError(
                f"A batch of {batch} cannot be shared by {sharing} devices; give a "
                f"--batch that is a multiple of {sharing}, or --devices jit."
            )
        if batch % (sharing * run.microbatches):
            raise UsageError(
                f"--microbatches {run.microbatches} cannot divide a batch of {batch}; give "
                f"a --batch that is a multiple of {run.microbatches * sharing}, which is "
                "microbatches times devices, or other --microbatches."
            )


def check_microbatches(game: Game, stream: Stream) -> None:
    """Raises a `UsageError` for a game that cannot be trained in microbatches.

    `accumulated` raises it while its step is traced, for which shapes are enough.
    """
    state = jax.eval_shape(lambda: _init(game, stream, 0))
    jax.eval_shape(game.step, state, stream.shapes)


def _jit(run: Run, game: Game, stream: Stream) -> CompiledGame:
    program = parallel.scan(game.step, stream.draw, stream.longest)
    device = SingleDeviceSharding(jax.local_devices()[0])
    init = _placed(_once(lambda: _init(game, stream, run.seed)), device)
    data = jax.tree.map(jnp.asarray, stream.data())
    return _of_one_seed(run, game, stream, parallel.jit(program), init, data)


def _shard(run: Run, game: Game, stream: Stream, divide: bool = False) -> CompiledGame:
    mesh = parallel.mesh()
    program = parallel.scan(game.step, stream.draw, stream.longest)
    # With `divide`, the large arrays of the state are split over the devices (ZeRO);
    # otherwise each device has a copy. Nothing but the layout differs.
    shapes = jax.eval_shape(lambda: _init(game, stream, run.seed))
    split = parallel.fsdp(shapes, mesh.size) if divide else parallel.REPLICATED
    compiled = parallel.shard(program, (None, stream.rows, None), mesh, split)
    shardings = jax.tree.map(
        lambda spec: NamedSharding(mesh, spec),
        split,
        is_leaf=lambda x: isinstance(x, P),
    )
    init = _once(lambda: _init(game, stream, run.seed), shardings)
    replicated = NamedSharding(mesh, parallel.REPLICATED)
    data = parallel.put(stream.data(), replicated)
    return _of_one_seed(
        run, game, stream, compiled, init, data, samples_sharding=replicated
    )


def _fsdp(run: Run, game: Game, stream: Stream) -> CompiledGame:
    return _shard(run, game, stream, divide=True)


def _pmap(run: Run, game: Game, stream: Stream) -> CompiledGame:
    program = parallel.scan(game.step, stream.draw, stream.longest)
    compiled = parallel.pmap(program, (None, stream.rows, None))
    init = _once(lambda: _init(game, stream, run.seed))
    # The mesh has the devices of all processes, on which one process cannot put arrays.
    if jax.process_count() == 1:
        init = _placed(init, NamedSharding(parallel.mesh(), parallel.REPLICATED))
    return _of_one_seed(run, game, stream, compiled, init, stream.data())


def _population(run: Run, game: Game, stream: Stream) -> CompiledGame:
    mesh = parallel.mesh()
    program = parallel.scan(game.step, stream.draw, stream.longest)
    seeds = np.arange(run.seed, run.seed + run.seeds)
    members = NamedSharding(mesh, P(parallel.AXIS))
    init = _once(
        lambda: jax.vmap(lambda seed: _init(game, stream, seed))(seeds), members
    )
    data = parallel.put(stream.data(), NamedSharding(mesh, parallel.REPLICATED))
    compiled = parallel.population(program, mesh)

    # Each member sees the data in the order of its own seed, as if it were trained alone.
    def window(first):
        windows = [stream.window(int(seed), first) for seed in seeds]
        return jax.tree.map(lambda *arrays: np.stack(arrays), *windows)

    # All members draw from the same latents, so that their samples can be compared.
    def drawing(game: Game) -> DrawSamples:
        draw = jax.jit(jax.vmap(game.sample, (0, None, None)))
        return lambda state, key, condition: np.asarray(draw(state, key, condition))

    return CompiledGame(
        init=init,
        program=lambda state, window, n: compiled(state, (data, window, np.int32(n))),
        memory=lambda state, window: compiled.memory(
            state, (data, window, np.int32(0))
        ),
        window=window,
        sample=drawing(game),
        reconstruct=drawing(game.reconstruction) if game.reconstruction else None,
    )


_LAYOUTS = {"jit": _jit, "shard": _shard, "fsdp": _fsdp, "pmap": _pmap}


def _of_one_seed(
    run: Run,
    game: Game,
    stream: Stream,
    compiled: parallel.Compiled,
    init: Callable[[], PyTree],
    data: PyTree,
    samples_sharding: Sharding | None = None,
) -> CompiledGame:
    """A compiled game of one state, whose samples get a first axis of one seed."""

    # Where the state is divided, each device gets a copy of all samples, so that every
    # process can read them.
    def drawing(game: Game) -> DrawSamples:
        draw = jax.jit(game.sample, out_shardings=samples_sharding)
        return lambda state, key, condition: np.asarray(draw(state, key, condition))[
            None
        ]

    return CompiledGame(
        init=init,
        program=lambda state, window, n: compiled(state, (data, window, np.int32(n))),
        memory=lambda state, window: compiled.memory(
            state, (data, window, np.int32(0))
        ),
        window=lambda first: stream.window(run.seed, first),
        sample=drawing(game),
        reconstruct=drawing(game.reconstruction) if game.reconstruction else None,
    )


def _once(make: Callable[[], PyTree], shardings: PyTree = None) -> Callable[[], PyTree]:
    """Compiles `make`, and frees the program after it has run.

    Compiled code stays in memory as long as its function does, and a run needs its first
    state only once.
    """
    jitted = jax.jit(make, out_shardings=shardings)

    def init():
        state = jitted()
        jitted.clear_cache()  # pyright: ignore[reportAttributeAccessIssue]
        return state

    return init


def _placed(init: Callable[[], PyTree], sharding: Sharding) -> Callable[[], PyTree]:
    """`init`, with the state put where the program leaves it after every call.

    For a state that lies elsewhere JAX would trace and compile the program a second time:
    at the second call under `pmap`, and on one device when the run is resumed.
    """
    return lambda: jax.device_put(init(), sharding)


def _init(game: Game, stream: Stream, seed: int | jax.Array) -> PyTree:
    # Initial weights depend on the shapes of the examples alone, so these are zeros.
    turns = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), stream.shapes)
    return game.init(jax.random.key(seed), turns)
