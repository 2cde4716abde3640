"""The scores of images: distances between distributions of their features.

Features are pixels, those of a classifier that is trained on the data if it has classes,
and any that a caller adds, such as a pretrained network's. On features of networks there
are two more scores, which are cheap there: MIND, and the ratio of the Fréchet distance to
that of held-out images. Samples are compared with the
held-out split of the data, or with the training images where there is none. Real images
are scored in the same way, which gives the scale of a score.
"""

import functools
import itertools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from ganjax import evaluation
from ganjax.core import PyTree
from ganjax.data import Source
from ganjax.data.source import ToReal, random_rows, read_some, sample_shape
from ganjax.evaluation.distances import take_rows
from ganjax.evaluation.evaluator import Evaluator, Scoring, no_scores
from ganjax.evaluation.feature_metric import FeatureSet, read_matrix
from ganjax.evaluation.frechet import FRECHET, RATIO, RATIO_METRIC
from ganjax.evaluation.suite import Suite, metrics_of, score_features
from ganjax.evaluation.wasserstein import MIND, MIND_METRIC
from ganjax.store.hashing import sha256


# What samples are compared with, as reports say it.
REFERENCE_HELD_OUT = "held-out images"
REFERENCE_NONE = "the training images, as none are held out"
REFERENCE_FEW = "the training images, as only {} are held out"
REFERENCE_COPIES = (
    "the training images, as those held out are mostly training images too"
)

MAX_COMPARED = 2_000  # images on either side of a comparison
MIN_COMPARED = 20  # with fewer images there are no scores
OF_NETWORKS = (MIND_METRIC, RATIO_METRIC)  # scores that only features of networks have
NEIGHBORS = 5  # k of the nearest neighbors in `evaluation.prdc`
MIN_LABELED = 500  # with fewer labeled images no classifier is trained
MAX_CLASSIFIER_BYTES = 2_000_000_000  # of the stored images a classifier is trained on
MAX_IDENTIFYING = 256  # images of either set by which a cached classifier is found
CHUNK_BYTES = 2**26  # of float32 images that features are computed of at once


PIXELS = evaluation.pixels()


class RealFeatures(NamedTuple):
    """Features of real images, which themselves are not kept."""

    count: int
    features: list[evaluation.Rows]  # one for each kind of features
    digests: list[str]  # SHA-256 of each image, to find those that two sets share


def evaluator(
    source: Source,
    held_out: Source | None,
    to_real: ToReal,
    *features: evaluation.Features,
    scratch: Path | None = None,
    base: evaluation.Features = PIXELS,
    further: Suite = (),
) -> Evaluator:
    """Makes the evaluator of images, which are scored on several kinds of features.

    Args:
        source: the training data, without mirrored copies.
        held_out: its held-out split, if it has one.
        to_real: converts stored examples to what G is meant to produce, in -1..1.
        features: further kinds of features, such as those of a pretrained network.
        scratch: a folder for features that are too many for the memory.
        base: the features that any image has, on which all are scored.
        further: metrics that are computed on all features to which they apply.

    Returns:
        The evaluator. With too few real images it has no scores.
    """

    def decode(x):
        return np.asarray(to_real(x))

    # A held-out split that is too small to be compared with is not used.
    compared = held_out
    reference_name = REFERENCE_HELD_OUT
    if held_out is None:
        reference_name = REFERENCE_NONE
    elif held_out.length < MIN_COMPARED:
        compared = None
        reference_name = REFERENCE_FEW.format(held_out.length)
    if (compared or source).length < MIN_COMPARED:
        return no_scores(source.length)

    shape = sample_shape(source, to_real)
    extractors = [base]
    # The classifier is trained on stored images, so it is used only if samples have the
    # same shape as these (not crops, not one side of a pair).
    if (
        shape == source.shape
        and len(source.classes) > 1
        and source.length >= MIN_LABELED
    ):
        test = source
        if held_out is not None and held_out.classes == source.classes:
            test = held_out
        extractors.append(_classifier(source, test, scratch).features)
    # The best checkpoint is chosen by a classifier's features, or else by pixels.
    headline = FRECHET.on(extractors[-1].name)
    extractors += features

    train = _extract(source, decode, extractors, scratch)
    # Scores against images that G was trained on would reward copies: a held-out split
    # that mostly repeats the training set does not count as one.
    unseen = _extract(compared, decode, extractors, scratch) if compared else None
    if unseen and not _mostly_new(unseen, train):
        unseen = None
        reference_name = REFERENCE_COPIES
    count = unseen.count if unseen else train.count
    if count < MIN_COMPARED:
        return no_scores(count)

    # Computed when first asked for, and once: every evaluation of a run has the same.
    @functools.cache
    def references():
        held_out_rows = unseen.features if unseen else [None] * len(extractors)
        return [
            evaluation.reference(train_rows, test_rows, extractor.name, NEIGHBORS)
            for train_rows, test_rows, extractor in zip(
                train.features, held_out_rows, extractors, strict=True
            )
        ]

    def of_network(i, rows):
        """The further scores of some features, where `rows` takes the place of samples."""
        real = FeatureSet((unseen or train).features[i])
        if unseen:
            real = real._replace(train=train.features[i])
        found = score_features(real, FeatureSet(rows), OF_NETWORKS)
        return {f"{name}/{extractors[i].name}": found[name] for name in found}

    def compared_with(i):
        return as_set(i, (unseen or train).features[i])

    def as_set(i, rows):
        """Features with the probabilities of classes, where a classifier made them."""
        classify = extractors[i].classify
        return FeatureSet(rows, classify(read_matrix(rows)) if classify else None)

    def applicable(i):
        """The further metrics that real data has on some features."""
        if not further:
            return ()
        real = compared_with(i)
        return tuple(each for each in further if each.applies(real, real))

    suites = [applicable(i) for i in range(len(extractors))]

    def of_suite(i, rows):
        """The scores of the suite, where `rows` takes the place of samples."""
        if not suites[i]:
            return {}
        found = score_features(compared_with(i), as_set(i, rows), suites[i])
        return {f"{name}/{extractors[i].name}": found[name] for name in found}

    def begin():
        # Samples come in chunks, of which only features are kept.
        buffers = [evaluation.row_buffer(scratch) for _ in extractors]

        def add(chunk):
            # A large chunk is divided again, as features are computed in float32.
            for rows in _parts(np.arange(len(chunk)), chunk.shape[1:]):
                part = chunk[rows[0] : rows[-1] + 1]
                for extractor, buffer in zip(extractors, buffers, strict=True):
                    buffer.add(evaluation.extract_features(extractor, part))

        def scores():
            result = {}
            for i, (reference, buffer) in enumerate(
                zip(references(), buffers, strict=True)
            ):
                result |= evaluation.score(reference, buffer.rows())
                result |= of_suite(i, buffer.rows())
                if extractors[i] is not base:
                    result |= of_network(i, buffer.rows())
            return result

        return Scoring(add, scores)

    def real_scores():
        # Each real image needs this many neighbors among the others.
        if train.count <= NEIGHBORS:
            return {}
        result = {}
        for i, reference in enumerate(references()):
            result |= evaluation.score_real(reference, count)
            # Against themselves, training images would all be copies.
            if not unseen:
                continue
            some = take_rows(train.features[i], np.arange(train.count)[:count])
            result |= of_suite(i, some)
            if extractors[i] is not base:
                real = FeatureSet(unseen.features[i])
                score = MIND_METRIC.compute(real, FeatureSet(some))
                result[MIND.on(extractors[i].name).name] = score
        return result

    has_held_out = unseen is not None
    metrics = []
    for each, suite in zip(extractors, suites, strict=True):
        metrics.append(evaluation.metrics_on(each.name, has_held_out))
        metrics.append([metric.on(each.name) for metric in metrics_of(suite)])
        if each is not base:
            more = (MIND, *([RATIO] if has_held_out else []))
            metrics.append([metric.on(each.name) for metric in more])
    return Evaluator(
        count=count,
        begin=begin,
        metrics=tuple(itertools.chain(*metrics)),
        headline=headline,
        real_scores=real_scores,
        reference=reference_name,
        shape=shape,
    )


def _extract(
    source: Source,
    decode: Callable[[PyTree], np.ndarray],
    extractors: list[evaluation.Features],
    scratch: Path | None,
) -> RealFeatures:
    """Returns features of at most `MAX_COMPARED` of the images, which are read in parts."""
    buffers = [evaluation.row_buffer(scratch) for _ in extractors]
    rows = random_rows(source, MAX_COMPARED)
    digests = []
    for part in _parts(rows, *(x.shape for x in jax.tree.leaves(source.example))):
        images = decode(source.read(part).x)
        digests += [sha256(image.tobytes()) for image in images]
        for extractor, buffer in zip(extractors, buffers, strict=True):
            buffer.add(evaluation.extract_features(extractor, images))
    return RealFeatures(len(rows), [buffer.rows() for buffer in buffers], digests)


def _parts(rows: np.ndarray, *shapes: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Returns the rows in parts, each at most `CHUNK_BYTES` of float32 images.

    A row is one image of each of the shapes: one image, or the two of a pair.
    """
    step = max(1, CHUNK_BYTES // (4 * sum(math.prod(shape) for shape in shapes)))
    return (rows[i : i + step] for i in range(0, len(rows), step))


def _mostly_new(held_out: RealFeatures, train: RealFeatures) -> bool:
    """Returns whether less than half of the held-out images are training images, too.

    Of either side at most `MAX_COMPARED` images are known, so in larger sets only part of
    the repeated ones is detected.
    """
    digests = set(train.digests)
    return 2 * sum(digest in digests for digest in held_out.digests) < held_out.count


def _classifier(
    source: Source, held_out: Source, scratch: Path | None
) -> evaluation.Classifier:
    def read():
        train, test = _labeled(source, scratch), _labeled(held_out, scratch)
        return evaluation.LabeledImages(*train, *test)

    def identity():
        inventories = source.inventory(), held_out.inventory()
        if not all(inventories):
            yield from evaluation.contents_of_images(read())
            return
        # What the files are, and what some of their images look like after decoding.
        yield json.dumps([*inventories, MAX_CLASSIFIER_BYTES])
        for each in (source, held_out):
            batch = read_some(each, MAX_IDENTIFYING)
            yield f"{each.length} {each.classes} {batch.label.tolist()}"
            yield np.ascontiguousarray(batch.x).tobytes()

    return evaluation.load_or_train_classifier(
        identity(), read, shape=source.shape, classes=len(source.classes)
    )


def _labeled(
    source: Source, scratch: Path | None
) -> tuple[np.ndarray | evaluation.StoredImages, np.ndarray]:
    """Returns images and labels for the classifier: all, or evenly spaced ones.

    The latter is for sets of more than `MAX_CLASSIFIER_BYTES`.
    """
    most = max(
        1, MAX_CLASSIFIER_BYTES // (source.dtype.itemsize * math.prod(source.shape))
    )
    rows = np.arange(source.length)
    if source.length > most:
        rows = np.linspace(0, source.length - 1, most).round().astype(np.int64)
    # As stored: bytes take a quarter of the room of floats. A large buffer is a file.
    buffer = evaluation.row_buffer(scratch)
    labels = []
    with tqdm(total=len(rows), desc=source.spec.where, delay=1, disable=None) as bar:
        for part in _parts(rows, source.shape):
            batch = source.read(part)
            buffer.add(batch.x)
            labels.append(batch.label)
            bar.update(len(part))
    images = evaluation.StoredImages(buffer.rows(), source.shape, source.dtype)
    return images, np.concatenate(labels).astype(np.int32)
