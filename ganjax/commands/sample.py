"""`ganjax sample`: new samples of a run, in a file of a kind that its modality writes."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from tyro.conf import Positional

from ganjax.core import Labels
from ganjax.errors import UsageError
from ganjax.run.args import NoPrefix, PositiveInt, Range, Save
from ganjax.run.loading import Loaded, class_number, load
from ganjax.run.terminal import say
from ganjax.run.translate import check_writable


@dataclass(frozen=True)
class Args:
    """Draws new samples: a picture of them, or their arrays."""

    run: Positional[str]
    """The folder of a run."""
    n: PositiveInt = 64
    label: str | None = None
    """The class to draw, by its name or number; by default every class in turn."""
    out: str = "samples.png"
    """A .png of all samples together, an .npz of their arrays and labels, or another file
    that samples of its kind are written to."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    data: str = ""
    """Where the data lies now, if it has moved; needed where samples are made of images."""
    save: NoPrefix[Save] = Save()


def main(args: Args) -> None:
    """Writes `args.n` samples to `args.out`."""
    # What of --out is wrong for any kind of data is refused before the run is loaded, which
    # may take minutes.
    out = Path(args.out).expanduser()
    if not out.suffix:
        raise UsageError(f"--out {out} has no ending that names a kind of file.")
    _check_output(out)
    loaded = load(args.run, data=args.data, **asdict(args.save))
    # The kind of data says to which files its samples are written, and how many fit in one.
    modality = loaded.game.modality
    ending = out.suffix.lower()
    if ending not in modality.files:
        raise UsageError(
            f"--out {out} is no file that {modality.name} are written to; name a "
            f"{' or a '.join(modality.files)}."
        )
    most = modality.max_samples.get(ending, args.n)
    if args.n > most:
        raise UsageError(
            f"--n {args.n} are more than the {most} samples that are seen in one {ending}; "
            f"name a {' or a '.join(set(modality.files) - {ending})} as --out."
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
        # Labels are made of no examples.
        return Labels().make(args.n, len(loaded.classes), examples=lambda n: ())
    return np.full(args.n, class_number(args.label, loaded.classes), np.int32)
