"""KID, KAD and CMMD against torch-fidelity's numbers, brute force, and plain cases."""

import numpy as np
import pytest

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import distances, kernel


def sets():
    rng = np.random.default_rng(7)
    return rng.normal(size=(80, 12)), 1.2 * rng.normal(size=(60, 12)) + 0.3


def test_kid_is_that_of_torch_fidelity():
    """0.4.0's, of these two sets, with kid_subsets=7 and kid_subset_size=25."""
    found = evaluation.kid(*sets(), subsets=7, subset_size=25)
    assert found.mean == pytest.approx(0.6074964326188687, rel=1e-12)
    assert found.spread == pytest.approx(0.25540925302660894, rel=1e-12)
    other = evaluation.kid(*sets(), subsets=7, subset_size=25, seed=1)
    assert other.mean != pytest.approx(found.mean, rel=1e-3)


def test_kid_of_all_vectors_is_the_kernel_distance():
    real, fake = sets()
    found = evaluation.kid(real[:60], fake, subsets=3, subset_size=60)
    assert found.mean == pytest.approx(evaluation.kernel_distance(real[:60], fake))
    assert found.spread == pytest.approx(0, abs=1e-12)


def gaussian(a, b, sigma):
    square = np.square(a[:, None] - b[None]).sum(-1)
    return np.exp(-square / (2 * sigma**2))


@pytest.mark.parametrize("block", [distances.BLOCK_SIZE, 400])
def test_kad_is_brute_force_with_the_median_distance_as_bandwidth(monkeypatch, block):
    monkeypatch.setattr(distances, "BLOCK_SIZE", block)
    x, y = sets()
    pairs = np.linalg.norm(x[:, None] - x[None], axis=-1)[np.triu_indices(80, 1)]
    for sigma, given in ((np.median(pairs), None), (2.5, 2.5)):
        without_self = lambda k: (k.sum() - len(k)) / (len(k) * (len(k) - 1))
        wanted = without_self(gaussian(x, x, sigma)) + without_self(
            gaussian(y, y, sigma)
        )
        wanted -= 2 * gaussian(x, y, sigma).mean()
        assert evaluation.kad(x, y, given) == pytest.approx(100 * wanted, rel=1e-9)


@pytest.mark.parametrize("block", [distances.BLOCK_SIZE, 400])
def test_cmmd_is_brute_force_with_the_diagonal(monkeypatch, block):
    monkeypatch.setattr(distances, "BLOCK_SIZE", block)
    x, y = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in sets())
    k = lambda a, b: gaussian(a, b, 10.0).mean()
    wanted = 1000 * (k(x, x) + k(y, y) - 2 * k(x, y))
    assert evaluation.cmmd(x, y) == pytest.approx(wanted, rel=1e-6)
    assert evaluation.cmmd(x, x) == pytest.approx(0, abs=1e-12)


def test_kad_does_not_depend_on_the_unit_and_cmmd_does():
    x, y = sets()
    assert evaluation.kad(7 * x, 7 * y) == pytest.approx(evaluation.kad(x, y))
    assert evaluation.cmmd(7 * x, 7 * y) > 2 * evaluation.cmmd(x, y)


def test_distances_grow_with_the_shift_of_the_samples():
    real = np.random.default_rng(0).normal(size=(150, 6))
    fresh = np.random.default_rng(1).normal(size=(150, 6))
    scores = evaluation.kernel_distance, evaluation.kad, evaluation.cmmd
    for score in scores:
        near, far, farther = (score(real, fresh + shift) for shift in (0, 0.5, 1.0))
        assert abs(near) < far < farther


def test_the_median_of_a_large_set_is_that_of_some(monkeypatch):
    monkeypatch.setattr(kernel, "MEDIAN_SAMPLES", 300)
    rows = np.random.default_rng(0).normal(size=(900, 3))
    # Of two standard normal vectors of three features, the median of chi times root 2.
    assert kernel.median_distance(rows) == pytest.approx(1.538 * 2**0.5, rel=0.05)


@pytest.mark.parametrize(
    ("score", "says"),
    [
        (lambda x, y: evaluation.kid(x, y, subset_size=61), "60 generated .* give 61"),
        (lambda x, y: evaluation.kid(x, y, subsets=0, subset_size=9), "one subset"),
        (lambda x, y: evaluation.kad(x[:, :5], y), "width 5 and 12"),
        (lambda x, y: evaluation.kad(0 * x, y), "must be positive"),
        (lambda x, y: evaluation.cmmd(x, y, sigma=-1.0), "must be positive"),
        (lambda x, y: evaluation.cmmd(x, y / 0), "NaN or infinity"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_has_no_kernel_distance_is_refused(score, says):
    with pytest.raises(UsageError, match=says):
        score(*sets())
