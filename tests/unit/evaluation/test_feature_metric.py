"""What metrics of features ask of two sets before they are computed."""

import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.evaluation import FeatureSet
from ganjax.evaluation.distances import as_rows
from ganjax.evaluation.feature_metric import (
    has_at_least,
    has_training_set,
    length,
    read_matrix,
    training_rows,
)


ARRAY = np.arange(6.0).reshape(3, 2)
ROWS = as_rows(ARRAY, "real")


def test_arrays_and_rows_are_read_alike():
    assert length(ARRAY) == length(ROWS) == 3
    np.testing.assert_array_equal(read_matrix(ROWS), read_matrix(ARRAY))


def test_both_sets_need_enough_vectors():
    few, many = FeatureSet(ARRAY[:2]), FeatureSet(ROWS)
    assert has_at_least(3)(many, many) and has_at_least(2)(few, many)
    assert not has_at_least(3)(few, many) and not has_at_least(3)(many, few)


def test_only_real_images_have_a_training_set():
    with_train, without = FeatureSet(ROWS, train=ARRAY), FeatureSet(ROWS)
    assert has_training_set(with_train, without)
    assert not has_training_set(without, with_train)
    assert training_rows(with_train) is ARRAY
    with pytest.raises(UsageError, match="needs the training set"):
        training_rows(without)
