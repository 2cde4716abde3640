"""What the released ADA makes of images, for the tests to compare with.

`python tools/fixtures_augment.py CHECKOUT` runs the pipeline of a checkout
of NVlabs/stylegan2-ada-pytorch at p = 1 on random images, writes down what it draws and
pads, and keeps both with its output as augment_*.npz among the tests' fixtures. Needs
PyTorch.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from math import pi
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
import torch
import tyro

from ganjax.errors import UsageError
from ganjax.run import command


BLIT = {"xflip": 1, "rotate90": 1, "xint": 1}
GEOM = {"scale": 1, "rotate": 1, "aniso": 1, "xfrac": 1}
COLOR = dict.fromkeys(("brightness", "contrast", "lumaflip", "hue", "saturation"), 1)
FILTER, NOISE, CUTOUT = {"imgfilter": 1}, {"noise": 1}, {"cutout": 1}
ALL = BLIT | GEOM | COLOR | FILTER | NOISE | CUTOUT
SETS = {"blit": BLIT, "geom": GEOM, "color": COLOR, "filter": FILTER}
SETS |= {"noise": NOISE, "cutout": CUTOUT, "bgcfnc": ALL}
SETS["far"] = GEOM | {
    "scale_std": 1.0
}  # so much shrunk that all of the padding is seen
SHAPES = {"rgb": (2, 3, 22, 25), "gray": (2, 1, 25, 22)}

turn = lambda u: pi * (2 * u - 1)
MEANINGS = (  # in the order of drawing: multiplier, field, the field's value
    ("xflip", "xflip", lambda u: np.floor(2 * u)),
    ("rotate90", "rotate90", lambda u: np.floor(4 * u)),
    ("xint", "xint", lambda u: 0.125 * (2 * u - 1)),
    ("scale", "scale", lambda n, std=0.2: 2 ** (std * n)),
    ("rotate", "before", turn),
    ("aniso", "aniso", lambda n: 2 ** (0.2 * n)),
    ("rotate", "after", turn),
    ("xfrac", "xfrac", lambda n: 0.125 * n),
    ("brightness", "brightness", lambda n: 0.2 * n),
    ("contrast", "contrast", lambda n: 2 ** (0.5 * n)),
    ("lumaflip", "lumaflip", lambda u: np.floor(2 * u)),
    ("hue", "hue", turn),
    ("saturation", "saturation", lambda n: 2**n),
    *(("imgfilter", f"gain{band}", lambda n: 2**n) for band in range(4)),
    ("noise", "sigma", lambda n: 0.1 * np.abs(n)),
)


@dataclass(frozen=True)
class Args:
    checkout: Annotated[Path, tyro.conf.Positional]
    """A folder with the released code."""
    out: Path = Path(__file__).parents[1] / "tests" / "parity" / "fixtures"


@contextmanager
def watched() -> Iterator[tuple[list[np.ndarray], list[list[int]]]]:
    """All that is drawn, and every padding by reflection, in their order."""
    drawn, padded = [], []

    def seen(draw):
        def call(*args, **options):
            drawn.append(draw(*args, **options))
            return drawn[-1]

        return call

    def pad(*args, fill=torch.nn.functional.pad, **options):
        if options.get("mode") == "reflect":
            padded.append([int(side) for side in options["pad"]])
        return fill(*args, **options)

    with (
        patch("torch.rand", seen(torch.rand)),
        patch("torch.randn", seen(torch.randn)),
        patch("torch.nn.functional.pad", pad),
    ):
        yield drawn, padded


def fields(spec: dict[str, Any], drawn: list[Any], channels: int) -> dict[str, Any]:
    """The draws by what they mean; after each comes one that says whether it acts."""
    draws, found = iter([x.numpy().squeeze() for x in drawn]), {}
    for multiplier, field, value in MEANINGS:
        gray = channels == 1 and field in ("hue", "saturation")
        if multiplier in spec and not gray:
            std = {"std": spec[f"{field}_std"]} if f"{field}_std" in spec else {}
            found[field], _ = value(next(draws), **std), next(draws)
    if "noise" in spec:
        found["normal"] = next(draws)
    if "cutout" in spec:
        _, found["center"] = next(draws), next(draws)
    assert not list(draws), "the released code draws something else"
    return found


def case(module: Any, spec: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """One batch: images as bytes, their draws, the padding, and what came out."""
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    torch.manual_seed(6)
    with watched() as (drawn, padded):
        out = module.AugmentPipe(**spec)(torch.tensor(image) / 127.5 - 1)
    found = fields(spec, drawn, shape[1])
    if "normal" in found:
        found["normal"] = found["normal"].reshape(shape).transpose(0, 2, 3, 1)
    if "scale" in spec or "xflip" in spec:
        found["padding"] = np.array(padded[0])
    channels_last = lambda x: np.asarray(x).transpose(0, 2, 3, 1)
    found = {name: np.float32(value) for name, value in found.items()}
    return {"image": channels_last(image), "out": channels_last(out)} | found


def main(args: Args) -> None:
    """Writes the files."""
    if not (args.checkout / "training" / "augment.py").is_file():
        raise UsageError(
            f"{args.checkout} has no training/augment.py: give a checkout of "
            "NVlabs/stylegan2-ada-pytorch."
        )
    sys.path.append(str(args.checkout))
    module = import_module("training.augment")
    for name, spec in SETS.items():
        arrays = {
            f"{kind}_{field}": value
            for kind, shape in SHAPES.items()
            for field, value in case(module, spec, shape).items()
        }
        path = args.out / f"augment_{name}.npz"
        np.savez_compressed(path, **arrays)
        print(path, path.stat().st_size)


if __name__ == "__main__":
    command(main)
