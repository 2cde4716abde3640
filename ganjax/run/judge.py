"""The scores that fit the data: chosen by what the data is, the same for every game."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ganjax import evaluation
from ganjax.data import Source, Spec, load, stacked, toys, whole
from ganjax.errors import Mistake
from ganjax.gan import Game
from ganjax.run.sampling import held_out


CENTRES = {
    "ring": (toys.ring_centres(), toys.RING_SD),
    "grid": (toys.grid_centres(), toys.GRID_SD),
}
STACKED = "stacked_digits"
ALL_SEEN = "the training images, as no others are held out"
MOST = 2_000  # images compared at once
COUNTED = 25_600  # images of stacked digits whose modes are counted
FEWEST = 20  # images that can be compared at all, half with half
LABELLED = 500  # fewer labelled images than these do not make a classifier


class Judge(NamedTuple):
    """How samples are scored, and against what."""

    count: int  # how many samples it wants
    score: Callable[[np.ndarray], dict[str, float]]  # samples [count, ...] -> scores
    headline: str  # the score by which the best save is chosen, lower being better
    real: Callable[[], dict[str, float]]  # what real images score in place of samples
    reference: str  # in words


def judge(spec: Spec, game: Game, *more: evaluation.Features) -> Judge:
    """The judge of games played on the data of `spec`, who also sees by `more` features.

    Toy mixtures and stacked digits are scored by their modes. Images are compared with
    the held-out split of the data, or the training images themselves where there is
    none, by their pixels and, if they have classes and are seen whole, by a classifier's
    features. Mirror images are no part of the comparison. `Mistake` for `more` where
    images are not compared.
    """
    if more and spec.where in {*CENTRES, STACKED}:
        raise Mistake(f"{spec.where} is scored by its modes: leave --features away.")
    spec = spec._replace(mirror=False)
    source = load(spec)
    decode = lambda images: np.asarray(game.decode(images))
    train = decode(_some(source))
    others = held_out(spec)
    unseen = None if others is None else decode(_some(others))
    if unseen is not None and (len(unseen) < FEWEST or not _mostly_new(unseen, train)):
        unseen = None
    reference = "held-out images" if unseen is not None else ALL_SEEN
    test = train if unseen is None else unseen
    if spec.where in CENTRES:
        return _mixture(spec, train, test)
    if spec.where == STACKED:
        return _stacked(source, decode, train, test)
    if len(test) < FEWEST:
        return Judge(0, lambda samples: {}, "", dict, f"{len(test)} images: too few")
    features = [evaluation.pixels()]
    whole_seen = train.shape[1:] == source.shape  # not a part of each, nor one of two
    if whole_seen and len(source.classes) > 1 and source.length >= LABELLED:
        features.append(_classifier(source, others or source).features)
    headline = f"frechet/{features[-1].name}"
    features += more
    count = len(test)

    def score(samples):
        scores = {}
        for each in features:
            scores |= evaluation.evaluate(samples, train, unseen, each)
        return scores

    def real():
        scores = {}
        for each in features:
            scores |= evaluation.evaluate_real(train, unseen, each, count)
        return scores

    return Judge(count, score, headline, real, reference)


def _mixture(spec: Spec, train: np.ndarray, test: np.ndarray) -> Judge:
    centres, deviation = CENTRES[spec.where]
    features = evaluation.points()

    def score(samples):
        found = evaluation.modes(samples, centres, 4 * deviation, len(samples) // 100)
        distance = evaluation.frechet_distance(test, samples)
        shares = evaluation.prdc(test, samples, 5)._asdict()
        return {
            "modes": float(found.covered),
            "quality": found.quality,
            "frechet/points": distance,
            **{f"{name}/points": value for name, value in shares.items()},
        }

    def real():
        return evaluation.evaluate_real(train, test, features, len(test))

    return Judge(len(test), score, "frechet/points", real, "fresh points")


def _stacked(
    source: Source, decode: Callable, train: np.ndarray, test: np.ndarray
) -> Judge:
    reader, features = _reader(source.spec, decode), evaluation.pixels()

    def count(images):
        mode = stacked.mode(reader.read(images))
        found = evaluation.spread(mode, len(source.classes))
        return {"modes": float(found.covered), "kl": found.kl}

    def score(samples):
        compared = evaluation.evaluate(samples[:MOST], train, test, features)
        return {**count(samples), "accuracy": reader.accuracy, **compared}

    def real():
        counted = count(decode(source.read(np.arange(COUNTED)).image))
        compared = evaluation.evaluate_real(train, test, features, MOST)
        return {f"real/{name}": value for name, value in counted.items()} | compared

    return Judge(COUNTED, score, "kl", real, "held-out digits")


def _reader(spec: Spec, decode: Callable) -> evaluation.Reader:
    """What reads the digits, taught on those that are stacked for training."""
    single = spec._replace(where="digits", channels=1)
    train, test = (whole(load(single._replace(split=s))) for s in ("train", "test"))
    images = decode(train.image), train.label, decode(test.image), test.label
    return evaluation.reader(*images)


def _some(source: Source) -> np.ndarray:
    rows = np.random.default_rng(0).permutation(source.length)[:MOST]
    return source.read(np.sort(rows)).image


def _mostly_new(images: np.ndarray, train: np.ndarray) -> bool:
    seen = {image.tobytes() for image in train}
    known = sum(image.tobytes() in seen for image in images)
    return 2 * known < len(images)


def _classifier(source: Source, held_out: Source) -> evaluation.Classifier:
    train, test = whole(source), whole(held_out)
    classes = len(source.classes)
    return evaluation.train_classifier(*train, *test, classes=classes)
