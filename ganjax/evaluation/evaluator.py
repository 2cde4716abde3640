"""The interface of scoring: an `Evaluator` scores samples against real examples.

Each modality makes one, and a data set may bring its own (`Source.evaluator`). It is made
once, from real examples, and then scores any number of sets of samples. Samples come in
chunks, so that of large images only features are ever in memory.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ganjax.evaluation.metric import Direction, Metric


EVALUATION = "evaluation.json"  # in a run's folder: what its scores mean


class Scoring(NamedTuple):
    """The scoring of one set of samples: chunks are added, then scores are computed.

    Attributes:
        add: adds a chunk [chunk, ...] of samples, as G generates them.
        scores: returns the scores of all samples that were added, by their names.
    """

    add: Callable[[np.ndarray], None]
    scores: Callable[[], dict[str, float]]


class Evaluator(NamedTuple):
    """A way to score samples, with the real examples that it compares them with.

    Attributes:
        count: the number of samples to score; 0 if there are too few real examples, and so
            no scores.
        begin: begins the scoring of one set of samples.
        metrics: the metric of each score, in the order of the scores.
        headline: the metric by which the best save is chosen, whose direction is not
            `NEITHER`; None if there are no scores.
        real_scores: returns the scores that real examples get in place of samples. Metrics
            that have none for real examples are missing.
        reference: what samples are compared with, in words.
        shape: the shape of one sample.
    """

    count: int
    begin: Callable[[], Scoring]
    metrics: tuple[Metric, ...]
    headline: Metric | None
    real_scores: Callable[[], dict[str, float]]
    reference: str
    shape: tuple[int, ...] = ()

    def score(self, samples: np.ndarray | Iterable[np.ndarray]) -> dict[str, float]:
        """Scores one set of samples.

        Args:
            samples: an array [count, ...], or chunks [chunk, ...] one after the other.

        Returns:
            The scores by the names of `metrics`.
        """
        scoring = self.begin()
        # An array is one chunk; iterating over it would give single samples.
        for chunk in [samples] if isinstance(samples, np.ndarray) else samples:
            scoring.add(chunk)
        return scoring.scores()


def in_memory_scoring(
    score: Callable[[np.ndarray], dict[str, float]],
) -> Callable[[], Scoring]:
    """Returns an `Evaluator.begin` that keeps all samples in memory.

    It suits samples that are small, such as points.

    Args:
        score: computes the scores of all samples [count, ...] at once.
    """

    def begin() -> Scoring:
        chunks: list[np.ndarray] = []
        return Scoring(chunks.append, lambda: score(np.concatenate(chunks)))

    return begin


def with_metric(
    evaluator: Evaluator,
    metric: Metric,
    score: Callable[[np.ndarray], float],
    real: np.ndarray | None = None,
) -> Evaluator:
    """Returns an evaluator with the score of one more metric.

    All samples are kept in memory until they are scored.

    Args:
        evaluator: the evaluator to extend.
        metric: what the score means.
        score: computes the score of all samples [count, ...], in -1..1 for images.
        real: real examples to compute the score of real data from; it has none without.

    Example:
        >>> darkness = lower_is_better("dark", "Fraction of dark pixels.")
        >>> with_metric(evaluator, darkness, lambda x: float((x < 0).mean()))
    """

    begin_metric = in_memory_scoring(lambda samples: {metric.name: score(samples)})

    def begin() -> Scoring:
        usual, more = evaluator.begin(), begin_metric()

        def add(chunk: np.ndarray) -> None:
            usual.add(chunk)
            more.add(chunk)

        return Scoring(add, lambda: usual.scores() | more.scores())

    def real_scores() -> dict[str, float]:
        more = {} if real is None else {metric.name: score(real)}
        return evaluator.real_scores() | more

    return evaluator._replace(
        begin=begin,
        metrics=(*evaluator.metrics, metric),
        real_scores=real_scores,
    )


def no_scores(count: int) -> Evaluator:
    """Returns an evaluator without scores, for data with too few real examples.

    Args:
        count: the number of real examples.
    """
    scoring = Scoring(lambda chunk: None, dict)
    return Evaluator(0, lambda: scoring, (), None, dict, f"{count} examples: too few")


def evaluation_json(evaluator: Evaluator) -> str:
    """Returns the text of `evaluation.json`, which says what the scores of a run mean.

    It has the direction, the aim and the meaning of each metric, and the score of real
    examples, if there is one.
    """
    real = evaluator.real_scores()
    metrics = {
        metric.name: {
            "direction": metric.direction.name.lower(),
            "aim": metric.aim,
            "meaning": metric.meaning,
            "real": real.get(metric.name),
        }
        for metric in evaluator.metrics
    }
    description = {
        "reference": evaluator.reference,
        "headline": evaluator.headline.name if evaluator.headline else None,
        "metrics": metrics,
    }
    return json.dumps(description, indent=1) + "\n"


def metric_from_json(name: str, entry: Mapping[str, Any]) -> Metric:
    """Returns a metric from its entry in an `evaluation.json`.

    Args:
        name: the name of the metric.
        entry: what the file has for it. Anything may be missing, as the file may have been
            edited: the direction is then `NEITHER`, and texts are ''.
    """
    direction = str(entry.get("direction")).upper()
    known = direction in Direction.__members__
    return Metric(
        name,
        Direction[direction] if known else Direction.NEITHER,
        str(entry.get("aim", "")),
        str(entry.get("meaning", "")),
    )
