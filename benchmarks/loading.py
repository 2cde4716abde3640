"""Images a second from JPEG files: `python benchmarks/loading.py`.

ganjax reads them as training does, one call of steps ahead of the other; PyTorch has its
`DataLoader` with as many workers as ganjax has threads. Both give batches of bytes in a new
order each epoch. Each side has a process of its own; they take turns, and what counts is
the median of the ratios of neighboring turns. Needs `pip install -e .[speed]`.
"""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from compare import Side, median_ratio, take_turns
from PIL import Image, ImageFilter

from ganjax.data import Sizes, Spec, load, streamed
from ganjax.data.image_files import NUM_THREADS
from ganjax.report.markdown import print_header, print_row


QUALITY = 90  # of the JPEGs
ROUND = 32  # batches that are timed together, as some of them are ready when asked for
COLUMNS = ("pixels", "files", "kB each", "threads", "ganjax, images/s")
COLUMNS += ("PyTorch, images/s", "ratio of times")


@dataclass(frozen=True)
class Args:
    size: int = 256
    """Sides of the images."""
    count: int = 2_000
    """How many files there are."""
    batch: int = 64
    pairs: int = 5
    """How often the two take turns."""


def write(folder: Path, count: int, size: int) -> None:
    """Writes smooth random images with some grain, which compress like photographs."""
    rng = np.random.default_rng(0)
    for i in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8))
        smooth = coarse.resize((size, size), Image.Resampling.BICUBIC)
        smooth = smooth.filter(ImageFilter.GaussianBlur(1))
        grain = rng.normal(0, 8, (size, size, 3))
        pixels = np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.jpg", quality=QUALITY)


def timer(
    side: str, folder: str, size: int, batch: int
) -> tuple[Callable[[int], float], float]:
    """A function that takes n rounds and gives the seconds of one; seconds to begin."""
    began = time.perf_counter()
    batches = {"ours": our_batches, "theirs": their_batches}[side](folder, size, batch)
    next(batches)

    def run(n):
        began = time.perf_counter()
        for image in itertools.islice(batches, n * ROUND):
            assert image.shape == (batch, size, size, 3) and image.dtype == np.uint8
        return (time.perf_counter() - began) / n

    return run, time.perf_counter() - began


def our_batches(folder: str, size: int, batch: int) -> Iterator[Any]:
    """D's and G's batches of a run's steps, read a call of steps ahead as by `loop`."""
    stream = streamed(load(Spec(folder, size, 3)), Sizes(1, batch, batch))
    with ThreadPoolExecutor(1) as thread:
        ahead = thread.submit(stream.window, 0, 0)
        for first in itertools.count(stream.longest, stream.longest):
            window = ahead.result()
            ahead = thread.submit(stream.window, 0, first)
            for d, g in zip(window.d.x, window.g.x, strict=True):
                yield d[0]
                yield g


class Files:
    """A data set of PyTorch, each of whose rows is a file."""

    def __init__(self, paths: list[Path]):
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> np.ndarray:
        with Image.open(self.paths[i]) as image:
            return np.array(image.convert("RGB"))


def their_batches(folder: str, size: int, batch: int) -> Iterator[Any]:
    """Batches of a plain data set, epoch after epoch."""
    import torch

    loader = torch.utils.data.DataLoader(
        Files(sorted(Path(folder).glob("*.jpg"))),
        batch,
        shuffle=True,
        num_workers=NUM_THREADS,
        drop_last=True,
        persistent_workers=True,
    )
    while True:
        for image in loader:
            yield image.numpy()


def main(args: Args) -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), args.count, args.size)
        sizes = [path.stat().st_size for path in Path(folder).iterdir()]
        of = (folder, args.size, args.batch)
        sides = [Side("loading", side, *of) for side in ("ours", "theirs")]
        turns = take_turns(sides, args.pairs)
        rates = [
            ROUND * args.batch / statistics.median(side)
            for side in zip(*turns, strict=True)
        ]
        print_header(COLUMNS)
        cells = [args.size, args.count, f"{statistics.mean(sizes) / 1e3:.0f}"]
        cells += [NUM_THREADS, *(f"{rate:.0f}" for rate in rates)]
        print_row([*map(str, cells), f"**{median_ratio(turns, 0, 1):.2f}**"])
        for side in sides:
            side.close()


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
