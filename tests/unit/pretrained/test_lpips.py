"""LPIPS on a small network, against its equation in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganjax.errors import UsageError
from ganjax.pretrained import lpips
from ganjax.pretrained.conversion import CONV, Leaf, released_shape
from ganjax.pretrained.lpips import FeatureNetwork, Layer, lpips_distance


NET = FeatureNetwork((Layer(20), Layer(30, size=1, pool=2)))


def test_the_distance_is_a_mean_over_positions_of_weighted_squares():
    """Of features of length 1, and a sum over the maps (Zhang et al., 2018, eq. 1)."""
    rng = np.random.default_rng(0)
    a, b = jnp.asarray(rng.uniform(-1, 1, (2, 3, 8, 6, 3)), jnp.float32)
    params = NET.init(jax.random.key(0), a)["params"]
    heads = [rng.uniform(0, 1, width).astype(np.float32) for width in (20, 30)]
    found = lpips_distance(NET, {"network": params, "heads": heads}, a, b)
    maps = [NET.apply({"params": params}, image) for image in (a, b)]
    wanted = np.zeros(3)
    for x, y, head in zip(*maps, heads, strict=True):
        x, y = (np.float64(z) / np.linalg.norm(z, axis=-1)[..., None] for z in (x, y))
        wanted += ((x - y) ** 2 @ np.float64(head)).mean((1, 2))
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_vgg_has_poolings_between_its_stages_and_a_map_at_the_end_of_each():
    found = lpips.vgg((4, 8), (2, 3))
    wanted = [(4, 0, False), (4, 0, True), (8, 2, False), (8, 0, False), (8, 0, True)]
    assert [(x.features, x.pool, x.is_feature_map) for x in found] == wanted
    assert all((x.size, x.stride) == (3, 1) for x in found)
    widths = [x.features for x in lpips.VGG16 if x.is_feature_map]
    assert len(lpips.VGG16) == 13 and widths == [64, 128, 256, 512, 512]


@pytest.mark.parametrize(
    ("layers", "places"),
    [
        (lpips.ALEX, (0, 3, 6, 8, 10)),
        (lpips.VGG16, (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)),
    ],
)
def test_convolutions_have_the_places_that_they_have_in_torchvision(layers, places):
    wanted = {}
    for i, place in enumerate(places):
        wanted[f"features.{place}.weight"] = Leaf(f"Conv_{i}/kernel", CONV)
        wanted[f"features.{place}.bias"] = Leaf(f"Conv_{i}/bias")
    assert lpips.network_table(FeatureNetwork(layers)) == wanted


def given(net):
    """Tensors of a network and of its heads as the program names them."""
    shapes = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    shapes = flatten_dict(shapes["params"], sep="/")
    rng = np.random.default_rng(0)
    network = {}
    for name, leaf in lpips.network_table(net).items():
        shape = released_shape(leaf, shapes[leaf.path].shape)
        network[name] = rng.uniform(0, 1, shape).astype(np.float32)
    widths = [layer.features for layer in net.layers if layer.is_feature_map]
    heads = {
        f"lin{i}.model.1.weight": rng.uniform(0, 1, (1, c, 1, 1)).astype(np.float32)
        for i, c in enumerate(widths)
    }
    return network, heads


def test_only_maps_have_heads_and_dense_layers_are_ignored():
    net = FeatureNetwork(lpips.vgg((2, 3), (2, 1)))
    network, heads = given(net)
    ignored = {f"classifier.{i}.{x}": np.zeros(2) for i in (0, 6) for x in ("bias",)}
    weights = lpips.load(network | ignored, heads, net)
    assert [head.shape for head in weights["heads"]] == [(2,), (3,)]
    for i, head in enumerate(weights["heads"]):
        np.testing.assert_array_equal(head, heads[f"lin{i}.model.1.weight"].ravel())
    kernel = weights["network"]["Conv_2"]["kernel"]
    wanted = network["features.5.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(kernel, wanted)
    with pytest.raises(UsageError, match=r"no tensor lin1\.model\.1\.weight"):
        lpips.load(network, {"lin0.model.1.weight": heads["lin0.model.1.weight"]}, net)
    with pytest.raises(UsageError, match=r"a tensor lin2\.model\.1\.weight that"):
        lpips.load(network, heads | {"lin2.model.1.weight": np.zeros(1)}, net)


def test_the_network_is_told_by_its_tensors_and_images_are_checked(monkeypatch):
    read = {"alex": {"features.0.weight": 0}, "vgg": {"features.28.weight": 0}}
    read |= {"heads": {}}
    asked = []

    def load(network, heads, net):
        asked.append((network, heads, net.layers))
        return {}

    monkeypatch.setattr(lpips.tensors, "read", read.__getitem__)
    monkeypatch.setattr(lpips, "load", load)
    monkeypatch.setattr(lpips, "lpips_distance", lambda net, weights, a, b: a.sum() - b)
    for name, layers in (("vgg", lpips.VGG16), ("alex", lpips.ALEX)):
        distance = lpips.distance(name, "heads")
        assert asked.pop() == (read[name], read["heads"], layers)
    for shape, other, said in (
        ((1, 32, 33, 2), (1, 32, 33, 2), "gray or RGB images of one shape"),
        ((1, 32, 33, 3), (1, 33, 32, 3), "gray or RGB images of one shape"),
        ((1, 31, 40, 3), (1, 31, 40, 3), "sides of 32 or more"),
        ((1, 40, 31, 3), (1, 40, 31, 3), "sides of 32 or more"),
    ):
        with pytest.raises(UsageError, match=said):
            distance(np.zeros(shape), np.zeros(other))
    with jax.disable_jit():
        for channels in (1, 3):
            shape = (1, 32, 33, channels)
            made = distance(np.zeros(shape), np.ones(shape))
            assert made.shape == shape and (made == -1).all()


def test_layers_have_their_strides_paddings_and_poolings():
    """AlexNet's first layer has a padding of 2; every other one keeps the sides."""
    layers = (
        Layer(2, size=11, stride=4),
        Layer(3, size=5, pool=3, is_feature_map=False),
    )
    net = FeatureNetwork((*layers, Layer(4, pool=2)))
    image = jnp.zeros((1, 64, 43, 3))
    shapes = lambda net: [
        x.shape
        for x in jax.eval_shape(net.init_with_output, jax.random.key(0), image)[0]
    ]
    assert shapes(net) == [(1, 15, 10, 2), (1, 3, 2, 4)]
    assert [x[1:] for x in shapes(FeatureNetwork())] == [
        (15, 10, 64),
        (7, 4, 192),
        (3, 1, 384),
        (3, 1, 256),
        (3, 1, 256),
    ]


def test_images_are_normalized_by_imagenets_means_and_deviations():
    net = FeatureNetwork((Layer(3, size=1),))
    image = np.random.default_rng(0).uniform(-1, 1, (1, 2, 3, 3)).astype(np.float32)
    params = {"Conv_0": {"kernel": np.eye(3)[None, None], "bias": np.full(3, 9.0)}}
    params = jax.tree.map(jnp.float32, params)
    (made,) = net.apply({"params": params}, jnp.asarray(image))
    # torchvision's numbers, which are those of 0..1, for images in -1..1.
    mean = np.array([0.485, 0.456, 0.406]) * 2 - 1
    deviation = np.array([0.229, 0.224, 0.225]) * 2
    np.testing.assert_allclose(made - 9, (image - mean) / deviation, atol=2e-6)
