"""Time and memory of metrics of features: `python benchmarks/metrics.py`.

It times MIND, the running moments, the Fréchet distance of two covariances beside SciPy's
root of their product, and precision, recall, density and coverage beside the package
`prdc`, where that is installed. Times are of the processors, which other programs on the
machine change less than those of the clock; memory is the growth beyond the features. On a
busy machine, set OPENBLAS_NUM_THREADS=1, as threads that wait count as busy.

    python benchmarks/metrics.py --vectors 10000
    python benchmarks/metrics.py --vectors 50000 --no-reference
"""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import jax
import numpy as np
import scipy.linalg
import tyro

from ganjax import evaluation


@dataclass(frozen=True)
class Args:
    vectors: int = 10_000
    """Vectors of each set."""
    width: int = 2048
    """Features of each."""
    reference: bool = True
    """Also run the reference programs. `prdc` needs 16 bytes for each pair of vectors."""


def features(args: Args, seed: int, scale: float) -> np.ndarray:
    """Draws positive features that vary mostly in 64 directions, as a network's do."""
    axes = np.random.default_rng(0).normal(size=(64, args.width)).astype(np.float32) / 8
    rng = np.random.default_rng(seed)
    rows = np.empty((args.vectors, args.width), np.float32)
    for part in np.array_split(rows, max(1, args.vectors // 1000)):
        part[:] = scale * rng.standard_normal((len(part), 64), np.float32) @ axes
        part += 0.1 * rng.standard_normal(part.shape, np.float32)
        np.maximum(part, 0, out=part)
    return rows


def resident() -> float:
    """Returns the most memory that this process had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(name: str, run: Callable[[], object], repeats: int = 1) -> None:
    """Prints the least time of some runs, and by how much memory grew."""
    before = resident()
    found = []
    for _ in range(repeats):
        started = time.perf_counter(), time.process_time()
        run()
        found.append(
            (time.process_time() - started[1], time.perf_counter() - started[0])
        )
    processor, clock = min(found)
    more = (resident() - before) / 1e9
    print(f"{name:42} {processor:8.2f} s {clock:8.2f} s {more:6.2f} GB", flush=True)


def main(args: Args) -> None:
    """Prints a table."""
    real, fake = features(args, 1, 1.0), features(args, 2, 1.05)
    print(f"{'':42} processors      clock    memory")
    some = real[:5000], fake[:5000]
    measure("MIND of 5,000, first with compilation", lambda: evaluation.mind(*some), 4)
    moments = evaluation.empty_moments(args.width)
    add = lambda: jax.block_until_ready(evaluation.update_moments(moments, real[:500]))
    measure("moments of 500 more", add, 4)
    given = [(x.mean(0, np.float64), np.cov(x, rowvar=False)) for x in some]
    distance = lambda: evaluation.frechet_from_moments(*given[0], *given[1])
    measure("Fréchet distance of covariances", distance, 2)
    if args.reference:
        root = lambda: scipy.linalg.sqrtm(given[0][1] @ given[1][1])
        measure("SciPy's root of their product", root)
    measure("precision, recall, density, coverage", lambda: evaluation.prdc(real, fake))
    if args.reference and find_spec("prdc"):
        from prdc import compute_prdc

        measure("the same of prdc", lambda: compute_prdc(real, fake, 5))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
