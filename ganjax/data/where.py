"""From what a person writes after `--data` to a source of images."""

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ganjax.data import arrays, folder, photographs, stacked, tfds, toys
from ganjax.data.names import printable, shortened
from ganjax.data.source import Source, Spec, behind, mirrored
from ganjax.errors import Mistake


BUILT_IN = {
    "digits": arrays.digits,
    "ring": toys.ring,
    "grid": toys.grid,
    "stacked_digits": stacked.stacked_digits,
    "photographs": photographs.photographs,
}
PACKED: dict[str, Callable[[Spec], Source]] = {
    ".zip": folder.zipped,
    ".npz": arrays.npz,
}
FLAGS = "crop", "mirror", "halves", "paired"


TOLD = (
    "tfds:NAME, or the path of a folder, a .zip or an .npz of images"  # beside BUILT_IN
)


def load(spec: Spec | str | os.PathLike[str]) -> Source:
    """The source that `spec.where` names, checked but for the pixels themselves.

    With `spec.beside`, that of two places; if it is the same place, that of its splits
    trainA and trainB, or testA and testB, as CycleGAN's sets are divided. A built-in
    name goes before a folder of the same name (write `./digits` for that). In the spec
    of the source, paths are absolute. A place alone stands for a spec of it.

    Raises a `Mistake` for whatever a person can mend: no such place, no images, sizes
    that differ, files that are no images; and `NoSplit` where the place has no such
    split.
    """
    spec = _checked(Spec(_text(spec)) if not isinstance(spec, Spec) else spec)
    source = _both(spec) if spec.beside else _named(spec)
    return mirrored(source) if spec.mirror else source


def _both(spec: Spec) -> Source:
    named = spec.where in BUILT_IN or spec.where.startswith(tfds.PREFIX)
    divided = spec.beside == spec.where and spec.where not in BUILT_IN
    divided = divided or (not named and _is_one_place(spec.where, spec.beside))
    letters = ("A", "B") if divided else ("", "")
    front, back = (
        _named(spec._replace(where=where, split=spec.split + letter))
        for where, letter in zip((spec.where, spec.beside), letters, strict=True)
    )
    return behind(front, back)._replace(spec=spec)


def _named(spec: Spec) -> Source:
    if spec.where in BUILT_IN:
        return BUILT_IN[spec.where](spec)
    if spec.where.startswith(tfds.PREFIX):
        return tfds.tfds(spec)
    kind = _kind(spec.where)
    if kind == "folder":
        return folder.folder(spec)
    if kind in PACKED:
        return PACKED[kind](spec)
    if kind:
        raise Mistake(
            f"{printable(spec.where)} is a file that holds no set of images which can be "
            f"read here: give {', '.join(BUILT_IN)}, {TOLD}."
        )
    near = difflib.get_close_matches(spec.where, BUILT_IN, 1)
    guess = f" (did you mean {near[0]}?)" if near else ""
    raise Mistake(
        f"There is no data {shortened(spec.where)!r}{guess}: give "
        f"{', '.join(BUILT_IN)}, {TOLD}."
    )


def _kind(where: str) -> str:
    """'folder', the ending of a file such as '.zip', or '' where there is nothing."""
    if not where:
        return ""
    path = Path(where)
    try:
        if path.is_dir():
            return "folder"
        return (path.suffix.lower() or "file") if path.exists() else ""
    except (OSError, ValueError) as error:  # no permission, too long, a null character
        reason = getattr(error, "strerror", None) or str(error)
        raise Mistake(
            f"{shortened(where)} cannot be opened ({reason}): make it readable, or give "
            "another place."
        ) from error


def _is_one_place(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # told where they are opened
        return False


def _absolute(place: object, name: str) -> str:
    """A place as a string; absolute if it is a path that exists."""
    text = _text(place, name)
    built_in = text in BUILT_IN and not (isinstance(place, os.PathLike) and _kind(text))
    if not text or built_in or text.startswith(tfds.PREFIX):
        return text
    try:
        path = Path(text).expanduser()
        return str(path.absolute()) if _kind(str(path)) else text
    except (OSError, RuntimeError) as error:  # ~nobody; a working directory removed
        raise Mistake(f"{name} {text!r} is no path ({error}): give another.") from error


def _text(place: object, name: str = "where") -> str:
    if isinstance(place, os.PathLike):
        place = os.fspath(place)
    if not isinstance(place, str):
        raise Mistake(
            f"{name} is {place!r}: give a string or a pathlib.Path that says where the "
            "data is."
        )
    return place


def _checked(spec: Spec) -> Spec:
    """The spec in plain values, with absolute paths."""
    spec = spec._replace(
        where=_absolute(spec.where, "where"),
        beside=_absolute(spec.beside, "beside"),
        size=_whole(spec.size, "--size"),
        channels=_whole(spec.channels, "--channels"),
        background=_whole(spec.background, "--background"),
        **{name: _flag(getattr(spec, name), name) for name in FLAGS},
    )
    if not isinstance(spec.split, str):
        raise Mistake(
            f"split is {spec.split!r}: give the name of one, such as 'train'."
        )
    if spec.size < 0:
        raise Mistake(f"--size {spec.size} is no size: give pixels or 0, as stored.")
    if spec.channels not in (0, 1, 3, 4):
        raise Mistake(
            f"--channels {spec.channels} is unknown: give 1 (grey), 3 (RGB), 4 (RGBA) "
            "or 0 for as stored."
        )
    if not 0 <= spec.background <= 255:
        raise Mistake(f"--background {spec.background} is no grey: give 0 to 255.")
    return spec


def _whole(value: Any, name: str) -> int:
    number = isinstance(value, int | float | np.integer | np.floating)
    if isinstance(value, bool) or not number or not float(value).is_integer():
        raise Mistake(f"{name} is {value!r}: give a whole number.")
    return int(value)


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise Mistake(f"{name} is {value!r}: give True or False.")
    return bool(value)
