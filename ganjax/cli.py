"""`ganjax COMMAND RUN`: what can be done with a run once it has a save.

A run knows itself: its experiment, arguments, data and classes are in its folder.
"""

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from tyro.conf import Positional, subcommand

from ganjax import data
from ganjax.errors import Mistake
from ganjax.gan import by_class, stored
from ganjax.released import efficientnet
from ganjax.run import Flat, folder as folders
from ganjax.run.args import Count, Range, Weight, check
from ganjax.run.command import in_sentences, parse
from ganjax.run.judge import judge
from ganjax.run.loading import Loaded, load
from ganjax.run.pictures import picture, save_png, write_whole
from ganjax.run.programs import keep_programs
from ganjax.run.report import write_report
from ganjax.run.translate import complete, files, header, translate, transparent


@dataclass(frozen=True)
class Save:
    """Which weights of a run."""

    best: bool = False
    """Takes the save with the best score instead of the newest."""
    member: Annotated[int, Range(0)] = 0
    """Which one of a population, counted from 0."""
    std: Weight = 0.0
    """The length of G's average, made of those of `--track`; 0 takes the run's own."""
    trust: bool = False
    """Runs the run's experiment file though it is not known here."""


@dataclass(frozen=True)
class Sample:
    """Draws new samples: a picture of them, or their arrays."""

    run: Positional[str]
    """The folder of a run."""
    n: Count = 64
    label: int | None = None
    """The class to draw; by default every class in turn."""
    out: str = "samples.png"
    """A .png of all samples in a grid, or an .npz with `image` and `label`."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    save: Flat[Save] = Save()


@dataclass(frozen=True)
class Translate:
    """Sends one's own images through a run that makes images of images."""

    run: Positional[str]
    """The folder of a run."""
    images: Positional[str]
    """An image, or a folder of them, of any size."""
    out: str = "translated"
    """The folder for the .png files, which keep their names."""
    tile: Annotated[int, Range(1)] = 1024
    """Pixels; what is larger goes through in tiles that fade into each other."""
    save: Flat[Save] = Save()


@dataclass(frozen=True)
class Complete:
    """Makes up what is missing from a photograph, by a run of completion."""

    run: Positional[str]
    """The folder of a run."""
    photo: Positional[str]
    """An image of any size."""
    mask: str
    """An image of the same size, white where something is to be made up."""
    out: str = "completed.png"
    """The .png, in which known pixels stay as they were."""
    tile: Annotated[int, Range(1)] = 1024
    """Pixels; what is larger goes through in tiles that fade into each other."""
    save: Flat[Save] = Save()


@dataclass(frozen=True)
class Evaluate:
    """Scores samples against images that were held out; real images give the scale."""

    run: Positional[str]
    """The folder of a run."""
    features: str = ""
    """Weights of EfficientNet-Lite0, a path or URL, by which images are compared, too."""
    save: Flat[Save] = Save()


@dataclass(frozen=True)
class Report:
    """Writes the run's page anew: curves, scores and samples over time."""

    run: Positional[str]
    """The folder of a run."""


@dataclass(frozen=True)
class Prepare:
    """Fetches a TensorFlow Datasets set and prepares it for training."""

    name: Positional[str]
    """tfds:NAME or tfds:NAME:CONFIG"""
    manual_dir: str = ""
    """A folder with files of the set that were downloaded by hand."""


def sample(args: Sample) -> None:
    """Writes `args.n` samples to `args.out`."""
    out = Path(args.out).expanduser()
    if out.suffix not in (".png", ".npz"):
        raise Mistake(f"--out {out} is neither a .png nor an .npz; name one of them.")
    loaded = loaded_by(args)
    drawn = loaded.sample(args.n, label=args.label, seed=args.seed)
    if out.suffix == ".png":
        save_png(picture(drawn), out)
    else:
        save_npz(out, drawn, chosen(args, loaded))
    print(f"{args.n} samples: {out}")


def translated(args: Translate) -> None:
    """Writes what the run makes of each image to the folder `args.out`."""
    where, out = (Path(path).expanduser() for path in (args.images, args.out))
    files(where)
    loaded = loaded_by(args)
    side, channels, seen = asked_shape(args, loaded)
    if channels == 2:
        raise Mistake(f"{args.run} completes grey images: use `ganjax complete`.")
    if channels == seen + 1:
        transparent(where, out, channels)
    made = translate(loaded.answer, where, out, channels, side, args.tile)
    print(f"{len(made)} images: {out}")


def completed(args: Complete) -> None:
    """Writes the completed photograph to `args.out`."""
    photo, mask, out = (Path(x).expanduser() for x in (args.photo, args.mask, args.out))
    if out.suffix != ".png":
        raise Mistake(f"--out {out} is no .png; name one.")
    for path in (photo, mask):
        header(path)
    loaded = loaded_by(args)
    side, channels, seen = asked_shape(args, loaded)
    if channels != seen + 1:
        raise Mistake(f"{args.run} does not complete images: name a run that does.")
    complete(loaded.answer, photo, mask, out, channels, side, args.tile)
    print(f"Completed: {out}")


def evaluate(args: Evaluate) -> None:
    """Prints the scores as JSON, and keeps them in the run's folder."""
    loaded = loaded_by(args)
    folder = Path(args.run).expanduser()
    more = [efficientnet.features(args.features)] if args.features else []
    judged = judge(folders.spec_of(folders.read(folder)), loaded.game, *more)
    if not judged.count:
        raise Mistake(f"{folder} was trained on too few images to score samples by.")
    scores = {
        "reference": judged.reference,
        "samples": judged.count,
        **judged.score(loaded.sample(judged.count)),
        **judged.real(),
    }
    text = json.dumps(scores, indent=1) + "\n"
    folders.write(folder / "scores.json", text)
    print(text, end="")


def report(args: Report) -> None:
    """Writes report.html and says where."""
    folder = Path(args.run).expanduser()
    folders.read(folder)
    print(f"Report: {write_report(folder)}")


def prepare(args: Prepare) -> None:
    """Prepares a set and says where it lies."""
    print(f"Prepared: {data.prepare(args.name, args.manual_dir)}")


COMMANDS = {
    Sample: sample,
    Translate: translated,
    Complete: completed,
    Evaluate: evaluate,
    Report: report,
    Prepare: prepare,
}
Command = (
    Annotated[Sample, subcommand("sample")]
    | Annotated[Translate, subcommand("translate")]
    | Annotated[Complete, subcommand("complete")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Report, subcommand("report")]
    | Annotated[Prepare, subcommand("prepare")]
)


def main(argv: list[str] | None = None) -> None:
    """The command line; a wrong input gives one sentence and status 2."""
    with in_sentences():
        args = parse(Command, __doc__ or "", argv)
        check(args)
        keep_programs()
        COMMANDS[type(args)](args)


def loaded_by(args: Sample | Translate | Complete | Evaluate) -> Loaded:
    """The run of a command, as its flags say."""
    return load(args.run, **asdict(args.save))


def chosen(args: Sample, loaded: Loaded) -> np.ndarray:
    """The label of each sample."""
    if args.label is None:
        return by_class(args.n, len(loaded.classes), len)
    return np.full(args.n, args.label, np.int32)


def asked_shape(args: Translate | Complete, loaded: Loaded) -> tuple[int, int, int]:
    """Side and channels of the images that the run was trained to be asked, and to see."""
    manifest = folders.read(Path(args.run).expanduser())
    shape = manifest["shapes"][-2][0][-3:]
    blank = lambda n: np.zeros((n, *shape), np.uint8)
    asked = loaded.game.ask(1, len(loaded.classes), blank)
    if getattr(asked, "ndim", 0) != 4:
        raise Mistake(f"{args.run} makes no images of images: use `ganjax sample`.")
    return max(asked.shape[1:3]), asked.shape[-1], shape[-1]


def save_npz(path: Path, image: np.ndarray, label: np.ndarray) -> None:
    """Writes samples, images as bytes 0..255 and points as they are, whole or not."""
    if image.ndim == 4:
        image = stored(image)
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, image=image, label=label)
    write_whole(path, packed.getvalue())
