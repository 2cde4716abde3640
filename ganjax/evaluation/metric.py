"""What a score means: a `Metric` has the direction that is better, and a description.

Each metric is declared in the file that computes it, and an `Evaluator` lists the metrics
of its scores. Code that shows scores, or chooses the best save, asks the metric and does
not infer anything from names.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Direction(IntEnum):
    """Which values of a score are better."""

    LOWER = -1
    HIGHER = 1
    NEITHER = 0  # a certain value is best, or none is better than another


class Metric(NamedTuple):
    """What a score measures, and which values are good.

    Attributes:
        name: the name of the score, such as "recall/pixels".
        direction: which values are better.
        aim: which values are good, in a few words for a table: "lower is better" or
            "about 1".
        meaning: what is measured, in one sentence.
    """

    name: str
    direction: Direction
    aim: str
    meaning: str

    def on(self, features: str) -> "Metric":
        """Returns this metric on the features of that name, as "recall/pixels"."""
        return self._replace(name=f"{self.name}/{features}")

    def to_minimize(self, score: npt.ArrayLike) -> np.ndarray:
        """Returns scores with the sign with which lower is better, in the same shape.

        Raises:
            ValueError: if the direction is `NEITHER`.
        """
        if self.direction is Direction.NEITHER:
            raise ValueError(f"No value of {self.name} is better than another.")
        return np.asarray(-self.direction * np.asarray(score))


def lower_is_better(name: str, meaning: str) -> Metric:
    """Returns a metric whose lower values are better."""
    return Metric(name, Direction.LOWER, "lower is better", meaning)


def higher_is_better(name: str, meaning: str) -> Metric:
    """Returns a metric whose higher values are better."""
    return Metric(name, Direction.HIGHER, "higher is better", meaning)


def neither_is_better(name: str, aim: str, meaning: str) -> Metric:
    """Returns a metric that should have a certain value, or that is only informative.

    Args:
        name: the name of the score.
        aim: the value that it should have, in a few words for a table.
        meaning: what is measured, in one sentence.
    """
    return Metric(name, Direction.NEITHER, aim, meaning)
