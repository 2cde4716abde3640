"""LPIPS and its gradient against the authors' program with the same weights.

The fixtures are written by `tools/fixtures_lpips.py`.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from weights import by_fan_in, drawn, fill

from ganjax.errors import UsageError
from ganjax.pretrained import lpips, tensors
from ganjax.pretrained.conversion import released_shape
from tests.helpers.marks import some
from tests.helpers.processes import FIXTURES


NETS = {"alex": lpips.ALEX, "vgg": lpips.VGG16}


@cache
def weights(name):
    """The tensors of a network and of its heads, by the names in their files."""
    net = lpips.FeatureNetwork(NETS[name])
    made = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    ours = flatten_dict(made["params"], sep="/")
    table = lpips.network_table(net)
    assert sorted(leaf.path for leaf in table.values()) == sorted(ours)
    shapes = {
        theirs: released_shape(leaf, ours[leaf.path].shape)
        for theirs, leaf in table.items()
    }
    widths = [layer.features for layer in net.layers if layer.is_feature_map]
    head_shapes = {f"lin{i}.model.1.weight": (1, c, 1, 1) for i, c in enumerate(widths)}
    # The heads are not negative, as the released ones are not.
    heads = {theirs: abs(x) for theirs, x in fill(head_shapes, by_fan_in).items()}
    return fill(shapes, by_fan_in), heads


@pytest.fixture(scope="module", params=some(NETS))
def paths(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    found = [folder / "network.safetensors", folder / "heads.safetensors"]
    for path, given in zip(found, weights(request.param), strict=True):
        tensors.write(path, given)
    return request.param, *map(str, found)


def test_distances_and_gradients_are_the_authors(paths):
    name, *where = paths
    distance = lpips.distance(*where)
    # Three pairs of images, from low to high contrast.
    contrast = np.float32([0.1, 0.5, 3])[:, None, None, None]
    a, b = (np.tanh(contrast * drawn(image, (3, 32, 35, 3))) for image in ("a", "b"))
    with np.load(FIXTURES / f"lpips_{name}.npz") as file:
        wanted = file["distance"]
        wanted_gradient = file["slope"]

    def total(a):
        found = distance(a, b)
        return found.sum(), found

    gradient, found = jax.grad(total, has_aux=True)(a)
    assert (wanted > 0.01).all() and np.ptp(wanted) > 0.01
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    # The fixture holds every fourth row of the first image's gradient.
    error = abs(gradient[0, ::4] - wanted_gradient).max()
    assert error <= 3e-5 * abs(wanted_gradient).max()


@pytest.mark.slow
def test_equal_images_have_distance_and_gradient_0(paths):
    _, *where = paths
    distance = lpips.distance(*where)
    image = np.tanh(drawn("a", (3, 32, 35, 3)))
    assert not distance(image, image).any()
    gradient = jax.grad(lambda x: distance(x, image).sum())(image)
    assert not gradient.any()


def test_positions_without_features_have_gradient_0():
    net = lpips.FeatureNetwork((lpips.Layer(2), lpips.Layer(3)))
    image = jnp.zeros((1, 8, 8, 1))
    dark = jax.tree.map(jnp.zeros_like, net.init(jax.random.key(0), image)["params"])
    weights = {"network": dark, "heads": [jnp.ones(2), jnp.ones(3)]}

    def total(x):
        return lpips.lpips_distance(net, weights, x, image + 1).sum()

    assert not jax.grad(total)(image).any()


def test_gray_is_seen_as_rgb():
    net = lpips.FeatureNetwork((lpips.Layer(2), lpips.Layer(3, pool=2)))
    a, b = jnp.asarray(drawn("gray", (2, 3, 8, 8, 1)))
    params = net.init(jax.random.key(0), a)["params"]
    weights = {"network": params, "heads": [jnp.ones(2), jnp.ones(3)]}
    found = lpips.lpips_distance(net, weights, a, b)
    as_rgb = lpips.lpips_distance(net, weights, a.repeat(3, -1), b.repeat(3, -1))
    np.testing.assert_allclose(found, as_rgb, rtol=1e-6)
    assert (found > 0.01).all()


def test_wrong_images_and_weights_are_named(paths, tmp_path):
    name, *where = paths
    distance = lpips.distance(*where)
    with pytest.raises(UsageError, match="of one shape"):
        distance(jnp.zeros((1, 32, 32, 3)), jnp.zeros((1, 32, 32, 1)))
    with pytest.raises(UsageError, match="sides of 32"):
        distance(*jnp.zeros((2, 1, 16, 32, 3)))
    network, heads = weights(name)
    ignored = {"classifier.6.bias": np.zeros(3, np.float32)}
    path = tmp_path / "network.safetensors"
    tensors.write(path, network | ignored)
    lpips.distance(str(path), where[1])
    tensors.write(path, network | {"features.1.weight": np.zeros(3, np.float32)})
    with pytest.raises(UsageError, match=r"features.1.weight that this network lacks"):
        lpips.distance(str(path), where[1])
    tensors.write(path, {k: x for k, x in heads.items() if "lin4" not in k})
    with pytest.raises(UsageError, match=r"no tensor lin4.model.1.weight"):
        lpips.distance(where[0], str(path))
