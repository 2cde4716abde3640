"""Built-in mixtures of Gaussians in the plane, whose modes can be counted.

They show mode collapse on small networks and in little time.
"""

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ganjax import evaluation
from ganjax.core import Batch
from ganjax.data import digest
from ganjax.data.source import (
    Source,
    Spec,
    ToReal,
    example_struct,
    read_some,
    report_held_out,
)
from ganjax.data.splits import check_exists
from ganjax.errors import UsageError
from ganjax.evaluation.evaluator import Evaluator, in_memory_scoring
from ganjax.evaluation.frechet import FRECHET
from ganjax.evaluation.modes import MODES, QUALITY


RING_SD = 0.05
GRID_SD = 0.0125
MAX_COMPARED = 2_000  # points of a split that samples are compared with
HIGH_QUALITY_SDS = 4  # standard deviations from a center to a sample of high quality
NEIGHBORS = 5  # k of the nearest neighbors in `evaluation.prdc`
SPLITS = {"train": (0, 100_000), "test": (1, 10_000)}  # seed and number of points


def ring_centers() -> Float[np.ndarray, "8 2"]:
    """Returns the ring's modes, on the unit circle (Metz et al., 2017, use radius 2)."""
    angle = 2 * np.pi * np.arange(8) / 8
    return np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)


def grid_centers() -> Float[np.ndarray, "25 2"]:
    """Returns the 25 modes of the grid, from -1 to 1, with half a unit between neighbors.

    Lin et al. (2018, PacGAN) have -4 to 4 with a standard deviation of 0.05; here both are
    divided by four.
    """
    line = np.linspace(-1, 1, 5)
    return np.stack(np.meshgrid(line, line), -1).reshape(-1, 2).astype(np.float32)


def ring(spec: Spec) -> Source:
    """Returns points around `ring_centers`, with standard deviation 0.05.

    The label of a point is its mode, a row of `ring_centers`.
    """
    return _mixture(spec, ring_centers(), RING_SD)


def grid(spec: Spec) -> Source:
    """Returns points around `grid_centers`, with standard deviation 0.0125.

    The label of a point is its mode, a row of `grid_centers`.
    """
    return _mixture(spec, grid_centers(), GRID_SD)


def _mixture(spec: Spec, centers: np.ndarray, sd: float) -> Source:
    if spec.size or spec.channels:
        raise UsageError(
            f"{spec.where} is points in the plane and has no pixels: remove --size and "
            "--channels."
        )
    check_exists(spec.split, SPLITS, spec.where)
    seed, count = SPLITS[spec.split]
    # The points are drawn once and kept, 8 bytes each, so that a run has a finite data set
    # whose digest it can record. The splits are independent draws of one distribution.
    rng = np.random.default_rng(seed)
    label = rng.integers(len(centers), size=count, dtype=np.int32)
    noise = rng.standard_normal((count, 2), np.float32)
    points = centers[label] + np.float32(sd) * noise

    def read(rows: np.ndarray) -> Batch:
        return Batch(points[rows], label[rows])

    return Source(
        spec=spec,
        length=count,
        example=example_struct((2,), np.float32),
        classes=tuple(str(mode) for mode in range(len(centers))),
        read=read,
        report=report_held_out(spec, SPLITS["test"][1]),
        inventory=lambda: {"point": digest.array(points), "label": digest.array(label)},
        evaluator=partial(evaluator, centers, sd),
    )


def evaluator(
    centers: Float[np.ndarray, "m 2"],
    sd: float,
    source: Source,
    held_out: Source | None,
    to_real: ToReal,
    scratch: Path | None,
) -> Evaluator:
    """Returns an evaluator that counts the covered modes and compares the points.

    A sample within 4 standard deviations of its nearest center is of high quality and
    belongs to that mode.

    Args:
        centers: the modes of the mixture.
        sd: the standard deviation of each of its Gaussians.
        source: the training split.
        held_out: the test split, which the samples are compared with.
        to_real: converts stored examples to what G is meant to produce.
        scratch: not used, as the features are small.
    """
    # Both splits are always there, as the points are made here.
    assert held_out is not None
    train = np.asarray(to_real(read_some(source, MAX_COMPARED).x))
    test = np.asarray(to_real(read_some(held_out, MAX_COMPARED).x))
    features = evaluation.points()
    # Copies of training points are not scored, as all points of a mixture are close to
    # others. The reference therefore consists of the held-out points alone.
    test_features = evaluation.extract_features(features, test)
    reference = evaluation.reference(test_features, None, features.name, NEIGHBORS)

    def score(samples):
        # A mode is covered by 1% of the samples; otherwise a few strays would cover all.
        coverage = evaluation.modes(
            samples, centers, HIGH_QUALITY_SDS * sd, len(samples) // 100
        )
        mode_scores = {
            MODES.name: float(coverage.covered),
            QUALITY.name: coverage.quality,
        }
        sample_features = evaluation.extract_features(features, samples)
        return mode_scores | evaluation.score(reference, sample_features)

    # There are as many samples as points to compare them with, as scores depend on numbers.
    return Evaluator(
        count=len(test),
        begin=in_memory_scoring(score),
        metrics=(
            MODES,
            QUALITY,
            *evaluation.metrics_on(features.name, held_out=False),
        ),
        headline=FRECHET.on(features.name),
        real_scores=lambda: evaluation.evaluate_real(train, test, features, len(test)),
        reference="fresh points",
        shape=test.shape[1:],
    )
