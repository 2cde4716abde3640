"""Data that lies in memory: the digits that scikit-learn carries, and .npz files."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from ganjax.data import digest, image as images, splits
from ganjax.data.names import listed, printable
from ganjax.data.source import Found, Source, Spec
from ganjax.errors import Mistake, NoSplit
from ganjax.gan import Batch


# What people call arrays of images and of labels, alone or with the name of a split:
# x_train, train_images, image_val.
IMAGES = "image", "images", "img", "imgs", "x", "data"
LABELS = "label", "labels", "y"
UNNAMED = "arr_0"  # np.savez's own name
NOTHING_ELSE = Found()


class Arrays(NamedTuple):
    """The names of a split's arrays in an .npz, '' for one that is not there."""

    image: str
    label: str


def held(
    spec: Spec,
    image: UInt8[np.ndarray, "n h w c"],
    label: Int[np.ndarray, " n"],
    classes: tuple[str, ...],
    found: Found = NOTHING_ELSE,
) -> Source:
    """Images in memory as a source; they are resized as they are read."""
    if not len(image):
        raise Mistake(
            f"{printable(spec.where)} holds no images in split {spec.split!r}."
        )
    label = label.astype(np.int32)
    shape = images.shaped(image.shape[1:], spec)

    def read(rows: np.ndarray) -> Batch:
        chosen = image[rows]
        if shape != image.shape[1:]:
            fit = images.spread(lambda one: images.reshape(one, spec), chosen)
            chosen = np.array(fit, np.uint8).reshape(len(rows), *shape)
        return Batch(chosen, label[rows])

    return Source(
        spec=spec,
        length=len(image),
        shape=shape,
        dtype=np.dtype(np.uint8),
        classes=classes,
        read=read,
        found=found,
        inventory=lambda: {"image": digest.array(image), "label": digest.array(label)},
    )


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
        raise NoSplit(
            f"digits has no split {spec.split!r}: its splits are train, test and all."
        )
    image = np.round(stored.images * (255 / 16)).astype(np.uint8)[..., None]
    chosen = rows[spec.split]
    names = tuple(str(name) for name in stored.target_names)
    found = Found(len(rows["test"]), "test") if spec.split == "train" else Found()
    return held(spec, image[chosen], stored.target[chosen], names, found)


def npz(spec: Spec) -> Source:
    """Arrays saved by `np.savez`: `image` [n, h, w] or [n, h, w, c] uint8, `label` [n].

    Other usual names are understood, with the name of a split before or after it too:
    Keras's x_train and y_test, MedMNIST's val_images. Classes are the values that occur
    in any split, in ascending order.
    """
    where, stored = printable(spec.where), _opened(spec.where)
    named = _splits(stored)
    split = _sought(spec, where, named, stored)
    image = _images(f"{named[split].image!r} of {where}", stored[named[split].image])
    labeled = {name: arrays.label for name, arrays in named.items() if arrays.label}
    used = {name for arrays in named.values() for name in arrays}
    found = _found(spec, named, split, stored, used)
    if not labeled:
        return held(spec, image, np.zeros(len(image), np.int32), (), found)
    if split not in labeled:
        raise Mistake(
            f"{where} has labels ({listed(labeled.values())}) but none for "
            f"{named[split].image!r}: save labels for all splits, or for none."
        )
    values = {
        name: _labels(f"{array!r} of {where}", stored[array])
        for name, array in labeled.items()
    }
    label = values[split]
    if len(label) != len(image):
        raise Mistake(
            f"{where} holds {len(image)} images but {len(label)} labels in split "
            f"{spec.split!r}: save one label for each image."
        )
    # By Python's numbers: NumPy makes floats of signed and unsigned ones together.
    classes = sorted({x for each in values.values() for x in np.unique(each).tolist()})
    number = {value: i for i, value in enumerate(classes)}
    here, place = np.unique(label, return_inverse=True)
    label = np.array([number[x] for x in here.tolist()], np.int32)[place]
    return held(spec, image, label, tuple(map(str, classes)), found)


def _opened(where: str) -> dict[str, np.ndarray]:
    try:
        with open(where, "rb") as opened:
            stored = np.load(opened, allow_pickle=False)
            if isinstance(stored, np.ndarray):
                raise ValueError("it holds one array without a name")
            with stored as file:
                named = [key for key in file.files if _role(key)]
                others = {key: np.empty(0) for key in file.files if key not in named}
                read = {key: file[key] for key in named}
                odd = [
                    x for x, value in read.items() if not isinstance(value, np.ndarray)
                ]
                if odd:
                    raise ValueError(f"{odd[0]!r} in it is no array")
                return read | others
    # The headers of a damaged file make NumPy raise almost anything.
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Mistake(
            f"{printable(where)} cannot be read as an .npz of plain arrays "
            f"({printable(reason)}): save it again with np.savez."
        ) from error


def _role(key: str) -> tuple[str, str] | None:
    """What an array is for, (split, 'image' or 'label'), or None if its name says not."""
    lower = key.lower()
    if lower in (*IMAGES, UNNAMED):
        return "train", "image"
    if lower in LABELS:
        return "train", "label"
    words = lower.split("_")
    for word, thing in ((words[0], words[1:]), (words[-1], words[:-1])):
        name, role = splits.exact(word), "_".join(thing)
        if name and not name.domain and role in IMAGES:
            return name.kind, "image"
        if name and not name.domain and role in LABELS:
            return name.kind, "label"
    return None


def _splits(stored: Mapping[str, np.ndarray]) -> dict[str, Arrays]:
    """The arrays of each split that has images, the first where several would do."""
    roles = sorted(stored, key=_preference)
    found: dict[tuple[str, str], str] = {}
    for key in roles:
        role = _role(key)
        if role:
            found.setdefault(role, key)
    kinds = {split for split, thing in found if thing == "image"}
    return {
        split: Arrays(found[split, "image"], found.get((split, "label"), ""))
        for split in splits.WORDS
        if split in kinds
    }


def _preference(key: str) -> int:
    order = [*IMAGES, *LABELS]
    lower = key.lower()
    return order.index(lower) if lower in order else len(order) + (lower == UNNAMED)


def _sought(
    spec: Spec, where: str, named: Mapping[str, Arrays], stored: Mapping[str, Any]
) -> str:
    wanted = splits.exact(spec.split)
    if wanted is None or wanted.domain:
        raise NoSplit(
            f"{where} has no split {spec.split!r}: the splits of an .npz are train, "
            "test and val."
        )
    for kind in splits.SOUGHT[wanted.kind]:
        if kind in named:
            return kind
    array = IMAGES[0] if wanted.kind == "train" else f"{IMAGES[0]}_{wanted.kind}"
    error = NoSplit if named else Mistake
    raise error(
        f"{where} has no images for split {spec.split!r}: save an array named "
        f"{array!r} in it (it holds {listed(stored, 8) or 'nothing'})."
    )


def _found(
    spec: Spec,
    named: Mapping[str, Arrays],
    split: str,
    stored: Mapping[str, np.ndarray],
    used: set[str],
) -> Found:
    notes = []
    unused = [key for key in stored if key not in used]
    held_out = next((kind for kind in splits.SOUGHT["test"] if kind in named), "")
    if split != "train":
        held_out = ""
    for kind in named:
        if split == "train" and kind not in (split, held_out):
            unused.append(named[kind].image)
    if unused:
        notes.append(f"Arrays that are not used: {listed(unused, 8)}.")
    image = stored[named[split].image]
    if image.size and image.dtype == np.uint8 and image.max() <= 1:
        notes.append(
            f"No pixel of {named[split].image!r} is above 1, where 255 is white: if 1 "
            "means white, multiply by 255."
        )
    if not held_out:
        return Found(notes=tuple(notes))
    array = named[held_out].image
    count = len(stored[array]) if stored[array].ndim else 0
    return Found(count, array, notes=tuple(notes))


def _images(name: str, image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8:
        raise Mistake(
            f"The array {name} is {image.dtype}{_range(image)}: store images as uint8 "
            f"from 0 to 255{_cure(image)}."
        )
    image = image[..., None] if image.ndim == 3 else image
    if image.ndim != 4 or image.shape[-1] not in images.MODES or 0 in image.shape[1:]:
        raise Mistake(
            f"The array {name} has shape {image.shape}: store images as [n, h, w] or "
            "[n, h, w, c] with 1, 3 or 4 channels c."
        )
    return image


def _range(image: np.ndarray) -> str:
    if image.dtype.kind not in "iuf" or not image.size:
        return ""
    if not np.isfinite(image).all():
        return " and not finite"
    return f" from {image.min():g} to {image.max():g}"


def _cure(image: np.ndarray) -> str:
    """The expression by which an array of another dtype most likely becomes right."""
    if image.dtype.kind == "b":
        return ", as by np.uint8(255) * image"
    if image.dtype.kind not in "iuf" or not image.size or not np.isfinite(image).all():
        return ""
    low, high = image.min(), image.max()
    if image.dtype.kind == "f" and -1 <= low < 0 and high <= 1:
        return ", as by np.rint((image + 1) * 127.5).astype(np.uint8)"
    if image.dtype.kind == "f" and 0 <= low and high <= 1:
        return ", as by np.rint(image * 255).astype(np.uint8)"
    if 0 <= low and high <= 255:
        return ", as by image.astype(np.uint8)"
    if 0 <= low and high <= 65535 and image.dtype.kind in "iu":
        return ", as by (image >> 8).astype(np.uint8)"
    return ""


def _labels(name: str, label: np.ndarray) -> np.ndarray:
    if label.dtype.kind not in "iu" or not label.ndim or label.size != len(label):
        raise Mistake(
            f"The array {name} is {label.dtype} {list(label.shape)}: store labels as "
            "whole numbers [n]."
        )
    return label.reshape(-1)
