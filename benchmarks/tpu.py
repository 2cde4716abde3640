"""What XLA makes of steps for TPUs, without one: `python benchmarks/tpu.py`.

The program is the one that `--devices shard` runs, compiled ahead of time for the chips
of a topology, from shapes alone. It says what is computed, moved and kept, and nothing
about how fast. Needs `pip install "jax[tpu]"`.
"""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from cases import CASES, Case, check_names
from jax.experimental import topologies
from jax.sharding import Mesh
from ours import make

from ganjax import parallel
from ganjax.core import Batch
from ganjax.data import Sizes, resident
from ganjax.report.results import Column, Table, write_results


NAMES = ("dcgan_64", "sngan_32", "stylegan2_32", "r3gan_32", "biggan_32")
COLUMNS = (
    *(Column(name) for name in ("model", "type")),
    Column("compile, s", ".0f"),
    *(
        Column(name, ",.1f")
        for name in ("GFLOP", "arguments, MB", "temporary, MB", "donated, MB")
    ),
    *(
        Column(name, "d")
        for name in ("products", "in bfloat16", "fusions", "transposes", "copies")
    ),
    Column("all-reduces", "d"),
)
HOST = {  # what libtpu asks of a machine that has no TPU
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
}
IMAGES = 1_024  # of the data that stays on the chips


@dataclass(frozen=True)
class Args:
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = NAMES
    topology: str = "v5e:2x2"
    """Which chips, and how many along each side."""
    batch: int = 64
    """Images of each of D's turns, per chip."""
    out: str = ""
    """A JSON file to write the table to, as `docs/performance/tpu.json`."""


class Line(NamedTuple):
    """An instruction of a compiled program."""

    place: str  # the computation that it is in
    name: str
    kind: str  # as "f32"
    shape: tuple[int, ...]
    does: str  # as "convolution"
    rest: str  # operands and options


def lines(text: str) -> Iterator[Line]:
    """The instructions of a program that give one array; of tuples, the first."""
    one = re.compile(
        r"\s+(?:ROOT )?%(\S+) = \(?(\w+)\[([\d,]*)\].*? ([a-z][a-z-]+)\((.*)"
    )
    place = ""
    for line in text.splitlines():
        if begins := re.match(r"(ENTRY )?%(\S+) \(", line):
            place = "ENTRY" if begins[1] else begins[2]
        elif found := one.match(line):
            name, kind, shape, does, rest = found.groups()
            sides = tuple(int(side) for side in shape.split(",") if side)
            yield Line(place, name, kind, sides, does, rest)


class Counts(NamedTuple):
    """What a program consists of. All but products is outside of fusions."""

    products: int
    short: int  # those of bfloat16
    fusions: int
    transposes: int  # in the loop of steps, as the next two
    copies: int  # of an array into another layout
    sums: int  # all-reduces


def count(text: str) -> Counts:
    """What a program consists of."""
    found = list(lines(text))
    kinds = {line.name: line.kind for line in found}
    inside = set(re.findall(r" fusion\(.*?calls=%([^\s,]+)", text))
    alone = [line for line in found if line.place not in inside]
    step = [line for line in alone if line.place != "ENTRY" and prod(line.shape) > 1]
    of = lambda lines, does: sum(line.does == does for line in lines)
    products = [line for line in found if line.does in ("convolution", "dot")]
    operands = [re.findall(r"%([^\s,)]+)", line.rest)[:2] for line in products]
    short = sum({kinds.get(name) for name in pair} == {"bf16"} for pair in operands)
    sums = of(step, "all-reduce") + of(step, "all-reduce-start")
    moved = of(step, "transpose"), of(step, "copy")
    return Counts(len(products), short, of(alone, "fusion"), *moved, sums)


def compiled(case: Case, mixed: bool, mesh: Mesh) -> jax.stages.Compiled:
    """The program of a run on the mesh, its data on every chip."""
    game, label = make(case, mixed=mixed).game, np.zeros(IMAGES, np.int32)
    batch = Batch(np.zeros((IMAGES, *case.shape), np.uint8), label)
    stream = resident(batch, Sizes(1, case.batch, case.batch))
    shape = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype)
    zeros = lambda x: jnp.zeros(x.shape, x.dtype)
    init = lambda: game.init(jax.random.key(0), jax.tree.map(zeros, stream.shapes))
    feed = stream.data(), stream.window(0, 0), np.int32(0)
    program = parallel.scan(game.step, stream.draw, stream.longest)
    laid_out, _ = parallel.jit_sharded(program, (None, stream.rows, None), mesh)
    return laid_out.lower(jax.eval_shape(init), jax.tree.map(shape, feed)).compile()


def row(name: str, case: Case, mixed: bool, mesh: Mesh, table: Table) -> None:
    """Adds the row of a game, its networks in bfloat16 where `mixed`."""
    began = time.perf_counter()
    program = compiled(case, mixed, mesh)
    seconds = time.perf_counter() - began
    memory, cost = program.memory_analysis(), program.cost_analysis()
    assert memory and cost
    held = memory.argument_size_in_bytes, memory.temp_size_in_bytes
    kind = "bfloat16" if mixed else "float32"
    sizes = [x / 1e6 for x in (*held, memory.alias_size_in_bytes)]
    table.add(
        name, kind, seconds, cost["flops"] / 1e9, *sizes, *count(program.as_text())
    )


def main(args: Args) -> None:
    """Prints the table, and writes it where a file is given."""
    check_names("case", args.names, CASES)
    os.environ.update({name: os.environ.get(name, x) for name, x in HOST.items()})
    jax.config.update("jax_platforms", "cpu")
    chips = topologies.get_topology_desc(args.topology, "tpu").devices
    mesh = Mesh(np.array(chips), (parallel.AXIS,))
    print(f"{len(chips)} x {chips[0].device_kind}, {args.batch} images each.\n")
    table = Table("programs", COLUMNS)
    table.print_header()
    for name in args.names:
        case = CASES[name]._replace(batch=args.batch * len(chips))
        for mixed in (False, True):
            row(name, case, mixed, mesh, table)
    if args.out:
        write_results(args.out, "Programs for TPUs", [table])


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
