"""Opens what a user writes after `--data`: a built-in set, a folder, an archive or TFDS."""

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ganjax.data import arrays, folder, photographs, stacked, toys
from ganjax.data.names import printable, shortened
from ganjax.data.objects import IN_MEMORY
from ganjax.data.source import (
    TFDS_PREFIX,
    Source,
    Spec,
    split_pairs,
    with_mirrored,
    zip_sources,
)
from ganjax.errors import UsageError, brief_reason


BUILT_IN = {
    "digits": arrays.digits,
    "ring": toys.ring,
    "grid": toys.grid,
    "stacked_digits": stacked.stacked_digits,
    "photographs": photographs.photographs,
}
ARCHIVES: dict[str, Callable[[Spec], Source]] = {
    ".zip": folder.zipped,
    ".npz": arrays.npz,
}
BOOLEANS = ("crop", "mirror", "side_by_side", "paired")  # fields of `Spec`
SUPPORTED = (
    f"{', '.join(BUILT_IN)}, tfds:NAME, or the path of a folder, a .zip or an .npz of "
    "images"
)


def load(spec: Spec | str | os.PathLike[str]) -> Source:
    """Opens the data that `spec.where` names.

    With `spec.target` the examples are pairs from two places. If both are the same place,
    they come from its splits trainA and trainB, or testA and testB, as in CycleGAN's data
    sets. A built-in name has priority over a folder of the same name: write `./digits` for
    the folder.

    Args:
        spec: where the data is and how to read it; a name or path alone means `Spec(spec)`.

    Returns:
        The source. All of it is checked except for the pixels, which are decoded later. In
        its spec, paths are absolute.

    Raises:
        NoSplit: the place has no such split.
        UsageError: there is no such place, it holds no images, they differ in size, some
            cannot be read, or the spec contradicts itself.
    """
    spec = _checked(Spec(_text(spec)) if not isinstance(spec, Spec) else spec)
    # Mirroring comes last, so that both images of a pair are mirrored together.
    source = _load_pairs(spec) if spec.target else _load_place(spec)
    if spec.side_by_side:
        source = split_pairs(source)
    return with_mirrored(source) if spec.mirror else source


def _load_pairs(spec: Spec) -> Source:
    # One place given twice is divided by domain, into trainA and trainB. A built-in set has
    # no domains.
    if spec.where in BUILT_IN:
        has_domains = False
    elif spec.where.startswith(TFDS_PREFIX):
        has_domains = spec.target == spec.where
    else:
        has_domains = spec.target == spec.where or _is_same_file(
            spec.where, spec.target
        )
    domains = ("A", "B") if has_domains else ("", "")
    front, back = (
        _load_place(spec._replace(where=where, split=f"{spec.split}{domain}"))
        for where, domain in zip((spec.where, spec.target), domains, strict=True)
    )
    # `zip_sources` keeps the spec of `front`, whose split may be "trainA".
    return zip_sources(front, back)._replace(spec=spec)


def _load_place(spec: Spec) -> Source:
    if spec.where == IN_MEMORY:
        raise UsageError(
            "The data was given in Python and is in no place that can be read: give it "
            "again, as in ganjax.load(run, data=...)."
        )
    if spec.where in BUILT_IN:
        return BUILT_IN[spec.where](spec)
    if spec.where.startswith(TFDS_PREFIX):
        # Only data sets of TFDS need its library.
        from ganjax.data import tfds

        return tfds.tfds(spec)
    kind = _kind(spec.where)
    if kind == "folder":
        return folder.folder(spec)
    if kind in ARCHIVES:
        return ARCHIVES[kind](spec)
    if kind:
        raise UsageError(
            f"{printable(spec.where)} is a file that holds no set of images which can be "
            f"read here: give {SUPPORTED}."
        )
    # It is neither a name nor a path: most likely a name is misspelled.
    similar = difflib.get_close_matches(spec.where, BUILT_IN, 1)
    guess = f" (did you mean {similar[0]}?)" if similar else ""
    raise UsageError(
        f"There is no data {shortened(spec.where)!r}{guess}: give {SUPPORTED}."
    )


def _kind(where: str) -> str:
    """Returns 'folder', a file's extension such as '.zip', or '' if nothing is there."""
    if not where:
        return ""
    path = Path(where)
    try:
        if path.is_dir():
            return "folder"
        return (path.suffix.lower() or "file") if path.exists() else ""
    except (OSError, ValueError) as error:  # no permission, too long, a null character
        raise UsageError(
            f"{shortened(where)} cannot be opened ({brief_reason(error)}): make it "
            "readable, or give another place."
        ) from error


def _is_same_file(one: str, other: str) -> bool:
    """Returns whether two paths, which may be written differently, lead to one place."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # raised again where they are opened
        return False


def _absolute(place: object, name: str) -> str:
    """Returns a place as a string; absolute if it is a path that exists.

    Args:
        place: a name or a path.
        name: the field of `Spec` that it is from, for messages.
    """
    text = _text(place, name)
    # Path("digits") is the folder of this name if there is one; the string "digits" is
    # always the built-in data set.
    built_in = text in BUILT_IN and not (isinstance(place, os.PathLike) and _kind(text))
    if not text or built_in or text.startswith(TFDS_PREFIX):
        return text
    try:
        # What does not exist stays as the user wrote it, for the error message.
        path = Path(text).expanduser()
        return str(path.absolute()) if _kind(str(path)) else text
    except (OSError, RuntimeError) as error:  # ~nobody; a working directory removed
        raise UsageError(
            f"{name} {text!r} is not a valid path ({error}): give another."
        ) from error


def _text(place: object, name: str = "where") -> str:
    if isinstance(place, os.PathLike):
        place = os.fspath(place)
    if not isinstance(place, str):
        raise UsageError(
            f"{name} is {place!r}: give a string or a pathlib.Path that says where the "
            "data is."
        )
    return place


def _checked(spec: Spec) -> Spec:
    """Returns a valid spec, with values of Python's own types and absolute paths."""
    # A spec is recorded as JSON, which has no types of NumPy.
    spec = spec._replace(
        where=_absolute(spec.where, "where"),
        target=_absolute(spec.target, "target"),
        size=_integer(spec.size, "--size"),
        channels=_integer(spec.channels, "--channels"),
        background=_integer(spec.background, "--background"),
        **{name: _boolean(getattr(spec, name), name) for name in BOOLEANS},
    )
    if spec.side_by_side and spec.target:
        raise UsageError(
            "Files that hold two images side by side are pairs already: give either "
            "side_by_side, or a target with single images, not both."
        )
    if not isinstance(spec.split, str):
        raise UsageError(
            f"split is {spec.split!r}: give the name of one, such as 'train'."
        )
    if spec.size < 0:
        raise UsageError(
            f"--size {spec.size} is not a size: give pixels or 0, as stored."
        )
    if spec.channels not in (0, 1, 3, 4):
        raise UsageError(
            f"--channels {spec.channels} is unknown: give 1 (gray), 3 (RGB), 4 (RGBA) "
            "or 0 for as stored."
        )
    if not 0 <= spec.background <= 255:
        raise UsageError(
            f"--background {spec.background} is out of range: give 0 to 255."
        )
    return spec


def _integer(value: Any, name: str) -> int:
    is_number = isinstance(value, int | float | np.integer | np.floating)
    # bool is a subclass of int, so that True would pass for 1.
    if isinstance(value, bool) or not is_number or not float(value).is_integer():
        raise UsageError(f"{name} is {value!r}: give a whole number.")
    return int(value)


def _boolean(value: Any, name: str) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise UsageError(f"{name} is {value!r}: give True or False.")
    return bool(value)
