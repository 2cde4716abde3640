"""Completion beside two ways without learning: `python experiments/compare/completed.py`.

Seeds of `completion.py` learn from crops of five photographs. On crops of two others, all
with the same fixed masks of LaMa's three kinds, they are compared with biharmonic
inpainting (scikit-image) and with the mean of what is known: the absolute difference in
the hole, PSNR, SSIM, the Fréchet distance of 64-pixel crops and U-IDS. Distances are on
whitened principal components of the training crops or, with `--features`, on
EfficientNet-Lite0's maps; with `--lpips NETWORK HEADS` LPIPS is told, too. A run that is
finished is read and not played again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rows import features, head, say, seeds, unlike
from skimage.restoration import inpaint_biharmonic

import ganjax
from ganjax import evaluation
from ganjax.data import Spec, load, masks, whole
from ganjax.evaluation import Features
from ganjax.gan import pixels, stored
from ganjax.run import Count, command


KINDS = {"thin": masks.thin(), "medium": masks.medium(), "thick": masks.thick()}
COLUMNS = ("masks", "by", "L1 in the hole", "PSNR", "SSIM", "Fréchet", "U-IDS")


@dataclass(frozen=True)
class Args:
    data: str = "photographs"
    size: Count = 64
    workdir: str = "runs/completed"
    features: str = ""
    """Weights of EfficientNet-Lite0, a path or URL."""
    lpips: tuple[str, ...] = ()
    """Weights of AlexNet or VGG-16, and of LPIPS's heads on it."""
    steps: Count = 3_000
    batch: Count = 16
    seeds: Count = 3


def biharmonic(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Each image with its hole filled as smoothly as can be."""
    fill = partial(inpaint_biharmonic, channel_axis=-1)
    pairs = zip((image + 1) / 2, hole[..., 0] > 0, strict=True)
    filled = np.stack([fill(one, where) for one, where in pairs])
    return np.where(hole > 0, filled.clip(0, 1) * 2 - 1, image)


def mean(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Each image with the mean of its known pixels in the hole."""
    known = (image * (1 - hole)).sum((1, 2), keepdims=True)
    return np.where(hole > 0, known / (1 - hole).sum((1, 2), keepdims=True), image)


def learned(answer: Callable, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """What a run answers of them; `AssertionError` if a known pixel is another one."""
    known = np.where(hole > 0, 0, 255).astype(np.uint8)
    made = answer(np.concatenate([stored(image), known], axis=-1))
    assert (made == image)[np.broadcast_to(hole == 0, image.shape)].all()
    return made


def scores(
    made: np.ndarray,
    image: np.ndarray,
    hole: np.ndarray,
    by: Features,
    more: Iterable[Callable],
) -> list[float]:
    """The numbers of a row, over all images."""
    made = made.astype(np.float32)
    real, fake = (evaluation.see(by, x) for x in (image, made))
    likeness = evaluation.psnr, evaluation.ssim, *more
    psnr, ssim, *others = (float(np.mean(each(made, image))) for each in likeness)
    distance = evaluation.frechet_distance(real, fake)
    unpaired = evaluation.discriminative_scores(real, fake).unpaired
    l1 = float(np.mean(evaluation.hole_l1(made, image, hole)))
    return [l1, psnr, ssim, distance, unpaired, *others]


def main(args: Args) -> None:
    """Plays the seeds and prints a row for each kind of mask and each way."""
    spec = Spec(args.data, args.size, 3)
    train, test = (whole(load(spec._replace(split=x))) for x in ("train", "test"))
    more = unlike(args.lpips)
    see = features(args.features, lambda: np.asarray(pixels(train.image)))
    image = np.asarray(pixels(test.image))

    folder = Path(args.workdir).expanduser()
    own = {"data": args.data, "size": args.size}
    turns = {"steps": args.steps, "batch": args.batch}
    runs = seeds("completion", folder, own, args.seeds, **turns)

    print(f"{see.name}, {len(image)} crops, {args.steps:,} steps:\n")
    head((*COLUMNS, *more))
    tell = partial(scores, by=see, more=more.values())
    ways: dict[str, list[Callable]] = {
        "completion": [partial(learned, ganjax.load(run).answer) for run in runs],
        "biharmonic": [biharmonic],
        "mean": [mean],
    }
    for kind, mask in KINDS.items():
        hole = masks.fixed(mask, len(image), args.size, seed=1)
        for name, each in ways.items():
            found = [tell(way(image, hole), image, hole) for way in each]
            middle, around = np.mean(found, axis=0), np.std(found, axis=0)
            numbers = zip(middle, around, strict=True)
            cells = [
                f"{m:.3f} ± {s:.3f}" if len(each) > 1 else f"{m:.3f}"
                for m, s in numbers
            ]
            say((kind, name, *cells))


if __name__ == "__main__":
    command(main)
