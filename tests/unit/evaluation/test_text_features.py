import numpy as np
import pytest

from ganjax.evaluation import frechet_distance
from ganjax.evaluation.text_features import embedding_features, ngram_features


RNG = np.random.default_rng(0)
TOKENS = 30


def rows(count, seed):
    """Texts in which a number follows one that is not much smaller."""
    rng = np.random.default_rng(seed)
    return [
        ((rng.integers(1, TOKENS) + rng.integers(0, 4, 8).cumsum()) % TOKENS).tolist()
        for _ in range(count)
    ]


TRAIN = rows(400, 0)
NGRAM = ngram_features(TRAIN, 8)
EMBEDDING = embedding_features(TRAIN, TOKENS, 8)


@pytest.mark.parametrize("features", [NGRAM, EMBEDDING])
def test_texts_of_the_same_kind_are_closer_than_others(features):
    real, same, noise = rows(300, 1), rows(300, 2), RNG.integers(0, TOKENS, (300, 8))
    found = features(real)
    assert found.shape == (300, 8) and np.isfinite(found).all()
    near = frechet_distance(found, features(same))
    assert frechet_distance(found, features(noise.tolist())) > 5 * near
    np.testing.assert_array_equal(found, features(real))


def test_n_grams_see_the_order_of_tokens_and_vectors_do_not():
    real = rows(300, 1)
    turned = [row[::-1] for row in real]
    near = frechet_distance(NGRAM(real), NGRAM(rows(300, 2)))
    assert frechet_distance(NGRAM(real), NGRAM(turned)) > 2 * near
    np.testing.assert_allclose(EMBEDDING(turned), EMBEDDING(real), atol=1e-12)


def test_tokens_that_occur_beside_the_same_ones_have_like_vectors():
    # Each of 1 and 2 is beside 3, and each of 4 and 5 beside 6.
    train = [[1, 3, 1], [2, 3, 2], [1, 3, 2], [4, 6, 4], [5, 6, 5], [4, 6, 5]] * 5
    vectors = embedding_features(train, 7, 4)([[i] for i in range(1, 7)])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = unit @ unit.T
    assert alike[0, 1] > 0.9 and alike[3, 4] > 0.9
    assert abs(alike[0, 3]) < 0.1 and abs(alike[1, 4]) < 0.1


def test_the_product_of_vectors_is_the_positive_mutual_information():
    """All of it, where there are as many features as tokens, computed again by counting."""
    train, size = [[1, 2, 3], [2, 1], [3, 3, 1, 2]], 4
    joint = np.zeros((size, size))
    for row in train:
        for i, a in enumerate(row):
            for j, b in enumerate(row):
                joint[a, b] += 0 < abs(i - j) <= 2
    share = joint / joint.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log(share / (share.sum(1)[:, None] * share.sum(0)[None]))
    wanted = np.maximum(np.where(share > 0, information, 0), 0)
    # The features are U sqrt(S), so that V is the only part which is not known.
    vectors = embedding_features(train, size, size)([[i] for i in range(size)])
    left = np.linalg.svd(wanted)
    rank = vectors.shape[1]
    squares = (vectors**2).sum(0)
    np.testing.assert_allclose(np.sort(squares)[::-1], left[1][:rank], atol=1e-9)


def test_an_empty_text_has_features():
    assert np.isfinite(NGRAM([[]])).all() and not EMBEDDING([[]]).any()
