"""Chooses the evaluator of a run, by its data set or by its modality.

Data sets of known modes are scored by how many of these the samples hit; all others as
their modality says, images by their pixels and the features of a classifier.
"""

from collections.abc import Callable
from pathlib import Path

import jax

from ganjax.core import Game, PyTree
from ganjax.data import Source, Spec
from ganjax.data.source import sample_shape
from ganjax.errors import UsageError
from ganjax.evaluation import Features
from ganjax.evaluation.evaluator import Evaluator
from ganjax.run.sampling import held_out


def evaluator(
    spec: Spec, game: Game, *features: Features, scratch: Path | None = None
) -> Evaluator:
    """Makes the evaluator of a game that is trained on the data of `spec`.

    All of the real examples that samples are compared with are read here.

    Args:
        spec: where the training data is.
        game: the game.
        features: further features by which samples are compared, too.
        scratch: a folder for features that do not fit into memory.

    Raises:
        UsageError: if `features` are given for data that is not scored by features, or if
            the held-out split cannot be used.
    """
    # Mirrored copies are augmentation: real data is compared as it is.
    source = game.modality.load(spec._replace(mirror=False))
    held_out_source = check_held_out(source, game)
    if source.evaluator is None:
        return game.modality.evaluator(
            source, held_out_source, real_of(game), *features, scratch=scratch
        )
    if features:
        raise UsageError(f"{spec.where} is scored by its modes: remove --features.")
    return source.evaluator(source, held_out_source, real_of(game), scratch)


def real_of(game: Game) -> Callable[[PyTree], jax.Array]:
    """Returns a function from stored examples to real ones of the kind that samples are.

    Stored examples may hold more than G makes: of pairs of images it makes one side.
    """
    return lambda stored: game.real(game.modality.decode(stored))


def check_held_out(source: Source, game: Game) -> Source | None:
    """Returns the held-out split of the training data `source`; None if it has none.

    Nothing is decoded.

    Raises:
        UsageError: if one of its files is not an image by its header, or if its examples
            have another shape than those of the training data.
    """
    held_out_source = held_out(source.spec._replace(mirror=False), game.modality.load)
    if held_out_source is None:
        return None
    to_real = real_of(game)
    if sample_shape(held_out_source, to_real) != sample_shape(source, to_real):
        raise UsageError(
            f"The {game.modality.name} that {source.spec.where} holds out are "
            f"{_size(held_out_source)} and those to train on {_size(source)}: bring all to "
            "one size with --size and --channels."
        )
    return held_out_source


def _size(source: Source) -> str:
    """The shape of an example in words, such as 32x32x3."""
    return "x".join(map(str, jax.tree.leaves(source.example)[0].shape))
