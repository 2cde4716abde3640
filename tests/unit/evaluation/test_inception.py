"""The Inception score against torch-fidelity's numbers and probabilities that are plain."""

import inspect

import numpy as np
import pytest

from ganjax import evaluation
from ganjax.errors import UsageError


def probabilities():
    rng = np.random.default_rng(7)
    rng.normal(size=(80, 12)), rng.normal(size=(60, 12))
    p = np.exp(3 * rng.normal(size=(57, 6)))
    return p / p.sum(1, keepdims=True)


def test_the_score_is_that_of_torch_fidelity():
    """0.4.0's, of the logits whose softmax these probabilities are."""
    found = evaluation.inception_score(probabilities())
    assert found == pytest.approx((2.187098615418217, 0.33039402983842997), rel=1e-12)
    in_order = evaluation.inception_score(probabilities(), splits=3, shuffle_seed=None)
    wanted = 2.608477672153685, 0.22364810501778928
    assert in_order == pytest.approx(wanted, rel=1e-12)


def test_sure_and_even_classes_have_a_score_of_their_number():
    even = np.eye(4)[np.arange(40) % 4]
    found = evaluation.inception_score(even, splits=1)
    assert found == pytest.approx((4, 0))
    assert evaluation.inception_score(np.full((40, 4), 0.25)) == pytest.approx((1, 0))
    assert evaluation.inception_score(np.eye(4)[[0] * 40]) == pytest.approx((1, 0))


def test_samples_made_class_by_class_need_another_order():
    by_class = np.eye(5)[np.repeat(np.arange(5), 20)]
    shuffled = evaluation.inception_score(by_class, splits=5)
    kept = evaluation.inception_score(by_class, splits=5, shuffle_seed=None)
    assert shuffled.mean > 4 and kept.mean == pytest.approx(1)


@pytest.mark.parametrize(
    ("p", "says"),
    [
        (np.full((9, 2), 0.5), "10 or more samples"),
        (np.full(20, 0.05), r"not \[20\]"),
        (np.full((20, 2), 0.6), "sum of 1"),
        (np.array([[-0.5, 1.5]] * 20), "positive"),
        (np.full((20, 2), np.nan), "positive"),
    ],
)
def test_what_are_no_probabilities_is_refused(p, says):
    with pytest.raises(UsageError, match=says):
        inspect.unwrap(evaluation.inception_score)(p)
