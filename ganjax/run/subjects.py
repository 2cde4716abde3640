"""What `ganjax evaluate` and `ganjax compare` score, and what they compare it with.

`Against` has the flags that both commands share. From them and from what a person names,
`open_subject` and `open_real` make the values that `ganjax.run.reference_scores` works on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import tyro

from ganjax.data import Source, Spec
from ganjax.data.image_set import ImageSet, image_set, of_source, resized
from ganjax.data.where import load as load_data
from ganjax.errors import NoSplit, UsageError
from ganjax.evaluation.features import Features
from ganjax.evaluation.random_network import random_network
from ganjax.evaluation.statistics import holds_statistics, read_statistics
from ganjax.evaluation.suite import SUITE
from ganjax.pretrained import efficientnet
from ganjax.pretrained.protocols import ALL, PROTOCOLS, NamedProtocol
from ganjax.run import sampling
from ganjax.run.args import NonNegativeFloat, NonNegativeInt, Range, Save
from ganjax.run.compiled import join_processes
from ganjax.run.loading import Loaded, load
from ganjax.run.own_scores import data_of_run
from ganjax.run.reference_scores import (
    Real,
    Subject,
    flattered,
    of_images,
    of_run,
    prepare,
    real_scores,
    score,
)
from ganjax.run.score_record import Score, is_run
from ganjax.run.terminal import warn


MAX_SAMPLES = 10_000  # that are drawn of a run unless a number is asked for
Subjects = Annotated[
    tyro.conf.Positional[tuple[str, ...]],
    tyro.conf.arg(metavar="RUN|FOLDER|FILE", help_behavior_hint=""),
]
LocatedWeights = Annotated[str, tyro.conf.arg(metavar="PATH|URL")]


@dataclass(frozen=True)
class Against:
    """What samples are compared with, and how."""

    against: Annotated[str, tyro.conf.arg(metavar="FOLDER|FILE|NAME")] = ""
    """The real images: a folder or .zip of any sizes, an .npz of images or of statistics
    (mu and sigma), or the name of a data set."""
    split: Annotated[str, tyro.conf.arg(metavar="NAME")] = ""
    """The split of a named data set or .npz; test by default, where there is one."""
    train: Annotated[str, tyro.conf.arg(metavar="FOLDER|FILE|NAME")] = ""
    """The images that were trained on, if --against was held out: they show what real
    images score, and whether samples are copies."""
    protocol: Annotated[str, tyro.conf.arg(metavar="NAME")] = ""
    """Computes scores as a published program does: nvidia, pytorch-fid, clean-fid,
    torch-fidelity, adm, dgm-eval or edm2."""
    weights: LocatedWeights = ""
    """The protocol's network; by default it is fetched from where it was published."""
    features: LocatedWeights = ""
    """Weights of EfficientNet-Lite0, on whose features images are also compared."""
    count: NonNegativeInt = 0
    """How many samples are scored; 0 for all images of files, and of runs as many as the
    protocol asks for, or as there are real images, 10,000 at most."""
    size: NonNegativeInt = 0
    """Brings all images to squares of this side first, for features that need one size."""
    flips: bool = False
    """Compares with the mirrored copy of each real image, too."""
    truncation: NonNegativeFloat = 0.0
    """Draws latents of runs that are farther than this from 0 again; 0 for none."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    """Seed of the latents of runs."""
    distributed: bool = False
    """Joins several processes, which share the images, as `--distributed` of a run does."""
    resamples: NonNegativeInt = 20
    """Halves of the samples that are scored for the interval of the Fréchet distance and of
    MIND; 0 for no interval."""

    def names_any(self) -> bool:
        """Returns whether anything but a run's own data and features is asked for."""
        return bool(self.against or self.protocol or self.train or self.weights)


def open_subject(
    where: str, against: Against, loaded: Loaded | None, data: str
) -> Subject:
    """Opens what is to be scored.

    Args:
        where: the folder of a run, or what `image_set` opens.
        against: the flags.
        loaded: the run; None where it is none.
        data: where the data of a run is now, if it has moved.
    """
    if loaded is None:
        path = Path(where).expanduser()
        if path.is_dir() and not any(path.iterdir()):
            raise UsageError(f"{where} is empty: give a run, or a folder of images.")
        images = image_set(where)
        for note in images.notes:
            warn(note)
        return of_images(_sized(images, against.size), where)
    spec = data_of_run(where, data, loaded.game.modality, loaded.example)
    conditions = partial(
        sampling.conditions_in_parts, loaded.game, spec, classes=len(loaded.classes)
    )
    return of_run(
        loaded,
        lambda n: conditions(n=n),
        where,
        seed=against.seed,
        truncation=against.truncation or None,
    )


def open_real(against: Against, runs: Mapping[str, Loaded], data: str) -> Real:
    """Opens the real images.

    Args:
        against: the flags.
        runs: the runs that are scored, by their folders. If nothing else is named, samples
            are compared with the data of the first.
        data: where its data is now, if it has moved.

    Raises:
        UsageError: nothing is named, or it holds no images.
    """
    if against.against:
        return _named(against)
    if not runs:
        raise UsageError(
            "There is nothing to compare these images with: give --against a folder, a "
            "file or a data set of real images."
        )
    run, loaded = next(iter(runs.items()))
    spec = data_of_run(run, data, loaded.game.modality, loaded.example)
    return _of_data(spec._replace(mirror=False), against, spec.where)


def _named(against: Against) -> Real:
    where = against.against
    train = _sized(image_set(against.train), against.size) if against.train else None
    if holds_statistics(where):
        statistics = read_statistics(where)
        return Real(where, None, statistics, against.split, train)
    path = Path(where).expanduser()
    if path.is_dir() or path.suffix.lower() == ".zip":
        images = image_set(where)
        for note in images.notes:
            warn(note)
        return Real(where, _sized(images, against.size), train=train)
    real = _of_data(Spec(where), against, where)
    return real._replace(train=train) if train else real


def _of_data(spec: Spec, against: Against, name: str) -> Real:
    """Returns a data set's test split with what was trained on, or else what it has."""
    if against.split:
        source = load_data(spec._replace(split=against.split))
        return Real(name, _images(source, against), split=against.split)
    train = load_data(spec)
    try:
        held_out = load_data(spec._replace(split="test"))
    except NoSplit:
        return Real(name, _images(train, against), split=spec.split)
    images = _images(held_out, against)
    return Real(name, images, split="test", train=_images(train, against))


def _images(source: Source, against: Against) -> ImageSet:
    return _sized(of_source(source), against.size)


def _sized(images: ImageSet, size: int) -> ImageSet:
    return resized(images, size) if size else images


def open_features(against: Against) -> tuple[Features, ...]:
    """Returns the features that the flags name, or a random network's, which need no file.

    Raises:
        UsageError: there is no such protocol, or its weights cannot be read.
    """
    found = []
    if against.protocol:
        protocol = _protocol(against)
        found.append(protocol.features(against.weights or protocol.address))
    elif against.weights:
        raise UsageError("--weights are those of a --protocol: name one.")
    if against.features:
        found.append(efficientnet.features(against.features))
    return tuple(found) or (random_network(),)


def _protocol(against: Against) -> NamedProtocol:
    by_name = {each.name: each for each in PROTOCOLS}
    if against.protocol not in by_name:
        raise UsageError(
            f"--protocol {against.protocol} is not one of {', '.join(by_name)}."
        )
    return by_name[against.protocol]


def number_of_samples(subject: Subject, against: Against, real: int) -> int:
    """Returns how many samples of a subject are scored."""
    if against.count:
        return against.count
    if subject.length is not None:
        return subject.length
    if against.protocol and _protocol(against).fake != ALL:
        return _protocol(against).fake
    return min(real or MAX_SAMPLES, MAX_SAMPLES)


def score_all(
    what: Sequence[str], against: Against, data: str, save: Save
) -> Iterator[tuple[str, list[Score]]]:
    """Scores each of several subjects.

    Args:
        what: folders of runs, folders or files of images.
        against: the flags.
        data: where the data of runs is now, if it has moved, or "".
        save: which weights of runs.

    Yields:
        Each subject's name with its scores.

    Raises:
        UsageError: something cannot be opened, which is found before features are computed.
    """
    join_processes(against.distributed)
    # All that is named is opened before hours are spent on the first of them.
    features = open_features(against)
    runs = {x: load(x, data=data, **asdict(save)) for x in what if is_run(x)}
    real = open_real(against, runs, data)
    subjects = [open_subject(each, against, runs.get(each), data) for each in what]
    prepared = [prepare(real, each, flips=against.flips) for each in features]

    # What real images score is the same for all subjects of one number of samples.
    @cache
    def real_values(i: int, count: int) -> dict[str, float]:
        return real_scores(prepared[i], SUITE, count)

    for subject in subjects:
        found = []
        for i, side in enumerate(prepared):
            if sentence := flattered(subject, side.features):
                warn(sentence)
            count = number_of_samples(subject, against, side.count)
            found += score(
                subject,
                side,
                real,
                SUITE,
                count,
                real_values=real_values(i, count),
                flips=against.flips,
                resamples=against.resamples,
            )
        yield subject.name, found
