"""LPIPS is what its authors' program makes of the same weights, and so is its slope."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganjax.errors import Mistake
from ganjax.models import lpips
from ganjax.released import lpips as released, tensors
from ganjax.released.names import shape_there
from tests.support import ROOT
from tests.test_released import by_fan_in, drawn, fill


NETS = {"alex": lpips.ALEX, "vgg": lpips.VGG16}


@cache
def weights(name):
    """The tensors of a network and of its heads, by the names in their files."""
    net = lpips.Sight(NETS[name])
    made = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    ours = flatten_dict(made["params"], sep="/")
    table = released.table(net).items()
    shapes = {there: shape_there(leaf, ours[leaf.path].shape) for there, leaf in table}
    assert sorted(leaf.path for _, leaf in table) == sorted(ours)
    widths = enumerate(layer.features for layer in net.layers if layer.seen)
    heads = {f"lin{i}.model.1.weight": (1, c, 1, 1) for i, c in widths}
    heads = {there: abs(x) for there, x in fill(heads, by_fan_in).items()}
    return fill(shapes, by_fan_in), heads


@pytest.fixture(scope="module", params=NETS)
def paths(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    found = [folder / "network.safetensors", folder / "heads.safetensors"]
    for path, given in zip(found, weights(request.param), strict=True):
        tensors.write(path, given)
    return request.param, *map(str, found)


def test_distances_and_slopes_are_the_authors(paths):
    name, *where = paths
    distance = released.distance(*where)
    deep = np.float32([0.1, 0.5, 3])[:, None, None, None]
    a, b = (np.tanh(deep * drawn(image, (3, 32, 35, 3))) for image in ("a", "b"))
    with np.load(ROOT / "tests" / "released" / f"lpips_{name}.npz") as file:
        wanted, slope = file["distance"], file["slope"]
    total = lambda a: (distance(a, b).sum(), distance(a, b))
    found, made = jax.grad(total, has_aux=True)(a)
    assert (wanted > 0.01).all() and np.ptp(wanted) > 0.01
    np.testing.assert_allclose(made, wanted, rtol=1e-5)
    assert abs(found[0, ::4] - slope).max() <= 3e-5 * abs(slope).max()


def test_equal_images_are_at_zero_with_no_slope(paths):
    _, *where = paths
    distance = released.distance(*where)
    image = np.tanh(drawn("a", (3, 32, 35, 3)))
    assert not distance(image, image).any()
    slope = jax.grad(lambda x: distance(x, image).sum())(image)
    assert not slope.any()


def test_places_without_features_have_no_slope():
    net = lpips.Sight((lpips.Layer(2), lpips.Layer(3)))
    image = jnp.zeros((1, 8, 8, 1))
    dark = jax.tree.map(jnp.zeros_like, net.init(jax.random.key(0), image)["params"])
    weights = {"sight": dark, "heads": [jnp.ones(2), jnp.ones(3)]}
    slope = jax.grad(lambda x: lpips.lpips(net, weights, x, image + 1).sum())(image)
    assert not slope.any()


def test_grey_is_seen_as_rgb():
    net = lpips.Sight((lpips.Layer(2), lpips.Layer(3, pool=2)))
    a, b = jnp.asarray(drawn("grey", (2, 3, 8, 8, 1)))
    params = net.init(jax.random.key(0), a)["params"]
    weights = {"sight": params, "heads": [jnp.ones(2), jnp.ones(3)]}
    found = lpips.lpips(net, weights, a, b)
    np.testing.assert_allclose(
        found, lpips.lpips(net, weights, a.repeat(3, -1), b.repeat(3, -1)), rtol=1e-6
    )
    assert (found > 0.01).all()


def test_other_images_and_weights_get_a_sentence(paths, tmp_path):
    name, *where = paths
    distance = released.distance(*where)
    with pytest.raises(Mistake, match="of one shape"):
        distance(jnp.zeros((1, 32, 32, 3)), jnp.zeros((1, 32, 32, 1)))
    with pytest.raises(Mistake, match="sides of 32"):
        distance(*jnp.zeros((2, 1, 16, 32, 3)))
    network, heads = weights(name)
    unread = {"classifier.6.bias": np.zeros(3, np.float32)}
    path = tmp_path / "network.safetensors"
    tensors.write(path, network | unread)
    released.distance(str(path), where[1])
    tensors.write(path, network | {"features.1.weight": np.zeros(3, np.float32)})
    with pytest.raises(Mistake, match=r"features.1.weight that this network lacks"):
        released.distance(str(path), where[1])
    tensors.write(path, {k: x for k, x in heads.items() if "lin4" not in k})
    with pytest.raises(Mistake, match=r"no tensor lin4.model.1.weight"):
        released.distance(where[0], str(path))
