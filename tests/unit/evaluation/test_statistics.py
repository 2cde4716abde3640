import pickle

import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.evaluation.distances import as_rows
from ganjax.evaluation.protocol import Protocol
from ganjax.evaluation.statistics import (
    holds_statistics,
    read_statistics,
    statistics_of,
    write_statistics,
)


ROWS = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
PROTOCOL = Protocol("inception-a", "real/", "a" * 64, 40, 40)


def test_statistics_are_those_of_numpy_and_return_from_their_file(tmp_path):
    found = statistics_of(as_rows(ROWS, "real"), PROTOCOL)
    np.testing.assert_allclose(found.mean, ROWS.mean(0, dtype=np.float64), atol=1e-12)
    np.testing.assert_allclose(
        found.covariance, np.cov(ROWS.astype(np.float64).T), atol=1e-12
    )
    path = tmp_path / "deep" / "real.npz"
    write_statistics(path, found)
    assert holds_statistics(str(path))
    read = read_statistics(str(path))
    np.testing.assert_array_equal(read.covariance, found.covariance)
    assert read.protocol == PROTOCOL and read.digest() == found.digest()


def test_another_programs_file_has_no_protocol(tmp_path):
    path = tmp_path / "fid-refs.npz"
    np.savez(path, mu=ROWS.mean(0), sigma=np.cov(ROWS.T), mu_s=ROWS.mean(0))
    assert holds_statistics(str(path))
    assert read_statistics(str(path)).protocol is None


def test_images_and_missing_files_are_no_statistics(tmp_path):
    np.savez(tmp_path / "images.npz", arr_0=np.zeros((2, 4, 4, 3), np.uint8))
    assert not holds_statistics(str(tmp_path / "images.npz"))
    assert not holds_statistics(str(tmp_path / "none.npz"))
    assert not holds_statistics(str(tmp_path))


def test_a_pickle_is_refused_with_the_way_to_convert_it_and_not_opened(tmp_path):
    path = tmp_path / "cifar10.pkl"
    path.write_bytes(pickle.dumps({"mu": 0}))
    with pytest.raises(UsageError, match=r"can run code .* np\.savez"):
        holds_statistics(str(path))


@pytest.mark.parametrize(
    ("mean", "covariance"),
    [
        (np.zeros((2, 2)), np.eye(2)),
        (np.zeros(2), np.eye(3)),
        (np.zeros(2), np.array([[1, np.nan], [0, 1]])),
        (np.array([np.inf, 0]), np.eye(2)),
    ],
)
def test_arrays_that_are_no_gaussian_are_refused(mean, covariance, tmp_path):
    np.savez(tmp_path / "a.npz", mu=mean, sigma=covariance)
    with pytest.raises(UsageError, match="holds no mean"):
        read_statistics(str(tmp_path / "a.npz"))
    np.savez(tmp_path / "b.npz", mu=np.array([None]), sigma=np.eye(1))
    with pytest.raises(UsageError, match="cannot be read as statistics"):
        read_statistics(str(tmp_path / "b.npz"))
