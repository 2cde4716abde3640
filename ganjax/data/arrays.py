"""Data that lies in memory: the digits that scikit-learn carries, and .npz files."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from ganjax.data import image as images
from ganjax.data.source import Source, Spec
from ganjax.errors import Mistake
from ganjax.gan import Batch


KEYS = {  # split -> the names that people give to images and to labels
    "train": (
        ("image", "images", "image_train", "x_train", "x", "arr_0"),
        ("label", "labels", "label_train", "y_train", "y"),
    ),
    "test": (
        ("image_test", "images_test", "x_test"),
        ("label_test", "labels_test", "y_test"),
    ),
}


def held(
    spec: Spec,
    image: UInt8[np.ndarray, "n h w c"],
    label: Int[np.ndarray, " n"],
    classes: tuple[str, ...],
) -> Source:
    """Images in memory as a source; they are resized as they are read."""
    if not len(image):
        raise Mistake(f"{spec.where} holds no images in split {spec.split!r}.")
    label = label.astype(np.int32)
    shape = images.shaped(image.shape[1:], spec)

    def read(rows: np.ndarray) -> Batch:
        chosen = image[rows]
        if shape != image.shape[1:]:
            fit = images.spread(lambda one: images.reshape(one, spec), chosen)
            chosen = np.array(fit, np.uint8).reshape(len(rows), *shape)
        return Batch(chosen, label[rows])

    return Source(spec, len(image), shape, np.dtype(np.uint8), classes, read)


def digits(spec: Spec) -> Source:
    """1,797 handwritten digits of 8x8 pixels (Alpaydin & Kaynak, 1998; UCI).

    A fixed permutation puts 899 of them into 'train' and 898 into 'test'; 'all' has
    them all, in their own order.
    """
    from sklearn.datasets import load_digits

    stored: Any = load_digits()
    order = np.random.default_rng(0).permutation(len(stored.target))
    rows = {"train": order[:899], "test": order[899:], "all": np.sort(order)}
    if spec.split not in rows:
        raise Mistake(
            f"digits has no split {spec.split!r}: its splits are train, test and all."
        )
    image = np.round(stored.images * (255 / 16)).astype(np.uint8)[..., None]
    chosen = rows[spec.split]
    names = tuple(str(name) for name in stored.target_names)
    return held(spec, image[chosen], stored.target[chosen], names)


def npz(spec: Spec) -> Source:
    """Arrays saved by `np.savez`: `image` [n, h, w] or [n, h, w, c] uint8, `label` [n].

    Other usual names are understood, Keras's x_train, y_train, x_test, y_test too; the
    test split is `image_test`, `label_test`. Classes are the values that occur in
    either split, in ascending order.
    """
    stored = _opened(spec.where)
    if spec.split not in KEYS:
        raise Mistake(
            f"{spec.where} has no split {spec.split!r}: the splits of an .npz are "
            "train and test."
        )
    image_keys, label_keys = KEYS[spec.split]
    name = _first(image_keys, stored)
    if not name:
        raise Mistake(
            f"{spec.where} has no images for split {spec.split!r}: save an array named "
            f"{image_keys[0]!r} in it (it holds {', '.join(stored) or 'nothing'})."
        )
    image = _images(f"{name!r} of {spec.where}", stored[name])
    found = {key: _first(labels, stored) for key, (_, labels) in KEYS.items()}
    if not found[spec.split]:
        return held(spec, image, np.zeros(len(image), np.int32), ())
    values = {
        split: _labels(f"{key!r} of {spec.where}", stored[key])
        for split, key in found.items()
        if key
    }
    label = values[spec.split]
    if len(label) != len(image):
        raise Mistake(
            f"{spec.where} holds {len(image)} images but {len(label)} labels in split "
            f"{spec.split!r}: save one label for each image."
        )
    classes = np.unique(np.concatenate(list(values.values())))
    names = tuple(str(value) for value in classes)
    return held(spec, image, np.searchsorted(classes, label), names)


def _opened(where: str) -> dict[str, np.ndarray]:
    known = {key for pair in KEYS.values() for keys in pair for key in keys}
    try:
        with (
            open(Path(where).expanduser(), "rb") as opened,
            np.load(opened, allow_pickle=False) as file,
        ):
            return {key: file[key] for key in file.files if key in known}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise Mistake(
            f"{where} cannot be read as an .npz of plain arrays ({error}): save it "
            "again with np.savez."
        ) from error


def _first(names: tuple[str, ...], stored: dict[str, np.ndarray]) -> str:
    return next((name for name in names if name in stored), "")


def _images(name: str, image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8:
        raise Mistake(
            f"The array {name} is {image.dtype}: store images as uint8 from 0 to 255."
        )
    image = image[..., None] if image.ndim == 3 else image
    if image.ndim != 4 or image.shape[-1] not in images.MODES or 0 in image.shape[1:]:
        raise Mistake(
            f"The array {name} has shape {image.shape}: store images as [n, h, w] or "
            "[n, h, w, c] with 1, 3 or 4 channels c."
        )
    return image


def _labels(name: str, label: np.ndarray) -> np.ndarray:
    if label.dtype.kind not in "iu" or label.size != len(label):
        raise Mistake(
            f"The array {name} is {label.dtype} {list(label.shape)}: store labels as "
            "whole numbers [n]."
        )
    return label.reshape(-1)
