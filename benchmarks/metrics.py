"""Time and memory of metrics of features: `python benchmarks/metrics.py`.

It times MIND, the running moments, the Fréchet distance of two covariances beside SciPy's
root of their product, and precision, recall, density and coverage beside the package
`prdc`, where that is installed. Times are of the processors, which other programs on the
machine change less than those of the clock; memory is the growth beyond the features. On a
busy machine, set OPENBLAS_NUM_THREADS=1, as threads that wait count as busy.

    python benchmarks/metrics.py --vectors 10000 50000 --out docs/performance/metrics.json

Each number of vectors has a process of its own, as the memory of a process never shrinks.
"""

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection

import jax
import numpy as np
import scipy.linalg
import tyro

from ganjax import evaluation
from ganjax.report.results import Column, Table, write_results


# The package needs 16 bytes for each pair of vectors: 40 GB for two sets of 50,000.
MAX_PRDC = 20_000
COLUMNS = (
    Column("computation"),
    Column("vectors", ",d"),
    Column("processors, s", ".2f"),
    Column("clock, s", ".2f"),
    Column("more memory, GB", ".2f"),
)


@dataclass(frozen=True)
class Args:
    vectors: tuple[int, ...] = (10_000,)
    """Vectors of each set."""
    width: int = 2048
    """Features of each."""
    reference: bool = True
    """Also run the reference programs, `prdc` with up to 20,000 vectors."""
    out: str = ""
    """A JSON file to write the table to, as `docs/performance/metrics.json`."""


def features(count: int, width: int, seed: int, scale: float) -> np.ndarray:
    """Draws positive features that vary mostly in 64 directions, as a network's do."""
    axes = np.random.default_rng(0).normal(size=(64, width)).astype(np.float32) / 8
    rng = np.random.default_rng(seed)
    rows = np.empty((count, width), np.float32)
    for part in np.array_split(rows, max(1, count // 1000)):
        part[:] = scale * rng.standard_normal((len(part), 64), np.float32) @ axes
        part += 0.1 * rng.standard_normal(part.shape, np.float32)
        np.maximum(part, 0, out=part)
    return rows


def resident() -> float:
    """Returns the most memory that this process had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(
    name: str, vectors: int, run: Callable[[], object], repeats: int = 1
) -> tuple[str, int, float, float, float]:
    """Returns a row: the least time of some runs, and by how much memory grew."""
    before = resident()
    found = []
    for _ in range(repeats):
        started = time.perf_counter(), time.process_time()
        run()
        found.append(
            (time.process_time() - started[1], time.perf_counter() - started[0])
        )
    return name, vectors, *min(found), (resident() - before) / 1e9


def rows_of(
    vectors: int, width: int, reference: bool
) -> Iterator[tuple[str, int, float, float, float]]:
    """Yields the rows of sets with so many vectors."""
    real, fake = (
        features(vectors, width, seed, scale) for seed, scale in ((1, 1.0), (2, 1.05))
    )
    some = real[:5000], fake[:5000]
    few = len(some[0])
    # The first of them compiles.
    yield measure("MIND", few, lambda: evaluation.mind(*some), 4)
    moments = evaluation.empty_moments(width)
    add = lambda: jax.block_until_ready(evaluation.update_moments(moments, real[:500]))
    yield measure("moments, updated", len(real[:500]), add, 4)
    given = [(x.mean(0, np.float64), np.cov(x, rowvar=False)) for x in some]
    distance = lambda: evaluation.frechet_from_moments(*given[0], *given[1])
    yield measure("Fréchet distance of covariances", few, distance, 2)
    if reference:
        root = lambda: scipy.linalg.sqrtm(given[0][1] @ given[1][1])
        yield measure("SciPy's sqrtm of their product", few, root)
    prdc = lambda: evaluation.prdc(real, fake)
    yield measure("precision, recall, density, coverage", vectors, prdc)
    if reference and vectors <= MAX_PRDC and find_spec("prdc"):
        from prdc import compute_prdc

        their = lambda: compute_prdc(real, fake, 5)
        yield measure("the same of the package prdc", vectors, their)


def serve(pipe: Connection, *given: int) -> None:
    """Sends the rows, and then None."""
    for row in rows_of(*given):
        pipe.send(row)
    pipe.send(None)


def main(args: Args) -> None:
    """Prints a table, and writes it."""
    table = Table("metrics", COLUMNS)
    table.print_header()
    context = multiprocessing.get_context("spawn")
    for vectors in args.vectors:
        ours, theirs = context.Pipe()
        process = context.Process(
            target=serve, args=(theirs, vectors, args.width, args.reference)
        )
        process.start()
        theirs.close()
        for row in iter(ours.recv, None):
            table.add(*row)
        process.join()
    if args.out:
        write_results(args.out, "Time and memory of metrics", [table])


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
