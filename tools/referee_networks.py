"""Compares feature networks and preprocessing with the programs that published them.

    python tools/referee_networks.py --images 256

computes both in this process, with the same drawn weights, on images of mixed sizes, and
prints the largest relative difference of each pair. Needs PyTorch, torchvision, timm,
pytorch-fid, torch-fidelity and clean-fid. `--only` takes the beginning of a comparison's
name.

Differences of features are relative to the largest feature of the reference program, those
of preprocessing are absolute, in 0..255.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import PIL.Image
import torch
from weights import fill, he, mixed_images

from ganjax.evaluation import preprocessing
from ganjax.evaluation.features import Features
from ganjax.evaluation.preprocessing import SYMMETRIC, TENSORFLOW
from ganjax.pretrained import inception, tensors
from ganjax.report.markdown import print_header, print_row
from ganjax.run import command


@dataclass(frozen=True)
class Args:
    images: int = 64
    """How many images of mixed sizes a network sees."""
    only: str = ""
    """Only comparisons whose names begin so."""
    seed: int = 0


def rgb(image: np.ndarray) -> np.ndarray:
    """The image as every program reads it from a file."""
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    return np.asarray(PIL.Image.fromarray(pixels).convert("RGB"))


def nchw(image: np.ndarray) -> torch.Tensor:
    """One image [h, w, c] as a batch."""
    return torch.from_numpy(np.ascontiguousarray(image)).movedim(-1, 0)[None]


def largest_difference(
    features: Features, reference: Callable[[np.ndarray], np.ndarray], args: Args
) -> float:
    """The largest difference over images, relative to the largest feature."""
    largest = scale = 0.0
    for image in mixed_images(args.images, args.seed):
        found = features.apply(np.float32(image[None]) / 127.5 - 1)
        with torch.no_grad():
            wanted = np.asarray(reference(rgb(image)), np.float64)
        largest = max(largest, float(np.abs(found - wanted).max()))
        scale = max(scale, float(np.abs(wanted).max()))
    return largest / scale


def saved(weights: dict[str, np.ndarray], folder: str) -> str:
    """The path of a file with these weights."""
    path = Path(folder) / "weights.safetensors"
    tensors.write(path, weights)
    return str(path)


def weights_of(net: torch.nn.Module) -> dict[str, np.ndarray]:
    """Drawn weights for each tensor of a network."""
    shapes = {
        name: tuple(x.shape)
        for name, x in net.state_dict().items()
        if x.dtype == torch.float32
    }
    return fill(shapes, he)


def filled(net: Any, weights: dict[str, np.ndarray]) -> Any:
    """The network with these weights."""
    found = {name: torch.from_numpy(np.asarray(x)) for name, x in weights.items()}
    net.load_state_dict(found, strict=False)
    return net.eval().requires_grad_(False)


@cache
def fid_inception() -> Any:
    """pytorch-fid's network, without the download of its weights."""
    import pytorch_fid.inception as program
    import torchvision

    load = torchvision.models.Inception3.load_state_dict
    program.load_state_dict_from_url = lambda *args, **kwargs: None
    torchvision.models.Inception3.load_state_dict = lambda self, state: None
    net: Any = program.fid_inception_v3()
    torchvision.models.Inception3.load_state_dict = load
    return filled(net, weights_of(net))


def pytorch_fid(args: Args) -> float:
    """Inception-v3 against pytorch-fid."""
    import pytorch_fid.inception as program

    net = fid_inception()
    program.fid_inception_v3 = lambda: net
    reference = program.InceptionV3([3]).eval()
    with TemporaryDirectory() as folder:
        features = inception.features(
            saved(weights_of(net), folder), preprocessing.pytorch_bilinear(), SYMMETRIC
        )

    def apply(image):
        return reference(nchw(np.float32(image) / 255))[0][:, :, 0, 0]

    return largest_difference(features, apply, args)


def _torch_fidelity(layer: str) -> tuple[Any, Features]:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    net = fid_inception()
    given = weights_of(net)
    with TemporaryDirectory() as folder:
        path = f"{folder}/weights.pth"
        torch.save(net.state_dict(), path)
        reference = FeatureExtractorInceptionV3(
            "inception", [layer], feature_extractor_weights_path=path
        )
        features = inception.features(
            saved(given, folder), preprocessing.tf1_bilinear(), TENSORFLOW
        )
    return reference, features


def torch_fidelity(args: Args) -> float:
    """Inception-v3 against torch-fidelity."""
    reference, features = _torch_fidelity("2048")
    return largest_difference(features, lambda image: reference(nchw(image))[0], args)


def torch_fidelity_probabilities(args: Args) -> float:
    """The probabilities of classes of the Inception score, without the bias."""
    reference, features = _torch_fidelity("logits_unbiased")
    classify = features.classify
    assert classify is not None
    both = features._replace(apply=lambda x: classify(features.apply(x)))

    def apply(image):
        return reference(nchw(image))[0].double().softmax(1)

    return largest_difference(both, apply, args)


def speed(args: Args) -> float:
    """Ratio of the processor time of pytorch-fid to ours, for the same 64 images."""
    net = fid_inception()
    import pytorch_fid.inception as program

    program.fid_inception_v3 = lambda: net
    reference = program.InceptionV3([3]).eval()
    rng = np.random.default_rng(args.seed)
    images = rng.integers(0, 256, (64, 64, 64, 3), dtype=np.uint8)
    with TemporaryDirectory() as folder:
        features = inception.features(
            saved(weights_of(net), folder), preprocessing.pytorch_bilinear(), SYMMETRIC
        )
    x = torch.from_numpy(images).movedim(-1, 1) / 255
    floats = np.float32(images) / 127.5 - 1

    def once(run):
        wall, processor = time.perf_counter(), time.process_time()
        run()
        return 64 / (time.perf_counter() - wall), time.process_time() - processor

    with torch.no_grad():
        runs = [lambda: features.apply(floats), lambda: reference(x)]
        for run in runs:
            run()  # compiles
        # In turns, since other programs may run on this machine.
        ours, theirs = zip(
            *[[once(run) for run in runs] for _ in range(3)], strict=True
        )
    best = [max(rate for rate, _ in each) for each in (ours, theirs)]
    least = [min(seconds for _, seconds in each) for each in (ours, theirs)]
    print(f"images per second: ganjax {best[0]:.1f}, pytorch-fid {best[1]:.1f}")
    return least[1] / least[0]


COMPARISONS = {
    "inception/pytorch-fid": pytorch_fid,
    "inception/torch-fidelity": torch_fidelity,
    "inception/torch-fidelity probabilities": torch_fidelity_probabilities,
    "speed/pytorch-fid": speed,
}


def main(args: Args) -> None:
    print_header(("comparison", "largest difference", "seconds"))
    for name, compare in COMPARISONS.items():
        if name.startswith(args.only):
            begin = time.perf_counter()
            difference = compare(args)
            print_row((name, f"{difference:.2e}", f"{time.perf_counter() - begin:.0f}"))


if __name__ == "__main__":
    command(main)
