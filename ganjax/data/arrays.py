"""Data sets in memory: the digits of scikit-learn, and .npz files of arrays.

An .npz holds named arrays, and people name them in many ways: image and label, x_train and
y_test as in Keras, train_images as in MedMNIST. The purpose of an array follows from its
name. What cannot be right, such as images in floating point, is refused with advice.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Int, Integer, UInt8

from ganjax.core import Batch
from ganjax.data import digest, image_files, splits
from ganjax.data.names import listed, printable
from ganjax.data.source import LoadReport, Source, Spec, example_struct, report_held_out
from ganjax.errors import NoSplit, UsageError, brief_reason


# Usual names of arrays of images and of labels, the preferred ones first. They may stand
# alone or with the name of a split: x_train, train_images, image_val.
IMAGE_NAMES = ("image", "images", "img", "imgs", "x", "data")
LABEL_NAMES = ("label", "labels", "y")
UNNAMED = "arr_0"  # what `np.savez` calls an array without a name
EMPTY_REPORT = LoadReport()


class Role(NamedTuple):
    """What an array is for, by its name."""

    split: str  # "train", "test" or "val"
    content: Literal["image", "label"]


class SplitArrays(NamedTuple):
    """The names of a split's arrays in an .npz."""

    image: str
    label: str  # "" without labels


class Npz(NamedTuple):
    """The contents of an .npz.

    Attributes:
        where: the file, for messages.
        arrays: name -> array; arrays without a role are not read and left empty.
        splits: "train", "test" or "val" -> its arrays.
    """

    where: str
    arrays: Mapping[str, np.ndarray]
    splits: Mapping[str, SplitArrays]


def array_source(
    spec: Spec,
    image: UInt8[np.ndarray, "n h w c"],
    label: Int[np.ndarray, " n"],
    classes: tuple[str, ...],
    report: LoadReport = EMPTY_REPORT,
) -> Source:
    """Returns a source of images in memory, which are resized when they are read.

    Args:
        spec: says what shape to bring images to.
        image: the images.
        label: the class of each image; all are 0 if there are no classes.
        classes: the names of the classes.
        report: what else was found where the images are.

    Raises:
        UsageError: there are no images.
    """
    if not len(image):
        raise UsageError(
            f"{printable(spec.where)} holds no images in split {spec.split!r}."
        )
    label = label.astype(np.int32)
    shape = image_files.output_shape(image.shape[1:], spec)

    def read(rows: np.ndarray) -> Batch:
        batch = image[rows]
        if shape != image.shape[1:]:
            resize = lambda pixels: image_files.resize(pixels, spec)
            batch = image_files.parallel_batch(resize, batch, shape)
        return Batch(batch, label[rows])

    return Source(
        spec=spec,
        length=len(image),
        example=example_struct(shape),
        classes=classes,
        read=read,
        report=report,
        inventory=lambda: {"image": digest.array(image), "label": digest.array(label)},
    )


def digits(spec: Spec) -> Source:
    """Returns 1,797 handwritten digits of 8x8 pixels (Alpaydin & Kaynak, 1998; UCI).

    A fixed permutation puts 899 of them into 'train' and 898 into 'test'; 'all' has all of
    them in the order of scikit-learn.

    Raises:
        NoSplit: there is no such split.
    """
    from sklearn.datasets import load_digits

    stored: Any = load_digits()
    # Neighbors in the stored order are often by the same writer: without a permutation, the
    # splits would have different writers.
    order = np.random.default_rng(0).permutation(len(stored.target))
    rows = {"train": order[:899], "test": order[899:], "all": np.sort(order)}
    splits.check_exists(spec.split, rows, "digits")
    # The digits are stored as 0 to 16.
    image = np.round(stored.images * (255 / 16)).astype(np.uint8)[..., None]
    chosen = rows[spec.split]
    names = tuple(str(name) for name in stored.target_names)
    report = report_held_out(spec, len(rows["test"]))
    return array_source(spec, image[chosen], stored.target[chosen], names, report)


def npz(spec: Spec) -> Source:
    """Returns the images of an .npz, as `np.savez` writes it.

    The file holds `image`, uint8 [n, h, w] or [n, h, w, c], and optionally `label`,
    integers [n]. Other usual names are recognized too, with the name of a split before or
    after them: Keras's x_train and y_test, MedMNIST's val_images. Classes are the values
    that occur in any split, in ascending order.

    Raises:
        NoSplit: the file has no such split.
        UsageError: it is not an .npz of plain arrays, has no images, its arrays have
            another dtype or shape, or there are not as many labels as images.
    """
    stored = _opened(spec.where)
    split = _find_split(spec, stored)
    name = stored.splits[split].image
    image = _checked_images(f"{name!r} of {stored.where}", stored.arrays[name])
    report = _report(stored, split)
    label_names = {key: arrays.label for key, arrays in stored.splits.items()}
    # Classes come from all splits, so that a class has the same number in each of them.
    labeled = {key: label for key, label in label_names.items() if label}
    if not labeled:
        return array_source(spec, image, np.zeros(len(image), np.int32), (), report)
    if split not in labeled:
        raise UsageError(
            f"{stored.where} has labels ({listed(labeled.values())}) but none for "
            f"{name!r}: save labels for all splits, or for none."
        )
    values = {
        key: checked_labels(f"{label!r} of {stored.where}", stored.arrays[label])
        for key, label in labeled.items()
    }
    if len(values[split]) != len(image):
        raise UsageError(
            f"{stored.where} holds {len(image)} images but {len(values[split])} labels in "
            f"split {spec.split!r}: save one label for each image."
        )
    classes, numbers = number_classes(values)
    return array_source(spec, image, numbers[split], classes, report)


def number_classes(
    labels: Mapping[str, np.ndarray],
) -> tuple[tuple[str, ...], dict[str, Int[np.ndarray, " n"]]]:
    """Returns the names of the classes, and the labels of each split by number.

    Classes are the values that occur in any split, in ascending order, so that a class has
    the same number in each of them.

    Args:
        labels: a split's name -> the label of each of its examples.
    """
    # Python's integers compare exactly, while NumPy converts int64 and uint64 to float.
    classes = sorted(
        {value for array in labels.values() for value in np.unique(array).tolist()}
    )
    class_of = {value: i for i, value in enumerate(classes)}

    def numbers(label):
        # Only distinct values are looked up: label[i] is the class of distinct[index[i]].
        distinct, index = np.unique(label, return_inverse=True)
        return np.array([class_of[x] for x in distinct.tolist()], np.int32)[index]

    named = {split: numbers(label) for split, label in labels.items()}
    return tuple(map(str, classes)), named


def _opened(where: str) -> Npz:
    """Reads the arrays of an .npz that images or labels could be in."""
    try:
        with open(where, "rb") as opened:
            # Pickled arrays could run code. An .npy gives an array rather than an archive.
            stored = np.load(opened, allow_pickle=False)
            if isinstance(stored, np.ndarray):
                raise ValueError("it holds one array without a name")
            with stored as file:
                arrays = {}
                for key in file.files:
                    # Arrays without a role are not read, and only named in messages.
                    arrays[key] = file[key] if _role(key) else np.empty(0)
                    if not isinstance(arrays[key], np.ndarray):
                        raise ValueError(f"{key!r} in it is not an array")
    # The headers of a damaged file make NumPy raise almost anything.
    except Exception as error:
        raise UsageError(
            f"{printable(where)} cannot be read as an .npz of plain arrays "
            f"({printable(brief_reason(error))}): save it again with np.savez."
        ) from error
    return Npz(printable(where), arrays, split_arrays(arrays))


def _role(key: str) -> Role | None:
    """Returns what an array is for by its name, or None for any other name."""
    lower = key.lower()
    if lower in (*IMAGE_NAMES, UNNAMED):
        return Role("train", "image")
    if lower in LABEL_NAMES:
        return Role("train", "label")
    # The name of a split stands first (train_images) or last (x_train).
    words = lower.split("_")
    for word, others in ((words[0], words[1:]), (words[-1], words[:-1])):
        split = splits.parse_exact(word)
        rest = "_".join(others)
        if split and not split.domain and rest in IMAGE_NAMES:
            return Role(split.kind, "image")
        if split and not split.domain and rest in LABEL_NAMES:
            return Role(split.kind, "label")
    return None


def split_arrays(stored: Mapping[str, np.ndarray]) -> dict[str, SplitArrays]:
    """Returns the names of the arrays of each split that has images.

    Where several arrays have one role, the one with the preferred name is used.
    """
    names: dict[Role, str] = {}
    # The first array of a role is kept, so preferred names must come first.
    for key in sorted(stored, key=_preference):
        role = _role(key)
        if role:
            names.setdefault(role, key)
    return {
        split: SplitArrays(
            names[Role(split, "image")], names.get(Role(split, "label"), "")
        )
        for split in splits.WORDS
        if Role(split, "image") in names
    }


def _preference(key: str) -> int:
    """Returns a sort key: usual names come first, then names with a split, then arr_0."""
    order = [*IMAGE_NAMES, *LABEL_NAMES]
    lower = key.lower()
    return order.index(lower) if lower in order else len(order) + (lower == UNNAMED)


def _find_split(spec: Spec, stored: Npz) -> str:
    """Returns the split that is asked for, by its name in `stored.splits`."""
    wanted = splits.parse_exact(spec.split)
    if wanted is None or wanted.domain:
        raise NoSplit(
            f"{stored.where} has no split {spec.split!r}: the splits of an .npz are "
            "train, test and val."
        )
    for kind in splits.LOOKUP_ORDER[wanted.kind]:
        if kind in stored.splits:
            return kind
    array = IMAGE_NAMES[0]
    if wanted.kind != "train":
        array = f"{array}_{wanted.kind}"
    # A caller may accept that a split is missing, but not that there are no images at all.
    error = NoSplit if stored.splits else UsageError
    raise error(
        f"{stored.where} has no images for split {spec.split!r}: save an array named "
        f"{array!r} in it (it holds {listed(stored.arrays, 8) or 'nothing'})."
    )


def _report(stored: Npz, split: str) -> LoadReport:
    """Returns what else the .npz holds: held-out images, and arrays that are not used."""
    held_out = ""
    if split == "train":
        # "val" is held out where there is no "test".
        kinds = splits.LOOKUP_ORDER["test"]
        held_out = next((kind for kind in kinds if kind in stored.splits), "")
    used = {name for arrays in stored.splits.values() for name in arrays}
    unused = [key for key in stored.arrays if key not in used]
    if split == "train":
        others = [kind for kind in stored.splits if kind not in (split, held_out)]
        unused += [stored.splits[kind].image for kind in others]
    notes = []
    if unused:
        notes.append(f"Arrays that are not used: {listed(unused, 8)}.")
    name = stored.splits[split].image
    image = stored.arrays[name]
    # Images of 0 and 1 are valid, but look black.
    if image.size and image.dtype == np.uint8 and image.max() <= 1:
        notes.append(
            f"No pixel of {name!r} is above 1, where 255 is white: if 1 means white, "
            "multiply by 255."
        )
    if not held_out:
        return LoadReport(notes=tuple(notes))
    array = stored.splits[held_out].image
    count = len(stored.arrays[array]) if stored.arrays[array].ndim else 0
    return LoadReport(count, array, notes=tuple(notes))


def _checked_images(name: str, image: np.ndarray) -> UInt8[np.ndarray, "n h w c"]:
    """Returns images with an axis of channels; `name` is what messages call the array."""
    if image.dtype != np.uint8:
        raise UsageError(
            f"The array {name} is {image.dtype}{_range(image)}: store images as uint8 "
            f"from 0 to 255{_advice(image)}."
        )
    image = image[..., None] if image.ndim == 3 else image
    channels = image.shape[-1] if image.ndim == 4 else 0
    if channels not in image_files.MODES or 0 in image.shape[1:]:
        raise UsageError(
            f"The array {name} has shape {image.shape}: store images as [n, h, w] or "
            "[n, h, w, c] with 1, 3 or 4 channels c."
        )
    return image


def _range(image: np.ndarray) -> str:
    """Returns the range of an array's values in words, or '' if it has none."""
    if image.dtype.kind not in "iuf" or not image.size:
        return ""
    if not np.isfinite(image).all():
        return " and not finite"
    return f" from {image.min():g} to {image.max():g}"


def _advice(image: np.ndarray) -> str:
    """Returns advice on how to convert an array to uint8, or '' if that is unclear.

    The conversion is guessed from the dtype and the range of the values.
    """
    if image.dtype.kind == "b":
        return ", as by np.uint8(255) * image"
    if image.dtype.kind not in "iuf" or not image.size or not np.isfinite(image).all():
        return ""
    low = image.min()
    high = image.max()
    if image.dtype.kind == "f" and -1 <= low < 0 and high <= 1:
        return ", as by np.rint((image + 1) * 127.5).astype(np.uint8)"
    if image.dtype.kind == "f" and 0 <= low and high <= 1:
        return ", as by np.rint(image * 255).astype(np.uint8)"
    if 0 <= low and high <= 255:
        return ", as by image.astype(np.uint8)"
    if 0 <= low and high <= 65535 and image.dtype.kind in "iu":
        return ", as by (image >> 8).astype(np.uint8)"
    return ""


def checked_labels(name: str, label: np.ndarray) -> Integer[np.ndarray, " n"]:
    """Returns labels [n]; `name` is what messages call the array."""
    # Keras's CIFAR-10 has labels [n, 1].
    if label.dtype.kind not in "iu" or not label.ndim or label.size != len(label):
        raise UsageError(
            f"The array {name} is {label.dtype} {list(label.shape)}: store labels as "
            "whole numbers [n]."
        )
    return label.reshape(-1)
