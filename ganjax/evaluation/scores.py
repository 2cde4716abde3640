"""All scores of a set of samples at once, flat, each named with its features."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganjax.errors import Mistake
from ganjax.evaluation.copying import copies_of, usual
from ganjax.evaluation.distances import (
    Centred,
    Nearest,
    Rows,
    centred,
    products,
    same_width,
    table,
    take,
)
from ganjax.evaluation.features import Features, see
from ganjax.evaluation.frechet import (
    fewer_than_features,
    frechet_by_features,
    frechet_by_samples,
)
from ganjax.evaluation.prdc import Balls, balls, prdc_of


class Reference(NamedTuple):
    """Real data as seen by some features, with all that need be computed only once."""

    name: str  # of the features
    balls: Balls  # of the data that samples are compared with
    train: Centred  # training data, seen from the same centre
    unseen: (
        Nearest | None
    )  # of held-out data in training data; None if none is held out


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

    Where the features are too many to be held at once, `gather` them, and give what it
    gathered to `reference`, `score` and `score_real`.
    """
    fake, train = see(features, fake), see(features, train)
    if held_out is not None:
        held_out = see(features, held_out)
    return score(reference(train, held_out, features.name, k), fake)


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
    seen = table(see(features, train), "training", 1)
    if held_out is None:
        return _halves(seen, features.name, count, k)
    compared = table(see(features, held_out), "held-out", k + 1)
    same_width(seen, compared)
    return _some(balls(centred(compared), k), seen, features.name, count)


def reference(
    train: np.ndarray | Rows, held_out: np.ndarray | Rows | None, name: str, k: int = 5
) -> Reference:
    """What samples are compared with: features of training and of held-out data.

    `Mistake`s as `prdc` and `copies` raise.
    """
    if held_out is None:
        about = centred(table(train, "training", k + 1))
        return Reference(name, balls(about, k), about, None)
    train = table(train, "training", 1)
    held_out = table(held_out, "held-out", k + 1)
    same_width(train, held_out)
    about = centred(held_out)
    known = centred(train, about.centre)
    return Reference(name, balls(about, k), known, usual(about, known))


def score(known: Reference, fake: np.ndarray | Rows) -> dict[str, float]:
    """Scores of the features of samples, as `evaluate` gives them."""
    fake = table(fake, "generated", known.balls.k + 1)
    same_width(fake, known.train.rows)
    seen = centred(fake, known.balls.set.centre)
    found = _distribution(known.balls, seen, known.name)
    if known.unseen is None:
        return found
    near = copies_of(seen, known.train, known.unseen)
    return found | {
        f"copies/ratio/{known.name}": near.ratio,
        f"copies/close/{known.name}": near.close,
    }


def score_real(known: Reference, count: int) -> dict[str, float]:
    """What real data score, as `evaluate_real` gives it."""
    if known.unseen is None:
        return _halves(known.train.rows, known.name, count, known.balls.k)
    return _some(known.balls, known.train.rows, known.name, count)


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


def _some(compared: Balls, train: Rows, name: str, count: int) -> dict[str, float]:
    order = np.random.default_rng(0).permutation(train.length)
    some = table(take(train, order[:count]), "training", compared.k + 1)
    return _real(compared, some, name)


def _halves(train: Rows, name: str, count: int, k: int) -> dict[str, float]:
    order = np.random.default_rng(0).permutation(train.length)
    order, others = np.split(order, [train.length // 2])
    some = table(take(train, order[:count]), "training", k + 1)
    others = table(take(train, others), "training", k + 1)
    return _real(balls(centred(others), k), some, name)


def _real(compared: Balls, some: Rows, name: str) -> dict[str, float]:
    found = _distribution(compared, centred(some, compared.set.centre), name)
    return {f"real/{key}": value for key, value in found.items()}


def _distribution(real: Balls, fake: Centred, name: str) -> dict[str, float]:
    rows = real.set.rows, fake.rows
    between = products(real.set, fake)
    if fewer_than_features(*rows):
        # The products are most of the work where features are many: both scores share
        # them, and the one that changes them comes last.
        whole = np.concatenate([product for _, product in between])
        distance = frechet_by_samples(real.set, fake, whole)
        between = [(slice(0, len(whole)), whole)]
    else:
        distance = frechet_by_features(*rows)
    shares = prdc_of(real, fake, between)._asdict()
    return {f"frechet/{name}": distance} | {
        f"{key}/{name}": value for key, value in shares.items()
    }
