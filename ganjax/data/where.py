"""From what a person writes after `--data` to a source of images."""

import difflib
from pathlib import Path

from ganjax.data import arrays, folder, photographs, stacked, tfds, toys
from ganjax.data.source import Source, Spec, behind, mirrored
from ganjax.errors import Mistake


BUILT_IN = {
    "digits": arrays.digits,
    "ring": toys.ring,
    "grid": toys.grid,
    "stacked_digits": stacked.stacked_digits,
    "photographs": photographs.photographs,
}
PACKED = {".zip": folder.zipped, ".npz": arrays.npz}


def load(spec: Spec) -> Source:
    """The source that `spec.where` names, checked but for the pixels themselves.

    With `spec.beside`, that of two places; if it is the same place, that of its splits
    trainA and trainB, or testA and testB, as CycleGAN's sets are divided. A built-in
    name goes before a folder of the same name (write `./digits` for that). Raises a
    `Mistake` for whatever a person can mend: no such place, no images, no such split,
    sizes that differ, a file that is no image.
    """
    _check(spec)
    source = _both(spec) if spec.beside else _named(spec)
    return mirrored(source) if spec.mirror else source


def _both(spec: Spec) -> Source:
    divided = spec.beside == spec.where and spec.where not in BUILT_IN
    letters = ("A", "B") if divided else ("", "")
    front, back = (
        _named(spec._replace(where=where, split=spec.split + letter))
        for where, letter in zip((spec.where, spec.beside), letters, strict=True)
    )
    return behind(front, back)._replace(spec=spec)


def _named(spec: Spec) -> Source:
    path = Path(spec.where).expanduser()
    if spec.where in BUILT_IN:
        return BUILT_IN[spec.where](spec)
    if spec.where.startswith(tfds.PREFIX):
        return tfds.tfds(spec)
    if spec.where and path.is_dir():
        return folder.folder(spec)
    if path.is_file() and path.suffix.lower() in PACKED:
        return PACKED[path.suffix.lower()](spec)
    near = difflib.get_close_matches(spec.where, BUILT_IN, 1)
    guess = f" (did you mean {near[0]}?)" if near else ""
    raise Mistake(
        f"There is no data {spec.where!r}{guess}: give {', '.join(BUILT_IN)}, "
        "tfds:NAME, or the path of a folder, a .zip or an .npz of images."
    )


def _check(spec: Spec) -> None:
    if spec.size < 0:
        raise Mistake(f"--size {spec.size} is no size: give pixels or 0, as stored.")
    if spec.channels not in (0, 1, 3, 4):
        raise Mistake(
            f"--channels {spec.channels} is unknown: give 1 (grey), 3 (RGB), 4 (RGBA) "
            "or 0 for as stored."
        )
    if not 0 <= spec.background <= 255:
        raise Mistake(f"--background {spec.background} is no grey: give 0 to 255.")
