"""`ganjax sample`: new samples of a run, in a kind of file that its modality writes."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from ganjax.core import Labels
from ganjax.errors import UsageError
from ganjax.run.args import NoPrefix, PathText, PositiveInt, Range, RunFolder, Save
from ganjax.run.loading import Loaded, class_number, load
from ganjax.run.terminal import say
from ganjax.run.translate import check_writable


@dataclass(frozen=True)
class Args:
    """Draws new samples of a run, as a picture or as arrays."""

    run: RunFolder
    """The folder of a run."""
    n: PositiveInt = 64
    """Number of samples."""
    label: Annotated[
        str | None,
        tyro.conf.arg(metavar="CLASS", help_behavior_hint="(default: all in turn)"),
    ] = None
    """The class to draw, by its name or number."""
    out: PathText = "samples.png"
    """The file: .png for a picture, .npz for arrays, or another kind that fits the data."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    """Seed of the latents; equal seeds give equal samples."""
    data: PathText = ""
    """Where the data is now, if it has moved; image-to-image runs read it."""
    save: NoPrefix[Save] = Save()


def main(args: Args) -> None:
    """Writes `args.n` samples to `args.out`."""
    # What of --out is wrong for any kind of data is refused before the run is loaded, which
    # may take minutes.
    out = Path(args.out).expanduser()
    if not out.suffix:
        raise UsageError(
            f"--out {out} has no ending that names a kind of file: name one such as "
            f"{out.name or 'samples'}.png."
        )
    _check_output(out)
    loaded = load(args.run, data=args.data, **asdict(args.save))
    # The kind of data says to which files its samples are written, and how many fit in one.
    modality = loaded.game.modality
    ending = out.suffix.lower()
    if ending not in modality.files:
        raise UsageError(
            f"--out {out} is not a kind of file that {modality.name} are written to: name "
            f"a {' or a '.join(modality.files)}."
        )
    most = modality.max_samples.get(ending, args.n)
    if args.n > most:
        raise UsageError(
            f"--n {args.n} are more than the {most} samples that one {ending} shows: give "
            f"fewer, or name a {' or a '.join(set(modality.files) - {ending})} as --out."
        )
    drawn = loaded.sample(args.n, label=args.label, seed=args.seed)
    modality.files[ending](out, drawn, _labels(args, loaded))
    of = ""
    if args.label is not None:
        number = class_number(args.label, loaded.classes)
        of = f" of class {number} ({loaded.classes[number]})"
    say(f"{args.n} samples{of}: {out}")


def _check_output(path: Path) -> None:
    """Raises a `UsageError` unless a file can be written there."""
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder; name a file in it.")
    check_writable(path.parent)


def _labels(args: Args, loaded: Loaded) -> np.ndarray:
    """Returns the label of each sample that `Loaded.sample` draws for these flags."""
    if args.label is None:
        conditions = loaded.game.conditions
        by_label = conditions if isinstance(conditions, Labels) else Labels()
        # Labels are made of no examples.
        return by_label.make(args.n, len(loaded.classes), examples=lambda n: ())
    return np.full(args.n, class_number(args.label, loaded.classes), np.int32)
