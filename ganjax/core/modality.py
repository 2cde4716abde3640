"""The interface of a kind of data, and how stored examples become networks' inputs.

The modalities themselves are in `ganjax.modalities`; an experiment may bring its own.
Data is stored in few bytes and decoded within the compiled step: images are uint8 in files
and on the devices, and become floats in -1..1 there.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.core.types import ArrayLike, Batch, PyTree
from ganjax.errors import UsageError


def dtype_of(stored: Any) -> np.dtype:
    """Returns the dtype of an array, or of what NumPy can convert to an array."""
    # Traced arrays have a dtype but no values, so `np.asarray` is only for the others.
    return np.dtype(getattr(stored, "dtype", None) or np.asarray(stored).dtype)


def pixels(stored: ArrayLike) -> Float[Array, "*b h w c"]:
    """Returns images of bytes 0..255, [..., h, w, c], as floats in -1..1.

    Raises:
        UsageError: if they are not bytes. Images that are decoded twice would otherwise all
            become nearly -1, without an error.
    """
    dtype = dtype_of(stored)
    if dtype != np.uint8:
        raise UsageError(
            f"Images must be stored as bytes, uint8 of 0..255, and these are {dtype}: make "
            "bytes of them (`ganjax.core.stored` does of -1..1), or give the game a "
            "modality that takes them as they are (`ganjax.modalities.POINTS`)."
        )
    return jnp.asarray(stored, jnp.float32) / 127.5 - 1


def stored(image: ArrayLike) -> np.ndarray:
    """Returns images in -1..1 as bytes 0..255, rounded and clipped: inverts `pixels`."""
    return np.rint((np.asarray(image) + 1) * 127.5).clip(0, 255).astype(np.uint8)


def points(stored: ArrayLike) -> Float[Array, "..."]:
    """Returns points [..., d], or any floats, unchanged.

    Raises:
        UsageError: for integers, such as images that are stored as bytes.
    """
    dtype = dtype_of(stored)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise UsageError(
            f"Points must be floats, and these are {dtype}: images of bytes are decoded by "
            "`ganjax.core.pixels`; make floats of anything else."
        )
    return jnp.asarray(stored)


class Render(Protocol):
    """Draws samples as one picture."""

    def __call__(
        self, samples: np.ndarray, classes: int = 0, real: np.ndarray | None = None
    ) -> Any:
        """Returns the picture.

        Args:
            samples: samples [n, ...] as G generates them. With classes, their labels cycle
                through 0 .. classes - 1.
            classes: number of classes, 0 for none.
            real: real examples, for modalities that show them behind the samples.
        """
        ...


class Modality(NamedTuple):
    """A kind of data: all that differs between images, points, sound, text, tables.

    The step and the loop are the same for all of them. Types of `ganjax.data` and
    `ganjax.evaluation` are `Any` here, since those packages import this one.

    Attributes:
        name: the plural of its examples, such as "images".
        load: a `data.Spec`, which says where the data is -> a `data.Source`.
        decode: stored examples [..., *stored] -> the same as networks see them. It is
            traced as part of the compiled step.
        summary: a `data.Source` -> such as "899 images of 8x8x1".
        describe: the shape of one sample -> such as "images of 8x8 pixels and 1 channel".
        remedy: the shape of a sample and that of a real example, which differ -> the end of
            an error message, which says what to change.
        preview: the number of classes -> how many samples a picture of a run holds.
        render: draws samples, see `Render`.
        files: a file's suffix -> a function (path, samples, labels) that writes one.
        max_samples: a file's suffix -> how many samples it can hold; suffixes without a
            limit are left out.
        evaluator: (source, held_out, to_real, *features, scratch) -> an
            `evaluation.evaluator.Evaluator`. `held_out` is a second `data.Source` or None,
            `to_real` converts stored examples to what G is meant to produce, and `features`
            are further `evaluation.Features`. `scratch` is a folder for features that are
            too many for the memory, or None.
        play: (path, samples) writes a .wav that a report plays next to the picture; None
            for what is only looked at.
        table: samples -> the rows of a table (`data.tables.Table`) that they stand for;
            None for kinds of data that are no tables.
        unit: the plural of what a run counts, as in "images per second".
    """

    name: str
    load: Callable[[Any], Any]
    decode: Callable[[PyTree], PyTree]
    summary: Callable[[Any], str]
    describe: Callable[[tuple[int, ...]], str]
    remedy: Callable[[tuple[int, ...], tuple[int, ...]], str]
    preview: Callable[[int], int]
    render: Render
    files: Mapping[str, Callable[[Path, np.ndarray, np.ndarray], None]]
    max_samples: Mapping[str, int]
    evaluator: Callable[..., Any]
    play: Callable[[Path, np.ndarray], None] | None = None
    table: Callable[[np.ndarray], Any] | None = None
    unit: str = "images"


def decoded(modality: Modality, turns: PyTree) -> PyTree:
    """Returns a step's turns with their examples decoded: as networks see them."""
    # A `Batch` is a pytree itself; it is a leaf here, so that labels stay what they are.
    return jax.tree.map(
        lambda batch: batch._replace(x=modality.decode(batch.x)),
        turns,
        is_leaf=lambda node: isinstance(node, Batch),
    )
