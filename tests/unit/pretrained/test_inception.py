"""Inception-v3's poolings, tensors and probabilities; its parity is tested elsewhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.pretrained import inception
from ganjax.pretrained.conversion import released_shape
from ganjax.pretrained.inception import Layer, Unit


RNG = np.random.default_rng(0)


def test_averages_at_the_border_are_of_pixels_of_the_image():
    image = jnp.ones((1, 4, 5, 2))
    np.testing.assert_allclose(inception._average(image), 1, rtol=1e-6)
    corner = image.at[0, 0, 0].set(5)
    average = inception._average(corner)
    np.testing.assert_allclose(average[0, 0, 0], 2, rtol=1e-6)  # (5 + 3) / 4
    np.testing.assert_allclose(average[0, 1, 1], 13 / 9, rtol=1e-6)


def test_only_the_last_block_has_a_maximum():
    """A branch of pooled pixels alone tells which pooling there is."""
    image = jnp.zeros((1, 5, 5, 3)).at[0, 2, 2].set(9)
    for has_average, wanted in ((True, 1), (False, 9)):
        block = inception.BlockE(has_average)
        shapes = jax.eval_shape(block.init, jax.random.key(0), image)["params"]
        params = jax.tree.map(lambda x: jnp.zeros(x.shape), shapes)
        params["branch_pool"]["kernel"] += jnp.eye(3, 192)[None, None]
        params["branch_pool"]["gain"] += 1
        params["branch_pool"]["var"] += 1 - 1e-3
        found = block.apply({"params": params}, image)
        np.testing.assert_allclose(found[0, 1, 1, -192], wanted, rtol=1e-5)


def test_a_unit_is_a_convolution_a_norm_of_averages_and_a_relu():
    unit = Unit(Layer(4, (1, 3)))
    image = jnp.asarray(RNG.normal(size=(2, 5, 6, 3)), jnp.float32)
    shapes = jax.eval_shape(unit.init, jax.random.key(0), image)["params"]
    params = {
        name: np.float32(RNG.uniform(0.5, 1.5, x.shape)) for name, x in shapes.items()
    }
    padded = np.pad(image, ((0, 0), (0, 0), (1, 1), (0, 0)))
    x = sum(padded[:, :, i : i + 6] @ params["kernel"][0, i] for i in range(3))
    x = (x - params["mean"]) / np.sqrt(params["var"] + 1e-3)
    wanted = np.maximum(x * params["gain"] + params["bias"], 0)
    found = unit.apply({"params": params}, image)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_the_network_has_the_published_tensors():
    shapes = inception.variable_shapes()
    table = inception.table()
    assert sorted(leaf.path for leaf in table.values()) == sorted(shapes)
    published = {
        theirs: released_shape(leaf, shapes[leaf.path].shape)
        for theirs, leaf in table.items()
    }
    # A state dict has a counter for each of the 94 norms, too.
    assert len(published) == 566 - 94
    averages = (".running_mean", ".running_var")
    learned = [s for name, s in published.items() if not name.endswith(averages)]
    assert sum(np.prod(shape) for shape in learned) == 23_850_960
    assert published["Conv2d_1a_3x3.conv.weight"] == (32, 3, 3, 3)
    assert published["Mixed_6e.branch7x7dbl_4.conv.weight"] == (192, 192, 7, 1)
    assert published["Mixed_7c.branch3x3dbl_3b.bn.running_var"] == (384,)
    assert published["fc.weight"] == (1008, 2048)


def test_probabilities_leave_the_bias_out_and_do_not_overflow():
    vectors = np.float32(RNG.uniform(0, 1, (3, 2048)))
    kernel = np.zeros((2048, 1008), np.float32)
    np.testing.assert_allclose(inception.probabilities(kernel, vectors), 1 / 1008)
    kernel[:, 7] = 10
    found = inception.probabilities(kernel, vectors)
    np.testing.assert_allclose(found[:, 7], 1)
    kernel = np.float32(RNG.normal(size=(2048, 1008)) / 50)
    exponentials = np.exp(np.float64(vectors) @ kernel)
    wanted = exponentials / exponentials.sum(1, keepdims=True)
    found = inception.probabilities(kernel, vectors)
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_torchvisions_weights_and_missing_tensors_are_refused():
    with pytest.raises(UsageError, match="torchvision's Inception-v3, on which no FID"):
        inception.load({"AuxLogits.fc.weight": np.zeros((1000, 768))})
    with pytest.raises(UsageError, match=r"no tensor Conv2d_1a_3x3\.bn\.bias"):
        inception.load({"fc.weight": np.zeros((1008, 2048))})
