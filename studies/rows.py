"""What the comparisons share: runs that are trained once, and what is read from them."""

import contextlib
import hashlib
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import Features
from ganjax.loop import step_of
from ganjax.modalities.images import grid
from ganjax.modalities.pictures import save_png
from ganjax.pretrained import efficientnet, lpips
from ganjax.report.record import RunRecord, read_record, total_seconds
from ganjax.store.manifest import read_manifest


BATCH = 64  # images that LPIPS compares at once
COMPONENTS = 64  # that distances are on where no network is given
sys.path.append(str(Path(__file__).parents[1] / "experiments"))


def import_experiment(name: str) -> Any:
    """Imports an experiment by the name of its file."""
    return import_module(name)


def play(experiment: str, folder: Path, args: dict[str, Any], **run: Any) -> RunRecord:
    """Trains the experiment to its end and reads the folder, or ends where it is stopped.

    A run that is finished there is read and not played again; one that was stopped goes
    on, and it is a `UsageError` if it was to have another number of steps. `args` and `run`
    are arguments that differ from the experiment's own.
    """
    module = import_experiment(experiment)
    folder, usual = folder.expanduser(), module.Args(**args)
    changed = replace(usual, run=replace(usual.run, workdir=str(folder), **run))
    if (folder / "run.json").exists():
        steps = read_manifest(folder)["args"]["run"]["steps"]
        if steps != changed.run.steps:
            raise UsageError(
                f"{folder} was begun for {steps:,} steps, not {changed.run.steps:,}, over "
                "which rates may fall: name another --workdir."
            )
    with contextlib.redirect_stdout(sys.stderr):
        state = module.main(changed)
    if step_of(state) < changed.run.steps:
        sys.exit("Stopped; the same command goes on.")
    return read_record(folder)


def seeds(
    experiment: str, folder: Path, args: dict[str, Any], n: int, **run: Any
) -> list[Path]:
    """Plays `n` seeds of an experiment, and gives their folders."""
    each = [folder.expanduser() / str(seed) for seed in range(n)]
    for seed, place in enumerate(each):
        play(experiment, place, args, seed=seed, **run)
    return each


def features(where: str, images: Callable[[], np.ndarray]) -> Features:
    """EfficientNet-Lite0's by its weights or, without, components of training images."""
    if where:
        return efficientnet.features(where)
    return evaluation.pca(images(), COMPONENTS)


def unlike(where: tuple[str, ...]) -> dict[str, Callable[..., np.ndarray]]:
    """LPIPS under its name, by weights of a network and of its heads; nothing without."""
    if not where:
        return {}
    if len(where) != 2:
        raise UsageError(
            "LPIPS needs two files of weights: a network's and its heads'."
        )
    look = lpips.distance(*where)

    def distance(image: np.ndarray, other: np.ndarray) -> np.ndarray:
        parts = (slice(i, i + BATCH) for i in range(0, len(image), BATCH))
        return np.concatenate([look(image[part], other[part]) for part in parts])

    return {"LPIPS": distance}


def image_similarity(
    made: np.ndarray,
    image: np.ndarray,
    by: Features,
    more: Mapping[str, Callable[..., np.ndarray]],
) -> list[float]:
    """PSNR, SSIM, the Fréchet distance and `more`, over all images."""
    made = np.asarray(made, np.float32)
    real, fake = (evaluation.extract_features(by, x) for x in (image, made))
    mean = lambda each: float(np.mean(each(made, image)))
    distance = evaluation.frechet_distance(real, fake)
    closeness = [mean(evaluation.psnr), mean(evaluation.ssim)]
    return [*closeness, distance, *map(mean, more.values())]


def seconds(found: RunRecord) -> float:
    """How long a run took; unknown (NaN) of one of very few steps."""
    clock = found.clock.get("seconds")
    return float(total_seconds(clock.value)) if clock else math.nan


def last(found: RunRecord, score: str) -> np.ndarray:
    """A score at the end, of each seed."""
    return np.atleast_1d(found.scores[score].value[-1])


def evenly(length: int, n: int) -> np.ndarray:
    """`n` places from the first to the last of a `length`."""
    return np.linspace(0, length - 1, n).round().astype(int)


def fifth(name: str) -> int:
    """0 to 4, by a hash of the name, for a division that is always the same."""
    return hashlib.sha256(name.encode()).digest()[0] % 5


def squares(image: np.ndarray, side: int, stride: int) -> Iterator[np.ndarray]:
    """The squares of an image [h, w, c] that are whole, every `stride` pixels."""
    h, w = (range(0, length - side + 1, stride) for length in image.shape[:2])
    return (image[y : y + side, x : x + side] for y in h for x in w)


def strip(path: Path, *columns: np.ndarray, rows: int = 4) -> None:
    """Draws a few of the images, evenly picked, each in a row; small ones are enlarged."""
    n, *shape = max((x.shape for x in columns), key=lambda shape: shape[1])
    some = evenly(n, rows)
    wide = max(x.shape[-1] for x in columns)

    def drawn(images: np.ndarray) -> np.ndarray:
        times = shape[0] // images.shape[1]
        large = images[some].repeat(times, 1).repeat(times, 2)
        return np.broadcast_to(large, (*large.shape[:-1], wide))

    cells = np.stack([*map(drawn, columns)], axis=1)
    save_png(grid(cells.reshape(-1, *cells.shape[2:]), columns=len(columns)), path)
    print(f"Picture: {path}")
