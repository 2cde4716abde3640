"""EfficientNet-Lite0 sees what timm's sees with the same weights, under either name."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganjax.errors import Mistake
from ganjax.models import efficientnet
from ganjax.released import efficientnet as released, tensors
from ganjax.released.names import shape_there
from tests.support import ROOT
from tests.test_experiments import FOLDER
from tests.test_released import by_fan_in, drawn, fill


NET = efficientnet.EfficientNet()
SHAPES = flatten_dict(jax.eval_shape(partial(efficientnet.drawn, NET)), sep="/")


def tensors_of(table, weights):
    """Weights by the names of a table."""
    flat = flatten_dict(weights, sep="/")
    back = lambda leaf: leaf.layout.theirs(np.asarray(flat[leaf.path]))
    return {name: back(leaf) for name, leaf in table.items()}


@pytest.fixture(scope="module")
def weights():
    table = released.timm(NET)
    turned = {
        name: shape_there(leaf, SHAPES[leaf.path].shape) for name, leaf in table.items()
    }
    return released.load(fill(turned, by_fan_in, 0.35), NET)


def test_its_maps_are_timms(weights):
    image = drawn("image", (2, 63, 64, 3))
    maps = jax.jit(NET.apply)({"params": weights}, image)
    with np.load(ROOT / "tests" / "released" / "efficientnet_lite0.npz") as file:
        wanted = [file[f"map_{i}"] for i in range(4)]
    assert [x.shape[-1] for x in maps] == [24, 40, 112, 320]
    for a, b in zip(maps, wanted, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() <= 3e-5 * np.abs(b).max()
        assert np.std(b, 0).mean() > 1e-3 * np.abs(b).max()


def test_scores_see_the_means_of_its_last_maps(weights, tmp_path):
    path = tmp_path / "lite0.safetensors"
    tensors.write(path, tensors_of(released.timm(NET), weights))
    features = released.features(str(path), size=32)
    image = np.tanh(drawn("image", (70, 32, 32, 1)))
    seen = features.apply(image)
    maps = jax.jit(NET.apply)({"params": weights}, np.repeat(image, 3, -1))
    np.testing.assert_allclose(seen, maps[-1].mean((1, 2)), rtol=1e-4, atol=1e-4)
    assert features.name == released.features(str(path), size=32).name
    assert released.features(str(path)).apply(image[:2]).shape == (2, 320)
    with pytest.raises(Mistake, match="sees grey and RGB"):
        features.apply(np.zeros((1, 8, 8, 2)))


def test_both_programs_name_every_weight_once():
    for table in (released.timm(NET), released.package(NET)):
        assert sorted(leaf.path for leaf in table.values()) == sorted(SHAPES)


def test_what_either_program_keeps_besides_is_no_matter(weights):
    rest = {"conv_head.weight": np.zeros(3), "bn1.num_batches_tracked": np.zeros(())}
    other = {"_conv_head.weight": np.zeros(3), "_fc.bias": np.zeros(4)}
    other |= {"_bn1.weight": np.zeros(5)}
    for table, more in ((released.timm, rest), (released.package, other)):
        given = tensors_of(table(NET), weights)
        found = released.load(given | more, NET)
        assert jax.tree.all(jax.tree.map(jnp.array_equal, found, weights))
    with pytest.raises(Mistake, match="no tensor blocks.0.0.bn1.bias"):
        released.load({"a": np.zeros(3)}, NET)
    with pytest.raises(Mistake, match="no tensor _blocks.3._bn2.bias"):
        released.load(
            {k: x for k, x in given.items() if k != "_blocks.3._bn2.bias"}, NET
        )


def test_the_experiment_looks_with_the_weights_it_is_given(
    weights, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(str(FOLDER))
    import projected

    with pytest.raises(Mistake, match="give --features a file or https URL"):
        projected.make(projected.Args())
    path = tmp_path / "timm.safetensors"
    given = tensors_of(released.timm(NET), weights)
    tensors.write(path, {k: np.ascontiguousarray(x) for k, x in given.items()})
    eye = projected.eye(projected.Args(features=str(path)))
    assert jax.tree.all(jax.tree.map(jnp.array_equal, eye.weights(), weights))
    with pytest.raises(Mistake, match="sha256 differs"):
        projected.eye(projected.Args(features=str(path), sha256="0" * 64))
