"""A built-in data set of three digits in one image, whose 1,000 combinations are modes.

It is StackedMNIST on smaller digits. A classifier reads the digits of a sample, so that the
modes that a generator has found can be counted.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Int

from ganjax import evaluation
from ganjax.core import Batch
from ganjax.data import digest
from ganjax.data.arrays import digits
from ganjax.data.source import (
    Source,
    Spec,
    ToReal,
    example_struct,
    read_all,
    read_some,
    report_held_out,
)
from ganjax.data.splits import check_exists
from ganjax.errors import UsageError
from ganjax.evaluation.channels import ACCURACY
from ganjax.evaluation.evaluator import Evaluator, in_memory_scoring
from ganjax.evaluation.modes import KL, MODES as COVERED


MODES = 1000
MAX_COMPARED = 2_000  # images whose pixels are compared
NUM_COUNTED = 25_600  # images whose modes are counted
SPLITS = {"train": (0, 128_000), "test": (1, 25_600)}  # seed and number of images


def mode(digit: Int[np.ndarray, "*n 3"]) -> Int[np.ndarray, "*n"]:
    """Returns the number, 0 to 999, that the digits of red, green and blue write."""
    return digit @ np.array([100, 10, 1])


def stacked_digits(spec: Spec) -> Source:
    """Returns StackedMNIST (Metz et al., 2017), made of the digits of 8x8 pixels.

    The red, green and blue of each image are three digits of the same split, drawn
    independently of each other; the label is their `mode`. As the digits are not equally
    frequent, neither are the modes.

    Raises:
        NoSplit: the split is neither 'train' nor 'test'.
        UsageError: another number of channels than 3 is asked for.
    """
    if spec.channels not in (0, 3):
        raise UsageError(
            "stacked_digits has a digit in each of 3 channels: remove --channels."
        )
    check_exists(spec.split, SPLITS, "stacked_digits")
    # Only the digits [n, 8, 8] and three numbers for each image are kept; images are
    # composed when they are read.
    single = read_all(digits(spec._replace(where="digits", channels=1)))
    planes = single.x[..., 0]
    seed, count = SPLITS[spec.split]
    chosen = np.random.default_rng(seed).integers(len(planes), size=(count, 3))
    label = mode(single.label[chosen]).astype(np.int32)

    def read(rows: np.ndarray) -> Batch:
        # [b, 3, h, w] to [b, h, w, 3].
        return Batch(np.moveaxis(planes[chosen[rows]], 1, -1), label[rows])

    names = tuple(f"{number:03}" for number in range(MODES))
    shape = (*planes.shape[1:], 3)
    return Source(
        spec=spec,
        length=count,
        example=example_struct(shape),
        classes=names,
        read=read,
        report=report_held_out(spec, SPLITS["test"][1]),
        inventory=lambda: {
            "plane": digest.array(planes),
            "chosen": digest.array(chosen),
        },
        evaluator=evaluator,
    )


def evaluator(
    source: Source, held_out: Source | None, to_real: ToReal, scratch: Path | None
) -> Evaluator:
    """Returns an evaluator that reads the digits of samples and compares their pixels.

    Args:
        source: the training split.
        held_out: the test split, which the pixels are compared with.
        to_real: converts stored examples to what G is meant to produce.
        scratch: not used, as the features are small.
    """
    # Both splits are always there, as the images are made here.
    assert held_out is not None
    train = np.asarray(to_real(read_some(source, MAX_COMPARED).x))
    test = np.asarray(to_real(read_some(held_out, MAX_COMPARED).x))
    # A classifier recognizes the digit of each channel. Its accuracy is reported with the
    # scores, as "modes" and "kl" cannot be better than the classifier.
    classifier = _digit_classifier(source.spec, to_real)
    features = evaluation.pixels()

    def mode_scores(images):
        modes = mode(classifier.predict(images))
        coverage = evaluation.mode_coverage(modes, len(source.classes))
        return {COVERED.name: float(coverage.covered), KL.name: coverage.kl}

    def score(samples):
        # Distances between all pairs cost more than recognizing digits, so they are
        # computed of fewer samples.
        distances = evaluation.evaluate(samples[:MAX_COMPARED], train, test, features)
        return {**mode_scores(samples), ACCURACY.name: classifier.accuracy, **distances}

    def real_scores():
        # Rows are independent draws, so the first ones are as good as any.
        images = np.asarray(to_real(source.read(np.arange(NUM_COUNTED)).x))
        distances = evaluation.evaluate_real(train, test, features, MAX_COMPARED)
        return mode_scores(images) | distances

    return Evaluator(
        count=NUM_COUNTED,
        begin=in_memory_scoring(score),
        metrics=(
            COVERED,
            KL,
            ACCURACY,
            *evaluation.metrics_on(features.name, held_out=True),
        ),
        # A generator that finds every mode may still be uneven, which only the divergence
        # shows.
        headline=KL,
        real_scores=real_scores,
        reference="held-out digits",
        shape=test.shape[1:],
    )


def _digit_classifier(spec: Spec, to_real: ToReal) -> evaluation.ChannelClassifier:
    """Trains a classifier on the training digits; its accuracy is that on the others."""
    single = spec._replace(where="digits", channels=1)
    train, test = (
        read_all(digits(single._replace(split=s))) for s in ("train", "test")
    )
    images = [np.asarray(to_real(batch.x)) for batch in (train, test)]
    return evaluation.channel_classifier(images[0], train.label, images[1], test.label)
