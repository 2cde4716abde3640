"""Features of a network of one's own: batches, names, and what it is given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.evaluation.feature_network import feature_network, in_batches
from ganjax.evaluation.features import extract_features
from ganjax.evaluation.preprocessing import (
    IMAGENET,
    SYMMETRIC,
    TENSORFLOW,
    pil,
    tf1_bilinear,
)


RNG = np.random.default_rng(0)
WEIGHTS = {"kernel": np.float32(RNG.normal(size=(27, 5)))}


def dense(weights, x):
    return x.reshape(len(x), -1) @ weights["kernel"]


def images(*shape):
    return np.float32(RNG.integers(0, 256, shape)) / 127.5 - 1


def test_images_are_resized_normalized_and_seen():
    features = feature_network("dense", dense, WEIGHTS, pil(3), IMAGENET)
    seen = images(4, 6, 5, 3)
    resized = pil(3).apply(np.rint((seen + 1) * 127.5).astype(np.uint8))
    x = (resized - np.float32(IMAGENET.mean)) / np.float32(IMAGENET.deviation)
    found = extract_features(features, seen)
    np.testing.assert_allclose(found, dense(WEIGHTS, x), rtol=1e-4, atol=1e-4)
    assert found.dtype == np.float32


@pytest.mark.parametrize("count", [1, 3, 4, 5, 11])
def test_batches_change_nothing(count):
    seen = images(count, 3, 3, 3)
    found = [
        feature_network("dense", dense, WEIGHTS, pil(3), SYMMETRIC, batch=batch).apply(
            seen
        )
        for batch in (4, 64)
    ]
    assert found[0].shape == (count, 5)
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-5)


def only(monkeypatch, count):
    """The process has that many devices."""
    devices = jax.local_devices()[:count]
    monkeypatch.setattr(jax, "local_devices", lambda: devices)


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_devices_divide_a_batch_and_find_the_same(devices, monkeypatch):
    seen = images(21, 6, 5, 3)
    features = feature_network("dense", dense, WEIGHTS, pil(3), IMAGENET, batch=4)
    with monkeypatch.context() as patch:
        only(patch, 1)
        alone = extract_features(features, seen)
    only(monkeypatch, devices)
    placed = []

    def compute(x):
        placed.append(len(getattr(x, "devices", lambda: "1")()))
        return jnp.asarray(x)

    # Of the largest feature, as the smallest are differences of larger numbers.
    divided = extract_features(features, seen)
    np.testing.assert_allclose(divided, alone, rtol=0, atol=1e-6 * abs(alone).max())
    in_batches(lambda x: x, compute, np.zeros((9, 2), np.float32), batch=4)
    assert set(placed) == {devices}


def test_few_numbers_of_images_are_compiled_for(monkeypatch):
    only(monkeypatch, 1)
    sizes = []

    @jax.jit
    def compute(x):
        sizes.append(len(x))
        return x

    for count in range(1, 20):
        rows = np.float32(RNG.normal(size=(count, 2)))
        found = in_batches(lambda x: x, compute, rows, batch=8)
        np.testing.assert_array_equal(found, rows)
    assert sorted(sizes) == [1, 2, 4, 8]


def test_products_are_of_float32_on_every_device():
    precisions = []

    def compute(x):
        precisions.append(jax.config.jax_default_matmul_precision)
        return jnp.asarray(x)

    in_batches(lambda x: x, compute, np.zeros((1, 2), np.float32))
    assert precisions == ["float32"]


def test_the_name_has_the_preprocessing_and_tells_all_that_matters_apart():
    name = lambda *args: feature_network("dense", dense, *args).name
    first = name(WEIGHTS, pil(3), SYMMETRIC)
    assert first.startswith("dense-pil-bicubic-") and len(first) == 26
    assert first == name({"kernel": WEIGHTS["kernel"].copy()}, pil(3), SYMMETRIC)
    others = [
        name({"kernel": WEIGHTS["kernel"] + 1}, pil(3), SYMMETRIC),
        name(WEIGHTS, tf1_bilinear(3), SYMMETRIC),
        name(WEIGHTS, pil(4), SYMMETRIC),
        name(WEIGHTS, pil(3), TENSORFLOW),
    ]
    assert len({first, *others}) == 5


def test_what_are_no_images_are_refused():
    features = feature_network("dense", dense, WEIGHTS, pil(3), SYMMETRIC)
    for wrong in (np.zeros((3, 3, 3)), np.zeros((0, 3, 3, 3))):
        with pytest.raises(UsageError, match="dense sees images"):
            features.apply(np.float32(wrong))


def test_a_flax_network_of_ones_own_has_features():
    import flax.linen as nn

    net = nn.Dense(2)
    variables = net.init(jax.random.key(0), jnp.zeros((1, 3, 3, 3)))
    features = feature_network(
        "mine",
        lambda variables, x: net.apply(variables, x).mean((1, 2)),
        variables,
        pil(3),
        SYMMETRIC,
    )
    assert features.apply(images(2, 8, 8, 1)).shape == (2, 2)
