"""Feature networks against the programs that published them, with the same weights.

The fixtures are written by `tools/fixtures_feature_networks.py`.
"""

from functools import cache

import jax
import numpy as np
import pytest
from weights import by_fan_in, drawn, fill, he, mixed_images

from ganjax.evaluation.preprocessing import (
    SYMMETRIC,
    TENSORFLOW,
    pytorch_bilinear,
    tf1_bilinear,
)
from ganjax.pretrained import inception, tensors, vgg, vit
from ganjax.pretrained.conversion import released_shape
from tests.helpers.processes import FIXTURES


EVERY = 16  # features that the fixtures hold
IMAGES = [np.float32(image[None]) / 127.5 - 1 for image in mixed_images(8)]


def close(found, wanted, tolerance):
    """Each image's features differ by at most so much of its largest."""
    scale = np.abs(wanted).max(1)
    assert found.shape == wanted.shape
    assert (np.abs(found - wanted).max(1) <= tolerance * scale).all()
    # The images differ, else any features would agree.
    assert np.std(wanted, 0).mean() > 1e-2 * scale.mean()


def features_of(features):
    """The features of the images of mixed sizes, as in the fixtures."""
    return np.concatenate([features.apply(image) for image in IMAGES])


@pytest.fixture(autouse=True)
def one_device(monkeypatch):
    """Large networks would have a copy on each of the simulated devices."""
    devices = jax.local_devices()[:1]
    monkeypatch.setattr(jax, "local_devices", lambda: devices)


@pytest.fixture(scope="module")
def inception_weights(tmp_path_factory):
    shapes = inception.variable_shapes()
    given = {
        theirs: released_shape(leaf, shapes[leaf.path].shape)
        for theirs, leaf in inception.table().items()
    }
    path = tmp_path_factory.mktemp("inception") / "weights.safetensors"
    tensors.write(path, fill(given, he))
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "preprocessing", "normalization"),
    [
        ("pytorch_fid", pytorch_bilinear(), SYMMETRIC),
        ("torch_fidelity", tf1_bilinear(), TENSORFLOW),
    ],
)
def test_inception_is_the_programs(
    inception_weights, program, preprocessing, normalization
):
    features = inception.features(inception_weights, preprocessing, normalization)
    found = features_of(features)
    assert found.shape == (8, 2048) and found.dtype == np.float32
    with np.load(FIXTURES / "feature_inception.npz") as file:
        close(found[:, ::EVERY], file[program], 2e-6)
        if program == "torch_fidelity":
            close(features.classify(found)[:, ::EVERY], file["probabilities"], 2e-5)
    np.testing.assert_allclose(features.classify(found).sum(1), 1, rtol=1e-12)


@pytest.mark.slow
def test_vgg_is_torch_fidelitys(tmp_path):
    shapes = vgg.variable_shapes()
    given = {
        theirs: released_shape(leaf, shapes[leaf.path].shape)
        for theirs, leaf in vgg.table().items()
    }
    path = tmp_path / "weights.safetensors"
    tensors.write(path, fill(given, he))
    found = features_of(vgg.features(str(path), tf1_bilinear(224)))
    with np.load(FIXTURES / "feature_vgg.npz") as file:
        close(found[:, ::EVERY], file["fc2"], 1e-5)


SMALL = vit.ViT(width=48, depth=3, heads=3, patch=16, grid=4)
DINOV2 = SMALL.clone(patch=14, grid=5, has_layer_scale=True)
CLIP = vit.CLIP_B16.clone(width=48, depth=3, heads=3, grid=4, projection=20)
# The network of each fixture, and the side of its images.
VITS = {
    "dinov2": (DINOV2, 70),
    "dinov2_giant": (
        DINOV2.clone(hidden=128, activation=jax.nn.silu, is_gated=True),
        70,
    ),
    "dinov2_smaller": (DINOV2, 42),
    "dinov2_larger": (DINOV2, 112),
    "clip": (CLIP, 64),
    "mae": (SMALL, 64),
    "siglip": (SMALL.clone(has_class_token=False), 64),
}


@cache
def vit_weights(net):
    shapes = vit.variable_shapes(net)
    return fill(
        {
            theirs: released_shape(leaf, shapes[leaf.path].shape)
            for theirs, leaf in vit.table(net).items()
        },
        by_fan_in,
    )


@pytest.mark.parametrize("name", VITS)
def test_vision_transformers_are_the_programs(name):
    net, side = VITS[name]
    weights = vit.load(vit_weights(net), net)
    found = jax.jit(net.apply)({"params": weights}, drawn("image", (3, side, side, 3)))
    with np.load(FIXTURES / "feature_vit.npz") as file:
        close(np.asarray(found), file[name], 5e-6)


def test_clip_is_openais_under_openais_names():
    net = CLIP.clone(width=128, heads=2)
    shape = (3, 128)
    given = {
        "visual.class_embedding": (128,),
        "visual.positional_embedding": (17, 128),
        "visual.proj": (128, 20),
        "visual.conv1.weight": (128, 3, 16, 16),
        "visual.ln_pre.weight": (128,),
        "visual.ln_pre.bias": (128,),
        "visual.ln_post.weight": (128,),
        "visual.ln_post.bias": (128,),
    }
    for i in range(3):
        block = f"visual.transformer.resblocks.{i}"
        given |= {
            f"{block}.attn.in_proj_weight": (384, 128),
            f"{block}.attn.in_proj_bias": (384,),
            f"{block}.attn.out_proj.weight": (128, 128),
            f"{block}.attn.out_proj.bias": (128,),
            f"{block}.mlp.c_fc.weight": (512, 128),
            f"{block}.mlp.c_fc.bias": (512,),
            f"{block}.mlp.c_proj.weight": (128, 512),
            f"{block}.mlp.c_proj.bias": (128,),
        }
        for norm in ("ln_1", "ln_2"):
            given |= {f"{block}.{norm}.weight": (128,), f"{block}.{norm}.bias": (128,)}
    # The text tower has tensors, too, in the same file.
    text = {"token_embedding.weight": np.zeros(shape), "logit_scale": np.zeros(())}
    weights = vit.load(fill(given, by_fan_in) | text, net)
    found = jax.jit(net.apply)({"params": weights}, drawn("image", (3, 64, 64, 3)))
    with np.load(FIXTURES / "feature_vit.npz") as file:
        close(np.asarray(found), file["openai"], 5e-6)
