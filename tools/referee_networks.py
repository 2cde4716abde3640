"""Compares feature networks and preprocessing with the programs that published them.

    python tools/referee_networks.py --images 256 --dinov2 CHECKOUT

computes both in this process, with the same drawn weights, on images of mixed sizes, and
prints the largest difference of each pair. Needs PyTorch, torchvision, timm, pytorch-fid,
torch-fidelity and clean-fid, and of facebookresearch/dinov2 a checkout. `--only` takes the
beginning of a comparison's name.

Differences of features are relative to the largest feature of the same image, those of
preprocessing are absolute, in 0..255.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import PIL.Image
import torch
import torch.nn.functional as F
from fixtures_feature_networks import (
    fid_inception,
    pytorch_fid,
    torch_fidelity,
    vgg16,
    with_weights,
)
from fixtures_preprocessing import FILTERS, floats, rgb
from torch_side import nchw, released
from weights import by_fan_in, mixed_images

from ganjax.evaluation import preprocessing
from ganjax.evaluation.features import Features
from ganjax.evaluation.preprocessing import (
    CLIP,
    IMAGENET,
    SYMMETRIC,
    TENSORFLOW,
    Normalization,
    Preprocessing,
)
from ganjax.pretrained import inception, tensors, vgg, vit
from ganjax.report.markdown import print_header, print_row
from ganjax.run import command


Program = Callable[[np.ndarray], Any]  # one uint8 RGB image -> features [1, f]


@dataclass(frozen=True)
class Args:
    images: int = 26
    """How many images of mixed sizes each network sees."""
    only: str = ""
    """Only comparisons whose names begin so."""
    dinov2: Path = Path("dinov2")
    """A checkout of facebookresearch/dinov2."""


def compare(features: Features, program: Program, args: Args) -> str:
    """Returns the largest difference, and how much the features of images differ."""
    largest = 0.0
    wanted = []
    for image in mixed_images(args.images):
        found = features.apply(np.float32([image]) / 127.5 - 1)
        reference = np.asarray(program(rgb(image)), np.float64)
        scale = np.abs(reference).max()
        largest = max(largest, float(np.abs(found - reference).max() / scale))
        wanted.append(reference[0] / scale)
    return f"{largest:.1e} (deviation over images {np.std(wanted, 0).mean():.2f})"


def read(net: Any, read: Callable[[str], Features]) -> Features:
    """Returns features with a network's weights, through a file."""
    given = {
        name: x.numpy() for name, x in net.state_dict().items() if x.is_floating_point()
    }
    with TemporaryDirectory() as folder:
        path = f"{folder}/weights.safetensors"
        tensors.write(path, given)
        return read(path)


def inception_of(
    net: Any, preprocessing: Preprocessing, normalization: Normalization
) -> Features:
    return read(
        net, lambda path: inception.features(path, preprocessing, normalization)
    )


def inception_pytorch_fid(args: Args) -> str:
    net = fid_inception()
    ours = inception_of(net, preprocessing.pytorch_bilinear(), SYMMETRIC)
    return compare(ours, pytorch_fid(net), args)


def inception_torch_fidelity(args: Args) -> str:
    net = fid_inception()
    ours = inception_of(net, preprocessing.tf1_bilinear(), TENSORFLOW)
    program = torch_fidelity(net, ["2048"])
    return compare(ours, lambda image: program(image)[0], args)


def inception_probabilities(args: Args) -> str:
    net = fid_inception()
    ours = inception_of(net, preprocessing.tf1_bilinear(), TENSORFLOW)
    classify: Any = ours.classify
    program = torch_fidelity(net, ["logits_unbiased"])
    return compare(
        ours._replace(apply=lambda images: classify(ours.apply(images))),
        lambda image: program(image)[0].double().softmax(1),
        args,
    )


def inception_speed(args: Args) -> str:
    """Images per second of 64 images of 64x64 pixels, and of processor time."""
    import pytorch_fid.inception as program

    net = fid_inception()
    ours = inception_of(net, preprocessing.pytorch_bilinear(), SYMMETRIC)
    program.fid_inception_v3 = lambda: net
    theirs = program.InceptionV3([3]).eval()
    images = np.random.default_rng(0).integers(0, 256, (64, 64, 64, 3), np.uint8)
    seen = np.float32(images) / 127.5 - 1
    x = nchw(np.float32(images) / 255)
    runs = {"ganjax": lambda: ours.apply(seen), "pytorch-fid": lambda: theirs(x)}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    # In turns, as other programs may run on this machine; the first time compiles.
    for _ in range(4):
        for name, run in runs.items():
            begin = time.perf_counter(), time.process_time()
            run()
            took = time.perf_counter() - begin[0], time.process_time() - begin[1]
            times[name].append(took)
    told = []
    for name, found in times.items():
        wall, processor = np.min(found[1:], 0)
        told.append(f"{name} {64 / wall:.1f} img/s, {64 / processor:.1f} a core")
    return "; ".join(told)


def vgg_torch_fidelity(args: Args) -> str:
    program = vgg16()
    net = program.__closure__[0].cell_contents.model
    # The layer that classifies is cut off there.
    ours = read(net, lambda path: vgg.features(path, preprocessing.tf1_bilinear(224)))
    return compare(ours, program, args)


def vit_timm(
    model: str,
    net: vit.ViT,
    resize: Preprocessing,
    normalization: Normalization,
    args: Args,
) -> str:
    """A network of timm's, after Pillow's bicubic resizing."""
    import timm

    side = net.grid * net.patch
    more = {"num_classes": net.projection, "img_size": side}
    theirs = with_weights(timm.create_model(model, **more), by_fan_in)
    ours = read(theirs, lambda path: vit.features(path, net, resize, normalization))

    def program(image):
        small = PIL.Image.fromarray(image).resize((side, side), PIL.Image.BICUBIC)
        return theirs(normalized(nchw(np.asarray(small)[None]).float(), normalization))

    return compare(ours, program, args)


def vit_dinov2(args: Args) -> str:
    """The authors' ViT-L/14 with positions for 518 pixels, as EDM2 uses it."""
    program = released(args.dinov2, "dinov2.models.vision_transformer")
    theirs = with_weights(
        program.vit_large(
            img_size=518,
            patch_size=14,
            init_values=1.0,
            block_chunks=0,
            interpolate_antialias=False,
            interpolate_offset=0.1,
        ),
        by_fan_in,
    )
    resize = preprocessing.pytorch_bicubic(224)
    ours = read(theirs, lambda path: vit.features(path, vit.DINOV2_L, resize, IMAGENET))

    def edm2(image):
        x = nchw(image[None]).float()
        x = F.interpolate(x, (224, 224), mode="bicubic", antialias=True)
        return theirs(normalized(x, IMAGENET))

    return compare(ours, edm2, args)


def normalized(x: torch.Tensor, normalization: Normalization) -> torch.Tensor:
    """Images in 0..1, normalized as the programs do."""
    mean, deviation = (
        torch.tensor(values).reshape(1, 3, 1, 1) / 255 for values in normalization
    )
    return (x / 255 - mean) / deviation


def preprocessing_of_program(name: str, value: Preprocessing, args: Args) -> str:
    """A way to resize whose program does not round, or dgm-eval's."""
    largest = 0.0
    for image in mixed_images(args.images):
        wanted = floats(rgb(image), every=1)[name]
        difference = np.abs(value.apply(image[None])[0] - wanted)
        largest = max(largest, float(difference.max()))
    return f"{largest:.1e} of 255"


def preprocessing_whole(args: Args) -> str:
    """clean-fid's Pillow resizing with rounding, by every kernel."""
    from cleanfid.resize import make_resizer

    unequal = 0
    for image in mixed_images(args.images):
        for name in FILTERS:
            wanted = make_resizer("PIL", True, name, (299, 299))(rgb(image))
            way = preprocessing.pil(299, PIL.Image.Resampling[name.upper()])
            unequal += (way.apply(image[None])[0] != wanted).sum()
    return f"{unequal} pixels differ"


WAYS = {
    "tf1-bilinear": preprocessing.tf1_bilinear(),
    "affine-grid": preprocessing.affine_grid(),
    "pytorch-bilinear": preprocessing.pytorch_bilinear(),
    "pytorch-bicubic": preprocessing.pytorch_bicubic(),
    "dgm-eval": preprocessing.pil(224),
    **{
        f"clean-{name}": preprocessing.clean(
            resample=PIL.Image.Resampling[name.upper()]
        )
        for name in FILTERS
    },
}
CLIP_L14 = vit.CLIP_L14.clone(projection=768)
COMPARISONS: dict[str, Callable[[Args], str]] = {
    **{
        f"preprocessing/{name}": partial(preprocessing_of_program, name, value)
        for name, value in WAYS.items()
    },
    "preprocessing/pil, all kernels": preprocessing_whole,
    "inception/pytorch-fid": inception_pytorch_fid,
    "inception/torch-fidelity": inception_torch_fidelity,
    "inception/torch-fidelity, probabilities": inception_probabilities,
    "inception/speed": inception_speed,
    "vgg/torch-fidelity": vgg_torch_fidelity,
    "vit/DINOv2-L, the authors": vit_dinov2,
    "vit/CLIP-L14, timm": partial(
        *(vit_timm, "vit_large_patch14_clip_quickgelu_224", CLIP_L14),
        *(preprocessing.pil(224), CLIP),
    ),
    "vit/MAE-L, timm": partial(
        *(vit_timm, "vit_large_patch16_224", vit.MAE_L),
        *(preprocessing.pil(224), IMAGENET),
    ),
    "vit/SigLIP-L16-256, timm": partial(
        *(vit_timm, "vit_large_patch16_siglip_256", vit.SIGLIP_L16_256),
        *(preprocessing.pil(256), SYMMETRIC),
    ),
}


def main(args: Args) -> None:
    print_header(("comparison", "largest difference", "seconds"))
    for name, comparison in COMPARISONS.items():
        if name.startswith(args.only):
            begin = time.perf_counter()
            told = comparison(args)
            print_row((name, told, f"{time.perf_counter() - begin:.0f}"))


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    command(main)
