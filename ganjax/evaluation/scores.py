"""All scores of a set of samples at once, flat, each named with its features."""

import numpy as np
from jaxtyping import Float

from ganjax.errors import Mistake
from ganjax.evaluation.copying import copies
from ganjax.evaluation.features import Features, see
from ganjax.evaluation.frechet import frechet_distance
from ganjax.evaluation.prdc import prdc


def evaluate(
    fake: np.ndarray,
    train: np.ndarray,
    held_out: np.ndarray | None,
    features: Features,
    k: int = 5,
) -> dict[str, float]:
    """Scores of `fake`, images in -1..1 or points, under keys like "frechet/pixels".

    The reference for the Fréchet distance, precision, recall, density and coverage
    is `held_out`, which the generator never saw, so that copying `train` earns no
    more than real data do. "copies/ratio/…" and "copies/close/…" hold the distances
    to `train` against those of `held_out`. Where nothing was held out the reference
    is `train`, and copies cannot be told. Scores of several features join by `|`.
    """
    fake, train = see(features, fake), see(features, train)
    if held_out is None:
        return _distribution(fake, train, features.name, k)
    return _scores(fake, train, see(features, held_out), features.name, k)


def evaluate_real(
    train: np.ndarray,
    held_out: np.ndarray | None,
    features: Features,
    count: int,
    k: int = 5,
) -> dict[str, float]:
    """What real data score: `count` training images in the place of `fake`.

    The same keys and reference as `evaluate`, after "real/", and no copies, as these
    are copies. `count` is the number of fakes to compare with, since every one of the
    scores depends on it; fewer are taken if `train` is smaller. Which ones is drawn
    with a fixed seed. Where nothing was held out, half of `train` is compared with the
    other half.
    """
    rows = np.random.default_rng(0).permutation(len(train))
    if held_out is None:
        rows, others = np.split(rows, [len(train) // 2])
        held_out = train[others]
    real, held_out = see(features, train[rows[:count]]), see(features, held_out)
    return {
        f"real/{key}": value
        for key, value in _distribution(real, held_out, features.name, k).items()
    }


def class_balance(
    probabilities: Float[np.ndarray, "n classes"], threshold: float = 0.9
) -> dict[str, float]:
    """How sure a classifier is of the samples, and how they spread over its classes.

    "confident" is the share with a class of at least `threshold`; "class/0" and so on
    are the shares of samples for which that class is the most probable.
    """
    probabilities = np.asarray(probabilities)
    if len(probabilities) == 0 or not np.isfinite(probabilities).all():
        raise Mistake("A class balance needs at least one sample and no NaN.")
    n, classes = probabilities.shape
    counts = np.bincount(probabilities.argmax(1), minlength=classes)
    confident = float((probabilities.max(1) >= threshold).mean())
    shares = {f"class/{i}": float(count / n) for i, count in enumerate(counts)}
    return {"confident": confident, **shares}


def _scores(
    fake: Float[np.ndarray, "n f"],
    train: Float[np.ndarray, "m f"],
    held_out: Float[np.ndarray, "h f"],
    name: str,
    k: int,
) -> dict[str, float]:
    near = copies(fake, train, held_out)
    return _distribution(fake, held_out, name, k) | {
        f"copies/ratio/{name}": near.ratio,
        f"copies/close/{name}": near.close,
    }


def _distribution(
    fake: Float[np.ndarray, "n f"], real: Float[np.ndarray, "m f"], name: str, k: int
) -> dict[str, float]:
    distance = {f"frechet/{name}": frechet_distance(real, fake)}
    shares = prdc(real, fake, k)._asdict()
    return distance | {f"{key}/{name}": value for key, value in shares.items()}
