"""GANs of sounds, by class, in equal processor time: `python studies/sounds.py`.

WaveGAN makes waveforms, SpecGAN spectrograms, on spoken digits and on drum hits of one
second at 16 kHz. Every run ends after `--minutes` of processor time: the time that all
threads of its process spend on training, without start-up, compilation and scoring.

Samples are told apart by a classifier that was trained on the spectrograms of real sounds:
accuracy is how often it recognizes the class that a sample was drawn for. Its features give
the Fréchet distance and the kernel audio distance to held-out sounds. Real training sounds
in place of samples are the goal; and through a representation of the GAN, as image and back
as sound, they are the best that G could do.

The study may be killed at any time: the same command goes on. A run that is finished is
read and not trained again. Data sets are made at the first run, by `spoken_digits.py` and
`drum_hits.py`.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import drum_hits
import jax
import numpy as np
import soundfile
import spoken_digits
from budget import MINUTES, budget
from rows import import_experiment

import ganjax as gx
from ganjax import evaluation
from ganjax.core import pixels
from ganjax.data import Source
from ganjax.errors import UsageError
from ganjax.evaluation import Classifier, FeatureSet, score_features
from ganjax.evaluation.feature_metric import read_matrix
from ganjax.evaluation.frechet import FRECHET_METRIC
from ganjax.evaluation.inception import INCEPTION_METRICS
from ganjax.evaluation.kernel import KAD_METRIC
from ganjax.modalities.sounds import decode, spectrogram_images
from ganjax.modalities.spectrograms import Representation, to_sounds_in_chunks
from ganjax.report.record import read_record
from ganjax.report.results import Column, Table, spread, write_results
from ganjax.store.status import read_status


RATE, LENGTH = 16_000, 16_384
SAMPLES = 1_000  # that are scored of each run
READING_SECONDS = 5.0  # between readings of the clock
# The budget is to end a run and not its number of steps.
STEPS = 10_000_000
PAUSE = 0.25  # seconds between two sounds of a file
SUITE = (FRECHET_METRIC, KAD_METRIC, INCEPTION_METRICS)
COLUMNS = (
    Column("sounds"),
    Column("accuracy, %", ".1f"),
    Column("Fréchet distance", ".2f"),
    Column("KAD", ".2f"),
    Column("Inception score", ".2f"),
    Column("minutes", ".1f"),
    Column("steps", ",.0f"),
)


class SoundSet(NamedTuple):
    """A data set.

    Attributes:
        prepare: makes it in a folder, unless it is there, and returns that folder.
        classes: how many it has.
    """

    prepare: Callable[[Path], Path]
    classes: int


class Recipe(NamedTuple):
    """How a GAN is trained.

    Attributes:
        experiment: the file of `experiments/` that has its game.
        flags: arguments of it that differ from its own.
        d_turns: how many turns D has in a step.
        pace: steps in a second, about, until they are measured.
        representation: arguments of the experiment -> what its networks see; None for
            sounds themselves.
    """

    experiment: str
    flags: Mapping[str, Any] = MappingProxyType({})
    d_turns: int = 1
    pace: float = 1.0
    representation: Callable[[Any], Representation] | None = None


SETS = {
    "spoken digits": SoundSet(spoken_digits.prepare, 10),
    "drum hits": SoundSet(drum_hits.prepare, len(drum_hits.CLASSES)),
}
GANS = {
    "WaveGAN": Recipe("wavegan", {"width": 16}, d_turns=5, pace=0.5),
    "SpecGAN, with frequencies": Recipe(
        "specgan",
        {"hop": 256, "g_width": 16, "d_width": 16},
        pace=3.0,
        representation=import_experiment("specgan").representation_of,
    ),
}


@dataclass(frozen=True)
class Args:
    sets: tuple[str, ...] = tuple(SETS)
    """The data sets: spoken digits, drum hits."""
    workdir: str = "runs/sounds"
    minutes: gx.PositiveFloat = 60.0
    """Processor time of each run, over all threads."""
    batch: gx.PositiveInt = 32
    seeds: gx.PositiveInt = 3


class Measured(NamedTuple):
    """What sounds are scored by.

    Attributes:
        classifier: trained on the training sounds.
        real: the features of the held-out sounds.
    """

    classifier: Classifier
    real: FeatureSet


def main(args: Args) -> None:
    """Trains all runs, prints and writes the tables, and writes sounds of each."""
    for name in args.sets:
        if name not in SETS:
            raise UsageError(f"--sets {name} is not one of {', '.join(SETS)}.")
    folder = Path(args.workdir).expanduser()
    data = {name: SETS[name].prepare(folder / _file(name)) for name in args.sets}
    # Seed by seed, so that a study that is ended early has compared all of them.
    for seed in range(args.seeds):
        for name, where in data.items():
            for gan in GANS:
                train(
                    args, folder / _file(name, gan) / str(seed), gan, where, name, seed
                )
    tables = [table_of(args, folder, name, where) for name, where in data.items()]
    study = f"GANs of sounds, {args.minutes:g} minutes of processor time a run"
    write_results(folder / "results.json", study, tables)


def train(
    args: Args, folder: Path, gan: str, where: Path, name: str, seed: int
) -> None:
    """Trains a run until its time is used, unless that was done before.

    Args:
        args: the arguments of the study.
        folder: the folder of the run.
        gan: the GAN.
        where: the data.
        name: the data set.
        seed: of the run.
    """
    recipe = GANS[gan]
    if read_status(folder).get("state") == "finished":
        used = read_record(folder).training[MINUTES].value[-1]
        if used < args.minutes:
            raise UsageError(
                f"{folder} was trained for {used:.1f} minutes: name another --workdir."
            )
        return
    every = max(1, round(READING_SECONDS * recipe.pace))
    run = gx.Run(
        str(folder),
        steps=STEPS,
        batch=args.batch,
        seed=seed,
        log_every=every,
        sample_every=100 * every,
        save_every=20 * every,
        scores=False,
    )
    own = args_of(recipe, where, name, run)
    hooks, writers = budget(folder, args.minutes, every, recipe.pace)
    with contextlib.redirect_stdout(sys.stderr):
        gx.train(
            import_experiment(recipe.experiment).make(own),
            gx.Spec(str(where)),
            run,
            config=own,
            hooks=hooks,
            writers=writers,
            sizes=gx.Sizes(recipe.d_turns, args.batch, args.batch),
        )
    if read_status(folder).get("state") != "finished":
        sys.exit("Stopped; the same command goes on.")


def args_of(recipe: Recipe, where: Path, name: str, run: gx.Run) -> Any:
    """Returns the arguments of a GAN's experiment on a data set."""
    return import_experiment(recipe.experiment).Args(
        run=run,
        data=str(where),
        rate=RATE,
        length=LENGTH,
        classes=SETS[name].classes,
        **recipe.flags,
    )


def table_of(args: Args, folder: Path, name: str, where: Path) -> Table:
    """Scores real sounds and the runs on one data set, and writes sounds of each."""
    heard = gx.modalities.sounds(RATE, LENGTH)
    real = heard.load(gx.Spec(str(where)))
    held_out = heard.load(gx.Spec(str(where), split="test"))
    measured = measure(real, held_out)
    table = Table(name, COLUMNS)
    print(f"\n{name}\n")
    table.print_header()
    # Of the training sounds as many as there are samples, classes alike.
    sounds, labels = some_of(real, SAMPLES)
    # The classifier knows these: how well it knows classes is seen on held-out sounds.
    unseen, wanted = some_of(held_out, SAMPLES)

    def add_real(name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
        accuracy = scores_of(measured, change(unseen), wanted)[0]
        distances = scores_of(measured, change(sounds), labels)[1:]
        table.add(name, accuracy, *distances, None, None)

    add_real("real sounds", np.asarray)
    save(folder / f"{_file(name, 'real')}.ogg", sounds, labels)
    for gan, recipe in GANS.items():
        to_sounds = np.asarray
        if recipe.representation:
            representation = recipe.representation(
                args_of(recipe, where, name, gx.Run("", steps=1, batch=args.batch))
            )
            to_sounds = to_sounds_in_chunks(representation)
            encode = jax.jit(representation.encode)

            def through_images(sounds, encode=encode, to_sounds=to_sounds):
                parts = [np.asarray(encode(part)) for part in chunks(sounds)]
                return to_sounds(np.concatenate(parts))

            add_real(f"real sounds, as images of {gan}", through_images)
        drawn_for = np.arange(SAMPLES) % SETS[name].classes
        each, ends = [], []
        for seed in range(args.seeds):
            run = folder / _file(name, gan) / str(seed)
            samples = to_sounds(gx.load(run, trust=True).sample(SAMPLES, drawn_for))
            each.append(scores_of(measured, samples, drawn_for))
            minutes = read_record(run).training[MINUTES]
            ends.append((minutes.value[-1], minutes.step[-1]))
            if seed == 0:
                save(folder / f"{_file(name, gan)}.ogg", samples, drawn_for)
        table.add(gan, *map(_cell, zip(*each, strict=True)), *np.mean(ends, axis=0))
    return table


def measure(real: Source, held_out: Source) -> Measured:
    """Trains the classifier on the training sounds, and computes held-out features."""
    parts = []
    for source in (real, held_out):
        batch = source.read(np.arange(source.length))
        parts += [spectrogram_images(RATE)(np.asarray(decode(batch.x))), batch.label]
    classes = len(real.classes)
    classifier = evaluation.train_classifier(*parts, classes=classes)
    return Measured(classifier, features_of(classifier, parts[2]))


def features_of(classifier: Classifier, images: np.ndarray) -> FeatureSet:
    """Returns features and probabilities of images of spectrograms."""
    seen = np.asarray(pixels(images))
    rows = evaluation.extract_features(classifier.features, seen)
    return FeatureSet(rows, classifier.probabilities(seen))


def scores_of(
    measured: Measured, sounds: np.ndarray, labels: np.ndarray
) -> list[float]:
    """Returns accuracy in percent, Fréchet distance, KAD and Inception score."""
    fake = features_of(measured.classifier, spectrogram_images(RATE)(sounds))
    assert fake.probabilities is not None
    found_as = read_matrix(fake.probabilities).argmax(1)
    accuracy = 100 * float((found_as == labels).mean())
    found = score_features(measured.real, fake, SUITE)
    return [accuracy, *(found[each] for each in ("frechet", "kad", "inception"))]


def some_of(source: Source, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns sounds and labels that take turns, drawn with a fixed seed."""
    labels = source.read(np.arange(source.length)).label
    rng = np.random.default_rng(0)
    classes = len(source.classes)
    groups = [rng.permutation(np.flatnonzero(labels == i)) for i in range(classes)]
    chosen = []
    for i in range(n):
        group = groups[i % classes]
        # A class that has too few is taken from the beginning again.
        chosen.append(group[i // classes % len(group)])
    batch = source.read(np.array(chosen))
    return np.asarray(decode(batch.x)), np.asarray(batch.label)


def chunks(sounds: np.ndarray, size: int = 100) -> Iterator[np.ndarray]:
    """Returns sounds, some at a time."""
    return (sounds[i : i + size] for i in range(0, len(sounds), size))


def save(path: Path, sounds: np.ndarray, labels: np.ndarray) -> None:
    """Writes the first sound of each class, one after the other, as .ogg."""
    pause = np.zeros((round(PAUSE * RATE), 1), np.float32)
    first = [np.flatnonzero(labels == i)[0] for i in np.unique(labels)]
    parts = [part for i in first for part in (sounds[i], pause)]
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.concatenate(parts).clip(-1, 1), RATE)
    print(f"Sounds: {path}", file=sys.stderr)


def _file(*names: str) -> str:
    """Returns a name of a file or folder."""
    return "_".join(names).replace(", ", "_").replace(" ", "_").lower()


def _cell(values: Sequence[float]) -> Any:
    return spread(values) if len(values) > 1 else values[0]


if __name__ == "__main__":
    gx.command(main)
