"""Scores samples of runs and of other programs against real images, under one protocol.

A `Subject` is what is scored: a run, whose samples are drawn, or images in files. `Real` is
what all subjects are compared with, and `Prepared` its features, which are computed once.
`score` computes the scores of a subject, each with its protocol, so that a score cannot be
read without it.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import metadata
from typing import NamedTuple

import jax
import numpy as np

from ganjax.core import Labels, PyTree, stored
from ganjax.data.image_set import ImageSet, parts
from ganjax.errors import UsageError
from ganjax.evaluation.distances import as_rows, take_rows
from ganjax.evaluation.extraction import Extracted, ReadImages, extract
from ganjax.evaluation.features import Features
from ganjax.evaluation.frechet import FRECHET, FRECHET_METRIC, frechet_from_moments
from ganjax.evaluation.protocol import Protocol
from ganjax.evaluation.statistics import Statistics, statistics_of
from ganjax.evaluation.suite import FeatureSet, Suite, metrics_of, score_features
from ganjax.evaluation.uncertainty import score_interval
from ganjax.evaluation.wasserstein import MIND_METRIC
from ganjax.run import sampling
from ganjax.run.loading import Loaded
from ganjax.run.score_record import Score


MIN_IMAGES = 2  # on either side
MIN_HALVED = 20  # samples, of which halves are scored
CHEAP = (FRECHET_METRIC, MIND_METRIC)  # to be computed of many halves


class Subject(NamedTuple):
    """What is scored.

    Attributes:
        name: what tables call it.
        images: a number n -> what reads its first n images, some at a time, as uint8
            [h, w, c].
        length: how many images there are; None for as many as are asked for.
        label: the class of each of n images, or None: n -> int [n].
        weights: of the generator, "ema" or ""; see `Protocol`.
        truncation: of its latents, or None.
        seed: of its latents.
        pretrained: the pretrained networks that its training used.
        keep: whether its features are kept in the cache.
    """

    name: str
    images: Callable[[int], Iterator[ReadImages]]
    length: int | None
    label: Callable[[int], np.ndarray | None] = lambda n: None
    weights: str = ""
    truncation: float | None = None
    seed: int = 0
    pretrained: tuple[str, ...] = ()
    keep: bool = True


class Real(NamedTuple):
    """Real images that samples are compared with, or their statistics alone.

    Attributes:
        name: what tables call them.
        images: the images; None where only statistics are known.
        statistics: the statistics of a file, or None.
        split: their split, or "".
        train: the images that were trained on, where `images` were held out. They give the
            scores of real data, and metrics of memorization need them.
    """

    name: str
    images: ImageSet | None
    statistics: Statistics | None = None
    split: str = ""
    train: ImageSet | None = None


class Prepared(NamedTuple):
    """The real side of comparisons on one kind of features.

    Attributes:
        features: the features.
        real: those of the real images; None where only statistics are known.
        statistics: the mean and covariance of a file; None where `real` is known.
        digest: SHA-256 of the real images, or of the statistics.
        count: how many real images there are; 0 where that is not known.
    """

    features: Features
    real: FeatureSet | None
    statistics: Statistics | None
    digest: str
    count: int

    @property
    def width(self) -> int:
        """The number of features of an image."""
        if self.statistics is not None:
            return len(self.statistics.mean)
        assert self.real is not None
        return as_rows(self.real.rows, "real", 1).width


def of_images(images: ImageSet, name: str) -> Subject:
    """Returns images in files as a subject."""

    def read(n: int) -> Iterator[ReadImages]:
        return (partial(images.read, rows) for rows in parts(n))

    def label(n: int) -> np.ndarray | None:
        return None if images.label is None else images.label[:n]

    return Subject(name, read, images.length, label)


def of_run(
    loaded: Loaded,
    conditions: Callable[[int], sampling.MakeConditions],
    name: str,
    *,
    seed: int = 0,
    truncation: float | None = None,
) -> Subject:
    """Returns the samples of a loaded run as a subject.

    Samples are rounded to bytes, as a file of them would be.

    Args:
        loaded: the run.
        conditions: n -> what n samples are drawn for (`sampling.conditions_in_parts`).
        name: what tables call it.
        seed: the seed of the latents.
        truncation: latents farther than this from 0 are drawn again; None for none.

    Raises:
        UsageError: its samples are not images.
    """
    game = loaded.game
    if game.modality.name != "images":
        raise UsageError(
            f"{name} makes {game.modality.name}, which are not scored on features of "
            "images: leave out --against and --protocol."
        )

    def latents(key: jax.Array, n: int) -> PyTree:
        if truncation is None:
            return game.latents(key, n)
        return sampling.truncated(game.latents, key, n, truncation)

    generate = jax.jit(game.generate)

    # `Game.sample` with latents of one's own; `chunks` counts on an axis of seeds.
    def draw(state: PyTree, key: jax.Array, condition: PyTree) -> np.ndarray:
        z_key, noise_key = jax.random.split(key)
        z = latents(z_key, len(jax.tree.leaves(condition)[0]))
        return np.asarray(generate(state, z, condition, noise_key))[None]

    def images(n: int) -> Iterator[ReadImages]:
        drawn = sampling.chunks(
            draw, loaded.state, sampling.ASKED, conditions(n), n, seed=seed
        )
        return (partial(_as_images, chunk) for (chunk,) in drawn)

    def label(n: int) -> np.ndarray | None:
        if not isinstance(game.conditions, Labels) or len(loaded.classes) < 2:
            return None
        return game.conditions.make(n, len(loaded.classes), examples=lambda count: ())

    return Subject(
        name=name,
        images=images,
        length=None,
        label=label,
        weights="ema",
        truncation=truncation,
        seed=seed,
        pretrained=game.pretrained,
        keep=False,
    )


def _as_images(samples: np.ndarray) -> list[np.ndarray]:
    return list(stored(samples))


def prepare(real: Real, features: Features, *, flips: bool = False) -> Prepared:
    """Computes or reads the features of the real images.

    Args:
        real: the real images, or their statistics.
        features: the features.
        flips: adds the mirrored copy of each image.

    Raises:
        UsageError: there are too few, or the statistics are of other features.
    """
    if real.statistics is not None:
        known = real.statistics.protocol
        if known is not None and known.features != features.name:
            raise UsageError(
                f"{real.name} holds statistics of {known.features}, and the samples would "
                f"be compared on {features.name}: take the protocol and the weights that "
                "they were made with."
            )
        count = known.real if known else 0
        return Prepared(
            features, None, real.statistics, real.statistics.digest(), count
        )
    assert real.images is not None
    found = _extract_real(real.images, features, flips)
    train = None
    if real.train is not None:
        train = _extract_real(real.train, features, flips).rows
    label = real.images.label
    if flips and label is not None:
        label = np.tile(label, 2)
    rows = FeatureSet(found.rows, found.probabilities, label, train)
    return Prepared(features, rows, None, found.digest, found.rows.length)


def _extract_real(images: ImageSet, features: Features, flips: bool) -> Extracted:
    _check_count(images.length, images.where)

    def mirrored(rows: np.ndarray) -> list[np.ndarray]:
        return [image[:, ::-1] for image in images.read(rows)]

    reading = [partial(images.read, rows) for rows in parts(images.length)]
    if flips:
        reading += [partial(mirrored, rows) for rows in parts(images.length)]
    count = images.length * (2 if flips else 1)
    return extract(features, reading, count, name=images.where)


def _check_count(count: int, name: str) -> None:
    if count < MIN_IMAGES:
        raise UsageError(
            f"{name} has {count} image{'s' * (count != 1)}, too few for a score: give "
            "thousands."
        )


def real_scores(prepared: Prepared, suite: Suite, count: int) -> dict[str, float]:
    """Returns the scores that as many training images get in place of samples.

    There are none where the training images are not known or too few: of another number of
    images the scores would differ for that alone.
    """
    if prepared.real is None or prepared.real.train is None:
        return {}
    train = as_rows(prepared.real.train, "training", 1)
    if train.length < count:
        return {}
    # A fixed seed, so that all subjects are compared with the same images.
    order = np.random.default_rng(0).permutation(train.length)[:count]
    as_samples = FeatureSet(take_rows(train, np.sort(order)))
    # Against themselves, images that were trained on would all be copies.
    return score_features(prepared.real._replace(train=None), as_samples, suite)


def score(
    subject: Subject,
    prepared: Prepared,
    real: Real,
    suite: Suite,
    count: int,
    *,
    real_values: Mapping[str, float],
    flips: bool = False,
    resamples: int = 0,
) -> list[Score]:
    """Scores a subject.

    Args:
        subject: what is scored.
        prepared: the real side, by `prepare`.
        real: what `prepared` was made of.
        suite: the metrics; of statistics alone there is only the Fréchet distance.
        count: how many of its images are scored.
        real_values: what `real_scores` returned for that many.
        flips: as `prepare` was given.
        resamples: halves of the samples that are scored for intervals; 0 for none.

    Returns:
        The scores, each with its protocol.

    Raises:
        UsageError: there are too few images, or their features cannot be compared.
    """
    _check_count(count, subject.name)
    if subject.length is not None and count > subject.length:
        raise UsageError(
            f"{subject.name} has {subject.length:,} images, and {count:,} are asked for: "
            "give a smaller --count."
        )
    features = prepared.features
    found = extract(
        features, subject.images(count), count, name=subject.name, keep=subject.keep
    )
    if found.rows.width != prepared.width:
        raise UsageError(
            f"{subject.name} has {found.rows.width} features an image, and {real.name} "
            f"{prepared.width}: give images of one size, or statistics of "
            "the same network."
        )
    protocol = Protocol(
        features=features.name,
        reference=real.name,
        reference_digest=prepared.digest,
        real=prepared.count,
        samples=count,
        split=real.split,
        flips=flips,
        weights=subject.weights,
        truncation=subject.truncation,
        seed=subject.seed,
        pretrained=subject.pretrained,
        version=metadata.version("ganjax"),
    )
    fake = FeatureSet(found.rows, found.probabilities, subject.label(count))
    if prepared.statistics is not None:
        of_fake = statistics_of(found.rows)
        distance = frechet_from_moments(
            prepared.statistics.mean,
            prepared.statistics.covariance,
            of_fake.mean,
            of_fake.covariance,
        )
        metrics, values = [FRECHET], {FRECHET.name: distance}
    else:
        assert prepared.real is not None
        values = score_features(prepared.real, fake, suite)
        metrics = [each for each in metrics_of(suite) if each.name in values]
    intervals = {}
    if prepared.real is not None and resamples and count >= MIN_HALVED:
        intervals = _intervals(prepared.real, fake, suite, resamples)
    return [
        Score(
            metric.on(features.name),
            values[metric.name],
            real_values.get(metric.name),
            protocol,
            intervals.get(metric.name),
        )
        for metric in metrics
    ]


def _intervals(
    real: FeatureSet, fake: FeatureSet, suite: Suite, resamples: int
) -> dict[str, tuple[float, float]]:
    """Returns the intervals of the metrics that are cheap enough to be computed often."""
    found = {}
    for each in CHEAP:
        if each in suite and each.applies(real, fake):
            interval = score_interval(each.compute, real, fake, resamples=resamples)
            found[each.metric.name] = interval.low, interval.high
    return found


def flattered(subject: Subject, features: Features) -> str:
    """Returns a sentence if training used the network of these features, or ""."""
    for name in subject.pretrained:
        if features.name.startswith(name):
            return (
                f"{subject.name} was trained by {name}, which these scores are computed "
                "on, too: they flatter it. Score it on other features."
            )
    return ""
