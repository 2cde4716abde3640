"""The Vision Transformer's pieces, the released networks' sizes, and names of tensors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.evaluation.preprocessing import IMAGENET, pil
from ganjax.pretrained import tensors, vit
from ganjax.pretrained.conversion import released_shape


SMALL = vit.ViT(width=8, depth=2, heads=2, patch=4, grid=3)
# Millions of parameters without a classifier or projection, as published with timm.
RELEASED = {
    "DINOV2_S": 22.06,
    "DINOV2_B": 86.58,
    "DINOV2_L": 304.37,
    "DINOV2_G": 1136.48,
    "CLIP_B16": 85.80,
    "CLIP_L14": 303.18,
    "MAE_B": 85.80,
    "MAE_L": 303.30,
    "SIGLIP_B16": 92.88,
    "SIGLIP_L16_256": 315.96,
    "SIGLIP_SO400M_14": 427.68,
}


def given(net):
    """Tensors of a network by timm's names."""
    shapes = vit.variable_shapes(net)
    rng = np.random.default_rng(0)
    return {
        theirs: np.float32(
            rng.normal(size=released_shape(leaf, shapes[leaf.path].shape))
        )
        for theirs, leaf in vit.table(net).items()
    }


@pytest.mark.parametrize("name", RELEASED)
def test_released_networks_have_their_number_of_parameters(name):
    net = getattr(vit, name)
    shapes = vit.variable_shapes(net)
    assert sorted(leaf.path for leaf in vit.table(net).values()) == sorted(shapes)
    count = sum(np.prod(x.shape) for x in shapes.values())
    assert abs(count / 1e6 - RELEASED[name]) < 0.02


def test_patches_are_a_convolutions():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, 8, 12, 3))
    kernel = rng.normal(size=(5, 3, 4, 4))  # OIHW
    found = vit._patches(jnp.asarray(image), 4) @ vit.PATCHES.to_ours(kernel)
    corner = (image[0, 4:8, 8:12].transpose(2, 0, 1)[None] * kernel).sum((1, 2, 3))
    np.testing.assert_allclose(found[0, 1, 2], corner, rtol=1e-5)
    back = vit.PATCHES.to_theirs(vit.PATCHES.to_ours(kernel))
    np.testing.assert_array_equal(back, kernel)


def test_attention_is_a_mean_weighted_by_likeness():
    rng = np.random.default_rng(0)
    q, k, v = (np.float32(rng.normal(size=(2, n, 6))) for n in (3, 5, 5))
    found = vit._attention(*map(jnp.asarray, (q, k, v)), heads=2)
    wanted = np.zeros((2, 3, 6))
    for head in (slice(0, 3), slice(3, 6)):
        logits = q[..., head] @ k[..., head].transpose(0, 2, 1) / np.sqrt(3)
        weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        wanted[..., head] = weights @ v[..., head]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_positions_of_another_size_are_interpolated_and_sum_to_one():
    for size in (16, 24, 40):
        matrix = vit._bicubic_matrix(37, size)
        np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-5)
    # The kludge of 0.1: the centers are not those of 2 pixels each.
    places = vit._bicubic_matrix(8, 4) @ np.arange(8)
    np.testing.assert_allclose(places[1], 1.5 * 8 / 4.1 - 0.5, atol=0.05)
    positions = jnp.asarray(np.random.default_rng(0).normal(size=(9, 4)))
    assert vit._interpolated(positions, 3, 3, 3) is positions


def test_every_switch_changes_what_is_seen():
    noise = np.random.default_rng(0).normal(size=(2, 12, 12, 3))
    image = jnp.asarray(noise, jnp.float32)
    seen = []
    for net in (
        SMALL,
        SMALL.clone(activation=vit.quick_gelu),
        SMALL.clone(has_layer_scale=True),
        SMALL.clone(has_first_norm=True),
        SMALL.clone(has_class_token=False),
        SMALL.clone(is_gated=True),
        SMALL.clone(epsilon=0.1),
    ):
        params = vit.load(given(net), net)
        seen.append(np.asarray(net.apply({"params": params}, image)))
    for i, a in enumerate(seen):
        assert a.shape == (2, 8) and np.ptp(a[0] - a[1]) > 1e-3
        for b in seen[:i]:
            assert np.abs(a - b).max() > 1e-3
    projected = SMALL.clone(projection=5)
    params = vit.load(given(projected), projected)
    assert projected.apply({"params": params}, image).shape == (2, 5)


def test_dinov2s_names_of_a_swiglu_are_known():
    net = SMALL.clone(is_gated=True, activation=jax.nn.silu)
    timm = given(net)
    own = {
        name.replace(".fc1.", ".w12.").replace(".fc2.", ".w3."): x
        for name, x in timm.items()
    }
    own["mask_token"] = np.zeros((1, 8))
    assert own.keys() != timm.keys()
    same = jax.tree.map(jnp.array_equal, vit.load(own, net), vit.load(timm, net))
    assert jax.tree.all(same)


def test_a_head_is_ignored_unless_the_network_has_a_projection():
    weights = given(SMALL) | {"head.weight": np.zeros((3, 8))}
    vit.load(weights, SMALL)
    with pytest.raises(UsageError, match=r"no tensor head\.bias"):
        vit.load(weights, SMALL.clone(projection=3))
    registers = given(SMALL) | {"register_tokens": np.zeros((1, 4, 8))}
    with pytest.raises(UsageError, match="register_tokens that this network lacks"):
        vit.load(registers, SMALL)


def test_features_are_read_from_a_file_and_sizes_are_checked(tmp_path):
    path = str(tmp_path / "vit.safetensors")
    tensors.write(path, given(SMALL))
    features = vit.features(path, SMALL, pil(12), IMAGENET, name="small")
    assert features.name.startswith("small-pil-bicubic-")
    image = np.zeros((3, 20, 30, 1), np.float32)
    assert features.apply(image).shape == (3, 8)
    with pytest.raises(UsageError, match="images of 13 pixels.*patches have 4"):
        vit.features(path, SMALL, pil(13), IMAGENET)
    with pytest.raises(
        UsageError, match="10x12 pixels have no whole number of patches"
    ):
        vit._patches(jnp.zeros((1, 10, 12, 3)), 4)
