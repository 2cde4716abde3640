"""Data sets of sounds: a folder or .zip of sound files, or an .npz of samples.

Splits and classes follow from the folders by the rules of images (`ganjax.data.layout`).
Every sound is resampled and cut to one length; one that is shorter is followed by silence.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int16
from tqdm import tqdm

from ganjax.core import Batch
from ganjax.data import digest, sound_files, splits, tones
from ganjax.data.files import Files, in_folder, in_zip, reading
from ganjax.data.image_files import file_errors, parallel_map
from ganjax.data.layout import (
    FileKind,
    Layout,
    Split,
    arrange,
    find_split,
    folder_classes,
    held_out_split,
    unused_notes,
)
from ganjax.data.names import printable, sort_classes
from ganjax.data.sound_files import SoundFormat
from ganjax.data.source import (
    LoadReport,
    Source,
    Spec,
    example_struct,
    report_held_out,
    unreadable_files_error,
)
from ganjax.errors import FileError, NoSplit, UsageError, brief_reason


SOUNDS = FileKind("sounds", "such as .wav, .flac, .ogg", sound_files.EXTENSIONS)
TONES = "tones"  # the name of the built-in set
SAMPLES = "sound"  # the name of an array of sounds in an .npz
# Of the loudest sample of int16: what stays below is silent to an ear.
SILENT = 32


class SoundLength(NamedTuple):
    """How sounds are cut.

    Attributes:
        samples: the length of every example.
        windows: whether a longer sound becomes several examples, one after the other, the
            last of which is left out if more than half of it would be silence. Otherwise
            only its beginning is used.
    """

    samples: int
    windows: bool = False


def sound_source(spec: Spec, to: SoundFormat, length: SoundLength) -> Source:
    """Opens a data set of sounds.

    Args:
        spec: the folder, .zip or .npz, and the split, or "tones" for those of
            `ganjax.data.tones`. An .npz holds `sound`, int16 [n, t] or
            [n, t, channels] at the rate of `to`, and optionally `label`, integers [n].
        to: the rate and channels that sounds are brought to.
        length: how they are cut.

    Returns:
        A source of int16 examples [samples, channels]. The sounds are decoded at once, as
        the number of their windows must be known.

    Raises:
        NoSplit: there is no such split.
        UsageError: there are no sounds, or some cannot be read; the message names them.
    """
    if spec.where == TONES:
        return _tones(spec, to, length)
    path = Path(spec.where).expanduser()
    spec = spec._replace(where=str(path.absolute()))
    if path.is_dir():
        return _of_files(spec, in_folder(str(path)), to, length)
    if path.suffix.lower() == ".zip" and path.is_file():
        return _of_files(spec, in_zip(str(path)), to, length)
    if path.suffix.lower() == ".npz" and path.is_file():
        return _of_npz(spec, to, length)
    raise UsageError(
        f"{printable(spec.where)} is no set of sounds: give a folder or .zip of sound "
        f"files ({SOUNDS.hint}), an .npz of samples, or {TONES}."
    )


def _of_files(spec: Spec, files: Files, to: SoundFormat, length: SoundLength) -> Source:
    layout = arrange(
        files.names,
        spec.where,
        folders=files.folders,
        others=files.others,
        kind=SOUNDS,
    )
    split = find_split(layout, spec.split)
    names = list(split.images)
    own = folder_classes(split, spec.where, SOUNDS)
    classes = _all_classes(layout, split, own)

    def decode(name: str) -> np.ndarray:
        shown = files.display_name(name)
        with reading(shown), files.open(name) as file:
            return sound_files.decode(file.read(), shown, to)

    with tqdm(total=len(names), desc="sounds", delay=1, disable=None) as bar:

        def read(name: str) -> np.ndarray | FileError:
            bar.update()
            try:
                return decode(name)
            except FileError as error:
                return error

        found = parallel_map(read, names)
    errors = [each for each in found if isinstance(each, FileError)]
    if errors:
        raise unreadable_files_error(spec.where, len(names), errors)
    sounds = [each for each in found if not isinstance(each, FileError)]
    number = {name: i for i, name in enumerate(classes)}
    labels = [number.get(name, 0) for name in own]
    example, file_of = cut(sounds, length, to.channels)
    notes = [*layout.notes, *files.notes, *_silent_note(sounds, names, files)]
    held_out = held_out_split(layout, split)
    if split.is_train:
        used = [split, held_out] if held_out else [split]
        notes += unused_notes(layout, used)
    report = LoadReport(
        held_out=len(held_out.images) if held_out else 0,
        held_out_name=held_out.folder if held_out else "",
        skipped=layout.skipped,
        notes=tuple(notes),
    )

    def inventory() -> dict[str, str]:
        keys = {name: printable(name.removeprefix(layout.root)) for name in names}
        return digest.files(files, keys)

    source = _in_memory(
        spec, example, np.asarray(labels, np.int32)[file_of], tuple(classes), report
    )
    return source._replace(
        names=tuple("/".join(split.images[names[i]]) for i in file_of),
        inventory=inventory,
        find_errors=lambda rows: file_errors(
            decode, sorted({names[i] for i in file_of[rows]})
        ),
    )


def cut(
    sounds: list[Int16[np.ndarray, "_ _"]], length: SoundLength, channels: int
) -> tuple[Int16[np.ndarray, "n t c"], np.ndarray]:
    """Cuts sounds to examples of one length.

    Args:
        sounds: each sound [any number of samples, channels].
        length: how they are cut.
        channels: their channels.

    Returns:
        The examples, and of each the number of its sound.
    """
    starts: list[tuple[int, int]] = []
    for number, sound in enumerate(sounds):
        starts.append((number, 0))
        if length.windows:
            # Of the last window at least half is sound.
            end = len(sound) - length.samples // 2
            further = range(length.samples, max(end, 0) + 1, length.samples)
            starts += [(number, start) for start in further]
    example = np.zeros((len(starts), length.samples, channels), np.int16)
    for row, (number, start) in enumerate(starts):
        part = sounds[number][start : start + length.samples]
        example[row, : len(part)] = part
    return example, np.array([number for number, _ in starts])


def _in_memory(
    spec: Spec,
    example: np.ndarray,
    label: np.ndarray,
    classes: tuple[str, ...],
    report: LoadReport,
) -> Source:
    return Source(
        spec=spec,
        length=len(example),
        example=example_struct(example.shape[1:], np.int16),
        classes=classes,
        read=lambda rows: Batch(example[rows], label[rows]),
        report=report,
        inventory=lambda: {SAMPLES: digest.array(example)},
    )


def _tones(spec: Spec, to: SoundFormat, length: SoundLength) -> Source:
    splits.check_exists(spec.split, tones.COUNTS, TONES)
    found = tones.tones(spec.split, to, length.samples)
    return Source(
        spec=spec,
        length=len(found.label),
        example=example_struct((length.samples, to.channels), np.int16),
        classes=tones.CLASSES,
        read=lambda rows: Batch(found.read(rows), found.label[rows]),
        report=report_held_out(spec, tones.COUNTS["test"]),
        inventory=lambda: {TONES: f"{spec.split}:{to.rate}:{length.samples}"},
    )


def _of_npz(spec: Spec, to: SoundFormat, length: SoundLength) -> Source:
    where = printable(spec.where)
    try:
        with np.load(spec.where, allow_pickle=False) as file:
            sound = file[SAMPLES]
            label = file["label"] if "label" in file.files else None
    except KeyError:
        raise UsageError(
            f"{where} holds no array {SAMPLES!r}: save the samples under this name, as "
            "int16 [n, t] or [n, t, channels]."
        ) from None
    except Exception as error:  # a damaged file makes NumPy raise almost anything
        raise UsageError(
            f"{where} cannot be read as an .npz of plain arrays ({brief_reason(error)})."
        ) from error
    if spec.split != "train":
        raise NoSplit(f"{where} has no split {spec.split!r}, all of it is 'train'.")
    sound = sound[..., None] if sound.ndim == 2 else sound
    if sound.dtype != np.int16 or sound.ndim != 3 or sound.shape[2] != to.channels:
        raise UsageError(
            f"The array {SAMPLES!r} of {where} is {sound.dtype} {list(sound.shape)}: store "
            f"int16 [n, t, {to.channels}]."
        )
    example, sound_of = cut(list(sound), length, to.channels)
    if label is None:
        return _in_memory(
            spec, example, np.zeros(len(example), np.int32), (), LoadReport()
        )
    if label.shape != (len(sound),) or not np.issubdtype(label.dtype, np.integer):
        raise UsageError(
            f"{where} holds {len(sound)} sounds and 'label' {label.dtype} "
            f"{list(label.shape)}: store one integer for each sound."
        )
    values, number = np.unique(label, return_inverse=True)
    classes = tuple(str(value) for value in values)
    return _in_memory(
        spec,
        example,
        number.astype(np.int32)[sound_of],
        classes if len(classes) > 1 else (),
        LoadReport(),
    )


def _all_classes(layout: Layout, split: Split, own: list[str]) -> list[str]:
    """Returns the classes of all splits, so that a class has one number in each of them."""
    found = set(own)
    for other in layout.splits:
        if other != split:
            try:
                found.update(folder_classes(other, layout.where, SOUNDS))
            except UsageError:  # raised again if that split is asked for
                continue
    classes = sort_classes(found - {""})
    return classes if len(classes) > 1 and any(own) else []


def _silent_note(sounds: list[np.ndarray], names: list[str], files: Files) -> list[str]:
    silent = [
        name
        for name, sound in zip(names, sounds, strict=True)
        if np.abs(sound.astype(np.int32)).max() < SILENT
    ]
    if not silent:
        return []
    return [
        f"{len(silent):,} of {len(sounds):,} sounds are silent, such as "
        f"{files.display_name(silent[0])}."
    ]
