"""Coverage of numbered modes, and the classifier that finds them, by other computations."""

import math
from collections import Counter

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from ganjax import evaluation
from ganjax.core import Game, pixels
from ganjax.data import Spec, load, read_all
from ganjax.errors import UsageError
from ganjax.evaluation.modes import KL
from ganjax.modalities import IMAGES
from ganjax.run.evaluator import evaluator


@pytest.fixture(scope="module")
def digits():
    """Images in -1..1 and labels of both splits."""
    splits = (read_all(load(Spec("digits", split=s))) for s in ("train", "test"))
    return [(np.asarray(pixels(part.x)), part.label) for part in splits]


@pytest.fixture(scope="module")
def taught(digits):
    (image, label), (test_image, test_label) = digits
    return evaluation.channel_classifier(image, label, test_image, test_label)


@pytest.fixture(scope="module")
def judged():
    unasked = lambda *args: pytest.fail("scores need no more of a game than decode")
    game = Game(unasked, unasked, unasked, unasked, IMAGES)
    return evaluator(Spec("stacked_digits"), game)


def divergence(numbers, count):
    """KL(shares || uniform) by the definition, a term at a time."""
    shares = [seen / len(numbers) for seen in Counter(numbers).values()]
    return math.fsum(share * math.log(share * count) for share in shares)


@pytest.mark.parametrize("n", [3, 1000, 25_600])
def test_coverage_is_counted_as_by_the_definition(n):
    mode = (1000 * np.random.default_rng(n).beta(0.5, 2, n)).astype(np.int64)
    found = evaluation.mode_coverage(mode, 1000)
    assert found.covered == len(set(mode.tolist()))
    assert found.kl == pytest.approx(divergence(mode.tolist(), 1000), rel=1e-12)


def test_even_coverage_diverges_by_nothing_and_one_mode_by_the_logarithm_of_all():
    even = evaluation.mode_coverage(np.arange(3000) % 1000, 1000)
    assert even == (1000, pytest.approx(0))
    single = evaluation.mode_coverage(np.full(9, 7), 1000)
    assert single == (1, pytest.approx(math.log(1000)))
    with pytest.raises(UsageError, match="at least one"):
        evaluation.mode_coverage(np.zeros(0, np.int64), 1000)


def test_uniform_samples_diverge_by_what_their_number_says():
    rng = np.random.default_rng(0)
    found = [
        evaluation.mode_coverage(rng.integers(0, 1000, 25_600), 1000).kl
        for _ in range(9)
    ]
    assert np.mean(found) == pytest.approx(999 / (2 * 25_600), rel=0.05)


def test_held_out_digits_are_classified_rightly(taught, digits):
    _, (image, label) = digits
    assert taught.accuracy == (taught.predict(image)[:, 0] == label).mean() >= 0.99


def test_the_classifier_is_kernel_ridge_regression(taught, digits):
    (image, label), (other, _) = digits
    flat = lambda x: x.reshape(len(x), -1).astype(np.float64)
    gamma = 1 / (64 * flat(image).var())
    ridge = KernelRidge(alpha=0.01, kernel="rbf", gamma=gamma)
    ridge.fit(flat(image), np.eye(10)[label])
    noise = np.random.default_rng(0).uniform(-1, 1, (500, 8, 8, 1))
    for images in (other, noise):
        want = ridge.predict(flat(images)).argmax(1)
        np.testing.assert_array_equal(taught.predict(images)[:, 0], want)


def test_each_channel_is_classified_by_itself(taught, digits):
    image = digits[1][0][:300]
    stacked = np.concatenate([image[:100], image[100:200], image[200:]], -1)
    alone = taught.predict(image)[:, 0].reshape(3, 100).T
    np.testing.assert_array_equal(taught.predict(stacked), alone)


def test_the_classifier_refuses_other_images(taught):
    with pytest.raises(UsageError, match=r"\(8, 8\), not of \(16, 16\)"):
        taught.predict(np.zeros((2, 16, 16, 3), np.float32))
    with pytest.raises(UsageError, match="NaN"):
        taught.predict(np.full((2, 8, 8, 3), np.nan, np.float32))


@pytest.mark.slow
def test_stacked_digits_are_judged_by_their_modes(judged):
    image, label = load(Spec("stacked_digits", split="test")).read(np.arange(25_600))
    scores = judged.score(np.asarray(pixels(image)))
    assert judged.count == 25_600 and judged.headline == KL
    assert scores["modes"] == 1000 and scores["accuracy"] >= 0.99
    assert scores["kl"] == pytest.approx(divergence(label.tolist(), 1000), abs=2e-3)
    real = judged.real_scores()
    label = load(Spec("stacked_digits")).read(np.arange(25_600)).label
    assert real["modes"] == 1000
    assert real["kl"] == pytest.approx(divergence(label.tolist(), 1000), rel=1e-9)
    assert real.keys() <= scores.keys()


def test_a_generator_that_knows_a_hundred_modes_is_found_out(judged):
    image, label = load(Spec("stacked_digits")).read(np.arange(100_000))
    few = np.flatnonzero(label < 100)[: judged.count]
    scores = judged.score(np.asarray(pixels(image[np.resize(few, judged.count)])))
    assert scores["modes"] == 100 and math.log(10) < scores["kl"] < math.log(10) + 0.1
