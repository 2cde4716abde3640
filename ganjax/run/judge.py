"""The scores that fit the data: chosen by what the data is, the same for every game."""

import functools
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from ganjax import evaluation
from ganjax.data import Source, Spec, load, stacked, toys, whole
from ganjax.errors import Mistake
from ganjax.gan import Game
from ganjax.run.sampling import held_out


CENTRES = {
    "ring": (toys.ring_centres(), toys.RING_SD),
    "grid": (toys.grid_centres(), toys.GRID_SD),
}
STACKED = "stacked_digits"
HELD_OUT = "held-out images"
NONE_HELD_OUT = "the training images, as none are held out"
FEW_HELD_OUT = "the training images, as only {} are held out"
SEEN_HELD_OUT = "the training images, as those held out are mostly training images too"
MOST = 2_000  # images compared at once
COUNTED = 25_600  # images of stacked digits whose modes are counted
FEWEST = 20  # images that can be compared at all, half with half
NEIGHBORS = 5  # within which a sample's ball reaches (`evaluation.prdc`)
LABELLED = 500  # fewer labelled images than these do not make a classifier
LEARNED_BYTES = 2_000_000_000  # of images, at most, that a classifier learns from
CHUNK_BYTES = 2**26  # of float32, in which real images are read at once


class Scoring(NamedTuple):
    """Samples on their way to their scores: of each chunk only features are kept."""

    add: Callable[[np.ndarray], None]  # [chunk, ...] in -1..1
    scores: Callable[[], dict[str, float]]  # of all that were added


class Judge(NamedTuple):
    """How samples are scored, and against what."""

    count: int  # how many samples it wants
    begin: Callable[[], Scoring]
    headline: str  # the score by which the best save is chosen, lower being better
    real: Callable[[], dict[str, float]]  # what real images score in place of samples
    reference: str  # in words
    shape: tuple[int, ...] = ()  # of one sample

    def score(self, samples: np.ndarray | Iterable[np.ndarray]) -> dict[str, float]:
        """The scores of samples [count, ...], or of chunks [chunk, ...] of them."""
        scoring = self.begin()
        chunks = [samples] if isinstance(samples, np.ndarray) else samples
        for chunk in chunks:
            scoring.add(chunk)
        return scoring.scores()


class Seen(NamedTuple):
    """Real images, of which only features are kept."""

    count: int
    features: list[evaluation.Rows]  # by each way to see them
    digests: list[bytes]  # of each image


def judge(
    spec: Spec,
    game: Game,
    *more: evaluation.Features,
    scratch: Path | None = None,
) -> Judge:
    """The judge of games played on the data of `spec`, who also sees by `more` features.

    Toy mixtures and stacked digits are scored by their modes. Images are compared with
    the held-out split of the data, or the training images themselves where there is
    none, by their pixels and, if they have classes and are seen whole, by a classifier's
    features. Mirror images are no part of the comparison. Features that are too many for
    the memory lie in a file in the folder `scratch`. `Mistake` for `more` where images
    are not compared, and for a held-out split that cannot be used.
    """
    if more and spec.where in {*CENTRES, STACKED}:
        raise Mistake(f"{spec.where} is scored by its modes: leave --features away.")
    spec = spec._replace(mirror=False)
    source = load(spec)
    others = check_held_out(source, game)
    decode = lambda images: np.asarray(game.decode(images))
    if spec.where in {*CENTRES, STACKED}:
        assert others is not None
        train, test = (decode(_some(each)) for each in (source, others))
        if spec.where == STACKED:
            return _stacked(source, decode, train, test)
        return _mixture(spec, train, test)
    if others is None:
        reference = NONE_HELD_OUT
    elif others.length < FEWEST:
        reference = FEW_HELD_OUT.format(others.length)
    else:
        reference = HELD_OUT
    compared = others if reference == HELD_OUT else None
    if (compared or source).length < FEWEST:
        return _nothing(source.length)
    features = [evaluation.pixels()]
    shape = _decoded(source, game)
    whole_seen = shape == source.shape  # not a part of each, nor one of two
    if whole_seen and len(source.classes) > 1 and source.length >= LABELLED:
        alike = others if others and others.classes == source.classes else source
        features.append(_classifier(source, alike, scratch).features)
    headline = f"frechet/{features[-1].name}"
    features += more
    train = _see(source, decode, features, scratch)
    unseen = _see(compared, decode, features, scratch) if compared else None
    if unseen and not _mostly_new(unseen, train):
        unseen, reference = None, SEEN_HELD_OUT
    count = unseen.count if unseen else train.count
    if count < FEWEST:
        return _nothing(count)

    @functools.cache
    def references():
        others = unseen.features if unseen else [None] * len(features)
        sets = zip(train.features, others, features, strict=True)
        return [evaluation.reference(x, y, by.name, NEIGHBORS) for x, y, by in sets]

    def begin():
        gathered = [evaluation.gather(scratch) for _ in features]

        def add(chunk):
            for some in _parts(np.arange(len(chunk)), chunk.shape[1:]):
                part = chunk[some[0] : some[-1] + 1]
                for each, gathering in zip(features, gathered, strict=True):
                    gathering.add(evaluation.see(each, part))

        def scores():
            found = {}
            for known, gathering in zip(references(), gathered, strict=True):
                found |= evaluation.score(known, gathering.rows())
            return found

        return Scoring(add, scores)

    def real():
        found = {}
        for known in references() if train.count > NEIGHBORS else []:
            found |= evaluation.score_real(known, count)
        return found

    return Judge(count, begin, headline, real, reference, shape)


def check_held_out(source: Source, game: Game) -> Source | None:
    """The held-out split of the training data `source`; None if it has none.

    Raises a `Mistake` if a file of it has no image's header, or if its images do not come
    to the shape of the training images. No image is decoded.
    """
    others = held_out(source.spec._replace(mirror=False))
    if others is None:
        return None
    shapes = [_decoded(each, game) for each in (source, others)]
    if shapes[0] != shapes[1]:
        raise Mistake(
            f"The images that {source.spec.where} holds out are {_size(others)} and those "
            f"to train on {_size(source)}: bring all to one size with --size and "
            "--channels."
        )
    return others


def _decoded(source: Source, game: Game) -> tuple[int, ...]:
    """The shape of one example as networks see it."""
    one = jax.ShapeDtypeStruct((1, *source.shape), source.dtype)
    return jax.eval_shape(game.decode, one).shape[1:]


def _size(source: Source) -> str:
    return "x".join(map(str, source.shape))


def _nothing(count: int) -> Judge:
    """The judge of images that are too few to be compared with."""
    scoring = Scoring(lambda chunk: None, dict)
    return Judge(0, lambda: scoring, "", dict, f"{count} images: too few")


def _mixture(spec: Spec, train: np.ndarray, test: np.ndarray) -> Judge:
    centres, deviation = CENTRES[spec.where]
    features = evaluation.points()

    def score(samples):
        found = evaluation.modes(samples, centres, 4 * deviation, len(samples) // 100)
        distance = evaluation.frechet_distance(test, samples)
        shares = evaluation.prdc(test, samples, 5)._asdict()
        return {
            "modes": float(found.covered),
            "quality": found.quality,
            "frechet/points": distance,
            **{f"{name}/points": value for name, value in shares.items()},
        }

    def real():
        return evaluation.evaluate_real(train, test, features, len(test))

    shape = test.shape[1:]
    headline = "frechet/points"
    return Judge(len(test), _at_once(score), headline, real, "fresh points", shape)


def _stacked(
    source: Source, decode: Callable, train: np.ndarray, test: np.ndarray
) -> Judge:
    reader, features = _reader(source.spec, decode), evaluation.pixels()

    def count(images):
        mode = stacked.mode(reader.read(images))
        found = evaluation.spread(mode, len(source.classes))
        return {"modes": float(found.covered), "kl": found.kl}

    def score(samples):
        compared = evaluation.evaluate(samples[:MOST], train, test, features)
        return {**count(samples), "accuracy": reader.accuracy, **compared}

    def real():
        counted = count(decode(source.read(np.arange(COUNTED)).image))
        compared = evaluation.evaluate_real(train, test, features, MOST)
        return {f"real/{name}": value for name, value in counted.items()} | compared

    shape = test.shape[1:]
    return Judge(COUNTED, _at_once(score), "kl", real, "held-out digits", shape)


def _at_once(score: Callable[[np.ndarray], dict[str, float]]) -> Callable[[], Scoring]:
    """Scores of small samples, all of which are kept."""

    def begin():
        kept = []
        return Scoring(kept.append, lambda: score(np.concatenate(kept)))

    return begin


def _reader(spec: Spec, decode: Callable) -> evaluation.Reader:
    """What reads the digits, taught on those that are stacked for training."""
    single = spec._replace(where="digits", channels=1)
    train, test = (whole(load(single._replace(split=s))) for s in ("train", "test"))
    images = decode(train.image), train.label, decode(test.image), test.label
    return evaluation.reader(*images)


def _rows(source: Source) -> np.ndarray:
    rows = np.random.default_rng(0).permutation(source.length)[:MOST]
    return np.sort(rows)


def _some(source: Source) -> np.ndarray:
    return source.read(_rows(source)).image


def _see(
    source: Source,
    decode: Callable,
    features: list[evaluation.Features],
    scratch: Path | None,
) -> Seen:
    """The features of some of the images, which are read a part at a time."""
    gathered = [evaluation.gather(scratch) for _ in features]
    rows, digests = _rows(source), []
    for some in _parts(rows, source.shape):
        images = decode(source.read(some).image)
        digests += [hashlib.blake2b(image.tobytes()).digest() for image in images]
        for each, gathering in zip(features, gathered, strict=True):
            gathering.add(evaluation.see(each, images))
    return Seen(len(rows), [each.rows() for each in gathered], digests)


def _parts(rows: np.ndarray, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    step = max(1, CHUNK_BYTES // (4 * math.prod(shape)))
    return (rows[i : i + step] for i in range(0, len(rows), step))


def _mostly_new(images: Seen, train: Seen) -> bool:
    seen = set(train.digests)
    return 2 * sum(digest in seen for digest in images.digests) < images.count


def _classifier(
    source: Source, held_out: Source, scratch: Path | None
) -> evaluation.Classifier:
    train, test = (_labeled(each, scratch) for each in (source, held_out))
    classes = len(source.classes)
    return evaluation.train_classifier(*train, *test, classes=classes)


def _labeled(
    source: Source, scratch: Path | None
) -> tuple[np.ndarray | evaluation.Kept, np.ndarray]:
    """Images and labels to learn from: all, or some from everywhere in a large set."""
    most = max(1, LEARNED_BYTES // (source.dtype.itemsize * math.prod(source.shape)))
    rows = np.arange(source.length)
    if source.length > most:
        rows = np.linspace(0, source.length - 1, most).round().astype(np.int64)
    gathered, labels = evaluation.gather(scratch), []
    with tqdm(total=len(rows), desc=source.spec.where, delay=1, disable=None) as bar:
        for some in _parts(rows, source.shape):
            image, label = source.read(some)
            gathered.add(image)
            labels.append(label)
            bar.update(len(some))
    images = evaluation.Kept(gathered.rows(), source.shape, source.dtype)
    return images, np.concatenate(labels).astype(np.int32)
