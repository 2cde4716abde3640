"""What published programs make of images of mixed sizes, for the tests to compare with.

`python tools/fixtures_preprocessing.py` writes the tests' fixture preprocessing.npz. Needs
PyTorch, torchvision, torch-fidelity and clean-fid.

Of results in floats every 37th row and column is kept, of whole numbers the SHA-256.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
import torch.nn.functional as F
import torchvision
from cleanfid.resize import make_resizer
from torch_fidelity.interpolate_compat_tensorflow import (
    interpolate_bilinear_2d_like_tensorflow1x as like_tensorflow1x,
)
from torch_side import FIXTURES, keep, nchw
from weights import MIXED_SIZES, mixed_images

from ganjax.run import command


FILTERS = ("nearest", "box", "bilinear", "bicubic", "lanczos")
EVERY = 37  # rows and columns


@dataclass(frozen=True)
class Args:
    out: Path = FIXTURES


def rgb(image: np.ndarray) -> np.ndarray:
    """The image as the programs read it from a file."""
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    return np.asarray(PIL.Image.fromarray(pixels).convert("RGB"))


def affine_grid(x: torch.Tensor) -> torch.Tensor:
    """Images [1, 3, h, w], resized as the first lines of NVIDIA's Inception-v3 do."""
    height, width = x.shape[2:]
    theta = torch.eye(2, 3)
    theta[:, 2] = 1 / torch.tensor([width, height]) - 1 / torch.tensor(299)
    grid = F.affine_grid(theta[None], [1, 3, 299, 299], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def floats(image: np.ndarray, every: int = EVERY) -> dict[str, np.ndarray]:
    """The results in 0..255 of the programs that do not round, and dgm-eval's."""
    x = nchw(image[None]).float()
    dgm_eval = torchvision.transforms.Resize(
        (224, 224), torchvision.transforms.InterpolationMode.BICUBIC
    )
    found: dict[str, Any] = {
        "tf1-bilinear": like_tensorflow1x(x, (299, 299), align_corners=False),
        "affine-grid": affine_grid(x),
        "pytorch-bilinear": 255
        * F.interpolate(x / 255, (299, 299), mode="bilinear", align_corners=False),
        "pytorch-bicubic": F.interpolate(x, (224, 224), mode="bicubic", antialias=True),
    }
    found = {name: y[0].movedim(0, -1).numpy() for name, y in found.items()}
    found["dgm-eval"] = np.asarray(dgm_eval(PIL.Image.fromarray(image)))
    for name in FILTERS:
        found[f"clean-{name}"] = make_resizer("PIL", False, name, (299, 299))(image)
    return {name: y[::every, ::every] for name, y in found.items()}


def main(args: Args) -> None:
    arrays: dict[str, Any] = {}
    for i, image in enumerate(mixed_images(len(MIXED_SIZES))):
        color = rgb(image)
        for name, found in floats(color).items():
            arrays[f"{name}/{i}"] = found.astype(np.float32)
        for name in FILTERS:
            found = make_resizer("PIL", True, name, (299, 299))(color)
            digest = sha256(np.ascontiguousarray(found)).hexdigest()
            arrays[f"pil-{name}/{i}"] = np.array(digest)
    keep(args.out, "preprocessing", compressed=True, **arrays)


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    command(main)
