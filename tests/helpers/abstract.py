"""Games and data of which only shapes are looked at: nothing is read or compiled."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ganjax
from ganjax.core import Batch, Game, Pair, PyTree, Turns, decoded
from ganjax.data import Sizes, Source, Spec
from ganjax.data.source import example_struct
from ganjax.data.stream import shapes_of
from ganjax.games import inpainting


SQUARE = (16, 16, 3)
ONCE = Sizes(1, 4, 4)
BYTES, FLOATS = np.dtype(np.uint8), np.dtype(np.float32)


def unread(rows: np.ndarray) -> Batch:
    """What reads no example."""
    raise AssertionError("the data was read")


def source(
    shape: tuple = SQUARE,
    dtype: Any = BYTES,
    classes: int = 0,
    spec: Spec | None = None,
) -> Source:
    """Data that nobody reads."""
    names = tuple(f"class {i}" for i in range(classes))
    return Source(
        spec or Spec("a folder"), 9, example_struct(shape, dtype), names, unread
    )


def turns(shape: tuple = SQUARE, dtype: Any = BYTES, many: Sizes = ONCE) -> Turns:
    """The shapes of a step, of examples as they are stored."""
    return shapes_of(source(shape, dtype), many)


def zeros(shapes: PyTree) -> PyTree:
    """Arrays of these shapes."""
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)


def seen(game: Game, shapes: Turns) -> Turns:
    """The shapes of a step as networks see examples."""
    return jax.eval_shape(lambda turns: decoded(game.modality, turns), shapes)


def leave_masks_blank(patch: pytest.MonkeyPatch) -> None:
    """What masks hide is no matter for shapes, and drawing them is compiled."""
    blank = lambda mask, n, side: np.zeros((n, side, side, 1))
    patch.setattr(inpainting, "fixed_masks", blank)


def captured(module, args):
    """What an experiment's `main` would train on: the game, the data, the turns."""
    given = {}

    def train(game, data, run, *, config, sizes=None):
        # An experiment may record more than it was given, such as what columns are.
        assert type(config) is type(args) and run is config.run is args.run
        spec = Spec(data) if isinstance(data, str) else data
        many = sizes or Sizes(1, run.batch, run.batch)
        given.update(game=game, spec=spec, many=many)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ganjax, "train", train)
        module.main(args)
    spec, modality = given["spec"], given["game"].modality
    if modality.name == "tables":  # whose columns are in the data alone
        data = modality.load(spec)._replace(read=unread)
        return given["game"], data, shapes_of(data, given["many"])
    side, channels = (
        spec.size or 8,
        spec.channels or (1 if spec.where == "digits" else 3),
    )
    shape = side, side, channels
    shape, dtype = ((2,), FLOATS) if spec.where == "ring" else (shape, BYTES)
    classes = 10 * (spec.where == "digits" and not spec.target)
    if spec.where in ("tones", "grammar"):  # whose shape is known to the modality alone
        made = given["game"].modality.load(spec)
        shape, dtype, classes = made.shape, made.dtype, len(made.classes)
    data = source(shape, dtype, classes, spec)
    if spec.target or spec.side_by_side:
        data = data._replace(example=Pair(data.example, data.example))
    return given["game"], data, shapes_of(data, given["many"])
