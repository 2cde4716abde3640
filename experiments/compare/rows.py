"""What the comparisons of this room share: runs that are played once, rows of a table."""

import contextlib
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ganjax import evaluation
from ganjax.errors import Mistake
from ganjax.evaluation import Features
from ganjax.loop import step_of
from ganjax.released import efficientnet, lpips
from ganjax.run import story


BATCH = 64  # images that LPIPS compares at once
COMPONENTS = 64  # that distances are on where no network is given
sys.path.append(str(Path(__file__).parents[1]))


def play(
    experiment: str, folder: Path, args: dict[str, Any], **run: Any
) -> story.Story:
    """Trains the experiment to its end and reads the folder, or ends where it is stopped.

    A run that is finished there is read and not played again; one that was stopped goes
    on. `args` and `run` are arguments that differ from the experiment's own.
    """
    module: Any = import_module(experiment)
    usual = module.Args(**args)
    changed = replace(usual, run=replace(usual.run, workdir=str(folder), **run))
    with contextlib.redirect_stdout(sys.stderr):
        state = module.main(changed)
    if step_of(state) < changed.run.steps:
        sys.exit("Stopped; the same command goes on.")
    return story.read(folder)


def seeds(
    experiment: str, folder: Path, args: dict[str, Any], n: int, **run: Any
) -> list[Path]:
    """Plays `n` seeds of an experiment, and gives their folders."""
    folders = [folder / str(seed) for seed in range(n)]
    for seed, each in enumerate(folders):
        play(experiment, each, args, seed=seed, **run)
    return folders


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
        raise Mistake("LPIPS needs two files of weights: a network's and its heads'.")
    look = lpips.distance(*where)

    def distance(image: np.ndarray, other: np.ndarray) -> np.ndarray:
        parts = (slice(i, i + BATCH) for i in range(0, len(image), BATCH))
        return np.concatenate([look(image[part], other[part]) for part in parts])

    return {"LPIPS": distance}


def seconds(found: story.Story) -> float:
    """How long a run took; unknown (NaN) of one of very few steps."""
    clock = found.clock.get("seconds")
    return float(story.total(clock.value)) if clock else math.nan


def last(found: story.Story, score: str) -> np.ndarray:
    """A score at the end, of each seed."""
    return np.atleast_1d(found.scores[score].value[-1])


def say(cells: Iterable[str]) -> None:
    """Prints a row of a Markdown table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def head(columns: tuple[str, ...]) -> None:
    """Prints the names of the columns."""
    say(columns)
    say("---" for _ in columns)
