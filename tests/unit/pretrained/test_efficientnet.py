"""EfficientNet on a tiny net: its padding, its names, and what it is used for."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganjax.errors import UsageError
from ganjax.pretrained import efficientnet
from ganjax.pretrained.conversion import CONV, Leaf
from ganjax.pretrained.efficientnet import Stage, Unit


NET = efficientnet.EfficientNet(4, (Stage(1, 3, 1, 1, 4), Stage(1, 5, 2, 2, 6)), (1,))
BATCH_NORM = {"weight": "gain", "bias": "bias"}
BATCH_NORM |= {"running_mean": "mean", "running_var": "var"}


def drawn(channels=3, net=NET):
    """Weights that nobody would start with, of the right shapes."""
    init = lambda: efficientnet.untrained_weights(net, channels)
    rng = np.random.default_rng(0)
    make = lambda leaf: jnp.asarray(rng.uniform(0.1, 0.9, leaf.shape), leaf.dtype)
    return jax.tree.map(make, jax.eval_shape(init))


def unit(conv, bn, ours):
    table = {f"{conv}.weight": Leaf(f"{ours}/kernel", CONV)}
    return table | {f"{bn}.{x}": Leaf(f"{ours}/{own}") for x, own in BATCH_NORM.items()}


def test_both_programs_names_are_those_of_our_units():
    """Without an expansion a block has two units, whose names are others."""
    timm = unit("conv_stem", "bn1", "Unit_0")
    package = unit("_conv_stem", "_bn0", "Unit_0")
    for n, block in enumerate(("0.0", "1.0")):
        names = ("conv_pw", "conv_dw", "conv_pwl") if n else ("conv_dw", "conv_pw")
        for k, name in enumerate(names):
            bn = f"blocks.{block}.bn{k + 1}"
            timm |= unit(f"blocks.{block}.{name}", bn, f"Block_{n}/Unit_{k}")
        names = ("_expand_conv", "_depthwise_conv", "_project_conv")
        for k, name in enumerate(names):
            if n or k:
                ours = f"Block_{n}/Unit_{k if n else k - 1}"
                package |= unit(f"_blocks.{n}.{name}", f"_blocks.{n}._bn{k}", ours)
    assert efficientnet.timm_table(NET) == timm
    assert efficientnet.package_table(NET) == package
    renamed = efficientnet.timm_table(NET, ("a", "b"), "s{}".format)
    assert {"a.weight", "b.bias", "s1.0.conv_dw.weight"} <= renamed.keys()


def test_weights_of_either_program_are_read_and_its_last_layers_left_out():
    wanted = drawn()
    flat = flatten_dict(wanted, sep="/")
    names = ("conv_head.weight", "classifier.weight", "classifier.bias", "_fc.weight")
    names = (*names, "_fc.bias", "bn1.num_batches_tracked", "bn2.weight", "bn2.bias")
    more = {x: np.zeros(7) for x in (*names, "bn2.running_mean", "bn2.running_var")}
    more |= {f"_{x}": np.zeros(7) for x in ("conv_head.weight", "bn1.running_var")}
    for table in (efficientnet.timm_table(NET), efficientnet.package_table(NET)):
        given = {
            name: leaf.layout.to_theirs(np.asarray(flat[leaf.path]))
            for name, leaf in table.items()
        }
        found = efficientnet.load(more | given, NET)
        assert jax.tree.all(jax.tree.map(jnp.array_equal, found, wanted))
    with pytest.raises(UsageError, match=r"a tensor blocks\.9\.x that"):
        efficientnet.load(given | {"blocks.9.x": np.zeros(3)}, NET)


@pytest.mark.parametrize(
    ("size", "stride", "side", "padding"),
    [
        (3, 1, 7, (1, 1)),
        (3, 2, 7, (1, 1)),
        (3, 2, 8, (0, 1)),
        (5, 2, 8, (1, 2)),
        (5, 2, 7, (2, 2)),
        (1, 2, 8, (0, 0)),
        (1, 1, 5, (0, 0)),
    ],
)
def test_padding_is_tensorflows(size, stride, side, padding):
    assert Unit(4, size, stride)._padding(side) == padding


def test_a_unit_is_a_convolution_and_a_norm_by_its_averages():
    rng = np.random.default_rng(0)
    kernel, gain, bias, mean, var = (
        rng.uniform(0.1, 1, shape).astype(np.float32)
        for shape in ((1, 1, 3, 5), 5, 5, 5, 5)
    )
    params = {"kernel": kernel, "gain": gain, "bias": bias, "mean": mean, "var": var}
    x = rng.normal(size=(2, 4, 6, 3)).astype(np.float32)
    made = Unit(5).apply({"params": params}, jnp.asarray(x))
    wanted = (x @ kernel[0, 0] - mean) / np.sqrt(var + 1e-3) * gain + bias
    np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-5)


@pytest.fixture
def looks(monkeypatch):
    """What the network is given; it returns a map of images and one times its weight."""
    asked = []

    def apply(net, variables, image):
        asked.append((net, variables, image))
        return [image[:, :1], image * variables["params"]["Unit_0"]["kernel"]]

    monkeypatch.setattr(efficientnet.EfficientNet, "apply", apply)
    return asked


def test_the_eye_of_a_discriminator_looks_with_the_weights_it_is_given(looks):
    weights = {"Unit_0": {"kernel": jnp.arange(2.0).reshape(1, 1, 2, 1) + 3}}
    frozen = efficientnet.frozen_features(lambda: weights, NET)
    assert frozen.weights() is weights
    with pytest.raises(UsageError, match="images of 2 channels, and these have 3"):
        frozen.call(weights, jnp.zeros((1, 8, 2, 3)))
    image = jnp.ones((1, 8, 2, 2))
    first, _ = frozen.call(weights, image)
    assert first.shape == (1, 1, 2, 2)
    (asked,) = looks
    assert asked[0] is NET and asked[1] == {"params": weights} and asked[2] is image


def test_features_for_scores_are_means_of_the_last_map_of_resized_images(
    looks, monkeypatch
):
    weights = {"Unit_0": {"kernel": jnp.full((1, 1, 1, 3), 2.0)}}
    read, resized = [], []

    def resize(image, shape, method):
        resized.append((shape, method))
        return jnp.concatenate([image, 3 * image], 1)

    monkeypatch.setattr(efficientnet.tensors, "read", read.append)
    monkeypatch.setattr(efficientnet, "load", lambda given, net: weights)
    monkeypatch.setattr(efficientnet, "BATCH", 2)
    monkeypatch.setattr(jax.image, "resize", resize)
    one = jax.local_devices()[:1]
    monkeypatch.setattr(jax, "local_devices", lambda: one)
    rng = np.random.default_rng(0)
    features = efficientnet.features("where", size=8)
    for channels, batches in ((1, (2, 1)), (3, (2, 1))):
        image = rng.uniform(-1, 1, (3, 2, 5, channels)).astype(np.float32)
        with jax.disable_jit():
            made = features.apply(image)
        means = np.broadcast_to(image.mean((1, 2)), (3, 3))
        np.testing.assert_allclose(made, 2 * (1 + 3) / 2 * means, rtol=1e-4, atol=1e-6)
        assert resized == [((n, 8, 8, 3), "cubic") for n in batches]
        resized.clear()
    for shape in ((1, 8, 8, 2), (8, 8, 3)):
        with pytest.raises(UsageError, match="sees gray and RGB images"):
            features.apply(np.zeros(shape, np.float32))
    assert read == ["where"] and looks[0][0] == efficientnet.EfficientNet()


def test_the_name_of_features_tells_their_weights_and_size(monkeypatch):
    monkeypatch.setattr(efficientnet.tensors, "read", lambda where: where)
    monkeypatch.setattr(
        efficientnet, "load", lambda given, net: {"a": jnp.ones(2), "b": len(given)}
    )
    names = [
        efficientnet.features("a", size=8).name,
        efficientnet.features("b", 8).name,
    ]
    names += [efficientnet.features("ab", size=8).name, efficientnet.features("a").name]
    assert names[0] == names[1] and len({*names}) == 3
    for name, size in zip(names, (8, 8, 8, 128), strict=True):
        assert re.fullmatch(f"efficientnet-lite0-{size}-[0-9a-f]{{8}}", name)


def test_lite0_has_the_stages_of_its_authors():
    """Blocks, kernel, stride, expansion and width (Tan & Le, 2019, table 1)."""
    assert efficientnet.EfficientNet().stages == (
        *((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)),
        *((3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
    )
