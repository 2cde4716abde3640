"""Memory, time and values of scores: `python benchmarks/scoring.py`.

Real images are files in a temporary folder, as many to train on as are held out, and
samples are such images with noise, drawn as a run draws them. Each checkout of `--roots`
(this one by default) scores the same samples in a process of its own, twice, as a run
does again and again. Memory is the most that was resident, beyond what the process had
when it had drawn its first chunk.

    git worktree add /tmp/before COMMIT
    python benchmarks/scoring.py --images 500 --roots /tmp/before .
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from PIL import Image

from ganjax.core import Game, pixels
from ganjax.data import Spec, load
from ganjax.modalities import IMAGES
from ganjax.run import sampling
from ganjax.run.evaluator import evaluator


@dataclass(frozen=True)
class Args:
    images: int = 2_000
    """Images of each split, and samples."""
    size: int = 256
    classes: int = 0
    """With two or more, and 500 images, a classifier's features are scored, too."""
    data: str = ""
    """Scores on this data instead, as `digits`."""
    roots: tuple[str, ...] = (".",)
    """Checkouts of ganjax to compare."""
    within: bool = False
    """For the processes that this one starts."""


def smooth(key: jax.Array, n: int, shape: tuple[int, ...]) -> jax.Array:
    """Images of few colors, -1..1."""
    h, w, c = shape
    coarse = jax.random.uniform(key, (n, min(h, 16), min(w, 16), c), minval=-1.0)
    return jax.image.resize(coarse, (n, *shape), "linear")


def write(folder: Path, args: Args) -> None:
    """Fills train/ and test/ with images, in class folders if there are classes."""
    shape = args.size, args.size, 3
    draw = jax.jit(lambda key: smooth(key, 1, shape)[0])
    for number, split in enumerate(("train", "test")):
        for i in range(args.images):
            key = jax.random.fold_in(jax.random.key(number), i)
            of_class = f"class {i % args.classes}" if args.classes else ""
            path = folder / split / of_class / f"{i:05}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = (np.asarray(draw(key)) + 1) * 127.5
            Image.fromarray(image.astype(np.uint8)).save(path, quality=90)


def resident() -> float:
    """Bytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def most_resident() -> float:
    """The most that it ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(args: Args) -> dict:
    """Scores the samples with the ganjax that this process imports."""
    spec = Spec(args.data)
    some = load(spec)
    some = jnp.asarray(some.read(np.arange(min(some.length, 256))).x)

    @jax.jit
    def draw(key, asked):
        which, noise = jax.random.split(key)
        which = jax.random.randint(which, asked.shape, 0, len(some))
        noise = smooth(noise, len(asked), some.shape[1:])
        return jnp.clip(pixels(some[which]) + 0.3 * noise, -1, 1)

    sample = lambda state, key, asked: np.asarray(draw(key, asked))[None]
    unused = lambda *args: None
    game = Game(unused, unused, unused, unused, IMAGES)
    asked = np.zeros(sampling.CHUNK, np.int32)
    sampling.draw(sample, None, sampling.SCORED, asked)
    found: dict = {"before": resident(), "seconds": []}

    started = time.perf_counter()
    judged = evaluator(spec, game)
    found["seconds"].append(time.perf_counter() - started)
    asked = np.zeros(judged.count, np.int32)
    for _ in range(2):
        started = time.perf_counter()
        if hasattr(sampling, "chunks"):
            size = sampling.rows_at_once(judged.shape)
            rows = lambda rows: asked[rows]
            drawn = sampling.chunks(
                sample, None, sampling.SCORED, rows, len(asked), size=size
            )
            found["scores"] = judged.score(chunk for (chunk,) in drawn)
        else:
            drawn = sampling.draw(sample, None, sampling.SCORED, asked)
            found["scores"] = judged.score(drawn[0])
        found["seconds"].append(time.perf_counter() - started)
    started = time.perf_counter()
    found["scores"] |= judged.real_scores()
    found["seconds"].append(time.perf_counter() - started)
    return found | {"most": most_resident()}


def compare(args: Args, data: str) -> None:
    """Prints what each checkout needs, and by how much its scores differ."""
    first: dict[str, float] = {}
    for root in map(Path, args.roots):
        flags = ["--within", "--data", data, "--size", str(args.size)]
        environment = {"PYTHONPATH": str(root.resolve()), "JAX_PLATFORMS": "cpu"}
        ended = subprocess.run(
            ["env", *(f"{k}={v}" for k, v in environment.items())]
            + [sys.executable, str(Path(__file__).resolve()), *flags],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found = json.loads(ended.stdout.splitlines()[-1])
        looking, once, again, real = found["seconds"]
        first = first or found["scores"]
        apart = {
            name: abs(score - first[name]) / max(abs(first[name]), 1e-9)
            for name, score in found["scores"].items()
        }
        more = (found["most"] - found["before"]) / 1e9
        print(f"{root}: {more:.2f} GB beyond {found['before'] / 1e9:.2f} GB")
        print(
            f"  {looking:.1f} s to look at real images, {once:.1f} s for scores, ",
            end="",
        )
        print(f"{again:.1f} s for scores again, {real:.1f} s for those of real images")
        print(f"  {max(apart.values()):.1e} is the largest relative difference")
        for name, score in found["scores"].items():
            print(f"    {name:30} {score:.9g}")


def main(args: Args) -> None:
    """Measures each checkout, on images that are made for it."""
    if args.within:
        print(json.dumps(measure(args)))
        return
    if args.data:
        compare(args, args.data)
        return
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), args)
        compare(args, folder)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
