"""Scores of tables: what independent columns pass, and what they do not."""

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from ganjax.errors import UsageError
from ganjax.evaluation.columns import column_shapes, mutual_information, pair_trends
from ganjax.evaluation.detection import boosted_detection, logistic_detection
from ganjax.evaluation.efficacy import efficacy


N = 900
CATEGORIES = (0, 0, 3)


def rows(seed, n=N):
    """Two numbers on a ring, of which only the signs of both say the category."""
    rng = np.random.default_rng(seed)
    angle, size = rng.uniform(0, 2 * np.pi, n), rng.normal(1, 0.05, n)
    x, y = size * np.cos(angle), size * np.sin(angle)
    return np.stack([x, y, np.where(x * y > 0, 2.0, rng.integers(0, 2, n))], axis=1)


def independent(seed):
    """The same columns, each drawn by itself."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(x) for x in rows(seed).T], axis=1)


REAL, FRESH, APART = rows(0), rows(1), independent(2)


def test_independent_columns_have_the_right_shapes_and_fool_a_linear_model():
    assert column_shapes(REAL, APART, CATEGORIES) > 0.95
    assert logistic_detection(REAL, APART, CATEGORIES) < 0.55


def test_boosted_trees_tell_independent_columns_apart_and_not_fresh_rows():
    assert boosted_detection(REAL, APART, CATEGORIES) > 0.85
    assert abs(boosted_detection(REAL, FRESH, CATEGORIES) - 0.5) < 0.06


def test_pairs_of_columns_show_dependence():
    linear = REAL.copy()
    linear[:, 1] = linear[:, 0]
    rng = np.random.default_rng(3)
    apart = np.stack([rng.permutation(x) for x in linear.T], axis=1)
    near, far = (pair_trends(linear, x, CATEGORIES) for x in (linear, apart))
    assert near == 1 and far < 0.85


def test_shapes_are_one_minus_the_kolmogorov_smirnov_and_total_variation_distances():
    real = np.array([[0.0, 0], [1, 0], [2, 1], [3, 1]])
    fake = np.array([[0.0, 0], [0, 0], [0, 0], [3, 1]])
    # After 0 the distribution functions are 1/4 and 3/4; of the categories, 1/4 differ.
    np.testing.assert_allclose(column_shapes(real, fake, (0, 2)), (0.5 + 0.75) / 2)


def drawn(seed):
    """Two numbers and two categories, of which some depend on each other."""
    rng = np.random.default_rng(seed)
    a = rng.normal(seed * 0.1, 1, 200)
    b = a * (1 - 0.2 * seed) + rng.normal(0, 1, 200)
    c = rng.integers(0, 3, 200)
    return np.stack([a, b, c, a > rng.normal(0, 1 + seed, 200)], axis=1)


def test_shapes_and_pairs_are_those_of_sdmetrics():
    """Column Shapes, CorrelationSimilarity and ContingencySimilarity of version 0.32."""
    real, fake, categories = drawn(0), drawn(1), np.array([0, 0, 3, 2])
    np.testing.assert_allclose(column_shapes(real, fake, (0, 0, 3, 2)), 0.93625)
    theirs = {(0, 1): 0.998582, (0, 3): 0.81, (1, 3): 0.84, (2, 3): 0.875}
    for (i, j), score in theirs.items():
        columns = [i, j]
        kinds = tuple(categories[columns].tolist())
        found = pair_trends(real[:, columns], fake[:, columns], kinds)
        np.testing.assert_allclose(found, score, atol=1e-6)


def test_dependence_is_kept_by_fresh_rows_and_lost_by_independent_columns():
    kept, lost = (mutual_information(REAL, x, CATEGORIES) for x in (FRESH, APART))
    assert kept > 0.95 and lost < 0.85
    assert mutual_information(REAL, REAL, CATEGORIES) == 1


def test_dependence_is_the_weighted_difference_of_normalized_mutual_information():
    """Against scikit-learn's, whose default is over the mean of both entropies."""
    real, fake, categories = drawn(0), drawn(1), (0, 0, 3, 2)
    ends = [np.linspace(x.min(), x.max(), 11)[1:-1] for x in real.T[:2]]

    def information(rows):
        numbers = [np.digitize(x, end) for x, end in zip(rows.T, ends, strict=False)]
        columns = [*numbers, *rows.T[2:].astype(int)]
        pairs = [(i, j) for j in range(4) for i in range(j)]
        return np.array(
            [normalized_mutual_info_score(columns[i], columns[j]) for i, j in pairs]
        )

    a, b = information(real), information(fake)
    wanted = 1 - ((a + b) * np.abs(a - b)).sum() / (a + b).sum()
    found = mutual_information(real, fake, categories)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert wanted < 0.98, "so that the test can fail"


def test_one_pair_that_depends_is_not_hidden_by_many_that_do_not():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 3, (600, 6))
    real = np.concatenate([noise, noise[:, :1]], axis=1).astype(float)
    fake = np.concatenate([noise, rng.permutation(noise[:, :1])], 1).astype(float)
    categories = (3,) * 7
    assert pair_trends(real, fake, categories) > 0.9
    assert mutual_information(real, fake, categories) < 0.2


def test_tables_in_which_nothing_depends_are_alike():
    one = np.arange(9.0)[:, None]
    constant = np.ones((9, 2))
    assert mutual_information(one, one, (0,)) == 1
    assert mutual_information(constant, constant, (2, 2)) == 1


def test_the_share_of_missing_numbers_counts_as_a_difference():
    real, fake = np.zeros((10, 1)), np.zeros((10, 1))
    fake[:4] = np.nan
    np.testing.assert_allclose(column_shapes(real, fake, (0,)), 0.6)


def test_a_pair_of_categories_is_compared_by_its_joint_distribution():
    real = np.array([[0.0, 0], [0, 0], [1, 1], [1, 1]])
    fake = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    np.testing.assert_allclose(pair_trends(real, fake, (2, 2)), 0.5)


def test_scores_bear_missing_and_constant_numbers():
    real, fake = rows(4, 60), rows(5, 60)
    real[::3, 0] = fake[::4, 0] = np.nan
    real[:, 1] = fake[:, 1] = 1.0
    scores = column_shapes, pair_trends, mutual_information
    for score in (*scores, boosted_detection, logistic_detection):
        assert np.isfinite(score(real, fake, CATEGORIES))


def test_rows_teach_what_they_know():
    """Only real rows show on which signs the category depends."""
    train, test = rows(6), rows(7)
    assert efficacy(train, test, CATEGORIES, 2) > 0.7
    assert efficacy(APART, test, CATEGORIES, 2) < 0.6
    line = np.stack([train[:, 0], 3 * train[:, 0]], axis=1)
    assert efficacy(line[::2], line[1::2], (0, 0), 1) > 0.98


def test_one_value_alone_teaches_to_predict_that():
    train, test = rows(8), rows(9)
    train[:, 2] = 2
    share = (test[:, 2] == 2).mean()
    np.testing.assert_allclose(efficacy(train, test, CATEGORIES, 2), share)


def test_columns_of_more_categories_than_trees_take_are_scored():
    rng = np.random.default_rng(10)
    real, fake = rng.integers(0, 400, (2, 300, 2)).astype(float)
    assert 0.3 < boosted_detection(real, fake, (400, 400)) < 0.7


def test_fewer_rows_than_folds_are_a_sentence():
    with pytest.raises(UsageError, match="too few to tell apart"):
        boosted_detection(REAL[:2], FRESH, CATEGORIES)
