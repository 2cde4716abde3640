"""The scores of a run by its own data, as in training, of samples it has not drawn yet."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ganjax.core import Modality, PyTree
from ganjax.data import Spec
from ganjax.errors import UsageError, reason
from ganjax.evaluation.features import Features
from ganjax.evaluation.protocol import Protocol
from ganjax.run import sampling, sentences
from ganjax.run.args import Save
from ganjax.run.description import spec_of
from ganjax.run.evaluator import evaluator
from ganjax.run.loading import load
from ganjax.run.score_record import Score, record
from ganjax.store.hashing import sha256_of_file
from ganjax.store.manifest import INVENTORY, read_manifest


def own_scores(run: str, *features: Features, data: str, save: Save) -> dict[str, Any]:
    """Scores samples of a run against held-out data, as `hooks.score_hook` does.

    The latents are others than those of training (`sampling.ASKED`).

    Args:
        run: the folder of a run.
        features: further features on which images are compared.
        data: where the data is now, if it has moved since the run, or "".
        save: which weights.

    Returns:
        The record of the scores (`ganjax.run.score_record`).

    Raises:
        UsageError: there is no such run, or too little data to score by.
    """
    loaded = load(run, data=data, **asdict(save))
    folder = Path(run).expanduser()
    spec = data_of_run(run, data, loaded.game.modality, loaded.example)
    with in_words("The samples could not be scored"):
        scoring = evaluator(spec, loaded.game, *features, scratch=folder)
        if not scoring.count:
            raise UsageError(
                f"{folder} was trained on too few {loaded.game.modality.name} to score "
                "samples by: train it on more, or compare the samples by eye."
            )
        n = scoring.count
        classes = len(loaded.classes)
        conditions = sampling.conditions_in_parts(loaded.game, spec, n, classes)
        size = sampling.rows_at_once(scoring.shape)
        # The state is of one seed, and `sampling.chunks` counts on an axis of seeds.
        draw = jax.jit(loaded.game.sample)
        each = lambda *given: np.asarray(draw(*given))[None]
        drawn = sampling.chunks(
            each, loaded.state, sampling.ASKED, conditions, n, size=size
        )
        found = scoring.score(chunk for (chunk,) in drawn)
        real = scoring.real_scores()
    # The features are a part of each score's name, with the hash of what they were fitted
    # to; the data is known by its inventory.
    inventory = folder / INVENTORY
    protocol = Protocol(
        features="as the score is named",
        reference=scoring.reference,
        reference_digest=sha256_of_file(inventory) if inventory.exists() else "",
        real=0,
        samples=n,
        weights="ema",
        pretrained=loaded.game.pretrained,
        version=metadata.version("ganjax"),
    )
    scores = [
        Score(metric, found[metric.name], real.get(metric.name), protocol)
        for metric in scoring.metrics
    ]
    return record(scoring.reference, n, scores)


def data_of_run(run: str, data: str, modality: Modality, example: PyTree) -> Spec:
    """Returns the data of a run, where it lies now.

    Args:
        run: the folder of the run.
        data: where its data is now; "" if it has not moved.
        modality: the kind of data.
        example: the shapes of an example that it was trained on.

    Raises:
        UsageError: the data at another place has another shape.
    """
    spec = spec_of(read_manifest(Path(run).expanduser()))
    if not data:
        return spec
    # A second place, such as that of the other domain, moves along if it was the same one.
    target = data if spec.target == spec.where else spec.target
    spec = spec._replace(where=data, target=target)
    here = [x.shape for x in jax.tree.leaves(modality.load(spec).example)]
    then = [x.shape for x in jax.tree.leaves(example)]
    if here != then:
        told = [
            " and ".join("x".join(map(str, x)) for x in each) for each in (here, then)
        ]
        raise UsageError(
            f"--data {data} holds {modality.name} of {told[0]}, but {run} was trained on "
            f"{told[1]}: name the data that it was trained on."
        )
    return spec


@contextlib.contextmanager
def in_words(failed: str) -> Iterator[None]:
    """Raises a `UsageError` that says what `failed` for an error that a person can mend.

    Faults of the code are raised unchanged, with their traceback.
    """
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        if not sentences.sentence(error):
            raise
        raise UsageError(f"{failed} ({reason(error)}).") from error
