"""From the name of a layout to a state and a program that lie on the devices."""

import os
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P

from ganjax import parallel
from ganjax.data import Stream
from ganjax.errors import Mistake
from ganjax.games import accumulated
from ganjax.gan import Game, PyTree, Turns
from ganjax.run.args import Run
from ganjax.run.sentences import need_device


class Machine(NamedTuple):
    """A game, compiled for the devices at hand."""

    init: Callable[[], PyTree]  # () -> state
    program: Callable[[PyTree, PyTree, int], tuple[PyTree, PyTree]]
    window: Callable[[int], PyTree]  # first step -> the data of a call
    sample: Callable[[PyTree, jax.Array, jax.Array], np.ndarray]  # [seeds, n, ...]


def join(run: Run) -> None:
    """Joins the processes of a distributed run, before anything else touches JAX.

    The cluster's launcher says how many there are and which this is, or the environment
    variables that the `Mistake` names do, raised where neither does.
    """
    if not run.distributed or jax.distributed.is_initialized():
        need_device()
        return
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
        raise Mistake(
            "--distributed found no other processes to join: run under a cluster's "
            "launcher, or set JAX_COORDINATOR_ADDRESS, JAX_PROCESS_ID and "
            "JAX_NUM_PROCESSES in each."
        ) from error


def machine(run: Run, game: Game, stream: Stream) -> Machine:
    """Compiles `game` for `run.devices`; the sizes fit, as `check_sizes` has seen."""
    if run.parts > 1:
        game = accumulated(game, run.parts)
        check_parts(game, stream)
    layout = _population if run.seeds > 1 else _LAYOUTS[run.devices]
    return layout(run, game, stream)


def check_sizes(run: Run, shapes: Turns) -> None:
    """Raises a `Mistake` unless the devices, and parts, divide the batches or the seeds."""
    devices = jax.device_count()
    shared = 1 if run.seeds > 1 or run.devices == "jit" else devices
    if run.seeds > 1:
        if run.devices not in ("jit", "shard"):
            raise Mistake(
                f"--seeds {run.seeds} trains a population, which --devices {run.devices} "
                "cannot; use --devices shard."
            )
        if run.seeds % devices:
            raise Mistake(
                f"--seeds {run.seeds} cannot be shared by {devices} devices; give a "
                f"multiple of {devices}."
            )
    for batch in (shapes.d.label.shape[1], shapes.g.label.shape[0]):
        if batch % shared:
            raise Mistake(
                f"A batch of {batch} cannot be shared by {shared} devices; give a "
                f"--batch that is a multiple of {shared}, or --devices jit."
            )
        if batch % (shared * run.parts):
            raise Mistake(
                f"--parts {run.parts} cannot divide a batch of {batch}; give a --batch "
                f"that is a multiple of {run.parts * shared}, which is parts times "
                "devices, or other --parts."
            )


def check_parts(game: Game, stream: Stream) -> None:
    """Raises the `Mistake` of a game that cannot be played in parts, nothing compiled."""
    state = jax.eval_shape(lambda: _init(game, stream, 0))
    jax.eval_shape(game.step, state, stream.shapes)


def _jit(run: Run, game: Game, stream: Stream) -> Machine:
    program = parallel.scan(game.step, stream.draw, stream.longest)
    init = jax.jit(lambda: _init(game, stream, run.seed))
    data = jax.tree.map(jnp.asarray, stream.data())
    return _machine(run, game, stream, parallel.jit(program), init, data)


def _shard(run: Run, game: Game, stream: Stream, divide: bool = False) -> Machine:
    mesh = parallel.mesh()
    program = parallel.scan(game.step, stream.draw, stream.longest)
    shapes = jax.eval_shape(lambda: _init(game, stream, run.seed))
    split = parallel.fsdp(shapes, mesh.size) if divide else parallel.WHOLE
    compiled = parallel.shard(program, (None, stream.rows, None), mesh, split)
    lay = jax.tree.map(
        lambda spec: NamedSharding(mesh, spec),
        split,
        is_leaf=lambda x: isinstance(x, P),
    )
    init = jax.jit(lambda: _init(game, stream, run.seed), out_shardings=lay)
    whole = NamedSharding(mesh, parallel.WHOLE)
    data = parallel.put(stream.data(), whole)
    return _machine(run, game, stream, compiled, init, data, whole)


def _fsdp(run: Run, game: Game, stream: Stream) -> Machine:
    return _shard(run, game, stream, divide=True)


def _pmap(run: Run, game: Game, stream: Stream) -> Machine:
    program = parallel.scan(game.step, stream.draw, stream.longest)
    compiled = parallel.pmap(program, (None, stream.rows, None))
    init = jax.jit(lambda: _init(game, stream, run.seed))
    return _machine(run, game, stream, compiled, init, stream.data())


def _population(run: Run, game: Game, stream: Stream) -> Machine:
    mesh = parallel.mesh()
    program = parallel.scan(game.step, stream.draw, stream.longest)
    seeds = np.arange(run.seed, run.seed + run.seeds)
    members = NamedSharding(mesh, P(parallel.AXIS))
    init = jax.jit(
        lambda: jax.vmap(lambda seed: _init(game, stream, seed))(seeds),
        out_shardings=members,
    )
    data = parallel.put(stream.data(), NamedSharding(mesh, parallel.WHOLE))
    compiled = parallel.population(program, mesh)

    def window(first):
        windows = [stream.window(int(seed), first) for seed in seeds]
        return jax.tree.map(lambda *each: np.stack(each), *windows)

    many = jax.jit(jax.vmap(game.sample, (0, None, None)))
    return Machine(
        init=init,
        program=lambda state, window, n: compiled(state, (data, window, np.int32(n))),
        window=window,
        sample=lambda state, key, label: np.asarray(many(state, key, label)),
    )


_LAYOUTS = {"jit": _jit, "shard": _shard, "fsdp": _fsdp, "pmap": _pmap}


def _machine(run, game, stream, compiled, init, data, out=None) -> Machine:
    draw = jax.jit(game.sample, out_shardings=out)
    return Machine(
        init=init,
        program=lambda state, window, n: compiled(state, (data, window, np.int32(n))),
        window=lambda first: stream.window(run.seed, first),
        sample=lambda state, key, label: np.asarray(draw(state, key, label))[None],
    )


def _init(game: Game, stream: Stream, seed: int | jax.Array) -> PyTree:
    turns = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), stream.shapes)
    return game.init(jax.random.key(seed), turns)
