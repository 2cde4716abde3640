"""ADA against what the released code made of the same draws, and against its own word."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.augment import ada
from ganjax.augment.affine import Affine, affine, move
from ganjax.augment.bands import BANK, Bands, balanced, bands, refilter
from ganjax.augment.colours import Colours, colours, recolour
from ganjax.augment.corruption import Cutout, Noise, add, cut, cutout, noise
from ganjax.augment.resample import reflected
from ganjax.errors import Mistake


FOLDER = Path(__file__).parent / "released"
KINDS = pytest.mark.parametrize("kind", ["rgb", "grey"])
PARTS = (
    (Affine, move),
    (Colours, recolour),
    (Bands, refilter),
    (Noise, add),
    (Cutout, cut),
)
PARTS_OF = {"blit": 1, "geom": 1, "far": 1, "color": 2, "filter": 3, "noise": 4}


def released(name, kind):
    """Images in [-1, 1], what was drawn for them, and what the released code gave."""
    found = np.load(FOLDER / f"augment_{name}.npz")
    arrays = {key.removeprefix(f"{kind}_"): found[key] for key in found if kind in key}
    image = arrays.pop("image").astype(np.float32) / 127.5 - 1
    if "gain0" in arrays:
        arrays["gains"] = np.stack([arrays.pop(f"gain{i}") for i in range(4)], 1)
    if "center" in arrays:
        arrays["size"] = np.full(len(image), 0.5, np.float32)
    return image, arrays, arrays.pop("out"), arrays.pop("padding", None)


def ours(image, drawn):
    """Each part that something was drawn for, in the order of the pipeline."""
    for kind, apply in PARTS:
        names = kind.__dataclass_fields__.keys() & drawn.keys()
        if names:
            part = kind(**{name: jnp.asarray(drawn[name]) for name in names})
            axes = kind(
                **{
                    name: 0 if name in names else None
                    for name in kind.__dataclass_fields__
                }
            )
            image = jax.jit(jax.vmap(apply, (0, axes)))(image, part)
    return np.asarray(image)


def back(drawn, height, width):
    """Where pixels come from, in double precision: each transformation undone."""
    drawn = {name: np.float64(value) for name, value in drawn.items()}
    get = lambda name, rest: drawn.get(name, np.float64(rest))
    size = np.array([width, height])

    def shift(by):
        return np.linalg.inv([[1, 0, by[0]], [0, 1, by[1]], [0, 0, 1]])

    def turn(angle):
        sin, cos = np.sin(angle), np.cos(angle)
        return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])

    scale = lambda x, y: np.diag([1 / x, 1 / y, 1])
    return np.linalg.multi_dot(
        [
            scale(1 - 2 * get("xflip", 0), 1),
            turn(np.pi / 2 * get("rotate90", 0)),
            shift(np.round(size * get("xint", [0, 0]))),
            scale(get("scale", 1), get("scale", 1)),
            turn(get("before", 0)),
            scale(get("aniso", 1), 1 / get("aniso", 1)),
            turn(get("after", 0)),
            shift(size * get("xfrac", [0, 0])),
        ]
    )


def inside(drawn, padding, shape):
    """Which pixels are made of no place beyond the released code's padding: [b, h, w].

    Halving reads half pixels up to three pixels away, each of them between two, and
    these are made of three pixels before and three behind.
    """
    (left, right, top, bottom), (rows, height, width, _) = padding, shape
    halves = lambda n: np.arange(-5, 2 * n + 5) / 2 - (n - 1) / 2
    x, y = np.meshgrid(halves(width), halves(height))
    kept = []
    for row in range(rows):
        numbers = {name: value[row] for name, value in drawn.items()}
        place = np.stack([x, y, np.ones_like(x)], -1) @ back(numbers, height, width).T
        column, line = place[..., 0] + (width - 1) / 2, place[..., 1] + (height - 1) / 2
        good = (column >= 3 - left) & (column < width + right - 4)
        good &= (line >= 3 - top) & (line < height + bottom - 4)
        windows = np.lib.stride_tricks.sliding_window_view(good, (12, 12))
        kept.append(windows[::2, ::2][:height, :width].all(axis=(2, 3)))
    return np.stack(kept)


@KINDS
@pytest.mark.parametrize(
    "name", ["blit", "geom", "color", "filter", "noise", "cutout", "bgcfnc"]
)
def test_the_released_code_makes_the_same_of_the_same_draws(name, kind):
    image, drawn, wanted, padding = released(name, kind)
    out = ours(image, drawn)
    assert np.abs(out - image).max() > 0.3, "it should change the images"
    np.testing.assert_allclose(out, wanted, atol=1e-4 * np.abs(wanted).max(), rtol=0)
    if padding is not None:
        print(
            name,
            kind,
            padding,
            inside(
                {k: v for k, v in drawn.items() if k in Affine.__dataclass_fields__},
                padding,
                image.shape,
            ).mean(axis=(1, 2)),
            np.abs(out - wanted).max(),
            np.abs(wanted).max(),
        )


@KINDS
def test_far(kind):
    image, drawn, wanted, padding = released("far", kind)
    out = ours(image, drawn)
    k = inside(drawn, padding, image.shape)
    print(
        padding,
        k.mean(axis=(1, 2)),
        np.abs(out - wanted)[k].max(),
        np.abs(out - wanted)[~k].max(),
        drawn["scale"],
    )
