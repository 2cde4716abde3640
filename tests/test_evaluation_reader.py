"""Counting numbered modes, and the reader that names them, against other computations."""

import math
from collections import Counter

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from ganjax import evaluation
from ganjax.data import Spec, load, whole
from ganjax.errors import Mistake
from ganjax.gan import Game, pixels
from ganjax.run.judge import judge


@pytest.fixture(scope="module")
def digits():
    """Images in -1..1 and labels of both splits."""
    splits = (whole(load(Spec("digits", split=s))) for s in ("train", "test"))
    return [(np.asarray(pixels(part.image)), part.label) for part in splits]


@pytest.fixture(scope="module")
def taught(digits):
    (image, label), (test_image, test_label) = digits
    return evaluation.reader(image, label, test_image, test_label)


@pytest.fixture(scope="module")
def judged():
    unasked = lambda *args: pytest.fail("scores need no more of a game than decode")
    return judge(Spec("stacked_digits"), Game(unasked, unasked, unasked, pixels))


def divergence(numbers, count):
    """KL(shares || uniform) by the definition, a term at a time."""
    shares = [seen / len(numbers) for seen in Counter(numbers).values()]
    return math.fsum(share * math.log(share * count) for share in shares)


@pytest.mark.parametrize("n", [3, 1000, 25_600])
def test_the_spread_is_counted_as_by_the_definition(n):
    mode = (1000 * np.random.default_rng(n).beta(0.5, 2, n)).astype(np.int64)
    found = evaluation.spread(mode, 1000)
    assert found.covered == len(set(mode.tolist()))
    assert found.kl == pytest.approx(divergence(mode.tolist(), 1000), rel=1e-12)


def test_an_even_spread_diverges_by_nothing_and_one_mode_by_the_logarithm_of_all():
    assert evaluation.spread(np.arange(3000) % 1000, 1000) == (1000, pytest.approx(0))
    assert evaluation.spread(np.full(9, 7), 1000) == (1, pytest.approx(math.log(1000)))
    with pytest.raises(Mistake, match="at least one"):
        evaluation.spread(np.zeros(0, np.int64), 1000)


def test_uniform_samples_diverge_by_what_their_number_says():
    rng = np.random.default_rng(0)
    found = [
        evaluation.spread(rng.integers(0, 1000, 25_600), 1000).kl for _ in range(9)
    ]
    assert np.mean(found) == pytest.approx(999 / (2 * 25_600), rel=0.05)


def test_held_out_digits_are_read_rightly(taught, digits):
    _, (image, label) = digits
    assert taught.accuracy == (taught.read(image)[:, 0] == label).mean() >= 0.99


def test_the_reader_is_kernel_ridge_regression(taught, digits):
    (image, label), (other, _) = digits
    flat = lambda x: x.reshape(len(x), -1).astype(np.float64)
    gamma = 1 / (64 * flat(image).var())
    ridge = KernelRidge(alpha=0.01, kernel="rbf", gamma=gamma)
    ridge.fit(flat(image), np.eye(10)[label])
    noise = np.random.default_rng(0).uniform(-1, 1, (500, 8, 8, 1))
    for images in (other, noise):
        want = ridge.predict(flat(images)).argmax(1)
        np.testing.assert_array_equal(taught.read(images)[:, 0], want)


def test_each_channel_is_read_by_itself(taught, digits):
    image = digits[1][0][:300]
    stacked = np.concatenate([image[:100], image[100:200], image[200:]], -1)
    alone = taught.read(image)[:, 0].reshape(3, 100).T
    np.testing.assert_array_equal(taught.read(stacked), alone)


def test_the_reader_refuses_what_it_cannot_read(taught):
    with pytest.raises(Mistake, match=r"\(8, 8\) pixels, not \(16, 16\)"):
        taught.read(np.zeros((2, 16, 16, 3), np.float32))
    with pytest.raises(Mistake, match="NaN"):
        taught.read(np.full((2, 8, 8, 3), np.nan, np.float32))


def test_stacked_digits_are_judged_by_their_modes(judged):
    image, label = load(Spec("stacked_digits", split="test")).read(np.arange(25_600))
    scores = judged.score(np.asarray(pixels(image)))
    assert judged.count == 25_600 and scores[judged.headline] == scores["kl"]
    assert scores["modes"] == 1000 and scores["accuracy"] >= 0.99
    assert scores["kl"] == pytest.approx(divergence(label.tolist(), 1000), abs=2e-3)
    real = judged.real()
    label = load(Spec("stacked_digits")).read(np.arange(25_600)).label
    assert real["real/modes"] == 1000
    assert real["real/kl"] == pytest.approx(divergence(label.tolist(), 1000), rel=1e-9)
    assert real.keys() <= {f"real/{name}" for name in scores}


def test_a_generator_that_knows_a_hundred_modes_is_found_out(judged):
    image, label = load(Spec("stacked_digits")).read(np.arange(100_000))
    few = np.flatnonzero(label < 100)[: judged.count]
    scores = judged.score(np.asarray(pixels(image[np.resize(few, judged.count)])))
    assert scores["modes"] == 100 and math.log(10) < scores["kl"] < math.log(10) + 0.1
