"""Completion beside ways without learning: `python studies/completed.py`.

Seeds of `completion.py` learn from crops of five photographs. On crops of two others, all
with the same fixed masks, LaMa's three kinds and a missing sky or ground, they are compared
with biharmonic inpainting (scikit-image), with the mean of what is known and with the
fill that they begin with: the absolute difference in the hole, PSNR, SSIM, Fréchet
distance and U-IDS. Distances are on whitened principal components of the training crops
or, with `--features`, on EfficientNet-Lite0's maps; with `--lpips NETWORK HEADS` LPIPS is
told, too. A run that is finished is read and not played again. The picture has what is
known, the ways in the table's order, and the whole.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from rows import features, image_similarity, seeds, strip, unlike
from skimage.restoration import inpaint_biharmonic

import ganjax
from ganjax import evaluation
from ganjax.core import Masked, pixels, stored
from ganjax.data import Spec, load, read_all
from ganjax.errors import UsageError
from ganjax.evaluation import Features
from ganjax.ops import masks, mirrored
from ganjax.report.results import Column, Table, spread, write_results
from ganjax.run import PositiveInt, command


KINDS = {
    "thin": masks.thin(),
    "medium": masks.medium(),
    "thick": masks.thick(),
    "sky": masks.half(0.4, (masks.TOP,)),
    "ground": masks.half(0.4, (masks.BOTTOM,)),
}
SHOWN = "thick"  # in the picture
OWN = {  # narrow, for small images and few steps
    "margin": 32,
    "g_width": 8,
    "d_widths": (32, 64, 64),
    "d_stem_width": 16,
    "d_logit_scale": 8.0,
    "l1_weight": 45.0,
    "g_lr": 2e-4,
    "d_lr": 4e-4,
    "flat": 0.0,
}
COLUMNS = (
    Column("mask"),
    Column("hidden", ".0%"),
    Column("by"),
    Column("L1 in the hole", ".3f"),
    Column("PSNR, dB", ".2f"),
    Column("SSIM", ".3f"),
    Column("Fréchet distance", ".4g"),
)


@dataclass(frozen=True)
class Args:
    data: str = "photographs"
    size: PositiveInt = 64
    workdir: str = "runs/completed"
    features: str = ""
    """Weights of EfficientNet-Lite0, a path or URL."""
    lpips: tuple[str, ...] = ()
    """Weights of AlexNet or VGG-16, and of LPIPS's heads on it."""
    steps: PositiveInt = 1_500
    batch: PositiveInt = 8
    seeds: PositiveInt = 3


def biharmonic(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Each image with its hole filled as smoothly as can be."""
    fill = partial(inpaint_biharmonic, channel_axis=-1)
    pairs = zip((image.astype(np.float64) + 1) / 2, hole[..., 0] > 0, strict=True)
    filled = np.stack([fill(one, where) for one, where in pairs])
    return np.where(hole > 0, filled.clip(0, 1) * 2 - 1, image).astype(np.float32)


def mean(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Each image with the mean of its known pixels in the hole."""
    known = (image * (1 - hole)).sum((1, 2), keepdims=True)
    return np.where(hole > 0, known / (1 - hole).sum((1, 2), keepdims=True), image)


def beginning(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Each image with what the runs begin with in its hole, a smooth surface."""
    filled = mirrored.fill(jnp.asarray(image), jnp.asarray(hole, jnp.float32))
    return np.asarray(filled)[..., : image.shape[-1]]


def learned(answer: Callable, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """What a run makes of them; `AssertionError` if a known byte is another one."""
    made = answer(Masked(image, hole.astype(np.float32)))
    assert (stored(made) == stored(image))[hole[..., 0] == 0].all()
    return np.where(hole > 0, made, image)


def scores(
    made: np.ndarray,
    image: np.ndarray,
    hole: np.ndarray,
    by: Features,
    more: Mapping[str, Callable],
) -> list[float]:
    """The numbers of a row, over all images."""
    l1 = float(np.mean(evaluation.hole_l1(made, image, hole)))
    seen = (
        evaluation.extract_features(by, x.astype(np.float32)) for x in (image, made)
    )
    try:
        unpaired = evaluation.discriminative_scores(*seen).unpaired
    except UsageError:  # what tells them apart does not converge
        unpaired = math.nan
    return [l1, *image_similarity(made, image, by, more), unpaired]


def main(args: Args) -> None:
    """Plays the seeds and prints a row for each kind of mask and each way."""
    spec = Spec(args.data, args.size, 3)
    train, test = (read_all(load(spec._replace(split=x))) for x in ("train", "test"))
    more = unlike(args.lpips)
    see = features(args.features, lambda: np.asarray(pixels(train.x)))
    image = np.asarray(pixels(test.x))

    folder = Path(args.workdir).expanduser()
    own = {"data": args.data, "size": args.size, **OWN}
    turns = {"steps": args.steps, "batch": args.batch}
    runs = seeds("completion", folder, own, args.seeds, **turns)

    print(f"{see.name}, {len(image)} crops, {args.steps:,} steps:\n")
    last = (Column(name, ".3f") for name in (*more, "U-IDS"))
    table = Table("completed", (*COLUMNS, *last))
    table.print_header()
    tell = partial(scores, by=see, more=more)
    ways: dict[str, list[Callable]] = {
        "completion": [partial(learned, ganjax.load(run).sample_of) for run in runs],
        "its beginning": [beginning],
        "biharmonic": [biharmonic],
        "mean": [mean],
    }
    columns: tuple[np.ndarray, ...] = ()
    for kind, mask in KINDS.items():
        hole = masks.fixed_masks(mask, len(image), args.size, seed=1)
        made = {name: [way(image, hole) for way in each] for name, each in ways.items()}
        if kind == SHOWN:
            columns = np.where(hole > 0, 1, image), *(x[0] for x in made.values())
        for name, each in made.items():
            found = [tell(x, image, hole) for x in each]
            by_score = np.transpose(found)
            cells = [spread(x) if len(x) > 1 else x[0] for x in by_score]
            table.add(kind, hole.mean(), name, *cells)
    strip(folder / "completed.png", *columns, image)
    study = f"Completion of {len(image)} held-out crops, on {see.name}"
    write_results(folder / "results.json", study, [table])


if __name__ == "__main__":
    command(main)
