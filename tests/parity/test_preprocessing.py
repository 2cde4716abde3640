"""Preprocessing against the programs that it follows, on images of mixed sizes.

The fixture is written by `tools/fixtures_preprocessing.py`.
"""

from hashlib import sha256

import numpy as np
import pytest
from PIL.Image import Resampling
from weights import MIXED_SIZES, mixed_images

from ganjax.evaluation import preprocessing
from tests.helpers.processes import FIXTURES


EVERY = 37  # rows and columns of results in floats that the fixture holds
FILTERS = ("nearest", "box", "bilinear", "bicubic", "lanczos")
IMAGES = list(mixed_images(len(MIXED_SIZES)))
SIZES = [f"{h}x{w}x{c}" for h, w, c in MIXED_SIZES]
# The largest difference in 0..255. Programs that compute in float32 round places, too.
FLOATS = {
    "tf1-bilinear": (preprocessing.tf1_bilinear(), 1e-4),
    "affine-grid": (preprocessing.affine_grid(), 1e-4),
    # The program's images are in 0..1, where it is 1e-5.
    "pytorch-bilinear": (preprocessing.pytorch_bilinear(), 1e-5 * 255),
    "pytorch-bicubic": (preprocessing.pytorch_bicubic(), 3e-5 * 255),
    "dgm-eval": (preprocessing.pil(224), 0),
    **{
        f"clean-{name}": (preprocessing.clean(resample=Resampling[name.upper()]), 0)
        for name in FILTERS
    },
}


@pytest.fixture(scope="module")
def wanted():
    with np.load(FIXTURES / "preprocessing.npz") as file:
        return dict(file)


@pytest.mark.parametrize("i", range(len(SIZES)), ids=SIZES)
@pytest.mark.parametrize("name", FLOATS)
def test_results_in_floats_are_the_programs(wanted, name, i):
    value, tolerance = FLOATS[name]
    found = value.apply(IMAGES[i][None])
    assert found.shape == (1, value.size, value.size, 3) and found.dtype == np.float32
    difference = np.abs(found[0, ::EVERY, ::EVERY] - wanted[f"{name}/{i}"]).max()
    assert difference <= tolerance


@pytest.mark.parametrize("i", range(len(SIZES)), ids=SIZES)
@pytest.mark.parametrize("name", FILTERS)
def test_results_in_whole_numbers_are_the_programs(wanted, name, i):
    value = preprocessing.pil(299, Resampling[name.upper()])
    found = value.apply(IMAGES[i][None])[0]
    whole = found.astype(np.uint8)
    np.testing.assert_array_equal(whole, found)
    assert sha256(whole).hexdigest() == str(wanted[f"pil-{name}/{i}"])
