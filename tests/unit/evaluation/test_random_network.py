"""Features of a random network."""

import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.evaluation.frechet import frechet_distance
from ganjax.evaluation.random_network import random_network


RNG = np.random.default_rng(0)


def images(*shape):
    return np.tanh(RNG.normal(size=shape)).astype(np.float32)


def test_the_seed_sets_the_weights_and_is_in_the_name():
    seen = images(2, 8, 8, 3)
    first, again, other = (random_network(seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.apply(seen), again.apply(seen))
    assert first.name == again.name
    assert first.name.startswith("random-0-") and other.name.startswith("random-1-")
    assert not np.allclose(first.apply(seen), other.apply(seen))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (28, 28), (33, 17)])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_may_have_any_size(size, channels):
    found = random_network(0, (4, 6)).apply(images(3, *size, channels))
    assert found.shape == (3, 10) and found.dtype == np.float32
    assert np.isfinite(found).all()


def test_gray_is_seen_as_rgb():
    gray = images(2, 8, 8, 1)
    features = random_network(0, (4, 6))
    np.testing.assert_array_equal(
        features.apply(gray), features.apply(gray.repeat(3, -1))
    )


def test_the_signal_neither_fades_nor_grows():
    found = random_network(0).apply(images(64, 32, 32, 3))
    sizes = np.sqrt(np.square(found).mean(0))
    means = [part.mean() for part in np.split(sizes, np.cumsum((32, 64, 128)))]
    assert max(means) < 4 * min(means)


def test_blur_moves_the_distance_and_other_images_of_the_kind_do_not():
    smooth = lambda x: (x + np.roll(x, 1, 1) + np.roll(x, 1, 2)) / 3
    features = random_network(0, (8, 16))
    real, more = (features.apply(images(500, 8, 8, 1)) for _ in range(2))
    blurred = features.apply(smooth(images(500, 8, 8, 1)))
    assert frechet_distance(real, blurred) > 10 * frechet_distance(real, more)


def test_wrong_images_and_widths_are_refused():
    features = random_network(0, (4,))
    for wrong in (images(1, 8, 8, 4), images(8, 8, 3), images(0, 8, 8, 3)):
        with pytest.raises(UsageError, match="sees gray and RGB images"):
            features.apply(wrong)
    for widths in ((), (4, 0)):
        with pytest.raises(UsageError, match="widths of 1 or more"):
            random_network(0, widths)
