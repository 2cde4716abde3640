"""How samples reach an evaluator, what it says of its scores, and one more metric."""

import json

import numpy as np
import pytest

from ganjax.evaluation.channels import ACCURACY
from ganjax.evaluation.copying import COPIES_CLOSE, COPIES_RATIO
from ganjax.evaluation.evaluator import (
    Evaluator,
    evaluation_json,
    in_memory_scoring,
    metric_from_json,
    no_scores,
    with_metric,
)
from ganjax.evaluation.frechet import FRECHET
from ganjax.evaluation.metric import (
    Direction,
    Metric,
    higher_is_better,
    lower_is_better,
    neither_is_better,
)
from ganjax.evaluation.modes import KL, MODES, QUALITY
from ganjax.evaluation.prdc import METRICS


LOW = lower_is_better("low", "Falls.")
HIGH = higher_is_better("high", "Rises.")
FLAT = neither_is_better("flat", "about 1", "Stays.")


def told(samples):
    """Scores that tell of how many samples there were, and of the first and the last."""
    return {"low": float(len(samples)), "flat": float(samples[0, 0] - samples[-1, 0])}


JUDGE = Evaluator(
    6, in_memory_scoring(told), (LOW, FLAT), LOW, lambda: {"low": 0.5}, "much", (2,)
)
SAMPLES = np.arange(12.0).reshape(6, 2)


def test_samples_are_scored_all_at_once_however_they_come():
    wanted = {"low": 6.0, "flat": -10.0}
    assert JUDGE.score(SAMPLES) == wanted
    assert JUDGE.score(iter([SAMPLES[:1], SAMPLES[1:5], SAMPLES[5:]])) == wanted
    first, second = JUDGE.begin(), JUDGE.begin()
    first.add(SAMPLES)
    second.add(SAMPLES[:2])
    assert second.scores() == {"low": 2.0, "flat": -2.0}
    assert first.scores() == wanted


def test_one_more_metric_is_scored_beside_the_others():
    mean = lambda samples: float(samples.mean())
    more = with_metric(JUDGE, HIGH, mean)
    assert more.metrics == (LOW, FLAT, HIGH) and more.headline == LOW
    assert (more.count, more.reference, more.shape) == (6, "much", (2,))
    scores = more.score([SAMPLES[:2], SAMPLES[2:]])
    assert list(scores.items()) == [("low", 6.0), ("flat", -10.0), ("high", 5.5)]
    assert more.real_scores() == {"low": 0.5}
    known = with_metric(JUDGE, HIGH, mean, SAMPLES[:1])
    assert known.real_scores() == {"low": 0.5, "high": 0.5}
    assert JUDGE.score(SAMPLES).keys() == {"low", "flat"}


def test_too_few_examples_have_no_scores():
    none = no_scores(7)
    assert none.count == 0 and none.metrics == () and none.headline is None
    assert none.reference == "7 examples: too few"
    assert none.score(SAMPLES) == none.real_scores() == {}
    assert json.loads(evaluation_json(none)) == {
        "reference": "7 examples: too few",
        "headline": None,
        "metrics": {},
    }


def test_a_run_keeps_what_its_scores_mean():
    text = evaluation_json(with_metric(JUDGE, HIGH, lambda samples: 0.0))
    assert text.endswith("}\n")
    kept = json.loads(text)
    assert kept["reference"] == "much" and kept["headline"] == "low"
    assert kept["metrics"] == {
        "low": {
            "direction": "lower",
            "aim": "lower is better",
            "meaning": "Falls.",
            "real": 0.5,
        },
        "flat": {
            "direction": "neither",
            "aim": "about 1",
            "meaning": "Stays.",
            "real": None,
        },
        "high": {
            "direction": "higher",
            "aim": "higher is better",
            "meaning": "Rises.",
            "real": None,
        },
    }
    assert list(kept["metrics"]) == ["low", "flat", "high"]
    for metric in (LOW, FLAT, HIGH):
        assert metric_from_json(metric.name, kept["metrics"][metric.name]) == metric


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({}, (Direction.NEITHER, "", "")),
        ({"direction": "sideways", "aim": 3}, (Direction.NEITHER, "3", "")),
        ({"direction": None, "meaning": "M."}, (Direction.NEITHER, "", "M.")),
        ({"direction": "HIGHER", "aim": "up"}, (Direction.HIGHER, "up", "")),
        ({"direction": "lower"}, (Direction.LOWER, "", "")),
    ],
)
def test_of_an_edited_file_whatever_is_left_is_understood(entry, wanted):
    assert metric_from_json("x", entry) == Metric("x", *wanted)


def test_a_metric_turns_its_scores_so_that_lower_is_better():
    scores = [[1.0, -2.0], [3.0, 0.5]]
    np.testing.assert_array_equal(LOW.to_minimize(scores), scores)
    np.testing.assert_array_equal(HIGH.to_minimize(scores), [[-1, 2], [-3, -0.5]])
    assert HIGH.to_minimize(2.5).shape == () and HIGH.to_minimize(2.5) == -2.5
    with pytest.raises(ValueError, match="flat"):
        FLAT.to_minimize(scores)


def test_a_metric_on_features_is_the_same_under_their_name():
    assert HIGH.on("pixels") == HIGH._replace(name="high/pixels")


def test_it_is_known_which_way_each_score_is_better():
    known = [FRECHET, *METRICS, COPIES_RATIO, COPIES_CLOSE]
    known += [MODES, QUALITY, KL, ACCURACY]
    assert {metric.name: metric.direction.name for metric in known} == {
        "frechet": "LOWER",
        "precision": "HIGHER",
        "recall": "HIGHER",
        "density": "NEITHER",
        "coverage": "HIGHER",
        "copies/ratio": "NEITHER",
        "copies/close": "NEITHER",
        "modes": "HIGHER",
        "quality": "HIGHER",
        "kl": "LOWER",
        "accuracy": "NEITHER",
    }
    aims = {"LOWER": "lower is better", "HIGHER": "higher is better"}
    for metric in known:
        assert metric.aim == aims.get(metric.direction.name, metric.aim)
        assert metric.meaning.endswith(".")
