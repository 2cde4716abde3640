"""Named protocols: the features by which published programs compute their scores.

Two programs that compute "FID" agree only if they have the same network, resize and
normalize alike, and count the same images. A `NamedProtocol` says all of this for one
program. Their names are those that a user gives on the command line.

    features = protocols.PYTORCH_FID.features(protocols.PYTORCH_FID.address)

The numbers were read from the programs: NVIDIA's StyleGAN2-ADA and EDM2, pytorch-fid 0.3.0,
clean-fid 0.1.35, torch-fidelity 0.4.0, guided-diffusion (ADM) and dgm-eval. NVIDIA's
Inception-v3 is a TorchScript program and ADM's a TensorFlow graph, which are not read here;
both are the graph of 2015-12-05, whose weights pytorch-fid publishes as a state dict.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ganjax.evaluation.features import Features
from ganjax.evaluation.preprocessing import (
    IMAGENET,
    SYMMETRIC,
    TENSORFLOW,
    Normalization,
    Preprocessing,
    affine_grid,
    clean,
    pil,
    pytorch_bicubic,
    pytorch_bilinear,
    tf1_bilinear,
)
from ganjax.pretrained import inception, vit


ALL = 0  # as a number of images: all that there are


class NamedProtocol(NamedTuple):
    """How a published program computes its scores.

    Attributes:
        name: what it is called on the command line.
        features: path or https URL of weights -> the features. The file at `address` must
            have the digest `sha256`; others, such as a conversion to safetensors, are told
            apart by the hash in the features' name.
        address: the published weights.
        sha256: their digest.
        preprocessing: how images are resized.
        real: how many real images the program uses; `ALL` for all.
        fake: how many samples.
        splits: of the Inception score; 0 where the program has none, or on other features.
        split_size: samples in each split where the program sets this and not their number;
            else 0.
        flips: whether real images are used a second time, mirrored.
        note: what is particular to it, in one sentence.
    """

    name: str
    features: Callable[[str], Features]
    address: str
    sha256: str
    preprocessing: Preprocessing
    real: int = ALL
    fake: int = ALL
    splits: int = 0
    split_size: int = 0
    flips: bool = False
    note: str = ""


def _inception(
    preprocessing: Preprocessing, normalization: Normalization, where: str
) -> Features:
    # A converted file has another digest, which is not known.
    sha256 = inception.SHA256 if where == inception.ADDRESS else ""
    return inception.features(where, preprocessing, normalization, sha256)


def _dinov2(preprocessing: Preprocessing, where: str) -> Features:
    sha256 = vit.DINOV2_L_SHA256 if where == vit.DINOV2_L_ADDRESS else ""
    return vit.features(
        where, vit.DINOV2_L, preprocessing, IMAGENET, sha256, name="dinov2-l"
    )


def _on_inception(
    name: str, preprocessing: Preprocessing, normalization: Normalization
) -> NamedProtocol:
    features = partial(_inception, preprocessing, normalization)
    return NamedProtocol(
        name, features, inception.ADDRESS, inception.SHA256, preprocessing
    )


def _on_dinov2(name: str, preprocessing: Preprocessing) -> NamedProtocol:
    return NamedProtocol(
        name,
        partial(_dinov2, preprocessing),
        vit.DINOV2_L_ADDRESS,
        vit.DINOV2_L_SHA256,
        preprocessing,
    )


NVIDIA = _on_inception("nvidia", affine_grid(), TENSORFLOW)._replace(
    fake=50_000,
    splits=10,
    note="FID of 50,000 samples and all real images (fid50k_full), without the mirrored "
    "images that the training may see.",
)
PYTORCH_FID = _on_inception("pytorch-fid", pytorch_bilinear(), SYMMETRIC)._replace(
    note="Resizes with half-pixel centers and without antialiasing, unlike the graph for "
    "which the FID was defined.",
)
CLEAN_FID = _on_inception("clean-fid", clean(), TENSORFLOW)._replace(
    fake=50_000,
    note="Resizes by Pillow's antialiased bicubic kernel in float32, without rounding; of "
    "a folder it uses all images.",
)
TORCH_FIDELITY = _on_inception("torch-fidelity", tf1_bilinear(), TENSORFLOW)._replace(
    splits=10,
    note="Shuffles the samples with a seed of its own before it splits them for the "
    "Inception score.",
)
ADM = _on_inception("adm", tf1_bilinear(), TENSORFLOW)._replace(
    fake=50_000,
    split_size=5_000,
    note="Compares archives of images with statistics of the whole training set; its "
    "precision and recall are on Inception's features, too.",
)
DGM_EVAL = _on_dinov2("dgm-eval", pil(224))._replace(
    real=50_000,
    fake=50_000,
    note="Draws up to 50,000 images of each set at random, and rounds them after resizing.",
)
EDM2 = _on_dinov2("edm2", pytorch_bicubic(224))._replace(
    fake=50_000,
    note="Computes dgm-eval's distance on DINOv2 with another resizing, which does not "
    "round; its FID is that of the protocol nvidia.",
)
PROTOCOLS = (NVIDIA, PYTORCH_FID, CLEAN_FID, TORCH_FIDELITY, ADM, DGM_EVAL, EDM2)
