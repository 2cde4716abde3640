"""`ganjax COMMAND RUN`: what can be done with a run once it has a save.

A run knows itself: its experiment, arguments, data and classes are in its folder.
"""

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import jax
import numpy as np
from tyro.conf import Positional, subcommand

from ganjax import data
from ganjax.errors import Mistake
from ganjax.gan import Batch, Turns, by_class, stored
from ganjax.released import efficientnet
from ganjax.run import Flat, check as checking, folder as folders, sampling, sentences
from ganjax.run.args import Count, Range, Weight, check
from ganjax.run.command import in_sentences, parse
from ganjax.run.hooks import reason
from ganjax.run.judge import judge
from ganjax.run.loading import Loaded, class_number, load
from ganjax.run.pictures import picture, save_png, write_whole
from ganjax.run.programs import keep_programs
from ganjax.run.report import write_report
from ganjax.run.terminal import say
from ganjax.run.translate import (
    complete,
    fit,
    planned,
    translate,
    transparent,
    writable,
)


MOST_IN_A_PICTURE = 65_536  # samples; they have 16 pixels each then


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
    label: str | None = None
    """The class to draw, by its name or number; by default every class in turn."""
    out: str = "samples.png"
    """A .png of all samples in a grid, or an .npz with `image` and `label`."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    data: str = ""
    """Where the data lies now, if it has moved and samples are made of it."""
    save: Flat[Save] = Save()


@dataclass(frozen=True)
class Translate:
    """Sends one's own images through a run that makes images of images."""

    run: Positional[str]
    """The folder of a run."""
    images: Positional[str]
    """An image, or a folder of them, of any size."""
    out: str = "translated"
    """The folder for the .png files, which keep their names; for one image also a .png."""
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
    """The .png, in which known pixels, alpha and color profile stay as they were."""
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
    data: str = ""
    """Where the data lies now, if it has moved since the run."""
    save: Flat[Save] = Save()


@dataclass(frozen=True)
class Check:
    """Reads every save of a run, says which are whole, and mends what can be mended."""

    run: Positional[str]
    """The folder of a run."""


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
    if out.suffix.lower() not in (".png", ".npz"):
        raise Mistake(f"--out {out} is neither a .png nor an .npz; name one of them.")
    if out.suffix.lower() == ".png" and args.n > MOST_IN_A_PICTURE:
        raise Mistake(
            f"--n {args.n} are more than the {MOST_IN_A_PICTURE} samples that are seen in "
            "one picture; name an .npz as --out."
        )
    check_output(out)
    loaded = load(args.run, data=args.data, **asdict(args.save))
    drawn = loaded.sample(args.n, label=args.label, seed=args.seed)
    if out.suffix.lower() == ".png":
        save_png(picture(drawn), out)
    else:
        save_npz(out, drawn, chosen(args, loaded))
    of = ""
    if args.label is not None:
        number = class_number(args.label, loaded.classes)
        of = f" of class {number} ({loaded.classes[number]})"
    say(f"{args.n} samples{of}: {out}")


def translated(args: Translate) -> None:
    """Writes what the run makes of each image to `args.out`."""
    where, out = (Path(path).expanduser() for path in (args.images, args.out))
    planned(where, out)
    loaded = loaded_by(args)
    side, channels, seen = asked_shape(args, loaded)
    if channels == 2:
        raise Mistake(f"{args.run} completes gray images: use `ganjax complete`.")
    if channels not in (1, 3, 4):
        raise Mistake(
            f"{args.run} is asked for by {channels} channels, which no image file has: use "
            "`ganjax sample`."
        )
    completes = channels == seen + 1
    if completes:
        transparent(where, out)
    answer, tile = loaded.answer, args.tile
    made = translate(answer, where, out, channels, side, tile, completes=completes)
    say(f"{len(made)} image{'s' * (len(made) != 1)}: {out}")


def completed(args: Complete) -> None:
    """Writes the completed photograph to `args.out`."""
    photo, mask, out = (Path(x).expanduser() for x in (args.photo, args.mask, args.out))
    fit(photo, mask, out)
    loaded = loaded_by(args)
    side, channels, seen = asked_shape(args, loaded)
    if channels != seen + 1:
        raise Mistake(f"{args.run} does not complete images: name a run that does.")
    complete(loaded.answer, photo, mask, out, channels, side, args.tile)
    say(f"Completed: {out}")


def evaluate(args: Evaluate) -> None:
    """Prints the scores as JSON, and keeps them in the run's folder."""
    loaded = load(args.run, data=args.data, **asdict(args.save))
    folder = Path(args.run).expanduser()
    spec = data_of(args)
    more = [efficientnet.features(args.features)] if args.features else []
    with in_words("The samples could not be scored"):
        judged = judge(spec, loaded.game, *more, scratch=folder)
        if not judged.count:
            raise Mistake(
                f"{folder} was trained on too few images to score samples by."
            )
        n, classes = judged.count, len(loaded.classes)
        asked = sampling.asked_in_parts(loaded.game, spec, n, classes)
        size = sampling.rows_at_once(judged.shape)
        draw = jax.jit(loaded.game.sample)
        each = lambda *given: np.asarray(draw(*given))[None]
        drawn = sampling.chunks(each, loaded.state, sampling.ASKED, asked, n, size=size)
        scores = {
            "reference": judged.reference,
            "samples": n,
            **judged.score(chunk for (chunk,) in drawn),
            **judged.real(),
        }
    text = json.dumps(scores, indent=1) + "\n"
    print(text, end="", flush=True)
    with in_words("These scores could not be kept"):
        folders.write(folder / "scores.json", text)


def checked(args: Check) -> None:
    """Prints which saves of a run are whole."""
    folder = Path(args.run).expanduser()
    say(checking.standing(folder))
    found = checking.check(folder)
    for save in found:
        name = "average" if save.kind == folders.AVERAGES else "save"
        done = f" ({save.done})" if save.done else ""
        how = f"damaged: {save.problem}" if save.problem else "whole"
        say(f"{name} of step {save.step}: {how}{done}")
    for path in checking.leftovers(folder):
        say(
            f"{path.name}: what a save that was killed has left; the next start removes it"
        )
    for sentence in checking.advice(folder, found):
        say(sentence)
    if all(save.problem for save in found if save.kind == folders.CHECKPOINTS):
        raise Mistake(f"{folder} has no whole save.")


def report(args: Report) -> None:
    """Writes report.html and says where."""
    folder = Path(args.run).expanduser()
    folders.read(folder, whole=False)
    say(f"Report: {write_report(folder)}")


def prepare(args: Prepare) -> None:
    """Prepares a set and says where it lies."""
    say(f"Prepared: {data.prepare(args.name, args.manual_dir)}")


COMMANDS = {
    Sample: sample,
    Translate: translated,
    Complete: completed,
    Evaluate: evaluate,
    Check: checked,
    Report: report,
    Prepare: prepare,
}
Command = (
    Annotated[Sample, subcommand("sample")]
    | Annotated[Translate, subcommand("translate")]
    | Annotated[Complete, subcommand("complete")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Check, subcommand("check")]
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


def loaded_by(args: Translate | Complete) -> Loaded:
    """The run of a command, as its flags say."""
    return load(args.run, **asdict(args.save))


def chosen(args: Sample, loaded: Loaded) -> np.ndarray:
    """The label of each sample."""
    if args.label is None:
        return by_class(args.n, len(loaded.classes), len)
    return np.full(args.n, class_number(args.label, loaded.classes), np.int32)


def data_of(args: Evaluate) -> data.Spec:
    """The data of a run, where it lies now; a `Mistake` if that has another shape."""
    manifest = folders.read(Path(args.run).expanduser())
    spec = folders.spec_of(manifest)
    if not args.data:
        return spec
    beside = args.data if spec.beside == spec.where else spec.beside
    spec = spec._replace(where=args.data, beside=beside)
    shape = data.load(spec).shape
    any_batch = Batch(0, 0)
    trained = folders.shapes_of(manifest, Turns(any_batch, any_batch)).g.image.shape[1:]
    if shape != trained:
        here, then = ("x".join(map(str, each)) for each in (shape, trained))
        raise Mistake(
            f"--data {args.data} holds images of {here}, but {args.run} was trained on "
            f"{then}: name the data that it was trained on."
        )
    return spec


@contextlib.contextmanager
def in_words(failed: str) -> Iterator[None]:
    """An error that a person can mend becomes a `Mistake` that says what `failed`."""
    try:
        yield
    except Mistake:
        raise
    except Exception as error:
        if not sentences.sentence(error):
            raise
        raise Mistake(f"{failed} ({reason(error)}).") from error


def asked_shape(args: Translate | Complete, loaded: Loaded) -> tuple[int, int, int]:
    """Side and channels of the images that the run was trained to be asked, and to see."""
    manifest = folders.read(Path(args.run).expanduser())
    shape = manifest["shapes"][-2][0][-3:]
    blank = lambda n: np.zeros((n, *shape), np.uint8)
    asked = loaded.game.ask(1, len(loaded.classes), blank)
    if getattr(asked, "ndim", 0) != 4:
        raise Mistake(f"{args.run} makes no images of images: use `ganjax sample`.")
    return max(asked.shape[1:3]), asked.shape[-1], shape[-1]


def check_output(path: Path) -> None:
    """Raises a `Mistake` unless a file can be written there, before the work is done."""
    if path.is_dir():
        raise Mistake(f"--out {path} is a folder; name a file in it.")
    writable(path.parent)


def save_npz(path: Path, image: np.ndarray, label: np.ndarray) -> None:
    """Writes samples, images as bytes 0..255 and points as they are, whole or not."""
    if image.ndim == 4:
        image = stored(image)
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, image=image, label=label)
    write_whole(path, packed.getvalue())
