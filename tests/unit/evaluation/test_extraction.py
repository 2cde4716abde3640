from functools import partial

import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.evaluation.extraction import FEATURES, extract
from ganjax.evaluation.features import Features, pixels
from ganjax.store import cache


def images(n, seed=0, side=lambda i: 4 + i % 3):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (side(i), 5, 3), dtype=np.uint8) for i in range(n)]


def parted(given, size=4):
    some = [given[i : i + size] for i in range(0, len(given), size)]
    return [partial(list, part) for part in some]


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """Features of means, and how many images they were computed of."""
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path / "cache"))
    seen = []

    def apply(x):
        seen.append(len(x))
        return x.mean((1, 2))

    return Features(
        "means", apply, lambda rows: rows / rows.sum(1, keepdims=True)
    ), seen


def test_images_of_several_sizes_keep_their_order(counted):
    features, _ = counted
    given = images(10)
    found = extract(features, parted(given), 10, name="a")
    wanted = [image.astype(np.float64).mean((0, 1)) / 127.5 - 1 for image in given]
    read = found.rows.read(slice(None), slice(None))
    np.testing.assert_allclose(read, wanted, atol=1e-6)
    assert found.probabilities.length == 10


def test_what_was_computed_is_kept_and_an_interrupted_set_goes_on(counted):
    features, seen = counted
    given = images(10)

    def cut():
        yield from parted(given)[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(features, cut(), 10, name="a")
    assert sum(seen) == 8
    whole = extract(features, parted(given), 10, name="a")
    assert sum(seen) == 10
    again = extract(features, parted(given), 10, name="a")
    assert sum(seen) == 10 and again.digest == whole.digest
    np.testing.assert_array_equal(
        whole.rows.read(slice(None), slice(None)),
        again.rows.read(slice(None), slice(None)),
    )
    extract(features, parted(given), 10, name="a", keep=False)
    assert sum(seen) == 20


def test_one_other_pixel_is_another_set_and_other_features_are_not_mixed_up(counted):
    features, seen = counted
    given = images(4)
    first = extract(features, parted(given), 4, name="a").digest
    given[2] = given[2].copy()
    given[2][0, 0, 0] ^= 1
    assert extract(features, parted(given), 4, name="a").digest != first
    assert sum(seen) == 8
    extract(features._replace(name="other"), parted(given), 4, name="a")
    assert sum(seen) == 12


def test_a_damaged_file_of_the_cache_is_made_again(counted):
    features, seen = counted
    given = parted(images(4))
    wanted = extract(features, given, 4, name="a").rows.read(slice(None), slice(None))
    (path,) = (cache.folder() / FEATURES / "means").iterdir()
    path.write_bytes(path.read_bytes()[:50])
    with pytest.warns(UserWarning, match="damaged"):
        found = extract(features, given, 4, name="a")
    np.testing.assert_array_equal(found.rows.read(slice(None), slice(None)), wanted)
    assert sum(seen) == 8


def test_features_that_need_one_size_say_so():
    given = parted(images(6))
    with pytest.raises(UsageError, match=r"different sizes, .* give --size"):
        extract(pixels(), given, 6, name="a", keep=False)
    by_part = parted(images(8, side=lambda i: 4 + i // 4))  # one size within each part
    with pytest.raises(UsageError, match=r"different sizes, .* give --size"):
        extract(pixels(), by_part, 8, name="a", keep=False)
